"""The gate after a restore, and the alarm for keys that are missing: until the officer has confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from time_machine import travel

from inquiries import clock, create_app
from inquiries.errors import NotFound, ReasonRequired, RotationIncomplete
from inquiries.rules.permissions import Role
from inquiries.services import (
    adoption,
    archive,
    destruction,
    losses,
    people,
    readiness,
    receipt,
    records,
    recovery,
    register_view,
    retention,
    rotation,
)
from inquiries.services.house import House, open_house
from inquiries.stores import archive as archive_store
from inquiries.stores import tombstones
from inquiries.stores.live import archivals, due
from inquiries.worker import LOOK_EVERY, Worker
from tests import stones as tombs
from tests.cast import BAE, MINJI, OH, send
from tests.faults.scenarios import copy_database, put_back_database
from tests.moments import at
from tests.staff import officer

WHY = "compared with the backup of this morning"


def check(house: House, name: str) -> readiness.Check:
    (found,) = (one for one in readiness.checks(house) if one.name == name)
    return found


def lose_keys(house: House, *, envelopes: bool = True) -> list[tuple[int, int]]:
    """As a keys store does that was put back from before they were adopted, when no envelope is left."""
    with house.live.read() as connection:
        groups = due.groups_after(connection, 0, 100)
    with house.keys.write() as connection:
        connection.exec_driver_sql("DELETE FROM keys")
    if envelopes:
        with house.live.write() as connection:
            connection.exec_driver_sql("DELETE FROM envelopes")
    return groups


def confirmations(house: House) -> list[dict[str, object]]:
    return [body for _, body in records.bodies(house, "operation") if body["act"] == "confirm_loss"]


# -- the gate --------------------------------------------------------------------------------------


def test_no_gate_stands_where_nothing_was_put_back(any_house: House) -> None:
    assert recovery.gate(any_house) is None
    recovery.confirm(any_house, OH, WHY)
    assert confirmations(any_house) == []


def test_the_gate_tells_what_the_start_found(any_house: House) -> None:
    house = any_house
    with house.live.read() as connection:
        (number,) = connection.exec_driver_sql("SELECT max(number) FROM epochs").one()
    send(house)
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        ((group, inquiry), _) = due.groups_after(connection, 0, 10)
    bury(house, group, inquiry)  # what a live store that was put back still has
    rotation.note_restore(house, recorded=number, behind={"live": 0})
    recovery.start(house)
    gate = recovery.gate(house)
    assert gate is not None
    assert clock.now() - gate.since < timedelta(minutes=1)
    assert (gate.behind, gate.leftovers, gate.replayed, gate.revoked) == (("live",), 1, 0, 0)
    assert not check(house, "restore").ok
    with pytest.raises(RotationIncomplete, match="the officer must confirm"):
        rotation.rotate(house)


def bury(house: House, group: int, inquiry: int) -> None:
    stone = tombstones.Tombstone(
        group, inquiry, "main", "expired", "support", None, 1, None, None, 1, clock.now()
    )
    with house.keys.write() as connection:
        tombs.bury(connection, [stone])


def test_forms_and_receipts_go_on_while_the_gate_stands(any_house: House) -> None:
    rotation.note_restore(any_house)
    received = send(any_house)
    assert receipt.look(any_house, received.receipt).items["name"] == "김소라"


def test_the_officers_word_opens_the_gate_and_ends_the_epochs(any_house: House) -> None:
    house = any_house
    rotation.note_restore(house)
    with pytest.raises(RotationIncomplete):
        rotation.rotate(house)
    recovery.confirm(house, OH, f" {WHY} ")
    assert recovery.gate(house) is None
    assert check(house, "restore").ok
    (said,) = confirmations(house)
    assert (said["staff"], said["email"], said["reason"]) == (OH.staff_id, OH.email, WHY)
    done = rotation.finish_pending(house)
    assert done is not None
    assert done.retired == (1,)


@pytest.mark.parametrize("blank", [None, "", " \u200b\n"])
def test_the_operator_opens_it_in_the_officers_place_with_a_reason_alone(
    any_house: House, blank: str | None
) -> None:
    house = any_house
    rotation.note_restore(house)
    with pytest.raises(RotationIncomplete, match=r"/staff/restore, or `keys rotate --break-glass REASON`"):
        rotation.rotate(house, break_glass=blank)
    assert recovery.gate(house) is not None
    assert confirmations(house) == []
    assert rotation.rotate(house, break_glass=f" {WHY}\n").retired == (1,)
    assert recovery.gate(house) is None
    assert confirmations(house) == [{"act": "confirm_loss", "inquiries": [], "keys": [], "break_glass": WHY}]


def test_nothing_is_accepted_in_the_officers_place_where_nothing_waits(any_house: House) -> None:
    rotation.rotate(any_house, break_glass=WHY)
    assert confirmations(any_house) == []
    assert register_view.broken_glass(any_house) == ()


def test_what_the_operator_did_in_an_officers_place_is_told_in_order_of_time(house_at_t0: House) -> None:
    house = house_at_t0
    with at():
        officer(house)
    for day, why in enumerate(("first", "second", "third")):
        with at(day):
            rotation.note_restore(house)
            rotation.rotate(house, break_glass=why)
        with at(day, hours=1):
            people.invite(
                house, email=f"{why}@example.com", roles=[Role.privacy], by=None, break_glass=f"{why} invited"
            )
        with at(day, hours=2):
            rotation.note_restore(house)
            recovery.confirm(house, OH, WHY)  # the officer's own is none of these
    told = ["third invited", "third", "second invited", "second", "first invited", "first"]
    with at(3):
        assert [one.reason for one in register_view.broken_glass(house)] == told
        assert [one.email for one in register_view.broken_glass(house)][:2] == ["third@example.com", None]
    with at(30, minutes=30):
        assert [one.reason for one in register_view.broken_glass(house)] == told[:-1]
    with at(33):
        assert register_view.broken_glass(house) == ()


def test_a_key_that_stays_without_its_row_is_said_once_whatever_is_put_back_after(any_house: House) -> None:
    house = any_house
    for _ in range(2):
        send(house)
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        kept, _, *lost = due.groups_after(connection, 0, 10)
    put_back(house, lost)
    assert asked(house).orphan
    recovery.confirm(house, OH, WHY)
    bury(house, *kept)  # and as one that was put back once more
    assert asked(house).leftovers == 1
    recovery.confirm(house, OH, WHY)
    assert recovery.start(house) is not None
    assert recovery.gate(house) is None


def test_keys_that_stay_without_their_rows_are_no_news_when_the_newest_of_them_has_ended(
    any_house: House,
) -> None:
    house = any_house
    for _ in range(3):
        send(house)
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        main, visitor, *lost = due.groups_after(connection, 0, 10)
    put_back(house, lost)
    assert asked(house).orphan
    recovery.confirm(house, OH, WHY)
    for group, inquiry in reversed(lost):  # as the sweep ends them on their days
        bury(house, group, inquiry)
        assert recovery.start(house) is not None
        assert recovery.gate(house) is None
    put_back(house, [main, visitor])  # but a store that was put back from before them is
    assert asked(house).orphan


def test_a_key_that_stays_for_years_without_its_row_is_no_news_when_the_record_of_it_has_ended(
    any_house: House,
) -> None:
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        lost = due.groups_after(connection, 0, 10)
    put_back(house, lost)
    assert asked(house).orphan
    recovery.confirm(house, OH, WHY)
    with travel(clock.now() + timedelta(days=3 * 365), tick=False):
        records.prune(house, clock.now())
        assert not any(body["act"] == "restore" for _, body in records.bodies(house, "operation"))
        assert recovery.start(house) is not None
        assert recovery.gate(house) is None


def put_back(house: House, lost: Sequence[tuple[int, int]]) -> None:
    """A live store as it was before these groups were received."""
    with house.live.write() as connection:
        due.remove_groups(connection, *map(list, zip(*lost, strict=True)))


def asked(house: House) -> recovery.Gate:
    """What the officer is asked after a start."""
    assert recovery.start(house) is not None
    gate = recovery.gate(house)
    assert gate is not None
    return gate


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_asked_for(house: House, reason: str) -> None:
    rotation.note_restore(house)
    with pytest.raises(ReasonRequired):
        recovery.confirm(house, OH, reason)
    assert recovery.gate(house) is not None


@pytest.mark.parametrize("other", [MINJI, BAE], ids=["consultation", "business"])
def test_only_the_officer_confirms(house: House, other: object) -> None:
    rotation.note_restore(house)
    with pytest.raises(NotFound):
        recovery.confirm(house, other, WHY)  # type: ignore[arg-type]
    assert recovery.gate(house) is not None
    assert confirmations(house) == []


# -- keys that are missing -------------------------------------------------------------------------


def test_a_key_missing_without_a_tombstone_is_an_alarm_with_its_id(any_house: House) -> None:
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    groups = lose_keys(house)
    inquiry = groups[0][1]
    assert recovery.look(house) == (inquiry,)
    assert check(house, "keys") == readiness.Check("keys", ok=False, detail=f"do not open: {inquiry}")
    assert losses.found(house) == dict(groups)
    recovery.confirm(house, OH, WHY)
    assert check(house, "keys").ok
    assert recovery.look(house) == ()
    assert rotation.rotate(house).retired == (1,)
    assert check(house, "keys").ok


def test_every_start_looks_and_says_it_once(any_house: House) -> None:
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    inquiry = lose_keys(house)[0][1]
    for _ in range(2):
        found = recovery.start(house)
        assert found is not None
        assert found.unopenable == (inquiry,)
    said = [body for _, body in records.bodies(house, "operation") if body["act"] == "unopenable"]
    assert len(said) == 1


def test_the_worker_looks_daily(house: House) -> None:
    worker = Worker(house)
    send(house)
    adoption.adopt_pending(house)
    inquiry = lose_keys(house)[0][1]
    (turn,) = (turn for turn in worker.turns if turn.name == "look")
    assert turn.next_at > clock.monotonic()
    assert turn.every == LOOK_EVERY == 86400
    turn.next_at = 0
    worker.step()
    assert losses.waiting(house) == (inquiry,)


def test_what_waits_for_adoption_is_not_lost(any_house: House) -> None:
    received = send(any_house)
    assert recovery.look(any_house) == ()
    assert receipt.look(any_house, received.receipt).items["name"] == "김소라"


def test_what_its_envelope_still_opens_is_not_lost(any_house: House) -> None:
    received = send(any_house)
    adoption.adopt_pending(any_house)
    lose_keys(any_house, envelopes=False)
    assert recovery.look(any_house) == ()
    assert receipt.look(any_house, received.receipt).items["name"] == "김소라"


def test_what_was_destroyed_is_not_lost(any_house: House) -> None:
    send(any_house)
    with travel(clock.now() + timedelta(days=400)):
        retention.sweep(any_house, confirm=True)
        assert recovery.look(any_house) == ()


def test_a_loss_that_comes_after_a_confirmation_waits_for_one_of_its_own(any_house: House) -> None:
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    first = lose_keys(house)[0][1]
    recovery.look(house)
    recovery.confirm(house, OH, WHY)
    send(house, address=None, user_agent=None)
    adoption.adopt_pending(house)
    lost = {inquiry for _, inquiry in lose_keys(house)} - {first}
    assert set(recovery.look(house)) == lost
    recovery.confirm(house, OH, WHY)
    assert recovery.look(house) == ()
    assert {first, *lost} <= losses.confirmed(house)


def test_a_rotation_that_meets_a_key_it_cannot_open_says_which(any_house: House) -> None:
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    with house.live.write() as connection:
        connection.exec_driver_sql("DELETE FROM envelopes")
    with house.keys.write() as connection:
        wrap = "x'01'" if house.keys.sqlite else "'\\x01'::bytea"
        connection.exec_driver_sql(f"UPDATE keys SET wrap = {wrap} WHERE group_name = 'main'")
        inquiry = connection.exec_driver_sql("SELECT inquiry_id FROM keys LIMIT 1").scalar_one()
    with pytest.raises(RotationIncomplete):
        rotation.rotate(house)
    assert check(house, "keys").detail == f"do not open: {inquiry}"
    recovery.confirm(house, OH, WHY)
    assert rotation.finish_pending(house) is not None
    assert check(house, "keys").ok


def test_an_enrolled_person_without_a_key_is_a_loss_too(house: House) -> None:
    with house.live.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO staff (id, email, totp_sealed, invited_at) VALUES (7, 'a@b', x'00', 1)"
        )
    assert recovery.look(house) == (7,)


# -- the archive -----------------------------------------------------------------------------------


def archived(house: House) -> int:
    """The archive id of an inquiry that was moved there."""
    send(house, address=None, user_agent=None)
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        inquiry = connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one()
    return archive.order(house, OH, inquiry, statute="complaint", items=["name"], reason=WHY)


def test_a_move_that_nobody_carries_out_turns_the_readiness_red(house: House) -> None:
    assert check(house, "archive").ok
    send(house)
    with house.live.read() as connection:
        inquiry = connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one()
    order = archivals.ArchivalRow(5, inquiry, "complaint", 1, "name", clock.now(), OH.staff_id, clock.now())
    with house.live.write() as connection:
        archivals.order(connection, order)
    assert check(house, "archive").ok
    with travel(clock.now() + timedelta(minutes=61)):
        assert not check(house, "archive").ok
        assert check(house, "archive").detail == "1 moves waiting, the oldest for 61 min"


def test_an_archived_row_without_a_key_is_a_loss(any_house: House) -> None:
    house = any_house
    moved = archived(house)
    with house.keys.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM keys WHERE id = {moved}")
    assert recovery.look(house) == ()  # its envelope brings the key again
    with house.keys.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM keys WHERE id = {moved}")
    with house.archive.write() as connection:
        connection.exec_driver_sql("UPDATE archived SET envelope = NULL")
    assert recovery.look(house) == (moved,)
    recovery.confirm(house, OH, WHY)
    assert check(house, "keys").ok


def test_an_older_archive_put_back_sets_the_gate_once(any_house: House) -> None:
    house = any_house
    moved = archived(house)
    with house.archive.write() as connection:
        connection.exec_driver_sql("DELETE FROM archived")
    for _ in range(2):
        found = recovery.start(house)
        assert found is not None
        assert found.unopenable == (moved,)
    gate = recovery.gate(house)
    assert gate is not None
    assert (gate.behind, gate.unopenable) == (("archive",), (moved,))
    noticed = [body for _, body in records.bodies(house, "operation") if body["act"] == "restore"]
    assert len(noticed) == 1
    recovery.confirm(house, OH, WHY)
    recovery.start(house)
    assert recovery.gate(house) is None
    assert recovery.look(house) == ()


def test_rows_that_an_older_archive_brings_back_are_deleted_at_the_start(any_house: House) -> None:
    house = any_house
    moved = archived(house)
    with house.archive.read() as connection:
        (row,) = archive_store.by_ids(connection, [moved])
    with travel(clock.now() + timedelta(days=366 * 4)):
        assert retention.sweep(house, confirm=True).destroyed == 1
        with house.archive.write() as connection:
            archive_store.put(connection, row)
        found = recovery.start(house)
        assert found is not None
        assert (found.leftovers, found.unopenable) == (1, ())
        with house.archive.read() as connection:
            assert archive_store.count(connection) == 0
        gate = recovery.gate(house)
        assert gate is not None
        assert gate.leftovers == 1


# -- pages before any start ------------------------------------------------------------------------


def test_a_process_that_shows_pages_first_brings_what_was_put_back_in_order(
    house: House, tmp_path: Path
) -> None:
    """Older copies of live and keys stand here, and nobody ran `init`: what was destroyed opens to nobody."""
    stores = {"live": house.settings.instance / "live.db", "keys": house.settings.keyring_path / "keys.db"}
    codes = [send(house, address=None, user_agent=None).receipt for _ in range(2)]
    adoption.adopt_pending(house)
    for name, path in stores.items():
        copy_database(path, tmp_path / name)
    with house.live.read() as connection:
        groups = due.groups_after(connection, 0, 10)
    for group, _ in groups:
        assert destruction.destroy_now(house, [group], "archived") == 1
    house.close()
    for name, path in stores.items():
        put_back_database(tmp_path / name, path)
    alone = open_house(house.settings)
    assert recovery.unsettled(alone)
    assert receipt.look(alone, codes[0]).items["name"] == "김소라"  # as nothing has followed the ledger yet
    alone.close()
    page = create_app(house.settings).test_client()
    assert page.post("/receipt", data={"receipt": codes[0]}).status_code == 404
    again = open_house(house.settings)
    gate = recovery.gate(again)
    assert gate is not None
    assert gate.replayed == 2
    assert not recovery.unsettled(again)
    again.close()


def test_what_is_in_order_is_shown_at_once(any_house: House) -> None:
    send(any_house)
    with travel(clock.now() + timedelta(days=400)):
        assert not recovery.unsettled(any_house)
        retention.sweep(any_house, confirm=True)
        rotation.rotate(any_house)
        assert not recovery.unsettled(any_house)

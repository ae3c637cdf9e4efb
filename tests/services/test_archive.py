"""Moves to the archive, and opening what is there, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, update

from inquiries.errors import (
    ArchiveClosed,
    Held,
    InvalidArchival,
    NotFound,
    ReasonRequired,
    RotationIncomplete,
)
from inquiries.services import (
    adoption,
    archive,
    archive_keys,
    archive_moves,
    certificates,
    destruction,
    fulfilment,
    holds,
    inbox,
    installation,
    readiness,
    receipt,
    records,
    recovery,
    retention,
    rights,
    rotation,
)
from inquiries.services.actor import Actor
from inquiries.services.house import House, open_house
from inquiries.services.receipt_keys import open_remaining
from inquiries.settings import HOME, Settings
from inquiries.stores import archive as store
from inquiries.stores import key_tables, tombstones
from inquiries.stores import keys as key_store
from inquiries.stores.live import archivals
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.tables import groups
from tests.cast import BAE, MINJI, OH, send
from tests.moments import T0, at, installed
from tests.stones import standing

Make = Callable[..., Settings]
WHY = "소비자 분쟁이 접수되어 법정 보존이 필요합니다"


@pytest.fixture
def house_at_t0(make_settings: Make, store_urls: dict[str, str]) -> Iterator[House]:
    with installed(make_settings, **store_urls) as house, at():
        yield house


def sent(house: House, **given: Any) -> tuple[int, str]:
    """(inquiry id, receipt code) of what Sora sends."""
    code = send(house, **given).receipt
    return inbox.page(house, MINJI).rows[0].id, code


def move(house: House, inquiry: int, **given: Any) -> int:
    order: dict[str, Any] = {"statute": "complaint", "items": ["name", "content"], "reason": WHY}
    return archive.order(house, OH, inquiry, **(order | given))


def rows(house: House) -> list[store.ArchivedRow]:
    with house.archive.read() as connection:
        return store.by_ids(connection, store.ids_after(connection, 0, 100))


def accesses(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access")]


# -- moving --------------------------------------------------------------------------------------


def test_a_move_keeps_the_ticked_items_alone_and_the_inquiry_is_gone(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, code = sent(house)
    other, _ = sent(house, items={"content": "stays"})
    archive_id = move(house, inquiry)
    opened = archive.open_archived(house, OH, archive_id, WHY)
    assert opened.items == {"name": "김소라", "content": "제품 소개 자료를 받고 싶습니다."}
    assert opened.line.inquiry_id == inquiry
    assert opened.line.statute == "complaint"
    assert opened.line.due_at - opened.line.archived_at == timedelta(days=3 * 365 + 1)  # 2028 is a leap year
    assert [row.id for row in inbox.page(house, MINJI).rows] == [other]
    for actor in (MINJI, OH):
        with pytest.raises(NotFound):
            inbox.open_inquiry(house, actor, inquiry, WHY)
    with pytest.raises(NotFound):
        receipt.look(house, code)
    assert retention.sweep(house).archived == 1


def test_the_inquirys_key_says_archived_and_the_archived_row_has_one_of_its_own(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = move(house, inquiry)
    with house.keys.read() as connection:
        buried = {one.group: one for one in tombstones.by_receipt(connection, rows(house)[0].receipt_lookup)}
        (kept,) = key_store.by_ids(connection, [archive_id])
    assert buried["main"].reason == "archived"
    assert (kept.group, kept.inquiry_id, kept.destroyed) == ("archive", archive_id, False)


def test_what_ends_on_its_own_is_not_touched_by_a_move(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house, consents={"inquiry": True, "marketing": True})
    move(house, inquiry)
    with house.live.read() as connection:
        left = {group.name for group in live.groups_of(connection, inquiry, T0)}
        assert archivals.every(connection) == []
    assert left == {"visitor", "marketing"}


def test_the_receipt_still_finds_what_a_move_left(house_at_t0: House) -> None:
    """The archived row's key has its lookup id too, and an id that comes before or after the inquiry's."""
    house = house_at_t0
    for _ in range(8):
        inquiry, code = sent(house, consents={"inquiry": True, "marketing": True})
        move(house, inquiry)
        assert open_remaining(house, code).row.id == inquiry
        assert set(certificates.for_receipt(house, code).remaining) == {"archive", "visitor", "marketing"}
    with house.live.read() as connection:
        envelopes = live_epochs.envelopes_of(connection, [inquiry])
    lookup = envelopes[0].receipt_lookup
    assert lookup is not None
    with house.keys.read() as connection:
        assert key_store.of_others(connection, {inquiry: lookup}) == frozenset()
        assert key_store.of_others(connection, {inquiry + 1: lookup}) == {inquiry + 1}


def test_archiving_twice_is_archiving_once(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    move(house, inquiry)
    with pytest.raises(NotFound):
        move(house, inquiry)
    with pytest.raises(NotFound):
        move(house, inquiry, statute="contract")
    assert len(rows(house)) == 1
    assert archive_moves.carry_out(house) == 0


def test_nothing_is_moved_where_nothing_was_ticked(house_at_t0: House) -> None:
    inquiry, _ = sent(house_at_t0)
    assert faults(house_at_t0, inquiry, items=[]) == {("items", "required")}
    assert faults(house_at_t0, inquiry, items=[], reason=" ") == {
        ("items", "required"),
        ("reason", "required"),
    }


def test_never_more_than_the_statute_names_is_moved(make_settings: Make, tmp_path: Path) -> None:
    with installed(make_settings, policy=naming_items(tmp_path)) as house, at():
        inquiry, _ = sent(house)
        (choice,) = [one for one in archive.choices(house, OH, inquiry) if one.key == "complaint"]
        assert choice.items == ("name", "email")
        assert faults(house, inquiry, items=["name", "content"]) == {("items", "undeclared")}


def naming_items(tmp_path: Path) -> Path:
    """The default policy, whose statute on complaints needs name, e-mail and a number that Sora did not give."""
    source = (HOME / "policies" / "default.toml").read_text("utf-8")
    head, section, rest = source.partition("[statutes.complaint]\n")
    changed = tmp_path / "policy.toml"
    changed.write_text(f'{head}{section}items = ["name", "email"]\n{rest}', "utf-8")
    return changed


# -- refused -------------------------------------------------------------------------------------


def faults(house: House, inquiry: int, **given: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidArchival) as refused:
        move(house, inquiry, **given)
    assert rows(house) == []
    return {(one.field, one.code) for one in refused.value.errors}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"reason": " \n"}, {("reason", "required")}),
        ({"statute": ""}, {("statute", "required")}),
        ({"statute": "whim"}, {("statute", "undeclared")}),
        ({"items": []}, {("items", "required")}),
        ({"items": ["name", "address"]}, {("items", "undeclared")}),
        ({"items": [], "reason": ""}, {("items", "required"), ("reason", "required")}),
    ],
)
def test_an_order_without_reason_statute_or_items_is_refused(
    house: House, given: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    inquiry, _ = sent(house)
    assert faults(house, inquiry, **given) == expected
    assert inbox.open_inquiry(house, MINJI, inquiry, None).items["name"] == "김소라"


def test_an_item_that_was_left_out_cannot_be_moved(house: House) -> None:
    inquiry, _ = sent(house, items={"company": None})
    assert faults(house, inquiry, items=["company"]) == {("items", "undeclared")}


@pytest.mark.parametrize("actor", [MINJI, BAE])
def test_the_archive_is_the_privacy_roles_alone(house: House, actor: Actor) -> None:
    inquiry, _ = sent(house)
    assert archive.choices(house, actor, inquiry) == ()
    with pytest.raises(NotFound):
        archive.order(house, actor, inquiry, statute="complaint", items=["name"], reason=WHY)
    archive_id = move(house, inquiry)
    for act in (
        lambda: archive.page(house, actor),
        lambda: archive.look(house, actor, archive_id),
        lambda: archive.open_archived(house, actor, archive_id, WHY),
    ):
        with pytest.raises(NotFound):
            act()
    refused = [body["act"] for body in accesses(house) if body["outcome"] == "refused"]
    assert refused == ["archive", "list_archive", "look_archived", "open_archived"]


def test_a_held_inquiry_is_not_moved_until_the_hold_ends(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    hold = holds.place(house, OH, inquiry, reason="소송", basis="민사소송법", until=T0 + timedelta(days=30))
    with pytest.raises(Held):
        move(house, inquiry)
    holds.release(house, OH, hold, "소 취하")
    assert move(house, inquiry) == rows(house)[0].id


def test_what_is_due_is_not_moved(house_at_t0: House) -> None:
    inquiry, _ = sent(house_at_t0)
    with at(366), pytest.raises(NotFound):
        move(house_at_t0, inquiry)


# -- reading -------------------------------------------------------------------------------------


def test_opening_needs_a_reason_and_is_recorded_before_it_is_shown(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = move(house, inquiry)
    with pytest.raises(ReasonRequired):
        archive.open_archived(house, OH, archive_id, "  ")
    opened = archive.open_archived(house, OH, archive_id, f"  {WHY}\n")
    (record,) = [(n, body) for n, body in records.bodies(house, "access") if body["act"] == "open_archived"]
    assert record[0] == opened.record
    assert record[1] == {
        "act": "open_archived", "outcome": "done", "staff": OH.staff_id, "email": OH.email,
        "inquiry": inquiry, "reason": WHY, "detail": {"archive": str(archive_id)},
    }  # fmt: skip


def test_the_order_stands_in_the_ledger_with_reason_statute_and_items(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = move(house, inquiry, items=["content", "name"])
    (body,) = [body for body in accesses(house) if body["act"] == "archive"]
    assert body["reason"] == WHY
    assert body["detail"] == {"archive": str(archive_id), "statute": "complaint", "items": "name content"}


def test_an_unknown_one_is_refused_and_recorded_so(house: House) -> None:
    with pytest.raises(NotFound):
        archive.look(house, OH, 12345)
    with pytest.raises(NotFound):
        archive.open_archived(house, OH, 12345, WHY)
    assert [body["outcome"] for body in accesses(house)] == ["refused", "refused"]


def test_the_list_goes_on_by_page_and_shows_nothing_of_the_content(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    monkeypatch.setattr(archive, "PAGE", 2)
    moved = {move(house, sent(house)[0]) for _ in range(5)}
    pages = [archive.page(house, OH)]
    while pages[-1].next is not None:
        pages.append(archive.page(house, OH, pages[-1].next))
    assert [len(one.rows) for one in pages] == [2, 2, 1]
    listed = [line for one in pages for line in one.rows]
    assert {line.id for line in listed} == moved
    assert {line.statute_name.text("en") for line in listed} == {"Consumer complaints and disputes"}
    assert "김소라" not in repr(listed)


def test_a_process_without_the_private_half_moves_lists_and_cannot_open(
    make_settings: Make, tmp_path: Path
) -> None:
    with installed(make_settings) as house, at():
        inquiry, _ = sent(house)
        house.custody.archive.keyring.directory.rename(tmp_path / "elsewhere")
        other = open_house(make_settings())
        archive_id = move(other, inquiry)
        assert [line.id for line in archive.page(other, OH).rows] == [archive_id]
        rotation.rotate(other)
        with pytest.raises(ArchiveClosed):
            archive.open_archived(other, OH, archive_id, WHY)
        (tmp_path / "elsewhere").rename(house.custody.archive.keyring.directory)
        assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"
        other.close()


def test_nothing_is_ordered_where_the_public_half_is_lost(house: House) -> None:
    inquiry, _ = sent(house)
    (house.custody.keyring.directory / "archive.pub").unlink()
    with pytest.raises(ArchiveClosed):
        move(house, inquiry)
    with house.live.read() as connection:
        assert archivals.every(connection) == []


# -- the end -------------------------------------------------------------------------------------


def test_an_archived_row_is_destroyed_when_the_statutes_period_ends(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = move(house, inquiry, statute="advertising")  # 6 months
    due = rows(house)[0].due_at
    with time_machine.travel(due - timedelta(seconds=1), tick=False):
        retention.sweep(house, confirm=True)
        assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"
    with time_machine.travel(due, tick=False):
        for act in (
            lambda: archive.look(house, OH, archive_id),
            lambda: archive.open_archived(house, OH, archive_id, WHY),
        ):
            with pytest.raises(NotFound):
                act()
        assert archive.page(house, OH).rows == ()
        swept = retention.sweep(house, confirm=True)
    assert (swept.destroyed, swept.failed) == (1, 0)
    assert rows(house) == []
    with house.keys.read() as connection:
        (buried,) = standing(connection, [archive_id])
    assert (buried.reason, buried.due_at) == ("statute", due)
    assert "advertising" in (buried.rule or "")


@pytest.mark.promise("P21")
def test_a_deletion_that_is_asked_for_while_archived_rows_go_goes_with_the_same_sweep(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    move(house, sent(house)[0], statute="advertising")
    due = rows(house)[0].due_at
    with time_machine.travel(due - timedelta(seconds=1), tick=False):
        retention.sweep(house, confirm=True)  # the visitor's data
    with time_machine.travel(due, tick=False):
        _, code = sent(house)
        real = fulfilment.carry_out

        def in_between(one: House) -> int:
            monkeypatch.undo()
            rights.delete(one, code)
            return real(one)

        monkeypatch.setattr(fulfilment, "carry_out", in_between)
        assert retention.sweep(house, confirm=True).destroyed == 3  # the row; then what she had sent
        assert retention.count_due(house, due) == 0


# -- keys ----------------------------------------------------------------------------------------


def test_rotation_takes_the_key_along_and_the_old_epoch_ends(house_at_t0: House) -> None:
    house = house_at_t0
    archive_id = move(house, sent(house)[0])
    with house.keys.read() as connection:
        (before,) = key_store.by_ids(connection, [archive_id])
    done = rotation.rotate(house)
    with house.keys.read() as connection:
        (after,) = key_store.by_ids(connection, [archive_id])
    assert (after.epoch, done.retired) == (done.epoch, (before.epoch,))
    assert after.wrap != before.wrap
    assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_a_keys_store_that_was_put_back_adopts_the_key_from_the_rows_envelope(
    make_settings: Make, tmp_path: Path
) -> None:
    with installed(make_settings) as house, at():
        inquiry, _ = sent(house)
        keys_db = house.settings.keyring_path / "keys.db"
        adoption.adopt_pending(house)
        house.close()
        shutil.copy(keys_db, tmp_path)
        archive_id = move(house, inquiry)
        house.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{keys_db}{suffix}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "keys.db", keys_db)
        again = installation.install(make_settings()).house
        assert archive.open_archived(again, OH, archive_id, WHY).items["name"] == "김소라"
        with pytest.raises(NotFound):
            inbox.open_inquiry(again, OH, inquiry, WHY)
        again.close()


def test_a_wrap_that_does_not_open_comes_back_from_the_envelope(house_at_t0: House) -> None:
    house = house_at_t0
    archive_id = move(house, sent(house)[0])
    with house.keys.write() as connection:
        connection.execute(
            update(key_tables.keys).where(key_tables.keys.c.id == archive_id).values(wrap=bytes(1198))
        )
    with pytest.raises(NotFound):
        archive.open_archived(house, OH, archive_id, WHY)
    rotation.rotate(house)
    assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_an_archived_key_that_nothing_gives_back_holds_rotation_up_and_is_said(house_at_t0: House) -> None:
    house = house_at_t0
    archive_id = move(house, sent(house)[0])
    with house.keys.write() as connection:
        connection.execute(delete(key_tables.keys).where(key_tables.keys.c.id == archive_id))
    with house.archive.write() as connection:
        connection.execute(update(store.archived).values(envelope=None))
    with pytest.raises(RotationIncomplete, match="1 envelopes"):
        rotation.rotate(house)
    assert archive_id in recovery.look(house)
    rotation.rotate(house, break_glass="the officer is away")
    rotation.rotate(house)


def test_the_envelope_goes_when_no_key_backup_needs_it_any_more(house_at_t0: House) -> None:
    house = house_at_t0
    archive_id = move(house, sent(house)[0])
    rotation.rotate(house)
    with at(2.9):
        retention.sweep(house, confirm=True)
        assert rows(house)[0].envelope is not None
    with at(3.1):
        retention.sweep(house, confirm=True)
        assert rows(house)[0].envelope is None
        rotation.rotate(house)
        assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_an_envelope_under_anothers_id_is_not_adopted(house_at_t0: House) -> None:
    house = house_at_t0
    archive_id = move(house, sent(house)[0])
    with house.keys.write() as connection:
        connection.execute(delete(key_tables.keys).where(key_tables.keys.c.id == archive_id))
    with house.archive.write() as connection:
        connection.execute(update(store.archived).values(statute="contract"))
    assert archive_keys.adopt_pending(house) == 0
    assert list(archive_keys.keyless(house)) == [archive_id]


def test_an_archived_id_never_looks_like_the_newest_inquiry(house_at_t0: House) -> None:
    house = house_at_t0
    for _ in range(8):
        move(house, sent(house)[0])
    with house.keys.read() as connection:
        newest = key_store.newest_living(connection)
    with house.live.read() as connection:
        assert newest is not None
        assert due_groups.stands(connection, newest)
    recovery.start(house)
    assert recovery.gate(house) is None


# -- cut short -----------------------------------------------------------------------------------


def ordered(house: House, inquiry: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A move that was ordered, and the process died before anything else."""
    with monkeypatch.context() as patched:
        patched.setattr(archive_moves, "carry_out", lambda _house: 0)
        return move(house, inquiry)


def test_an_ordered_move_is_carried_out_later_and_once(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = ordered(house, inquiry, monkeypatch)
    assert ordered(house, inquiry, monkeypatch) == archive_id
    assert rows(house) == []
    assert archive_moves.carry_out(house) == 1
    assert archive_moves.carry_out(house) == 0
    assert [row.id for row in rows(house)] == [archive_id]
    assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_what_was_ordered_in_time_is_not_destroyed_by_a_sweep_that_comes_first(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = ordered(house, inquiry, monkeypatch)
    with at(366):
        assert retention.sweep(house, confirm=True).destroyed == 1  # the visitor's data
        assert archive_moves.carry_out(house) == 1
        assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"
        assert retention.sweep(house, confirm=True).destroyed == 0


def test_a_row_whose_epoch_ended_before_its_key_was_adopted_is_sealed_anew(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    ordered(house, inquiry, monkeypatch)
    with monkeypatch.context() as patched:  # the process dies after the row was put into the archive
        patched.setattr(archive_keys, "settle", lambda *_: False)
        assert archive_moves.carry_out(house) == 0
    first = rows(house)[0]
    with monkeypatch.context() as patched:  # and a rotation passes that did not see it yet
        patched.setattr(archive_keys, "adopt_pending", lambda _house: 0)
        patched.setattr(archive_keys, "unadopted", lambda *_: [])
        rotation.rotate(house)
    assert archive_moves.carry_out(house) == 1
    (second,) = rows(house)
    assert second.epoch == first.epoch + 1
    assert archive.open_archived(house, OH, second.id, WHY).items["name"] == "김소라"


def test_an_earlier_rows_key_gives_way_to_that_of_the_row_that_stands(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = ordered(house, inquiry, monkeypatch)
    with monkeypatch.context() as patched:  # dies after the key was adopted; then the archive is put back
        patched.setattr(destruction, "destroy_now", lambda *_: 0)
        assert archive_moves.carry_out(house) == 0
    with house.archive.write() as connection:
        store.remove(connection, [archive_id])
    assert archive_moves.carry_out(house) == 1
    assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_a_move_that_died_after_the_destruction_is_only_struck_off(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    archive_id = ordered(house, inquiry, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(archive_moves, "_strike_off", lambda *_: None)
        archive_moves.carry_out(house)
    rotation.rotate(house)  # the row's envelope opens no more, its key goes on
    assert archive_moves.carry_out(house) == 1
    with house.live.read() as connection:
        assert archivals.every(connection) == []
    assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == "김소라"


def test_what_was_destroyed_before_the_move_leaves_no_order(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    ordered(house, inquiry, monkeypatch)
    with house.live.read() as connection:
        taken = archivals.moved(connection, inquiry)
    assert taken is not None
    assert destruction.destroy_now(house, [taken.group_id], "expired") == 1
    assert archive_moves.carry_out(house) == 0
    assert rows(house) == []
    with house.live.read() as connection:
        assert archivals.every(connection) == []


def test_a_hold_placed_after_the_order_stops_the_destruction_until_it_ends(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    ordered(house, inquiry, monkeypatch)
    holds.place(house, OH, inquiry, reason="소송", basis="민사소송법", until=T0 + timedelta(days=30))
    assert archive_moves.carry_out(house) == 0
    assert inbox.open_inquiry(house, MINJI, inquiry, None).items["name"] == "김소라"
    with at(29):
        assert moving(house) == (True, "0 moves waiting, the oldest for 0 min; 1 held")
    with at(30, minutes=30):
        assert moving(house) == (True, "1 moves waiting, the oldest for 30 min")
    with at(31):
        assert moving(house) == (False, "1 moves waiting, the oldest for 1440 min")
        assert archive_moves.carry_out(house) == 1
        assert inbox.page(house, MINJI).rows == ()


def moving(house: House) -> tuple[bool, str]:
    """How readiness has what waits to be moved."""
    return next((one.ok, one.detail) for one in readiness.checks(house) if one.name == "archive")


def _lose_the_key(house: House) -> None:
    adoption.adopt_pending(house)
    with house.keys.write() as connection:
        connection.execute(update(key_tables.keys).values(wrap=bytes(61)))


def _spoil_the_items(house: House) -> None:
    with house.live.write() as connection:
        connection.execute(update(groups).where(groups.c.name == "main").values(sealed=b"\x02"))


@pytest.mark.parametrize("spoil", [_lose_the_key, _spoil_the_items])
def test_a_move_of_what_does_not_open_keeps_nothing_past_its_day(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[House], None]
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    ordered(house, inquiry, monkeypatch)
    spoil(house)
    assert archive_moves.carry_out(house) == 0
    with house.live.read() as connection:
        assert archivals.of_inquiry(connection, inquiry) is not None
    with at(366):
        assert archive_moves.carry_out(house) == 0
        assert retention.sweep(house, confirm=True).destroyed == 2
    assert rows(house) == []
    lost = [body for _, body in records.bodies(house, "operation") if body["act"] == "archive_lost"]
    assert [body["inquiry"] for body in lost] == [inquiry]


def test_an_order_that_stands_is_carried_out_in_the_place_of_a_second_one(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0
    inquiry, _ = sent(house)
    first = ordered(house, inquiry, monkeypatch)
    assert move(house, inquiry, statute="contract") == first
    assert [(row.id, row.statute) for row in rows(house)] == [(first, "complaint")]


def test_one_move_that_fails_stops_no_other(house_at_t0: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_at_t0
    broken, _ = sent(house)
    whole, _ = sent(house, items={"content": "another"})
    for inquiry in (broken, whole):
        ordered(house, inquiry, monkeypatch)
    with house.live.write() as connection:
        connection.execute(
            update(groups).where(groups.c.inquiry_id == broken).values(sealed=b"\x01\x00\x00\x01")
        )
    assert archive_moves.carry_out(house) == 1
    assert [row.inquiry_id for row in rows(house)] == [whole]

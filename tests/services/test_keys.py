"""Adoption and the data keys on both databases: once, never over a tombstone, and what does not open is set apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import KeyUnavailable
from inquiries.sealing import envelope, items, tags
from inquiries.services import adoption, epochs, inbox, keys, receipt, records, recovery, rotation
from inquiries.services.house import House, open_house
from inquiries.services.ids import new_id
from inquiries.settings import Settings
from inquiries.stores import keys as store
from inquiries.stores import tags as tag_store
from inquiries.stores import tombstones
from inquiries.stores.live import epochs as live_epochs
from tests.breaking import spoil
from tests.cast import MINJI, send
from tests.stones import bury

BOTH = {"inquiry": True, "marketing": True}


def inquiry_ids(house: House) -> list[int]:
    with house.live.read() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM inquiries ORDER BY id").scalars())


def rows(house: House, columns: str) -> list[tuple[Any, ...]]:
    with house.keys.read() as connection:
        query = f"SELECT {columns} FROM keys LEFT JOIN tags ON key_id = id ORDER BY id"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def stone_of(row: store.KeyRow, intent: int = 1) -> tombstones.Tombstone:
    return tombstones.Tombstone(
        id=row.id, inquiry_id=row.inquiry_id, group=row.group, reason="expired", type="support", due_at=None,
        policy_version=1, rule=None, receipt_lookup=b"l" * 16, intent=intent, destroyed_at=clock.now(),
    )  # fmt: skip


def key_rows(house: House) -> list[store.KeyRow]:
    with house.keys.read() as connection:
        return store.of_inquiries(connection, inquiry_ids(house))


# -- adoption ------------------------------------------------------------------------------------


def test_adoption_makes_a_row_for_each_group(any_house: House) -> None:
    house = any_house
    send(house, consents=BOTH)
    assert adoption.adopt_pending(house).adopted == 1
    found = rows(house, "group_name, epoch, destroyed_at, email, phone, receipt_lookup")
    assert sorted(row[0] for row in found) == ["main", "marketing", "visitor"]
    assert {row[1:3] for row in found} == {(1, None)}
    by_name = {row[0]: row for row in found}
    email = tags.tag(house.custody.tag_key, "email", "sora@example.com")
    phone = tags.tag(house.custody.tag_key, "phone", "+8221234-5678".replace("-", ""))
    assert by_name["main"][3:5] == (email, phone)
    assert by_name["marketing"][3:5] == (email, None)  # it holds no number
    assert by_name["visitor"][3:5] == (None, None)
    assert len({row[5] for row in found}) == 1


def test_tags_find_living_keys_alone(any_house: House) -> None:
    """Also those of other eras; a key that ends is found by none from that commit on (P11)."""
    house = any_house
    send(house, consents=BOTH)
    adoption.adopt_pending(house)
    email = tags.tag(house.custody.tag_key, "email", "sora@example.com")
    phone = tags.tag(house.custody.tag_key, "phone", "+82212345678")
    with house.keys.write() as connection:
        old = store.NewKey(3, 2, "main", b"w", tag_email=email)
        store.adopt(connection, 1, [old])
    living = {name: key for key, name in rows(house, "id, group_name")}
    with house.keys.read() as connection:
        assert tag_store.found(connection, email=email) == {3, living["main"], living["marketing"]}
    with house.keys.write() as connection:
        bury(connection, [stone_of(one) for one in key_rows(house) if one.group == "main"])
        tag_store.replace(
            connection, living["main"], email, phone
        )  # who corrects at this moment comes too late
        assert tag_store.found(connection, email=email, phone=phone) == {3, living["marketing"]}


def test_adopting_again_changes_nothing(any_house: House) -> None:
    send(any_house)
    adoption.adopt_pending(any_house)
    before = rows(any_house, "id, wrap, receipt_wrap")
    assert adoption.adopt_pending(any_house).adopted == 0
    adoption.adopt(any_house, inquiry_ids(any_house))
    assert rows(any_house, "id, wrap, receipt_wrap") == before


def test_a_tombstone_is_never_replaced(any_house: House) -> None:
    house = any_house
    send(house)
    with house.live.read() as connection:
        (pending,) = live_epochs.envelopes_of(connection, inquiry_ids(house))
    ids = sorted(pending.key_ids)
    stones = [stone_of(store.KeyRow(key, pending.inquiry_id, f"group {key}", 1, None, None)) for key in ids]
    with house.keys.write() as connection:
        bury(connection, stones)
    opened = adoption._open(house, pending, {})
    adoption._insert(house, [(pending, opened)])  # a worker that had looked before
    assert rows(house, "wrap, receipt_wrap, email") == [(None, None, None)] * 2
    assert keys.of_inquiries(house, inquiry_ids(house)) == {}


def test_a_key_adopted_while_it_is_destroyed_does_not_escape(any_house: House) -> None:
    """The adopting transaction is open when the burial comes: the burial waits, sees the row and ends it."""
    house = any_house
    send(house)
    with house.live.read() as connection:
        (pending,) = live_epochs.envelopes_of(connection, inquiry_ids(house))
    opened = adoption._open(house, pending, {})
    new = [
        store.NewKey(one.key_id, pending.inquiry_id, one.group, b"w", b"r", b"l" * 16, b"e" * 16)
        for one in opened
    ]
    stones = [stone_of(store.KeyRow(one.id, one.inquiry_id, one.group, 1, None, None)) for one in new]
    inserted, buried = threading.Event(), threading.Event()

    def end() -> None:
        inserted.wait(10)
        with house.keys.write() as connection:
            bury(connection, stones)
        buried.set()

    burial = threading.Thread(target=end)
    burial.start()
    with house.keys.write() as connection:
        store.adopt(connection, 1, new)
        inserted.set()
        assert not buried.wait(0.5)
    burial.join(10)
    assert buried.is_set()
    assert rows(house, "wrap, receipt_wrap, email") == [(None, None, None)] * 2


def test_an_adoption_run_ends_however_many_come_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "PAGE", 1)
    for _ in range(3):
        send(house)
    real, calls = adoption._adopt, []

    def adopt_while_another_comes(*given: object) -> tuple[int, int]:
        calls.append(send(house))
        assert len(calls) < 10, "it runs after those that come"
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(adoption, "_adopt", adopt_while_another_comes)
    assert adoption.adopt_pending(house).adopted == 3
    assert adoption.unadopted(house, 2) == inquiry_ids(house)[3:]


# -- what does not open --------------------------------------------------------------------------


def test_an_envelope_that_does_not_open_is_set_apart_on_record(any_house: House) -> None:
    house = any_house
    send(house)
    broken = "x'01'" if house.live.sqlite else "'\\x01'::bytea"
    with house.live.write() as connection:
        connection.exec_driver_sql(f"UPDATE envelopes SET sealed = {broken}")
    whole = send(house)
    outcome = adoption.adopt_pending(house)
    assert (outcome.adopted, outcome.quarantined) == (1, 1)
    assert adoption.quarantined(house) == inquiry_ids(house)[:1]
    (recorded,) = [body for _, body in records.bodies(house, "operation") if body["act"] == "quarantine"]
    assert recorded["inquiries"] == inquiry_ids(house)[:1]
    again = adoption.adopt_pending(house)
    assert (again.adopted, again.quarantined) == (0, 0)
    assert receipt.look(house, whole.receipt).items["name"] == "김소라"


def test_an_envelope_whose_epoch_ended_meanwhile_is_not_blamed(any_house: House) -> None:
    """A worker read it; another adopted it and rotated; then the first comes to open it."""
    house = any_house
    send(house)
    with house.live.read() as connection:
        pending = live_epochs.envelopes_of(connection, inquiry_ids(house))
    rotation.rotate(house)
    assert adoption._adopt(house, pending) == (0, 0)
    assert adoption.quarantined(house) == []
    assert rotation.rotate(house).epoch == 3


def test_an_envelope_with_anothers_key_ids_is_set_apart(house: House) -> None:
    """Whoever breaks into the public surface may seal what he likes, but not for somebody else."""
    send(house)
    victim = key_rows_wanted(house)
    epoch = epochs.current(house)
    forged_id = new_id()
    dek = items.new_data_key()
    sealed = envelope.seal_envelope(
        sending=envelope.new_sending_key(epoch.number, epoch.public_key),
        surface_key=epoch.surface_key,
        inquiry_id=forged_id,
        groups=[envelope.GroupKey("main", victim, dek)],
        code=None,
    )
    with house.live.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO inquiries (id, type, state, channel, language, policy_version, received_at, receipt_lookup)"
            f" VALUES ({forged_id}, 'support', 'received', 'form', 'ko', 1, 1, x'00')"
        )
        connection.exec_driver_sql(
            f"INSERT INTO inquiry_groups (id, inquiry_id, name, sealed) VALUES ({new_id()}, {forged_id}, 'main', x'00')"
        )
        live_epochs.post(connection, [live_epochs.NewEnvelope(forged_id, epoch.number, sealed)])
    outcome = adoption.adopt_pending(house)
    assert (outcome.adopted, outcome.quarantined) == (1, 1)
    (row,) = [one for one in inbox.page(house, MINJI).rows if one.who]
    assert inbox.open_inquiry(house, MINJI, row.id, None).items["name"] == "김소라"


def key_rows_wanted(house: House) -> int:
    with house.live.read() as connection:
        query = "SELECT id FROM inquiry_groups WHERE name = 'main'"
        return int(connection.exec_driver_sql(query).scalar_one())


def test_broken_items_cost_their_tags_and_nothing_else(house: House) -> None:
    send(house)
    spoil(house, "email")
    send(house)
    assert adoption.adopt_pending(house).adopted == 2
    with_tags = [row for row in rows(house, "group_name, email") if row[1] is not None]
    assert len(with_tags) == 1
    assert rotation.rotate(house).epoch == 2


def test_adoption_opens_no_item_but_those_that_it_makes_tags_of(house: House) -> None:
    send(house)
    spoil(house, "content")
    assert adoption.adopt_pending(house).adopted == 1
    assert [row for row in rows(house, "group_name, email, phone") if None not in row[1:]]


def test_the_public_surface_blames_no_envelope(house: House, make_settings: Callable[..., Settings]) -> None:
    """It opens none, for want of the root key: that says nothing about the envelope."""
    send(house)
    public = open_house(make_settings(surface="public"))
    for ask in (adoption.adopt_pending, lambda house: keys.of_inquiries(house, inquiry_ids(house))):
        with pytest.raises(KeyUnavailable, match="root key"):
            ask(public)
    public.close()
    assert adoption.quarantined(house) == []
    assert adoption.adopt_pending(house).adopted == 1


def test_a_root_key_that_cannot_be_read_blames_no_envelope(house: House) -> None:
    send(house)
    root = house.settings.keyring_path / "root.key"
    away = root.rename(root.with_name("root.away"))
    other = open_house(house.settings)
    with pytest.raises(KeyUnavailable):
        adoption.adopt_pending(other)
    away.rename(root)
    assert adoption.adopt_pending(other).adopted == 1
    other.close()


def test_a_secret_that_came_back_releases_what_waited_for_it(house: House) -> None:
    send(house)
    secret = house.settings.keyring_path / "epoch-00000001.secret"
    kept = secret.read_bytes()
    secret.unlink()
    house.custody.forget_before(2)
    found = recovery.start(house)
    assert found is not None
    assert found.unopenable == tuple(inquiry_ids(house))
    house.custody.keyring.write(secret.name, kept)
    found = recovery.start(house)
    assert found is not None
    assert (found.adopted, found.unopenable) == (1, ())


# -- reading -------------------------------------------------------------------------------------


def test_whoever_opens_does_not_wait_for_the_worker(any_house: House) -> None:
    send(any_house)
    (row,) = inbox.page(any_house, MINJI).rows
    assert row.who == "김**"
    assert len(rows(any_house, "id")) == 2


def test_a_group_destroyed_before_adoption_hides_no_other(any_house: House) -> None:
    house = any_house
    send(house)
    with house.live.read() as connection:
        query = "SELECT id, inquiry_id FROM inquiry_groups WHERE name = 'visitor'"
        key, inquiry = connection.exec_driver_sql(query).one()
    with house.keys.write() as connection:
        bury(connection, [stone_of(store.KeyRow(key, inquiry, "visitor", 1, None, None))])
    assert list(keys.of_inquiries(house, [inquiry])) == [(inquiry, "main")]


def test_a_reader_in_another_process_sees_through_a_rotation(house: House) -> None:
    """Its row was read before, its key is gone since: it looks again."""
    send(house)
    adoption.adopt_pending(house)
    reader = open_house(house.settings)
    real = keys._rows
    stale = real(reader, inquiry_ids(house))
    rotation.rotate(house)
    answers: Iterator[list[store.KeyRow]] = iter([stale])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_rows", lambda *given: next(answers, None) or real(*given))
        found = keys.of_inquiries(reader, inquiry_ids(house))
    assert sorted(group for _, group in found) == ["main", "visitor"]
    reader.close()


# -- staff ---------------------------------------------------------------------------------------


def test_a_key_of_staff_outlives_rotations(any_house: House) -> None:
    house = any_house
    staff_id = new_id()
    with house.live.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO staff (id, email, invited_at) VALUES ({staff_id}, 'minji@example.com', 1)"
        )
        own = keys.born(house, connection, staff_id, keys.STAFF)
    rotation.rotate(house)
    with time_machine.travel(clock.now() + timedelta(days=1)):
        rotation.rotate(house)
    assert keys.of_staff(house, staff_id) == own

"""Rotation on both databases: what moves to the new epoch, what ends, and what it waits for."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from inquiries import clock
from inquiries.errors import JobBusy, KeyUnavailable, NotFound, RotationIncomplete
from inquiries.services import adoption, inbox, readiness, receipt, records, retention, rewrapping, rotation
from inquiries.services.house import House, open_house
from inquiries.stores import keys as store
from inquiries.stores import tombstones, wraps
from inquiries.stores.live import epochs as live_epochs
from tests.cast import MINJI, send
from tests.moments import at
from tests.stones import bury

BOTH = {"inquiry": True, "marketing": True}


def epochs_of_keys(house: House) -> set[int]:
    with house.keys.read() as connection:
        return set(connection.exec_driver_sql("SELECT epoch FROM keys WHERE wrap IS NOT NULL").scalars())


def states(house: House) -> tuple[dict[int, str], dict[int, str]]:
    query = "SELECT number, state FROM epochs"
    with house.live.read() as live, house.keys.read() as here:
        return (
            {row[0]: row[1] for row in live.exec_driver_sql(query)},
            {row[0]: row[1] for row in here.exec_driver_sql(query)},
        )


def contents(house: House) -> list[str]:
    rows = inbox.page(house, MINJI).rows
    return [inbox.open_inquiry(house, MINJI, row.id, None).items["content"] for row in rows]


def break_envelope(house: House, inquiry_id: int | None = None) -> None:
    where = "" if inquiry_id is None else f" WHERE inquiry_id = {inquiry_id}"
    with house.live.write() as connection:
        broken = "x'01'" if house.live.sqlite else "'\\x01'::bytea"
        connection.exec_driver_sql(f"UPDATE envelopes SET sealed = {broken}{where}")


# -- what it does --------------------------------------------------------------------------------


def test_every_living_key_moves_and_the_old_epoch_ends(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = any_house
    monkeypatch.setattr(rewrapping, "BATCH", 2)
    adopted = send(house, items={"content": "adopted"}, consents=BOTH)
    adoption.adopt_pending(house)
    waiting = send(house, items={"content": "waiting"})
    with house.keys.read() as connection:
        wraps = set(connection.exec_driver_sql("SELECT wrap FROM keys").scalars())
    done = rotation.rotate(house)
    assert (done.epoch, done.retired) == (2, (1,))
    assert done.rewrapped == 3  # adopted after the new epoch opened, the waiting one stands under it already
    assert epochs_of_keys(house) == {2}
    assert states(house) == ({1: "retired", 2: "open"}, {1: "retired", 2: "open"})
    assert (house.custody.secret_epochs(), house.custody.surface_epochs()) == ([2], [2])
    with house.keys.read() as connection:
        assert not wraps & set(connection.exec_driver_sql("SELECT wrap FROM keys").scalars())
    for sent, content in ((adopted, "adopted"), (waiting, "waiting")):
        assert receipt.look(house, sent.receipt).items["content"] == content
    assert sorted(contents(house)) == ["adopted", "waiting"]
    assert send(house).receipt
    assert rotation.rotate(house).epoch == 3
    assert len(contents(house)) == 3
    assert records.verify(house).ok


def test_the_retired_secret_is_forgotten_by_this_process_too(house: House) -> None:
    adoption.adopt_pending(house)
    rotation.rotate(house)
    with pytest.raises(KeyUnavailable):
        house.custody.epoch_secret(1)
    with pytest.raises(KeyUnavailable):
        house.custody.surface_key(1)


def test_a_receipt_is_good_while_a_rotation_passes(house: House) -> None:
    """Another process has read the row; before it comes to the surface key, that is gone."""
    received = send(house)
    keys_of_both = (received.receipt, send(house).receipt)
    for code in keys_of_both:  # from the envelope first, from the row after it
        reader = open_house(house.settings)
        real = reader.custody.surface_key
        rotated: list[rotation.Rotation] = []

        def surface_key(
            number: int, reader: House = reader, real: Any = real, rotated: Any = rotated
        ) -> bytes:
            if not rotated:
                rotated.append(rotation.rotate(house))
                reader.custody.forget_before(rotated[0].epoch)
            return bytes(real(number))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader.custody, "surface_key", surface_key)
            assert receipt.look(reader, code).items["name"] == "김소라"
        assert rotated
        reader.close()


def test_what_comes_while_an_epoch_closes_goes_to_the_next(any_house: House) -> None:
    """Asking "is it open?" and inserting are one, whatever a transaction sees of another: the gate."""
    house = any_house
    send(house)
    secret = house.custody.add_epoch(2)
    adopting = threading.Thread(target=adoption.adopt_pending, args=[house])
    with house.keys.write() as connection:
        house.keys.gate(connection, store.GATE, exclusive=True)
        store.start_epoch(connection, 2, clock.now())
        _starts_and_waits(adopting)
    adopting.join(10)
    assert epochs_of_keys(house) == {2}
    with house.live.read() as connection:
        (first,) = live_epochs.every(connection)
    second = live_epochs.EpochRow(2, secret.public_key, "open", clock.now(), b"")
    sending = threading.Thread(target=send, args=[house])
    with house.live.write() as connection:
        house.live.gate(connection, live_epochs.GATE, exclusive=True)
        rotation._put(house, connection, first, "closed")
        rotation._put(house, connection, second, "open")
        _starts_and_waits(sending)
    sending.join(10)
    with house.live.read() as connection:
        query = "SELECT epoch FROM envelopes ORDER BY inquiry_id"
        assert list(connection.exec_driver_sql(query).scalars()) == [1, 2]


def _starts_and_waits(thread: threading.Thread) -> None:
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()


def test_a_key_destroyed_meanwhile_is_not_revived(any_house: House) -> None:
    """The rotation has read the row, the sweep destroys it, the rotation writes."""
    house = any_house
    send(house)
    adoption.adopt_pending(house)
    with house.keys.read() as connection:
        row, *_ = wraps.wrapped_before(connection, 2, 0, 10)
    stone = tombstones.Tombstone(
        id=row.id, inquiry_id=row.inquiry_id, group=row.group, reason="expired", type="support", due_at=None,
        policy_version=1, rule=None, receipt_lookup=None, intent=1, destroyed_at=clock.now(),
    )  # fmt: skip
    with house.keys.write() as connection:
        bury(connection, [stone])
    with house.keys.write() as connection:
        wraps.rewrap(connection, 2, [(row, b"new wrap", b"new receipt wrap")])
    with house.keys.read() as connection:
        (after,) = [one for one in store.of_inquiries(connection, [row.inquiry_id]) if one.id == row.id]
    assert (after.destroyed, after.wrap, after.receipt_wrap) == (True, None, None)


def test_once_a_day(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=23):
        assert not rotation.is_due(house)
        assert rotation.finish_pending(house) is None
    with at(hours=24, seconds=5):
        assert rotation.is_due(house)
        rotation.rotate(house)
        assert not rotation.is_due(house)
    with at(hours=20):  # the clock went back: the epoch would otherwise stay open for longer than a day
        assert rotation.is_due(house)


def test_settling_again_changes_nothing(any_house: House) -> None:
    before = states(any_house)
    assert rotation.settle_epochs(any_house) == 1
    assert rotation.settle_epochs(any_house) == 1
    assert states(any_house) == before
    assert any_house.custody.secret_epochs() == [1]


# -- what it waits for ---------------------------------------------------------------------------


def test_an_envelope_that_does_not_open_waits_for_the_officer(any_house: House) -> None:
    house = any_house
    lost = send(house, items={"content": "lost"})
    break_envelope(house)
    kept = send(house, items={"content": "kept"})
    with pytest.raises(RotationIncomplete, match="1 envelopes and 0 keys"):
        rotation.rotate(house)
    assert states(house)[0] == {1: "closed", 2: "open"}  # intake goes on in the new one
    assert house.custody.secret_epochs() == [1, 2]
    assert send(house, items={"content": "later"}).receipt
    with pytest.raises(RotationIncomplete):  # not only once
        rotation.rotate(house)
    assert not readiness._envelopes(house).ok
    done = rotation.rotate(house, break_glass="the officer is away")
    assert (done.epoch, done.retired) == (2, (1,))
    (recorded,) = [body for _, body in records.bodies(house, "operation") if body["act"] == "confirm_loss"]
    assert len(recorded["inquiries"]) == 1
    assert rotation.rotate(house).epoch == 3  # what was confirmed does not stop the next one
    assert readiness._envelopes(house).ok
    assert receipt.look(house, kept.receipt).items["content"] == "kept"
    with pytest.raises(NotFound):
        receipt.look(house, lost.receipt)


def test_a_confirmed_loss_hides_no_later_one(any_house: House) -> None:
    house = any_house
    send(house)
    break_envelope(house)
    rotation.rotate(house, break_glass="the officer is away")
    send(house)
    with house.live.read() as connection:
        newest = connection.exec_driver_sql("SELECT max(inquiry_id) FROM envelopes").scalar_one()
    break_envelope(house, newest)
    with pytest.raises(RotationIncomplete):
        rotation.rotate(house)


def test_a_key_row_that_does_not_open_is_healed_by_its_envelope(any_house: House) -> None:
    house = any_house
    received = send(house, items={"content": "healed"})
    adoption.adopt_pending(house)
    _spoil_rows(house)
    rotation.rotate(house)
    assert contents(house) == ["healed"]
    assert receipt.look(house, received.receipt).items["content"] == "healed"


def test_a_key_row_that_nothing_opens_waits_for_the_officer_and_hides_no_other(any_house: House) -> None:
    house = any_house
    send(house, items={"content": "lost"})
    adoption.adopt_pending(house)
    _spoil_rows(house)
    break_envelope(house)
    send(house, items={"content": "kept"})
    with pytest.raises(RotationIncomplete, match="0 envelopes and 2 keys"):
        rotation.rotate(house)
    assert len(rewrapping.unopenable(house)) == 2
    rotation.rotate(house, break_glass="the officer is away")
    rotation.rotate(house)
    page = inbox.page(house, MINJI).rows
    assert [row.who for row in page] == ["김**", ""]
    assert inbox.open_inquiry(house, MINJI, page[0].id, None).items["content"] == "kept"
    with pytest.raises(NotFound):
        inbox.open_inquiry(house, MINJI, page[1].id, None)


def test_what_was_confirmed_as_lost_is_still_destroyed_on_its_day(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        adoption.adopt_pending(house)
        _spoil_rows(house)
        break_envelope(house)
        rotation.rotate(house, break_glass="the officer is away")
    with at(400):
        assert retention.sweep(house, confirm=True).destroyed == 2
        assert rotation.rotate(house).rewrapped == 0
        assert rewrapping.unopenable(house) == []


def _spoil_rows(house: House) -> None:
    """The wraps as if made under a secret that nobody has."""
    with house.keys.write() as connection:
        broken = "x'0102'" if house.keys.sqlite else "'\\x0102'::bytea"
        connection.exec_driver_sql(f"UPDATE keys SET wrap = {broken}")


def test_one_at_a_time(any_house: House) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with any_house.keys.job("rotate"):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(10)
    with pytest.raises(JobBusy):
        rotation.rotate(any_house)
    leave.set()
    holder.join()
    assert rotation.rotate(any_house).epoch == 2


def test_a_reader_of_the_keys_store_delays_the_end_and_no_more(house: House) -> None:
    """Until the write-ahead log is cut, it holds the wraps of before; the next run cuts it."""
    send(house)
    adoption.adopt_pending(house)
    house.keys.engine.dispose()
    event.listen(house.keys.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout = 50"))
    with house.keys.read() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM keys").scalar_one()
        with pytest.raises(JobBusy):
            rotation.rotate(house)
    assert records.latest(house, "operation", "rotate") is None
    done = rotation.finish_pending(house)
    assert done is not None
    assert done.epoch == 2
    assert rotation.finish_pending(house) is None
    log = house.settings.keyring_path / "keys.db-wal"
    assert not log.exists() or log.stat().st_size < 100_000


def test_a_secret_that_is_lost_within_its_day_is_replaced_by_a_new_epoch(any_house: House) -> None:
    house = any_house
    send(house)
    (house.settings.keyring_path / "epoch-00000001.secret").unlink()
    house.custody.forget_before(2)
    assert rotation.settle_epochs(house) == 2
    (noticed,) = [body for _, body in records.bodies(house, "operation") if body["act"] == "restore"]
    assert noticed["behind"] == {"keyring": 0}
    sent = send(house, items={"content": "in the second"})
    assert receipt.look(house, sent.receipt).items["content"] == "in the second"
    with pytest.raises(RotationIncomplete):
        rotation.rotate(house)
    rotation.rotate(house, break_glass="the officer is away")
    assert receipt.look(house, sent.receipt).items["content"] == "in the second"


def test_a_rotation_that_was_left_unpublished_goes_on_in_the_same_epoch(house: House) -> None:
    house.custody.add_epoch(2)  # and killed
    assert rotation.settle_epochs(house) == 2
    assert rotation.rotate(house).epoch == 2
    assert states(house)[0] == {1: "retired", 2: "open"}
    assert not [body for _, body in records.bodies(house, "operation") if body["act"] == "restore"]


def test_the_epochs_day_is_counted_from_its_opening(house_at_t0: House) -> None:
    with at(hours=30):
        rotation.rotate(house_at_t0)
        with house_at_t0.live.read() as connection:
            query = "SELECT max(at) FROM epochs WHERE state = 'open'"
            opened = connection.exec_driver_sql(query).scalar_one()
        assert abs(opened / 1e6 - clock.now().timestamp()) < timedelta(minutes=1).total_seconds()


def test_a_long_rotation_says_how_far_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        send(house)
    adoption.adopt_pending(house)
    monkeypatch.setattr(rewrapping, "BATCH", 2)
    monkeypatch.setattr(rewrapping, "SAID_EVERY", 0.0)
    with capture_logs() as logs:
        rotation.rotate(house)
    said = [(line["done"], line["left"]) for line in logs if line["event"] == "rotation.rewrapping"]
    assert said == [(2, 2), (4, 0)]

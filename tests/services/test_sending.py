"""Inquiries share a sending key while one of them is under way: not longer, not more, not over an epoch's end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from inquiries import clock
from inquiries.sealing import envelope
from inquiries.services import adoption, epochs, inbox, rotation, sending
from inquiries.services.house import House
from inquiries.stores.live.tables import envelopes, inquiries
from tests.cast import MINJI, send


def kept(house: House) -> object:
    """What the process still has of a sending key."""
    return sending._memory(house).shared


def encapsulations(house: House) -> list[bytes]:
    """The encapsulation inside each stored envelope, in the order in which they came."""
    with house.live.read() as connection:
        rows = connection.execute(select(envelopes.c.inquiry_id, envelopes.c.epoch, envelopes.c.sealed))
        return [
            envelope._uncovered(sealed, epoch, house.custody.surface_key(epoch), inquiry_id)[2][
                : envelope.ENCAPSULATED_SIZE
            ]
            for inquiry_id, epoch, sealed in rows.all()
        ]


def test_inquiries_that_come_one_by_one_share_nothing_and_leave_nothing(house: House) -> None:
    for _ in range(3):
        send(house)
        assert kept(house) is None
    assert len(set(encapsulations(house))) == 3


def test_those_under_way_at_once_share_a_key_which_goes_with_the_last(house: House) -> None:
    epoch = epochs.current(house)
    with sending.key(house, epoch) as key:
        send(house)
        send(house)
        with sending.key(house, epoch) as other:
            assert other is key
        assert kept(house) is not None
    assert kept(house) is None
    assert set(encapsulations(house)) == {key.encapsulated}


def test_one_that_fails_lets_go_of_the_key_too(house: House) -> None:
    with pytest.raises(RuntimeError), sending.key(house, epochs.current(house)):
        raise RuntimeError
    assert kept(house) is None


def test_a_key_serves_so_many_and_no_more(house: House) -> None:
    epoch = epochs.current(house)
    with ExitStack() as under_way:
        keys = [under_way.enter_context(sending.key(house, epoch)) for _ in range(2 * sending.MOST + 1)]
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [sending.MOST, sending.MOST, 1]
    assert kept(house) is None


def test_a_key_serves_for_a_second_however_long_one_inquiry_takes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch, began = epochs.current(house), clock.monotonic()
    moved = [began]
    monkeypatch.setattr(clock, "monotonic", lambda: moved[0])
    with sending.key(house, epoch) as slow:
        moved[0] = began + sending.SECONDS - 0.001
        with sending.key(house, epoch) as in_time:
            assert in_time is slow
        moved[0] = began + sending.SECONDS
        with sending.key(house, epoch) as late:
            assert late is not slow
        assert kept(house) is None
    assert kept(house) is None


def test_a_new_epoch_has_a_key_of_its_own(house: House) -> None:
    before = epochs.current(house)
    with sending.key(house, before) as old:
        rotation.rotate(house)
        after = epochs.current(house, again=True)
        with sending.key(house, after) as new:
            assert (old.epoch, new.epoch) == (before.number, after.number)
            assert new.encapsulated != old.encapsulated


def test_what_was_sent_at_once_opens_for_staff(any_house: House) -> None:
    with sending.key(any_house, epochs.current(any_house)), ThreadPoolExecutor(4) as many:
        list(many.map(lambda number: send(any_house, items={"content": f"Letter {number}."}), range(20)))
    assert len(set(encapsulations(any_house))) == 1
    assert adoption.adopt_pending(any_house).adopted == 20
    with any_house.live.read() as connection:
        ids = connection.scalars(select(inquiries.c.id)).all()
    contents = {inbox.open_inquiry(any_house, MINJI, one, None).items["content"] for one in ids}
    assert contents == {f"Letter {number}." for number in range(20)}

"""The start: repeatable, left to another process that is at it, and silent where all is well."""

from __future__ import annotations

import threading

from inquiries import clock
from inquiries.services import adoption, destruction, installation, records, recovery
from inquiries.services.house import House
from inquiries.stores.live import due
from tests.cast import send


def test_a_start_in_good_order_finds_nothing_and_records_nothing(any_house: House) -> None:
    send(any_house)
    adoption.adopt_pending(any_house)
    before = records.heads(any_house)
    assert recovery.start(any_house) == recovery.Recovered(epoch=1)
    assert records.heads(any_house) == before


def test_a_start_adopts_what_waits(any_house: House) -> None:
    send(any_house)
    assert recovery.start(any_house) == recovery.Recovered(epoch=1, adopted=1)


def test_a_start_is_left_to_the_process_that_is_at_it(any_house: House) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with any_house.keys.job("rotate"):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(10)
    assert recovery.start(any_house) is None
    leave.set()
    holder.join()
    assert recovery.start(any_house) is not None


def test_a_start_follows_an_intent_that_was_cut_short(any_house: House) -> None:
    house = any_house
    send(house)
    with house.live.read() as connection:
        (first, second) = due.groups_after(connection, 0, 10)
    listed = [[first[0], first[1], "main", "expired", "support", None, 1]]
    intent = records.append(house, "destruction", {"act": "intent", "groups": listed})
    found = recovery.start(house)
    assert found is not None
    assert (found.replayed, found.adopted) == (1, 1)
    with house.live.read() as connection:
        assert due.groups_after(connection, 0, 10) == [second]
    with house.keys.read() as connection:
        query = "SELECT id, intent, wrap FROM keys WHERE destroyed_at IS NOT NULL"
        assert [tuple(row) for row in connection.exec_driver_sql(query)] == [(first[0], intent, None)]
    assert destruction.replay(house).intents == 0


def test_an_installation_is_made_once(house: House) -> None:
    before = {file.name: file.read_bytes() for file in house.settings.keyring_path.glob("*.key")}
    again = installation.install(house.settings)
    assert again.recovered == recovery.Recovered(epoch=1)
    assert again.enrolment
    assert {file.name: file.read_bytes() for file in house.settings.keyring_path.glob("*.key")} == before
    with house.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM policies").scalar_one() == 1
    assert records.last_moment(again.house) <= clock.now()  # type: ignore[operator]
    again.house.close()

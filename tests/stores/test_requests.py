"""Requests on both databases: what suspends and for how long, and who waits for whom."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from inquiries.rules.requests import Because, Kind, State
from inquiries.stores.database import Database
from inquiries.stores.live import due, requests
from inquiries.stores.live import inquiries as live

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HERS, HIS = 10, 20


@pytest.fixture
def store(live_store: Database) -> Database:
    """A live store with two inquiries."""
    shells = [
        live.NewInquiry(one, "support", "received", "form", "ko", 1, NOW, bytes([one]) * 16)
        for one in (HERS, HIS)
    ]
    groups = [live.NewGroup(one + 1, one, "main", NOW + timedelta(days=9), b"") for one in (HERS, HIS)]
    with live_store.write() as connection:
        live.add(connection, shells, groups, [])
    return live_store


def asked(number: int, kind: Kind, inquiry: int = HERS, **given: Any) -> requests.NewRequest:
    whole: dict[str, Any] = {
        "id": number, "inquiry_id": inquiry, "kind": kind, "subject": "", "group_name": "main",
        "channel": "receipt", "asked_at": NOW, "target_at": NOW, "limit_at": NOW,
        "sealed": b"detail", "proof": bytes(32),
    }  # fmt: skip
    return requests.NewRequest(**(whole | given))


def add(store: Database, *rows: requests.NewRequest) -> None:
    with store.write() as connection:
        for row in rows:
            requests.add(connection, row)


def suspended(store: Database) -> set[int]:
    with store.read() as connection:
        return set(requests.suspended(connection, [HERS, HIS]))


@pytest.mark.parametrize("kind", Kind)
def test_a_request_suspends_its_inquiry_from_its_commit_on_or_never(store: Database, kind: Kind) -> None:
    add(store, asked(1, kind))
    expected = {HERS} if kind in {Kind.suspend, Kind.delete, Kind.correct} else set()
    assert suspended(store) == expected


@pytest.mark.parametrize("state", [State.done, State.refused])
@pytest.mark.parametrize("kind", [Kind.suspend, Kind.delete, Kind.correct])
def test_settling_ends_a_suspension_but_the_one_that_was_asked_for(
    store: Database, kind: Kind, state: State
) -> None:
    add(store, asked(1, kind), asked(2, Kind.suspend, HIS))
    with store.write() as connection:
        assert requests.settle(connection, 1, state, NOW)
        assert not requests.settle(connection, 1, State.refused, NOW)
        row = requests.by_id(connection, 1)
    assert row is not None
    assert (row.state, row.settled_at, row.sealed, row.pending) == (state, NOW, None, False)
    lasts = kind is Kind.suspend and state is State.done
    assert (row.suspends, suspended(store)) == (lasts, {HERS, HIS} if lasts else {HIS})


def test_resuming_lifts_what_was_asked_before_it(store: Database) -> None:
    add(
        store,
        asked(1, Kind.suspend),
        asked(2, Kind.suspend, HIS),
        asked(3, Kind.resume),
        asked(5, Kind.suspend),
    )
    with store.write() as connection:
        requests.lift(connection, HERS, 3, NOW)
        rows = {row.id: row for row in requests.of_inquiry(connection, HERS)}
    assert (rows[1].suspends, rows[5].suspends) == (False, True)
    assert suspended(store) == {HERS, HIS}


def test_resuming_lifts_no_pending_deletion(store: Database) -> None:
    add(store, asked(1, Kind.delete), asked(2, Kind.resume))
    with store.write() as connection:
        requests.lift(connection, HERS, 2, NOW)
    assert suspended(store) == {HERS}


def test_what_waits_stays_pending_with_its_reason_until_it_is_settled(store: Database) -> None:
    add(store, asked(1, Kind.delete), asked(2, Kind.copy))
    until = NOW + timedelta(days=3)
    with store.write() as connection:
        requests.wait(connection, 1, Because.held, until)
        requests.settle(connection, 2, State.done, NOW)
        requests.wait(connection, 2, Because.held, until)
        (row,) = requests.pending(connection, 0, 10)
    assert (row.id, row.state, row.because, row.until) == (1, State.needs_officer, Because.held, until)
    assert suspended(store) == {HERS}


def test_a_withdrawn_purpose_counts_from_its_commit_on_unless_it_was_refused(store: Database) -> None:
    add(
        store,
        asked(1, Kind.withdraw, subject="marketing"),
        asked(2, Kind.withdraw, HIS, subject="marketing"),
    )
    with store.write() as connection:
        assert requests.withdrawn(connection, [HERS, HIS]) == {(HERS, "marketing"), (HIS, "marketing")}
        requests.settle(connection, 1, State.done, NOW)
        requests.settle(connection, 2, State.refused, NOW)
        assert requests.withdrawn(connection, [HERS, HIS]) == {(HERS, "marketing")}


def test_the_requests_go_with_the_inquiry(store: Database) -> None:
    add(store, asked(1, Kind.delete), asked(2, Kind.delete, HIS))
    with store.write() as connection:
        due.remove_groups(connection, [HERS + 1], [HERS])
        assert requests.known(connection, [1, 2]) == {2}
    with pytest.raises(IntegrityError):
        add(store, asked(3, Kind.suspend))


def test_who_uses_an_inquiry_and_who_suspends_it_wait_for_one_another(store: Database) -> None:
    """The order of the two commits is the order that both see: no use is written down after a suspension."""
    using, done, order = threading.Event(), threading.Event(), []

    def use() -> None:
        with store.write() as connection:
            requests.hold_still(connection, HERS)
            assert not requests.suspended(connection, [HERS])
            using.set()
            done.wait(0.5)
            order.append("used")

    def suspend() -> None:
        using.wait()
        add(store, asked(1, Kind.suspend))
        order.append("suspended")
        done.set()

    threads = [threading.Thread(target=use), threading.Thread(target=suspend)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["used", "suspended"]
    assert suspended(store) == {HERS}


def test_a_request_that_is_on_its_way_goes_with_its_inquiry(store: Database) -> None:
    """Destruction waits for it, and does not fail over it."""
    asking, go_on = threading.Event(), threading.Event()

    def ask() -> None:
        with store.write() as connection:
            requests.add(connection, asked(1, Kind.suspend))
            asking.set()
            go_on.wait(0.5)

    thread = threading.Thread(target=ask)
    thread.start()
    asking.wait()
    with store.write() as connection:
        due.remove_groups(connection, [HERS + 1], [HERS])
    thread.join()
    with store.read() as connection:
        assert requests.known(connection, [1]) == frozenset()
        assert live.shells(connection, [HERS]) == {}

"""Legal holds on both databases: who places them, what they stop, what they do not, how they end."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import InvalidHold, NotFound, ReasonRequired
from inquiries.sealing import documents
from inquiries.services import (
    adoption,
    certificates,
    destruction,
    fulfilment,
    holds,
    inbox,
    outlook,
    receipt,
    records,
    retention,
    rights,
)
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live import claims
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import inquiries as live
from tests.breaking import claim_all
from tests.cast import BAE, MINJI, OH, send
from tests.moments import T0, at

BOTH = {"inquiry": True, "marketing": True}
END = T0 + timedelta(days=500)
REASON = "소라 씨와의 계약 분쟁"


def only(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT id FROM inquiries").scalar_one())


def hold(house: House, actor: Actor = OH, inquiry: int | None = None, **given: Any) -> int:
    typed: dict[str, Any] = {"reason": REASON, "basis": "민사소송법", "until": END}
    return holds.place(house, actor, inquiry or only(house), **(typed | given))


def groups(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM inquiry_groups").scalar_one())


def sweep(house: House) -> retention.Swept:
    return retention.sweep(house, confirm=True)


# -- placing -------------------------------------------------------------------------------------


def test_a_hold_is_listed_with_reason_basis_end_and_who_placed_it(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        due = send(house).due
        placed = hold(house)
        (shown,) = holds.listed(house, OH).rows
    assert (shown.id, shown.inquiry_id, shown.type) == (placed, only(house), "support")
    assert (shown.basis, shown.reason, shown.until, shown.due_at) == ("민사소송법", REASON, END, due)
    assert abs(shown.placed_at - T0 - timedelta(hours=1)) < timedelta(minutes=1)


def test_the_reason_is_sealed_and_stands_in_no_record(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        placed = hold(house)
        with house.live.read() as connection:
            sealed = connection.exec_driver_sql("SELECT reason_sealed FROM holds").scalar_one()
        assert REASON.encode() not in bytes(sealed)
        (body,) = [body for _, body in records.bodies(house, "access") if body["act"] == "hold"]
    assert body["detail"] == {"hold": str(placed), "basis": "민사소송법", "until": END.isoformat()}
    assert REASON not in str(body)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"reason": "  "}, ("reason", "required")),
        ({"reason": "x" * 501}, ("reason", "too_long")),
        ({"basis": ""}, ("basis", "required")),
        ({"basis": "x" * 201}, ("basis", "too_long")),
        ({"until": None}, ("until", "required")),
        ({"until": T0}, ("until", "not_to_come")),
        ({"until": T0 + timedelta(days=3700)}, ("until", "not_to_come")),
    ],
)
def test_refused_without_reason_basis_or_an_end_to_come(
    house_at_t0: House, given: dict[str, Any], fault: tuple[str, str]
) -> None:
    with at(hours=1):
        send(house_at_t0)
        with pytest.raises(InvalidHold) as refused:
            hold(house_at_t0, **given)
        assert [(one.field, one.code) for one in refused.value.errors] == [fault]
        assert holds.listed(house_at_t0, OH).rows == ()


@pytest.mark.parametrize("actor", [MINJI, BAE])
def test_only_the_privacy_role_places_lists_and_releases(house_at_t0: House, actor: Actor) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        placed = hold(house)
        for attempt in (
            lambda: hold(house, actor),
            lambda: holds.release(house, actor, placed, "settled"),
            lambda: holds.listed(house, actor),
        ):
            with pytest.raises(NotFound):
                attempt()
        refused = [body for _, body in records.bodies(house, "access") if body["outcome"] == "refused"]
        assert [body["staff"] for body in refused] == [actor.staff_id] * 3
        assert len(holds.listed(house, OH).rows) == 1


def test_what_is_due_or_unknown_cannot_be_held(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        with pytest.raises(NotFound):
            hold(house, inquiry=only(house) + 1)
    with at(400), pytest.raises(NotFound):
        hold(house)
    with at(400):
        assert sweep(house).destroyed == 2


def test_what_was_claimed_cannot_be_held(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        claim_all(house)
        with pytest.raises(NotFound):
            hold(house)


def test_a_claim_counts_what_was_not_claimed_before(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH, address=None, user_agent=None)
        with house.live.write() as connection:
            named = live.group_ids(connection, only(house))
            counted = [
                claims.claim(connection, ids, "asked", clock.now())
                for ids in ([named["main"]], list(named.values()), list(named.values()))
            ]
    assert counted == [1, 1, 0]


def test_a_sweep_that_claims_at_the_same_moment_wins_or_waits(any_house_at_t0: House) -> None:
    """Both want the inquiry: either it is claimed and the hold refused, or it is held and nothing claimed."""
    house = any_house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
    outcome: dict[str, object] = {}
    claiming, go_on = threading.Event(), threading.Event()

    def claim() -> None:
        with house.live.write() as connection:
            outcome["claimed"] = len(claims.claim_due(connection, T0 + timedelta(days=400), 10))
            claiming.set()
            go_on.wait(1)  # the hold comes now

    def place() -> None:
        claiming.wait(10)
        try:
            with at(hours=2):  # for whose clock it is not due yet
                outcome["hold"] = hold(house)
        except NotFound:
            outcome["hold"] = None
        go_on.set()

    threads = [threading.Thread(target=one) for one in (claim, place)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert outcome == {"claimed": 1, "hold": None}


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
@pytest.mark.parametrize("act", ["postpone", "correct"])
def test_who_changes_what_is_being_claimed_changes_nothing(any_house_at_t0: House, act: str) -> None:
    """PostgreSQL: the claim does not touch the group's row, so whoever changes that waits, and asks again."""
    house = any_house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
    inquiry, due = only(house), T0 + timedelta(days=400)
    before = as_it_stands(house)
    claiming, waiting = threading.Event(), threading.Event()

    def change() -> None:
        claiming.wait(10)
        with house.live.write() as connection:
            waiting.set()
            if act == "postpone":
                live.set_due(connection, inquiry, due + timedelta(days=1))
            else:
                live.replace_sealed(connection, live.group_ids(connection, inquiry)["main"], b"others")

    thread = threading.Thread(target=change)
    thread.start()
    with house.live.write() as connection:
        assert len(claims.claim_due(connection, due, 10)) == 1
        claiming.set()
        assert waiting.wait(10)
        time.sleep(0.3)  # it waits for us now
    thread.join(20)
    assert as_it_stands(house) == before


def as_it_stands(house: House) -> list[tuple[Any, ...]]:
    with house.live.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM inquiry_groups")]


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_a_hold_that_commits_while_the_sweep_looks_is_seen(any_house_at_t0: House) -> None:
    """PostgreSQL: the sweep's look is older than the hold, and its claim is not."""
    house = any_house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
        inquiry = only(house)
        with house.live.write() as sweeping:
            now = T0 + timedelta(days=400)
            query = f"SELECT id FROM inquiry_groups WHERE due_at <= {int(now.timestamp() * 1e6)}"
            ids = list(sweeping.exec_driver_sql(query).scalars())
            assert len(ids) == 1
            hold(house, inquiry=inquiry, until=T0 + timedelta(days=450))
            claims._claim(sweeping, ids, now)
        with house.live.read() as connection:
            assert live.readable(connection, inquiry, clock.now()) is not None


# -- what it stops -------------------------------------------------------------------------------


def test_it_stops_the_destruction_of_every_group_and_ends_by_itself(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
        adoption.adopt_pending(house)
        hold(house)
    with at(400):
        swept = sweep(house)
        assert (swept.due, swept.destroyed, swept.held) == (0, 0, 3)
        assert outlook.longest_overdue(house) == timedelta(0)
    with at(500, minutes=-1):
        assert sweep(house).destroyed == 0
    with at(500, minutes=1):
        assert outlook.longest_overdue(house) < timedelta(minutes=2)  # since it could be destroyed
        assert outlook.alarm(house) is None
        swept = sweep(house)
        assert (swept.destroyed, swept.max_lag_seconds // 60) == (3, 1)
    assert groups(house) == 0


@pytest.mark.promise("P11")
@pytest.mark.parametrize("released", [False, True])
def test_its_proof_says_that_a_hold_pushed_the_day_back(any_house_at_t0: House, *, released: bool) -> None:
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        adoption.adopt_pending(house)
        placed = hold(house)
    ended = T0 + timedelta(days=450) if released else END
    if released:
        with time_machine.travel(ended, tick=False):
            holds.release(house, OH, placed, "settled")
    with time_machine.travel(ended + timedelta(minutes=30), tick=False):
        assert outlook.longest_overdue(house) < timedelta(hours=1)
        sweep(house)
        (run,) = (one for one in outlook.of(house).runs if one.destroyed)
        assert run.max_lag_seconds == 30 * 60
        said = [one.statement for one in certificates.for_receipt(house, code).document.destroyed]
        of_run = certificates.of_run(house, run.record).statement["by_reason"]["expired"]
    assert {one["due"] for one in said} == {documents.written(ended)}
    assert {one["rule"] for one in said} == {"period 1 year; held", "visitor 3 months; held"}
    assert {one["lag_seconds"] for one in said} == {30 * 60}
    assert (of_run["destroyed"], of_run["max_lag_seconds"]) == (2, 30 * 60)


def test_a_hold_that_ended_before_the_day_changes_nothing_of_it(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        code = send(house).receipt
        hold(house, until=T0 + timedelta(days=20))
    with at(400):
        waited = outlook.longest_overdue(house)  # the visitor's data
        assert timedelta(days=300) < waited < timedelta(days=320)
        sweep(house)
        said = [one.statement for one in certificates.for_receipt(house, code).document.destroyed]
    assert {one["rule"] for one in said} == {"period 1 year", "visitor 3 months"}
    assert END.isoformat() not in str(said)


def test_what_of_it_was_due_before_is_not_brought_back(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        adoption.adopt_pending(house)
    with at(100):
        assert set(receipt.look(house, code).parts) == {"main"}
        hold(house)
        assert set(receipt.look(house, code).parts) == {"main"}
        hold(house)  # a second one keeps what the first kept
        assert sweep(house).destroyed == 1
        assert groups(house) == 1


def test_nobody_came_by_for_what_no_hold_kept_and_that_is_late_and_says_so(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        adoption.adopt_pending(house)
    due = datetime(2026, 6, 2, 10, 30, tzinfo=UTC)  # the visitor's data, three months after the receipt
    with at(100):
        hold(house, until=T0 + timedelta(days=130))
    for day in (110, 140):  # while it runs, and after
        with at(day):
            assert abs(outlook.longest_overdue(house) - (clock.now() - due)) < timedelta(minutes=2)
    with at(140):
        assert sweep(house).max_lag_seconds // 86_400 == (clock.now() - due).days
        (said,) = (one.statement for one in certificates.for_receipt(house, code).document.destroyed)
    assert said["rule"] == "visitor 3 months"
    assert str(said["due"])[:16] == "2026-06-02T10:30"


def test_what_one_hold_kept_and_the_next_does_not_is_late_since_the_first_ended(
    any_house_at_t0: House,
) -> None:
    """A hold cannot be corrected: the officer releases it and places another. In between its parts are due."""
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        adoption.adopt_pending(house)
        placed = hold(house)
    released = T0 + timedelta(days=150)
    with time_machine.travel(released, tick=False):
        holds.release(house, OH, placed, "the basis was mistyped")
    with time_machine.travel(released + timedelta(minutes=5), tick=False):
        hold(house, until=T0 + timedelta(days=200))
    with time_machine.travel(released + timedelta(minutes=30), tick=False):
        assert outlook.longest_overdue(house) == timedelta(minutes=30)
        assert sweep(house).max_lag_seconds == 30 * 60
        (said,) = (one.statement for one in certificates.for_receipt(house, code).document.destroyed)
    assert (said["due"], said["rule"]) == (documents.written(released), "visitor 3 months; held")


@pytest.mark.promise("P17")
def test_of_what_she_asked_for_and_a_hold_delayed_the_proof_says_so(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        code = send(house, address=None, user_agent=None).receipt
        hold(house)
        rights.delete(house, code)
        fulfilment.carry_out(house)
    with time_machine.travel(END + timedelta(minutes=5), tick=False):
        fulfilment.carry_out_waiting(house)
        (said,) = (one.statement for one in certificates.for_receipt(house, code).document.destroyed)
    assert (said["reason"], said["rule"]) == ("deleted_on_request", "deleted_on_request; held")
    assert (said["due"], said["lag_seconds"]) == (documents.written(END), 5 * 60)


def test_what_is_readable_as_it_is_held_is_not_claimed_as_late(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its day comes between two looks at the clock, which there must not be: the officer was told that it is held."""
    house = house_at_t0
    moments: list[datetime] = []
    readable, claim = live.readable, claims.claim_overdue

    def looked(connection: Any, inquiry: int, now: datetime, *, held: bool = False) -> Any:
        moments.append(now)
        return readable(connection, inquiry, now, held=held)

    def claimed(connection: Any, inquiry: int, now: datetime) -> int:
        moments.append(now)
        return claim(connection, inquiry, now)

    with at(hours=1):
        send(house)
        monkeypatch.setattr(live, "readable", looked)
        monkeypatch.setattr(claims, "claim_overdue", claimed)
        hold(house)
    assert moments[-1] == moments[-2]


def test_the_forecast_knows_when_a_hold_ends(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        for _ in range(25):
            send(house, address=None, user_agent=None)
        with house.live.read() as connection:
            ids = list(connection.exec_driver_sql("SELECT id FROM inquiries").scalars())
        for one in ids:
            hold(house, inquiry=one)
    with at(499):
        sweep(house)
    with at(500, hours=1):
        house.memory.pop("clock", None)
        assert retention.sweep(house).destroyed == 25  # no surprise to the clock guard


def test_released_holds_are_no_surprise_to_the_clock_guard(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        for _ in range(25):
            send(house, address=None, user_agent=None)
        with house.live.read() as connection:
            ids = list(connection.exec_driver_sql("SELECT id FROM inquiries").scalars())
        placed = [hold(house, inquiry=one) for one in ids]
    with at(400):
        assert sweep(house).destroyed == 0
    with at(400, hours=1):
        for one in placed:
            holds.release(house, OH, one, "settled")
        house.memory.pop("clock", None)
        assert retention.sweep(house).destroyed == 25


def test_released_it_goes_with_the_next_sweep(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        placed = hold(house)
    with at(400):
        assert sweep(house).destroyed == 0
        with pytest.raises(ReasonRequired):
            holds.release(house, OH, placed, " ")
        holds.release(house, OH, placed, "settled")
        assert holds.listed(house, OH).rows == ()
        with pytest.raises(NotFound):
            holds.release(house, OH, placed, "again")
        (body,) = [body for _, body in records.bodies(house, "access") if body["act"] == "release"]
        assert (body["reason"], body["detail"]) == ("settled", {"hold": str(placed)})
        assert sweep(house).destroyed == 2


def test_of_two_holds_the_last_to_end_counts(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        hold(house)
    with at(450):
        hold(house, until=T0 + timedelta(days=600))  # past its due date, but held: so it can be held longer
        assert receipt.look(house, code).held_until == T0 + timedelta(days=600)
    with at(550):
        assert sweep(house).destroyed == 0
        assert len(holds.listed(house, OH).rows) == 1
    with at(601):
        assert sweep(house).destroyed == 2


def test_destroy_now_leaves_what_is_held(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        placed = hold(house)
        with house.live.read() as connection:
            ids = [one for one, _ in due_groups.groups_after(connection, 0, 10)]
        assert destruction.destroy_now(house, ids, "archived") == 0
        assert groups(house) == 2
        holds.release(house, OH, placed, "settled")
        assert destruction.destroy_now(house, ids, "archived") == 2
        assert groups(house) == 0


# -- what it does not ----------------------------------------------------------------------------


def test_past_its_due_date_only_the_officer_opens_it_with_a_reason(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        inquiry = only(house)
        hold(house)
        assert inbox.open_inquiry(house, MINJI, inquiry, None).items["name"] == "김소라"
    with at(400):
        for actor in (MINJI, OH):
            assert inbox.page(house, actor).rows == ()
        with pytest.raises(NotFound):
            inbox.open_inquiry(house, MINJI, inquiry, "curious")
        with pytest.raises(NotFound):
            inbox.close(house, MINJI, inquiry)
        with pytest.raises(ReasonRequired):
            inbox.open_inquiry(house, OH, inquiry, None)
        assert inbox.summary(house, OH, inquiry).needs_reason
        assert inbox.open_inquiry(house, OH, inquiry, "the court asks").items["name"] == "김소라"
        desk_and_officer = Actor(105, "both@example.com", dict(MINJI.roles) | dict(OH.roles))
        with pytest.raises(ReasonRequired):
            inbox.open_inquiry(house, desk_and_officer, inquiry, None)
    with at(501), pytest.raises(NotFound):
        inbox.open_inquiry(house, OH, inquiry, "the court asks")


def test_the_receipt_says_until_when_a_hold_keeps_it(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        code = send(house).receipt
        assert receipt.look(house, code).held_until is None
        hold(house)
    with at(400):
        view = receipt.look(house, code)
        assert (view.held_until, view.items["name"]) == (END, "김소라")
        assert view.due_at is not None
        assert view.due_at < clock.now()
    with at(501), pytest.raises(NotFound):
        receipt.look(house, code)


def test_it_is_closed_and_reopened_as_ever(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        hold(house)
        inquiry = only(house)
        inbox.open_inquiry(house, MINJI, inquiry, None)
        inbox.close(house, MINJI, inquiry)
        due: datetime | None = holds.listed(house, OH).rows[0].due_at
        assert due is not None
        assert due < T0 + timedelta(days=31)
        inbox.reopen(house, MINJI, inquiry)


def test_pages_of_holds_go_on_where_the_last_one_ended(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "PAGE", 2)
    with at(hours=1):
        send(house_at_t0)
        placed = [hold(house_at_t0) for _ in range(3)]
        first = holds.listed(house_at_t0, OH)
        assert [row.id for row in first.rows] == [placed[2], placed[1]]
        rest = holds.listed(house_at_t0, OH, first.next)
        assert ([row.id for row in rest.rows], rest.next) == ([placed[0]], None)

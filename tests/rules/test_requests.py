"""What is done at once and what waits, for each right and each reason against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inquiries.rules.requests import (
    ENTERED,
    PENDING,
    SUSPENDING,
    UNSETTLED,
    AtOnce,
    Authority,
    Because,
    Channel,
    Facts,
    Identity,
    Kind,
    State,
    Waits,
    decide,
    mailed,
    may_ask,
    may_refuse,
    proved,
    runs,
    well_formed,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER, LATEST = NOW + timedelta(days=1), NOW + timedelta(days=2)


@pytest.mark.parametrize("kind", Kind)
def test_with_nothing_against_it_everything_is_done_at_once(kind: Kind) -> None:
    assert decide(kind, Facts(), NOW) == AtOnce()


@pytest.mark.parametrize("kind", Kind)
def test_a_hold_keeps_what_would_be_destroyed_or_replaced(kind: Kind) -> None:
    kept = kind in {Kind.delete, Kind.correct, Kind.withdraw}
    expected = Waits(Because.held, LATER) if kept else AtOnce()
    assert decide(kind, Facts(held_until=LATER), NOW) == expected


@pytest.mark.parametrize("kind", Kind)
def test_the_minimum_stands_against_deletion_alone(kind: Kind) -> None:
    expected = Waits(Because.minimum, LATER) if kind is Kind.delete else AtOnce()
    assert decide(kind, Facts(minimum_until=LATER), NOW) == expected


@pytest.mark.parametrize("kind", Kind)
def test_a_statute_keeps_the_inquiry_as_it_was_received(kind: Kind) -> None:
    kept = kind in {Kind.delete, Kind.correct}
    expected = Waits(Because.statute, LATER) if kept else AtOnce()
    assert decide(kind, Facts(statute_until=LATER), NOW) == expected


def test_what_is_over_stands_against_nothing() -> None:
    assert decide(Kind.delete, Facts(held_until=NOW, minimum_until=NOW, statute_until=NOW), NOW) == AtOnce()
    assert decide(Kind.delete, Facts(held_until=NOW + timedelta(microseconds=1)), NOW) != AtOnce()


def test_of_several_reasons_the_longest_is_told() -> None:
    assert decide(Kind.delete, Facts(held_until=LATER, minimum_until=LATEST), NOW) == Waits(
        Because.minimum, LATEST
    )
    assert decide(Kind.delete, Facts(held_until=LATEST, minimum_until=LATER), NOW) == Waits(
        Because.held, LATEST
    )


def test_what_changes_or_ends_an_inquiry_suspends_it_meanwhile() -> None:
    assert {Kind.suspend, Kind.delete, Kind.correct} == SUSPENDING
    assert {State.open, State.needs_officer} == PENDING


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("suspended", [False, True])
def test_while_her_deletion_is_pending_a_copy_alone_is_offered(kind: Kind, *, suspended: bool) -> None:
    assert may_ask(kind, suspended=suspended, deleting=True) == (kind is Kind.copy)


@pytest.mark.parametrize("suspended", [False, True])
def test_a_suspension_is_offered_or_its_end(*, suspended: bool) -> None:
    offered = {kind for kind in Kind if may_ask(kind, suspended=suspended, deleting=False)}
    assert offered == set(Kind) - {Kind.confirm, Kind.suspend if suspended else Kind.resume}


@pytest.mark.parametrize(
    ("kind", "subject", "fits"),
    [
        *((kind, "", kind is not Kind.confirm) for kind in Kind),
        (Kind.withdraw, "marketing", True),
        (Kind.correct, "email name", True),
        *((Kind.withdraw, group, False) for group in ("main", "visitor", "archive")),
        ("erase", "", False),
    ],
)
def test_what_no_page_asks_is_not_well_formed(kind: str, subject: str, fits: bool) -> None:  # noqa: FBT001
    assert well_formed(kind, subject, "receipt", "main") is fits


@pytest.mark.promise("P15")
@pytest.mark.parametrize(
    ("kind", "subject", "group", "fits"),
    [
        (Kind.delete, "", "main", True),
        (Kind.delete, "x", "main", False),
        (Kind.withdraw, "main", "main", False),
        (Kind.withdraw, "marketing", "marketing", True),
        (Kind.withdraw, "prizes", "marketing", False),
        (Kind.withdraw, "", "marketing", False),
        (Kind.delete, "", "marketing", False),
        (Kind.copy, "", "main", False),
        *((Kind.withdraw, group, group, False) for group in ("visitor", "archive")),
    ],
)
def test_a_link_to_unsubscribe_ends_what_it_is_of(kind: str, subject: str, group: str, *, fits: bool) -> None:
    assert well_formed(kind, subject, "unsubscribe", group) is fits


@pytest.mark.promise("P07")
@pytest.mark.parametrize(
    ("kind", "subject", "group", "fits"),
    [
        (Kind.confirm, "", "main", True),
        (Kind.delete, "", "main", True),
        (Kind.confirm, "x", "main", False),
        (Kind.delete, "x", "main", False),
        (Kind.confirm, "", "visitor", False),
        (Kind.delete, "", "visitor", False),
        (Kind.copy, "", "main", False),
    ],
)
def test_a_guardian_agrees_or_has_it_deleted(kind: str, subject: str, group: str, *, fits: bool) -> None:
    assert well_formed(kind, subject, "guardian", group) is fits


@pytest.mark.promise("P18")
@pytest.mark.parametrize(
    ("identity", "authority", "representative", "enough"),
    [
        (None, None, False, False),
        (None, Authority.law, True, False),
        (Identity.callback, None, False, True),
        (Identity.callback, None, True, False),
        (Identity.document, Authority.attorney, True, True),
        (Identity.document, Authority.attorney, False, True),
    ],
)
def test_who_asks_shows_who_she_is_and_for_somebody_else_by_what(
    identity: Identity | None, authority: Authority | None, *, representative: bool, enough: bool
) -> None:
    assert proved(identity, authority, representative=representative) is enough


@pytest.mark.promise("P15")
@pytest.mark.promise("P22")
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("waited", [False, True])
def test_the_result_is_mailed_but_for_what_she_saw_happen_and_to_nobody_who_unsubscribed(
    kind: Kind, *, waited: bool
) -> None:
    told = {channel for channel in Channel if mailed(kind, channel, waited=waited)}
    seen = {Channel.receipt} if waited or kind is Kind.delete else set()
    assert told == ENTERED | seen


@pytest.mark.promise("P18")
@pytest.mark.parametrize("kind", Kind)
def test_who_has_not_shown_who_she_is_can_be_refused_all_and_nobody_the_end_of_a_consent(kind: Kind) -> None:
    states = {state for state in State if may_refuse(kind, state)}
    never = kind in {Kind.withdraw, Kind.resume, Kind.confirm}
    assert states == ({State.needs_proof} if never else UNSETTLED)


@pytest.mark.promise("P22")
def test_the_deadline_runs_until_it_is_settled_or_answered_with_a_reason_and_a_day() -> None:
    assert {state for state in State if runs(state, None)} == UNSETTLED
    answered = {because for because in Because if not runs(State.needs_officer, because)}
    assert answered == {Because.held, Because.minimum, Because.statute}

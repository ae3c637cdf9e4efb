"""Requests that the officer enters, on both databases: from the call to what the stores hold."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import InvalidFields, NotFound, Suspended, WrongState
from inquiries.rules.requests import Authority, Because, Channel, Kind, State
from inquiries.services import (
    adoption,
    fulfilment,
    hand_over,
    holds,
    inbox,
    on_behalf,
    receipt,
    records,
    replies,
    request_desk,
    request_records,
    rights,
    search,
)
from inquiries.services.house import House
from inquiries.services.intake import Received
from inquiries.services.on_behalf import Proof
from inquiries.stores.live import claims
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.tables import requests as table
from tests.asking import BOTH, SEEN, enter, entry, number_of, recorded, row_of, state_of, suspended
from tests.cast import ITEMS, MINJI, OH, send

pytestmark = [pytest.mark.promise("P18"), pytest.mark.promise("P17")]


@pytest.fixture
def sora(house: House) -> Received:
    """Her inquiry, with both consents."""
    return send(house, consents=BOTH)


# -- what is asked goes the way of any other -------------------------------------------------------


def test_each_right_is_carried_out_by_the_worker(any_house: House) -> None:
    sora = send(any_house, consents=BOTH)
    look: Callable[[], receipt.ReceiptView] = lambda: receipt.look(any_house, sora.receipt)  # noqa: E731
    enter(any_house, Kind.correct, texts={"name": "김소라나", "company": ""})
    assert look().corrected == {"name": "김소라나"}
    enter(any_house, Kind.withdraw, purpose="marketing")
    enter(any_house, Kind.suspend)
    fulfilment.carry_out(any_house)
    assert look().items == ITEMS | {"name": "김소라나"}
    assert [one.purpose for one in look().consents if one.holds] == ["inquiry"]
    assert suspended(any_house)
    with pytest.raises(Suspended):
        inbox.open_inquiry(any_house, MINJI, number_of(any_house), None)
    enter(any_house, Kind.resume)
    fulfilment.carry_out(any_house)
    assert not suspended(any_house)
    assert {one.channel for one in look().requests} == {"phone"}
    assert {one.state for one in look().requests} == {State.done}


def test_all_inquiries_of_one_person_in_one_entry(house: House) -> None:
    codes = [send(house).receipt, send(house, type="support").receipt]
    send(house, items={"email": "minsu@example.com", "contact": None})
    adoption.adopt_pending(house)
    found = [row.id for row in search.search(house, OH, ITEMS["email"]).rows]
    assert len(on_behalf.enter(house, OH, found, entry(Kind.delete))) == len(codes)
    fulfilment.carry_out(house)
    assert search.search(house, OH, ITEMS["email"]).rows == ()
    assert len(inbox.page(house, MINJI).rows) == 1


def test_the_copy_holds_the_notes_and_leaves_a_trace_for_her(house: House, sora: Received) -> None:
    inbox.open_inquiry(house, MINJI, number_of(house), None)
    replies.note(house, MINJI, number_of(house), "화요일에 다시 전화")
    made = enter(house, Kind.copy)
    with pytest.raises(WrongState):  # asked again within the hour: one copy
        hand_over.handed_over(house, OH, enter_again(house, Kind.copy))
    fulfilment.carry_out(house)
    assert row_of(house, made).because == Because.hand_over  # type: ignore[union-attr]
    with_notes = hand_over.copy(house, OH, made, notes=True)
    without = hand_over.copy(house, OH, made, notes=False)
    assert [one.text for one in with_notes.view.thread] == ["화요일에 다시 전화"]
    assert without.view.thread == ()
    assert {name: part.items for part in with_notes.parts for name in [part.name]}["main"] == ITEMS
    hand_over.handed_over(house, OH, made)
    assert state_of(house, made) == State.done
    seen = receipt.look(house, sora.receipt)
    assert [(one.role, one.copied) for one in seen.openings].count(("privacy", True)) == 2
    with pytest.raises(WrongState):
        hand_over.copy(house, OH, made, notes=True)


def enter_again(house: House, kind: Kind) -> int:
    with pytest.raises(InvalidFields) as refused:
        enter(house, kind)
    assert refused.value.errors[0].code == "asked_already"
    raise WrongState("asked already")


@pytest.mark.usefixtures("sora")
def test_the_deadline_runs_from_the_day_on_which_it_came_in(house: House) -> None:
    today = clock.now().date()
    for day, code in ((today + timedelta(days=2), "to_come"), (today - timedelta(days=9), "before_inquiry")):
        with pytest.raises(InvalidFields) as refused:
            enter(house, Kind.delete, day=day)
        assert [(one.field, one.code) for one in refused.value.errors] == [("day", code)]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"evidence": " "}, ("evidence", "required")),
        ({"evidence": "x" * 2001}, ("evidence", "too_long")),
        ({"representative": True}, ("who", "required")),
        ({"channel": Channel.receipt}, ("channel", "required")),
        ({"kind": Kind.withdraw, "purpose": "inquiry"}, ("purpose", "not_withdrawable")),
        ({"kind": Kind.correct, "texts": {"name": ITEMS["name"]}}, ("kind", "nothing_to_correct")),
        ({"kind": Kind.correct, "texts": {"email": "keine"}}, ("email", "invalid_email")),
    ],
)
def test_what_lacks_something_is_not_entered(
    house: House, given: dict[str, Any], fault: tuple[str, str]
) -> None:
    send(house)
    with pytest.raises(InvalidFields) as refused:
        enter(house, **({"kind": Kind.delete} | given))
    assert [(one.field, one.code) for one in refused.value.errors] == [fault]
    assert recorded(house) == []


@pytest.mark.usefixtures("sora")
def test_no_evidence_stands_in_clear_anywhere(house: House) -> None:
    made = enter(house, Kind.suspend, representative=True, who="KANARIE-WHO", evidence="KANARIE-LETTER")
    on_behalf.prove(house, OH, made, replace(SEEN, authority=Authority.law), "KANARIE-SEEN")
    shown = request_desk.look(house, OH, made).evidence
    assert [shown[name] for name in ("who", "evidence", "seen")] == [
        "KANARIE-WHO", "KANARIE-LETTER", "KANARIE-SEEN"
    ]  # fmt: skip
    for chain in ("requests", "access"):
        assert "KANARIE" not in str(list(records.bodies(house, chain)))
    with house.live.read() as connection:
        assert b"KANARIE" not in repr(connection.execute(table.select()).all()).encode()


# -- refusing --------------------------------------------------------------------------------------


def test_a_refusal_lifts_the_suspension_and_she_reads_why(house: House, sora: Received) -> None:
    hold(house)
    rights.delete(house, sora.receipt)
    fulfilment.carry_out(house)
    (asked,) = [one for one in request_desk.overview(house, OH) if one.kind == Kind.delete]
    assert suspended(house)
    for reason in (None, " ", "x" * 501, "abc\u202edef", "abc\x00def"):
        with pytest.raises(InvalidFields):
            request_desk.refuse(house, OH, asked.id, reason)
    request_desk.refuse(house, OH, asked.id, "소송이 진행 중입니다.")
    (seen,) = receipt.look(house, sora.receipt).requests
    assert (seen.state, seen.because, seen.reason) == (
        State.refused,
        Because.officer,
        "소송이 진행 중입니다.",
    )
    assert not suspended(house)
    with pytest.raises(WrongState):
        request_desk.refuse(house, OH, asked.id, "again")
    assert "소송" not in str(list(records.bodies(house, "requests")))


def test_the_end_of_a_consent_cannot_be_refused(house: House, sora: Received) -> None:
    hold(house)
    rights.withdraw(house, sora.receipt, "marketing")
    fulfilment.carry_out(house)
    (asked,) = request_desk.overview(house, OH)
    with pytest.raises(WrongState):
        request_desk.refuse(house, OH, asked.id, "no")
    with pytest.raises(NotFound):
        request_desk.refuse(house, MINJI, asked.id, "no")


def hold(house: House) -> int:
    until = clock.now() + timedelta(days=30)
    return holds.place(house, OH, number_of(house), reason="a dispute", basis="민사소송법", until=until)


@pytest.mark.promise("P21")
@pytest.mark.usefixtures("sora")
def test_what_is_due_shows_no_evidence_any_more(house: House) -> None:
    made = enter(house, Kind.suspend, proof=Proof())
    with time_machine.travel(clock.now() + timedelta(days=366)), pytest.raises(NotFound):
        request_desk.look(house, OH, made)
    assert request_desk.look(house, OH, made).evidence["evidence"]


@pytest.mark.usefixtures("sora")
def test_after_a_restore_the_proved_is_proved_and_the_rest_is_entered_anew(house: House) -> None:
    proved, waiting = enter(house, Kind.suspend), enter(house, Kind.delete, proof=Proof())
    copy = enter(house, Kind.copy)
    fulfilment.carry_out(house)
    hand_over.handed_over(house, OH, copy)
    with house.live.write() as connection:
        connection.execute(table.delete())
    assert set(request_records.replay(house).made) == {proved, waiting}  # a copy that was given is given
    assert (suspended(house), state_of(house, waiting)) == (True, State.needs_proof)
    fulfilment.carry_out(house)
    assert (state_of(house, proved), state_of(house, waiting)) == (State.done, State.needs_proof)
    with pytest.raises(WrongState):  # nobody knows any more whether it was a representative's
        on_behalf.prove(house, OH, waiting, SEEN)
    request_desk.refuse(house, OH, waiting, "entered anew")


# -- races -----------------------------------------------------------------------------------------


def test_her_own_request_and_the_officers_are_one(any_house: House) -> None:
    """Both ask for the deletion, and while it runs the officer refuses, and carries out: it ends once."""
    sora = send(any_house, consents=BOTH)
    number = number_of(any_house)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def race(act: Callable[[], object]) -> None:
        start.wait(10)
        try:
            outcomes.append(f"done {act()}")
        except (WrongState, NotFound, InvalidFields) as late:
            outcomes.append(late.code)

    made = enter(any_house, Kind.delete)
    acts: list[Callable[[], object]] = [
        lambda: rights.delete(any_house, sora.receipt),
        lambda: request_desk.carry_out(any_house, OH, made),
        lambda: request_desk.refuse(any_house, OH, made, "refused"),
        lambda: on_behalf.enter(any_house, OH, [number], entry(Kind.delete)),
    ]
    threads = [threading.Thread(target=race, args=[act]) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(outcomes) == len(acts)
    fulfilment.carry_out(any_house)
    acted = [body["act"] for _, body in records.bodies(any_house, "requests") if body["id"] == made]
    assert acted in (["asked", "proved", "done"], ["asked", "proved", "refused"])  # never both
    destroyed = "done" in acted or bool([a for a in recorded(any_house) if a == "done"])
    with any_house.live.read() as connection:
        assert (number not in live.shells(connection, [number])) is destroyed


@pytest.mark.usefixtures("sora")
def test_what_is_being_destroyed_cannot_be_refused(house: House) -> None:
    made = enter(house, Kind.delete)
    row, _, key = request_desk.found(house, OH, made)
    with house.live.read() as connection:
        groups = list(live.group_ids(connection, number_of(house)).values())
    with house.live.write() as connection:
        claims.claim(connection, groups, fulfilment.DELETED, clock.now())
    with pytest.raises(NotFound):
        request_desk.refuse(house, OH, made, "too late")
    assert key is not None
    with pytest.raises(WrongState):  # who was looking at it before
        request_desk._refuse(house, OH, row, key, "too late")
    assert "refused" not in recorded(house)

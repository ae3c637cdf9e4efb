"""The review that the officer signs: what it covers, what is marked, and that one which is missing is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inquiries.errors import NotFound, ReasonRequired, WrongState
from inquiries.rules.unusual import Mark
from inquiries.services import holds, inbox, records, review
from inquiries.services.house import House
from tests.cast import BAE, MINJI, OH, send
from tests.moments import T0, at

pytestmark = [pytest.mark.promise("P25"), pytest.mark.promise("P26")]
NOON = timedelta(hours=-6, minutes=-30)  # noon in Seoul, before T0


def opened(house: House, count: int, **given: Any) -> list[int]:
    said: dict[str, Any] = {"act": "open", "actor": MINJI, "subject": 7} | given
    return [records.access(house, **said) for _ in range(count)]


def test_what_is_usual_is_counted_and_not_marked(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        opened(house, 3)
        opened(house, 1, actor=OH, reason="a request")
        records.access(house, act="open_inquiry", actor=BAE, subject=7, outcome="refused")
        found = review.pending(house, OH)
    assert (found.after, found.up_to, found.since) == (0, 5, None)
    assert (found.openings, found.people, found.refusals, found.tallies) == (4, 2, 1, ())


def test_what_is_marked_is_told_by_person_and_rule(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        usual = opened(house, 30)
        beyond = opened(house, 2)
    with at(hours=8):  # half past two at night in Seoul
        late = opened(house, 1, actor=OH, reason="a request", detail={"type": "support", "other_type": "yes"})
        for _ in range(11):
            records.access(house, act="open_inquiry", actor=BAE, subject=7, outcome="refused")
        found = review.pending(house, OH)
    by = {(one.staff, one.mark): one for one in found.tallies}
    assert {key: one.count for key, one in by.items()} == {
        (MINJI.staff_id, Mark.many): 2, (OH.staff_id, Mark.night): 1, (OH.staff_id, Mark.other_types): 1,
        (BAE.staff_id, Mark.refused): 1,
    }  # fmt: skip
    assert by[MINJI.staff_id, Mark.many].numbers == tuple(beyond)
    assert by[OH.staff_id, Mark.night].numbers == tuple(late)
    assert not set(usual) & {n for one in found.tallies for n in one.numbers}
    assert found.marked == 5


def test_signed_it_says_what_was_covered_and_the_next_one_begins_after_it(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        opened(house, 31)
        shown = review.pending(house, OH)
        opened(house, 1)  # while she reads
        done = review.sign(house, OH, shown.up_to, "  a busy\n day ")
        ((number, _, body),) = records.newest(house, "operation", "review", 2)
    assert (done.record, done.up_to, done.openings, done.marked, done.remark) == (
        number,
        31,
        31,
        1,
        "a busy day",
    )
    assert body == {
        "act": "review", "staff": OH.staff_id, "email": OH.email, "after": 0, "up_to": 31, "openings": 31,
        "refusals": 0, "people": 1, "marked": 1, "marks": [[MINJI.staff_id, "many", 1, 31]], "remark": "a busy day",
        "holds": 0, "long_holds": 0,
    }  # fmt: skip
    with at(minutes=1):
        following = review.pending(house, OH)
        assert (following.after, following.openings) == (31, 1)
        # what came before the review still counts for the hour, and is not marked again
        assert [(one.count, one.numbers) for one in following.tallies] == [(1, (33,))]
        assert review.signed(house)[0].who == OH.email


def test_nothing_is_signed_twice_or_ahead(house_at_t0: House) -> None:
    with at():
        opened(house_at_t0, 1)
        review.sign(house_at_t0, OH, 1, "")
        for up_to in (0, 1, 99):
            with pytest.raises(WrongState):
                review.sign(house_at_t0, OH, up_to, "")
    assert len(review.signed(house_at_t0)) == 1


def test_two_officers_at_once_sign_once(house_at_t0: House) -> None:
    with at():
        opened(house_at_t0, 1)
        with house_at_t0.ledger.job("review"), pytest.raises(WrongState):
            review.sign(house_at_t0, OH, 1, "")


def test_what_is_marked_wants_a_remark(house_at_t0: House) -> None:
    with at():
        opened(house_at_t0, 31)
        for remark in ("", " \n "):
            with pytest.raises(ReasonRequired):
                review.sign(house_at_t0, OH, 31, remark)
    assert review.signed(house_at_t0) == ()


@pytest.mark.parametrize("stranger", [MINJI, BAE])
def test_nobody_else_reviews(house_at_t0: House, stranger: Any) -> None:
    with at():
        for act in (
            lambda: review.pending(house_at_t0, stranger),
            lambda: review.sign(house_at_t0, stranger, 1, "mine"),
        ):
            with pytest.raises(NotFound):
                act()
        refused = [body["act"] for _, body in records.bodies(house_at_t0, "access")]
    assert refused == ["see_ledger"] * 2


def test_a_review_is_due_a_month_after_the_last_one(house_at_t0: House) -> None:
    house = house_at_t0
    with at():
        assert review.state(house) is None
        opened(house, 1)
    for day, missing in ((30, False), (31, True)):
        with at(day, minutes=1):
            state = review.state(house)
            assert state is not None
            assert state.missing is missing
            assert (state.due - T0).days == 31
    with at(40):
        review.sign(house, OH, 1, "")
        now = review.state(house)
        assert now is not None
        assert not now.missing
    with at(40 + 31, hours=1):
        then = review.state(house)
        assert then is not None
        assert then.missing


def held(house: House, inquiry_id: int, basis: str, days: int) -> int:
    until = T0 + timedelta(days=days)
    return holds.place(house, OH, inquiry_id, reason="a dispute", basis=basis, until=until)


@pytest.mark.promise("P14")
def test_the_holds_that_run_are_counted_and_those_of_more_than_a_year_named(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        send(house)
        second, first = (row.id for row in inbox.page(house, OH).rows)
        held(house, first, "order 1", 800)
        held(house, second, "order 2", 500)
        settled = held(house, first, "order 3", 800)
        held(house, first, "order 4", 200)
    with at(300):
        held(house, first, "order 5", 800)
        holds.release(house, OH, settled, "settled")
        assert review.pending(house, OH).holds == review.Holds(3, 0, ())
    with at(366, minutes=59):
        assert review.pending(house, OH).holds.long == 0
    with at(366, minutes=62):
        found = review.pending(house, OH)
        assert (found.holds.running, found.holds.long) == (3, 3)
        assert [(one.inquiry_id, one.basis, (one.until - T0).days) for one in found.holds.oldest] == [
            (first, "order 1", 800), (second, "order 2", 500), (first, "order 5", 800),
        ]  # fmt: skip
        assert all(T0 < one.placed_at < T0 + timedelta(hours=2) for one in found.holds.oldest[:2])
        assert "list_holds" not in {body["act"] for _, body in records.bodies(house, "access")}
    with at(600):
        shown = review.pending(house, OH)
        done = review.sign(house, OH, shown.up_to, "")
        ((_, _, body),) = records.newest(house, "operation", "review", 2)
    assert (body["holds"], body["long_holds"]) == (done.holds, done.long_holds) == (2, 2)
    (shown_again,) = review.signed(house)
    assert (shown_again.holds, shown_again.long_holds) == (2, 2)


def test_a_hold_that_is_renewed_begins_no_new_year(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        (row,) = inbox.page(house, OH).rows
        held(house, row.id, "order 1", 330)
    with at(320):
        held(house, row.id, "order 1, still open", 650)
    with at(400):
        found = review.pending(house, OH).holds
    assert [(found.running, found.long), *(one.basis for one in found.oldest)] == [
        (1, 1),
        "order 1, still open",
    ]


def test_of_many_old_holds_the_oldest_are_named(house_at_t0: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "HOLDS_SHOWN", 2)
    with at(hours=1):
        send(house_at_t0)
        (row,) = inbox.page(house_at_t0, OH).rows
        for number in range(3):
            held(house_at_t0, row.id, f"order {number}", 800)
    with at(400):
        found = review.pending(house_at_t0, OH).holds
    assert (found.running, found.long, [one.basis for one in found.oldest]) == (3, 3, ["order 0", "order 1"])


def test_a_review_that_was_signed_before_holds_were_counted_counts_none(house_at_t0: House) -> None:
    before = {
        "act": "review", "staff": OH.staff_id, "email": OH.email, "after": 0, "up_to": 1, "openings": 1,
        "refusals": 0, "people": 1, "marked": 0, "marks": [], "remark": "",
    }  # fmt: skip
    with at():
        records.append(house_at_t0, "operation", before)
        (shown,) = review.signed(house_at_t0)
    assert (shown.up_to, shown.holds, shown.long_holds) == (1, None, None)


def test_the_look_itself_is_on_record_and_not_among_what_it_shows(house_at_t0: House) -> None:
    with at():
        found = review.pending(house_at_t0, OH)
        ((number, body),) = records.bodies(house_at_t0, "access")
    assert body["act"] == "review_accesses"
    assert found.up_to == number - 1 == 0

"""What staff do with inquiries: listed masked and whole, opened on record, moved from state to state."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from inquiries import clock
from inquiries.errors import InquiriesError, NotFound, ReasonRequired, WrongState
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import inbox, keys, receipt, records, retention
from inquiries.services.actor import REASON_LIMIT, Actor
from inquiries.services.house import House
from inquiries.stores.live import listing
from inquiries.stores.live.tables import envelopes, groups, inquiries
from tests.breaking import changed, claim_all, spoil
from tests.cast import BAE, ITEMS, MINJI, MINJI_SUPPORT, OH, send

BOTH = Actor(105, "both@example.com", {Role.consultation: frozenset({"support"}), Role.privacy: ALL_TYPES})


def only(house: House) -> int:
    (row,) = inbox.page(house, OH).rows
    return row.id


def acts(house: House) -> list[tuple[str, str]]:
    return [(body["act"], body["outcome"]) for _, body in records.bodies(house, "access")]


# -- the list ------------------------------------------------------------------------------------


def test_a_line_is_masked(any_house: House) -> None:
    received = send(any_house)
    (row,) = inbox.page(any_house, MINJI).rows
    assert (row.who, row.email, row.type, row.state) == ("김**", "s***@example.com", "support", "received")
    assert (row.unread, row.due_at) == (True, received.due)


def test_without_a_name_the_line_shows_what_there_is(house: House) -> None:
    """The line of a type that asks for an address alone."""
    send(house, items={"name": "(無)"})
    (row,) = inbox.page(house, MINJI).rows
    assert row.who == "無**"


@pytest.mark.parametrize(("size", "lists"), [(1, 100), (5, 100), (5, 1)])
def test_pages_of_types_states_and_granted_ones_are_each_line_once(
    any_house: House, size: int, lists: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_AT_ONCE", lists)
    house, kinds = any_house, ("affiliate", "support", "affiliate", "recruitment", "affiliate")
    for kind in (*kinds, "support", *kinds, "support", "support"):
        send(house, type=kind)
    with house.live.write() as connection:
        ids = list(connection.scalars(select(inquiries.c.id).order_by(inquiries.c.id.desc())))
        connection.execute(update(inquiries).where(inquiries.c.id.in_(ids[2::3])).values(state="open"))
        of = dict(connection.execute(select(inquiries.c.id, inquiries.c.type)).all())
    alone = [one for one in ids if of[one] == "affiliate"] + [one for one in ids if of[one] == "support"][:1]
    found: list[int] = []
    more, before = True, None
    while more:
        with house.live.read() as connection:
            rows, more = listing.page(
                connection, ["support"], ["open", "received"], before, size, clock.now(), alone=alone
            )
        assert len(rows) == size if more else len(rows) <= size
        found += [row.id for row in rows]
        before = found[-1]
    assert found == [one for one in ids if of[one] != "recruitment"]


def test_it_is_newest_first_and_filtered_by_type_and_state(any_house: House) -> None:
    for kind in ("support", "recruitment", "support", "affiliate"):
        send(any_house, type=kind)
    rows = inbox.page(any_house, MINJI).rows
    assert [row.type for row in rows] == ["affiliate", "support", "recruitment", "support"]
    inbox.open_inquiry(any_house, MINJI, rows[1].id, None)
    inbox.open_inquiry(any_house, MINJI, rows[2].id, None)
    inbox.answered(any_house, MINJI, rows[2].id)

    def listed(**given: str) -> list[int]:
        return [row.id for row in inbox.page(any_house, MINJI, **given).rows]

    assert listed(type="support") == [rows[1].id, rows[3].id]
    assert listed(state="open") == [rows[1].id]
    assert listed(state="answered", type="recruitment") == [rows[2].id]
    assert listed(state="received") == [rows[0].id, rows[3].id]
    assert [listed(type="nonsense"), listed(state="nonsense"), listed(state="open", type="affiliate")] == [
        []
    ] * 3


def test_nobody_lists_more_than_her_types(any_house: House) -> None:
    for kind in ("support", "recruitment"):
        send(any_house, type=kind)
    seen = {
        who.email: [row.type for row in inbox.page(any_house, who).rows]
        for who in (MINJI, MINJI_SUPPORT, BAE, OH)
    }
    assert seen == {
        MINJI.email: ["recruitment", "support"],
        MINJI_SUPPORT.email: ["support"],
        BAE.email: [],
        OH.email: ["recruitment", "support"],
    }
    assert inbox.page(any_house, MINJI_SUPPORT, type="recruitment").rows == ()


def test_pages_of_fifty_without_gap_or_repetition_while_new_ones_come(any_house: House) -> None:
    kinds = ("support", "recruitment", "affiliate")
    for n in range(120):
        send(any_house, type=kinds[n % 3], items={"name": f"{n:03}"})
    with any_house.live.read() as connection:
        expected = list(connection.scalars(select(inquiries.c.id).order_by(inquiries.c.id.desc())))
    seen: list[int] = []
    sizes: list[int] = []
    after: str | None = None
    for _ in range(10):
        page = inbox.page(any_house, MINJI, after=after)
        seen += [row.id for row in page.rows]
        sizes.append(len(page.rows))
        send(any_house, type=kinds[len(sizes) % 3])  # while she turns the page
        after = page.next
        if after is None:
            break
    assert sizes == [50, 50, 20]
    assert seen == expected


def test_exactly_one_full_page_has_no_next(house: House) -> None:
    for _ in range(50):
        send(house)
    page = inbox.page(house, MINJI)
    assert (len(page.rows), page.next) == (50, None)


@pytest.mark.parametrize("after", ["", "0", "-1", "x", "1e5", "9" * 30, "９９９", " 5", "\0", "1" * 19])
def test_a_cursor_that_is_none_gives_an_empty_page_or_the_rest(any_house: House, after: str) -> None:
    send(any_house)
    page = inbox.page(any_house, MINJI, after=after)
    assert len(page.rows) <= 1
    assert page.next is None


def test_what_a_reader_types_into_the_address_is_not_written_into_the_ledger(house: House) -> None:
    """A record says which filter was used; free text has no place in what is kept for years."""
    inbox.page(house, MINJI, type="김소라 02-1234-5678", state="x" * 5000, after="sora@example.com")
    ((_, body),) = records.bodies(house, "access")
    assert "소라" not in str(body)
    assert "sora" not in str(body)
    assert len(str(body)) < 500


def test_the_record_of_a_list_says_whose_lines_were_shown(house: House) -> None:
    for _ in range(3):
        send(house)
    rows = inbox.page(house, MINJI, type="support", state="received").rows
    ((_, body),) = records.bodies(house, "access")
    assert body["detail"] == {
        "type": "support", "state": "received", "rows": "3", "newest": str(rows[0].id), "oldest": str(rows[2].id),
    }  # fmt: skip


def test_due_and_claimed_ones_are_not_listed(any_house: House) -> None:
    received = send(any_house)
    assert received.due is not None
    with time_machine.travel(received.due, tick=False):
        assert inbox.page(any_house, MINJI).rows == ()
    claim_all(any_house)
    assert inbox.page(any_house, MINJI).rows == ()


# -- opening -------------------------------------------------------------------------------------


def test_the_summary_is_masked_and_says_whether_a_reason_is_needed(any_house: House) -> None:
    send(any_house)
    inquiry = only(any_house)
    for who, needs_reason in ((MINJI, False), (MINJI_SUPPORT, False), (OH, True), (BOTH, False)):
        seen = inbox.summary(any_house, who, inquiry)
        assert seen.needs_reason is needs_reason
        assert dict(seen.masked) == {
            "name": "김**", "company": "소**", "contact": "**78", "email": "s***@example.com", "content": "**",
        }  # fmt: skip


def test_opening_shows_the_items_in_the_order_of_the_form_with_the_number_of_its_record(
    any_house: House,
) -> None:
    send(any_house, items=dict(reversed(ITEMS.items())), consents={"inquiry": True, "marketing": True})
    opened = inbox.open_inquiry(any_house, MINJI, only(any_house), None)
    assert list(opened.items.items()) == list(ITEMS.items())
    assert {one.view.purpose: one.view.given for one in opened.consents} == {
        "inquiry": True,
        "marketing": True,
    }
    assert opened.summary.state == "open"
    numbers = [n for n, body in records.bodies(any_house, "access") if body["act"] == "open"]
    assert numbers == [opened.record]


def test_the_visitors_data_are_not_among_what_is_opened(house: House) -> None:
    send(house)
    opened = inbox.open_inquiry(house, MINJI, only(house), None)
    assert set(opened.items) == set(ITEMS)
    assert "192.0.2.7" not in str(opened)


def test_the_first_opening_by_those_who_answer_makes_it_read(house: House) -> None:
    send(house)
    inquiry = only(house)
    assert (
        inbox.open_inquiry(house, OH, inquiry, "a request").summary.state == "received"
    )  # the officer reads
    assert inbox.page(house, MINJI).rows[0].unread
    assert inbox.open_inquiry(house, MINJI, inquiry, None).summary.state == "open"
    assert not inbox.page(house, MINJI).rows[0].unread
    assert inbox.open_inquiry(house, MINJI, inquiry, None).summary.state == "open"


@pytest.mark.parametrize("reason", [None, "", "   ", "\n\t", "\u3000"])
def test_the_officer_must_say_why(house: House, reason: str | None) -> None:
    send(house)
    inquiry = only(house)
    with pytest.raises(ReasonRequired):
        inbox.open_inquiry(house, OH, inquiry, reason)
    assert ("open", "done") not in acts(house)


@pytest.mark.parametrize(
    "reason", ["x" * 20_000, "여러\r\n줄\t의  이유", "\ud800 half", "nul \0", "‮reversed"]
)
def test_any_reason_is_recorded_on_one_line_of_bounded_length(any_house: House, reason: str) -> None:
    send(any_house)
    inbox.open_inquiry(any_house, OH, only(any_house), reason)
    (kept,) = (body["reason"] for _, body in records.bodies(any_house, "access") if body["act"] == "open")
    assert 0 < len(kept) <= REASON_LIMIT
    assert kept == " ".join(kept.split())
    assert records.verify(any_house).ok


@pytest.mark.parametrize("stranger", [MINJI_SUPPORT, BAE], ids=["another type", "business without a grant"])
def test_unknown_destroyed_and_forbidden_are_one_answer(any_house: House, stranger: Actor) -> None:
    received = send(any_house, type="recruitment")
    forbidden = only(any_house)
    ways: tuple[Callable[[House, Actor, int], object], ...] = (
        inbox.summary,
        lambda house, who, inquiry: inbox.open_inquiry(house, who, inquiry, "why not"),
        inbox.answered,
        inbox.close,
        inbox.reopen,
    )
    for inquiry in (forbidden, forbidden + 1):
        for way in ways:
            with pytest.raises(NotFound, match=r"^unknown, destroyed, or not permitted$"):
                way(any_house, stranger, inquiry)
    assert [act for act, outcome in acts(any_house) if outcome == "refused"] == [
        "open_inquiry", "open_inquiry", "answer_inquiry", "close_inquiry", "reopen_inquiry",
    ] * 2  # fmt: skip
    assert receipt.look(any_house, received.receipt).state == "received"


def test_what_became_due_while_it_was_open_cannot_be_acted_on(house: House) -> None:
    received = send(house)
    inquiry = only(house)
    inbox.open_inquiry(house, MINJI, inquiry, None)
    assert received.due is not None
    with time_machine.travel(received.due, tick=False):
        for act in (inbox.answered, inbox.close, inbox.reopen):
            with pytest.raises(NotFound):
                act(house, MINJI, inquiry)


def test_it_opens_what_the_worker_has_not_adopted_yet(any_house: House) -> None:
    send(any_house)
    with any_house.keys.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM keys").scalar_one() == 0
    assert inbox.open_inquiry(any_house, MINJI, only(any_house), None).items == ITEMS


def test_what_was_never_adopted_opens_though_a_part_was_destroyed(any_house: House) -> None:
    send(any_house)
    with time_machine.travel(clock.now() + timedelta(days=95), tick=True):
        assert retention.sweep(any_house, confirm=True).destroyed == 1  # the visitor's data
        inquiry = only(any_house)
        assert inbox.page(any_house, OH).rows[0].who == "김**"
        assert inbox.open_inquiry(any_house, MINJI, inquiry, None).items == ITEMS


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("email", ("", "")),
        ("contact", ("김**", "s***@example.com")),
        ("content", ("김**", "s***@example.com")),
        ("envelope", ("", "")),
    ],
)
def test_what_is_broken_is_not_shown_and_breaks_nothing_else(
    house: House, broken: str, line: tuple[str, str]
) -> None:
    """Somebody changed bytes in `live`: the list still stands, the inquiry does not open."""
    send(house)
    if broken == "envelope":
        with house.live.write() as connection:
            sealed = connection.scalar(select(envelopes.c.sealed)) or b""
            connection.execute(update(envelopes).values(sealed=changed(sealed)))
    else:
        spoil(house, broken)
    send(house, items={"name": "다른이"})
    whole, bad = inbox.page(house, MINJI).rows
    assert [(row.who, row.email) for row in (whole, bad)] == [("다**", "s***@example.com"), line]
    assert dict(inbox.summary(house, MINJI, bad.id).masked) == {}
    with pytest.raises(NotFound):
        inbox.open_inquiry(house, MINJI, bad.id, None)
    assert inbox.open_inquiry(house, MINJI, whole.id, None).items["name"] == "다른이"


# -- states --------------------------------------------------------------------------------------


def test_its_life(any_house: House) -> None:
    received = send(any_house)
    inquiry = only(any_house)

    def state() -> tuple[str, bool, bool]:
        seen = inbox.summary(any_house, MINJI, inquiry)
        return seen.state, seen.answered_at is not None, seen.closed_at is not None

    inbox.open_inquiry(any_house, MINJI, inquiry, None)
    inbox.answered(any_house, MINJI, inquiry)
    assert state() == ("answered", True, False)
    inbox.close(any_house, MINJI, inquiry)
    assert state() == ("closed", True, True)
    inbox.reopen(any_house, MINJI, inquiry)
    assert state() == ("open", False, False)
    inbox.close(any_house, MINJI, inquiry)
    assert state() == ("closed", False, True)
    inbox.open_inquiry(any_house, MINJI, inquiry, None)  # looking changes nothing
    assert state() == ("closed", False, True)
    inbox.reopen(any_house, MINJI, inquiry)
    assert receipt.look(any_house, received.receipt).due_at == received.due


@pytest.mark.parametrize("act", [inbox.answered, inbox.close, inbox.reopen])
def test_nothing_is_done_with_what_was_not_read(
    house: House, act: Callable[[House, Actor, int], None]
) -> None:
    """Closing brings the destruction forward: not unread."""
    received = send(house)
    inquiry = only(house)
    before = acts(house)
    with pytest.raises(WrongState):
        act(house, MINJI, inquiry)
    assert acts(house) == before
    assert receipt.look(house, received.receipt).due_at == received.due


def test_two_at_once_do_it_once(any_house: House) -> None:
    """Both saw it open; one closes it, the other is told."""
    send(any_house)
    inquiry = only(any_house)
    inbox.open_inquiry(any_house, MINJI, inquiry, None)

    def close(_: int) -> bool:
        try:
            inbox.close(any_house, MINJI, inquiry)
        except WrongState:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(close, range(6))) == [False] * 5 + [True]


def test_closing_what_the_sweep_has_claimed_moves_no_due_date(house: House) -> None:
    received = send(house)
    inquiry = only(house)
    inbox.open_inquiry(house, MINJI, inquiry, None)
    claim_all(house)
    with pytest.raises(InquiriesError):
        inbox.close(house, MINJI, inquiry)
    with house.live.read() as connection:
        assert received.due in list(connection.scalars(select(groups.c.due_at)))


def test_staff_data_keys_are_no_inquirys(house: House) -> None:
    send(house)
    inquiry = only(house)
    assert set(keys.of_inquiries(house, [inquiry])) == {(inquiry, "main"), (inquiry, "visitor")}

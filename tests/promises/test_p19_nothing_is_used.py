"""P19: once the person was told that it is suspended, nothing of her inquiry is used; also not by who had begun before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from inquiries.errors import NotFound, Suspended
from inquiries.rules.permissions import Role
from inquiries.rules.requests import Kind
from inquiries.sealing import items as opening
from inquiries.services import (
    adoption,
    delivery,
    fulfilment,
    holds,
    inbox,
    keys,
    mail,
    receipt,
    records,
    replies,
    rights,
    search,
)
from inquiries.services import thread as correspondence
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.live import openings, thread
from inquiries.stores.live import outbox as live_outbox
from inquiries.stores.live.written_tables import outbox
from tests.breaking import claim_all
from tests.cast import ITEMS, MINJI, OH, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.relay import SENDER, Relay, relay

Ask = Callable[[House, str], object]


def _correct(house: House, code: str) -> None:
    rights.correct(house, code, {"name": "김소라나"})


def _delete(house: House, code: str) -> None:
    rights.delete(house, code)


def _delete_and_done(house: House, code: str) -> None:
    rights.delete(house, code)
    fulfilment.carry_out(house)


ASKS: dict[str, Ask] = {
    "suspend": rights.suspend,
    "correct": _correct,
    "delete": _delete,
    "deleted": _delete_and_done,
}


@pytest.fixture
def sora(house: House) -> Iterator[str]:
    """The code of her inquiry, an hour after she sent it."""
    with at():
        code = send(house).receipt
    with at(hours=1):
        yield code


def only(house: House) -> int:
    (row,) = inbox.page(house, MINJI).rows
    return row.id


def in_between(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Do it once, at the very moment at which staff have the items in clear and have not been shown them."""
    real, left = opening.open_items, [what]

    def opened(*given: Any) -> dict[str, str]:
        texts = real(*given)
        if left:
            left.pop()()
        return texts

    monkeypatch.setattr(opening, "open_items", opened)


@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
@pytest.mark.parametrize("asked", ASKS)
def test_p19_who_was_opening_it_is_not_shown_it(
    house: House, sora: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry_id = only(house)
    in_between(monkeypatch, lambda: ASKS[asked](house, sora))
    with pytest.raises((Suspended, NotFound)):
        inbox.open_inquiry(house, MINJI, inquiry_id, None)
    with house.live.read() as connection:
        assert openings.of_inquiry(connection, inquiry_id, 10) == []  # it was not opened


@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
@pytest.mark.parametrize("asked", ASKS)
@pytest.mark.parametrize("write", [replies.reply, replies.note])
def test_p19_who_was_writing_to_her_does_not_reach_her(
    house: House, sora: str, asked: str, write: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry_id = only(house)
    inbox.open_inquiry(house, MINJI, inquiry_id, None)
    real = records.access

    def recorded(*given: Any, **more: Any) -> int:
        number = real(*given, **more)
        ASKS[asked](house, sora)
        return number

    monkeypatch.setattr(records, "access", recorded)
    with pytest.raises((Suspended, NotFound)):
        write(house, MINJI, inquiry_id, "자료를 보냅니다.")
    with house.live.read() as connection:
        assert thread.of_inquiry(connection, inquiry_id) == []
        assert connection.scalar(select(func.count()).select_from(outbox)) == 0


@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
@pytest.mark.parametrize("asked", ASKS)
def test_p19_a_list_that_was_being_made_leaves_it_out(
    house: House, sora: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(house)
    in_between(monkeypatch, lambda: ASKS[asked](house, sora))
    rows = inbox.page(house, MINJI).rows
    assert [(row.who, row.email, row.suspended) for row in rows] in ([], [("", "", True)])
    assert (rows == ()) == (asked == "deleted")


@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
@pytest.mark.parametrize("asked", ASKS)
def test_p19_a_page_that_was_being_made_says_nothing_of_it(
    house: House, sora: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry_id = only(house)
    in_between(monkeypatch, lambda: ASKS[asked](house, sora))
    if asked == "deleted":
        with pytest.raises(NotFound):
            inbox.summary(house, MINJI, inquiry_id)
        return
    shown = inbox.summary(house, MINJI, inquiry_id)
    assert (shown.suspended, dict(shown.masked)) == (True, {})


@pytest.mark.promise("P21")
@pytest.mark.usefixtures("sora")
def test_p21_what_is_claimed_while_a_page_is_made_is_not_on_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(house)
    in_between(monkeypatch, lambda: claim_all(house))
    assert inbox.page(house, MINJI).rows == ()


@pytest.mark.promise("P21")
@pytest.mark.usefixtures("sora")
def test_p21_what_is_claimed_while_it_is_shown_is_not_shown(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry_id = only(house)
    in_between(monkeypatch, lambda: claim_all(house))
    with pytest.raises(NotFound):
        inbox.summary(house, MINJI, inquiry_id)


@pytest.mark.promise("P19")
@pytest.mark.parametrize("asked", ["suspend", "correct", "delete"])
def test_p19_nobody_opens_it_to_list_it(
    house: House, sora: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when she asked while the listing was put on record, and for the officer, who finds it."""
    adoption.adopt_pending(house)
    real, real_open, left = records.access, opening.open_items, [ASKS[asked]]
    opened: list[str] = []

    def recorded(*given: Any, **more: Any) -> int:
        number = real(*given, **more)
        if left:
            left.pop()(house, sora)
            opened.clear()
        return number

    def counted(*given: Any) -> dict[str, str]:
        opened.append("its items")
        return real_open(*given)

    monkeypatch.setattr(records, "access", recorded)
    monkeypatch.setattr(opening, "open_items", counted)
    (line,) = inbox.page(house, MINJI).rows
    (found,) = search.search(house, OH, ITEMS["email"]).rows
    assert (line.suspended, found.suspended) == (True, True)
    assert opened == []


@pytest.mark.promise("P19")
def test_p19_an_answer_does_not_stand_out_of_what_is_suspended(house: House, sora: str) -> None:
    inquiry_id = only(house)
    inbox.open_inquiry(house, MINJI, inquiry_id, None)
    correspondence.answer(house, sora, "고맙습니다.")
    before = inbox.page(house, MINJI).rows[0]
    rights.suspend(house, sora)
    after = inbox.page(house, MINJI).rows[0]
    assert [(row.unread, row.suspended) for row in (before, after)] == [(True, False), (False, True)]


@pytest.mark.promise("P19")
@pytest.mark.parametrize("asked", ["suspend", "correct", "delete"])
def test_p19_every_page_of_staff_says_that_it_is_suspended_and_no_more(
    house: House, sora: str, asked: str
) -> None:
    app = application(house)
    members = [desk(app, house, f"{role}@example.com", role) for role in (Role.consultation, Role.privacy)]
    inquiry_id = only(house)
    inbox.open_inquiry(house, MINJI, inquiry_id, None)
    ASKS[asked](house, sora)
    for member in members:
        pages = [
            member.get("/staff/inbox"),
            member.get(f"/staff/inquiries/{inquiry_id}"),
            member.post(f"/staff/inquiries/{inquiry_id}/open", reason="looking"),
        ]
        assert [page.status_code for page in pages] == [200, 200, 409]
        for page in pages:
            assert "처리정지" in page.text
            assert not [text for text in (*ITEMS.values(), "김**", "s***@") if text in page.text]
        for act in ("answered", "close", "reopen"):
            answer = member.post(f"/staff/inquiries/{inquiry_id}/{act}")
            assert answer.status_code in {303, 404}
    assert receipt.look(house, sora).state == "open"


@pytest.mark.promise("P19")
@pytest.mark.parametrize("asked", ["suspend", "correct", "delete", "deleted"])
def test_p19_mail_that_waits_is_not_sent(
    house: House, sora: str, asked: str, make_settings: Callable[..., Settings]
) -> None:
    inquiry_id = only(house)
    key = keys.of_inquiries(house, [inquiry_id])[inquiry_id, "main"]
    with house.live.write() as connection:
        mail.queue(house, connection, kind=mail.Kind.replied, to="sora@example.com", language="ko", key=key)
    ASKS[asked](house, sora)
    post = Relay()
    with relay(post):
        sending = replace(house, settings=make_settings(smtp_url=post.url, mail_from=SENDER))
        assert delivery.send_waiting(sending) == 0
    assert post.mail == []
    with house.live.read() as connection:
        left = len(connection.execute(outbox.select()).all())
    assert left == (0 if asked == "deleted" else 1)


@pytest.mark.promise("P17")
@pytest.mark.promise("P19")
def test_p19_what_waited_for_the_old_address_goes_to_the_corrected_one(house: House, sora: str) -> None:
    """The old one may be a stranger's; it hears of the change alone."""
    inquiry_id = only(house)
    key = keys.of_inquiries(house, [inquiry_id])[inquiry_id, "main"]
    with house.live.write() as connection:
        mail.queue(house, connection, kind=mail.Kind.replied, to="sora@example.com", language="ko", key=key)
    rights.correct(house, sora, {"email": "new@example.com"})
    fulfilment.carry_out(house)
    with house.live.read() as connection:
        rows = connection.execute(outbox.select()).all()
        stored = [live_outbox.by_id(connection, row.id) for row in rows]
    waiting = [mail.opened(house, one) for one in stored if one is not None]
    assert sorted((one.kind, one.to) for one in waiting) == [
        ("address_changed", "new@example.com"),
        ("address_changed", "sora@example.com"),
        ("replied", "new@example.com"),
    ]


@pytest.mark.promise("P19")
def test_p19_what_the_officer_must_do_goes_on(house: House, sora: str) -> None:
    """A hold can still be placed, and the day of destruction still comes: neither uses what it says."""
    inquiry_id = only(house)
    before = receipt.look(house, sora).due_at
    rights.suspend(house, sora)
    placed = holds.place(house, OH, inquiry_id, reason="a dispute", basis="law", until=before)
    assert placed
    assert receipt.look(house, sora).due_at == before
    asked = [body["kind"] for _, body in records.bodies(house, "requests")]
    assert asked == []  # the worker has not been here, and it holds all the same
    fulfilment.carry_out(house)
    assert [body["kind"] for _, body in records.bodies(house, "requests")] == [Kind.suspend] * 2

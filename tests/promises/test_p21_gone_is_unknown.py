"""P21: what was deleted cannot be viewed or used: every way of asking answers as for what never was."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from inquiries.rules.permissions import Role
from inquiries.services import fulfilment, inbox, retention, rights
from inquiries.services.house import House
from tests.cast import MINJI, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.staff import Desk

NEVER_A_CODE = "01234-56789-ABCDE-FGHJK-MNPQR"
NEVER_AN_ID = 4711

#: Each way of asking for one inquiry by its id.
WAYS = ("GET ", "GET /open", "POST /open", "POST /answered", "POST /close", "POST /reopen",
        "POST /reply", "POST /note")  # fmt: skip

#: Each right, and what is sent with the code.
RIGHTS: dict[str, dict[str, str]] = {
    "/copy": {"format": "json"},
    "/correct": {"name": "다른 이름"},
    "/delete": {"confirm": "yes"},
    "/suspend": {},
    "/resume": {},
    "/answer": {"text": "그리고 하나 더 여쭙니다."},
    "/withdraw": {"purpose": "marketing"},
}


def same(page: TestResponse) -> str:
    """What the page says, without the tokens that differ at each request."""
    return re.sub(r'(csrf_token|_once)" value="[^"]*"', "", page.text)


def asked(member: Desk, way: str, inquiry_id: int) -> tuple[int, str]:
    method, _, path = way.partition(" ")
    place = f"/staff/inquiries/{inquiry_id}{path}"
    given = {"reason": "a request of the person"} if path == "/open" else {"text": "a few words"}
    answer = member.get(place) if method == "GET" else member.post(place, **given)
    where = answer.headers.get("Location", "").replace(str(inquiry_id), "N")
    return answer.status_code, where or same(answer).replace(str(inquiry_id), "N")


@pytest.fixture
def gone(house: House, how: str) -> Iterator[tuple[House, int, str]]:
    """The id and the code of an inquiry that is no more, among others that live."""
    with at():
        code = send(house, items={"name": "고길동"}).receipt
        (row,) = inbox.page(house, MINJI).rows
        inbox.open_inquiry(house, MINJI, row.id, None)
        if how == "deleted":
            rights.delete(house, code)
            fulfilment.carry_out(house)
        else:
            inbox.close(house, MINJI, row.id)
        send(house)
    with at(30, hours=1):
        if how == "destroyed":
            assert retention.sweep(house, confirm=True).destroyed == 1
        yield house, row.id, code


#: Due and not swept yet; destroyed on its day; deleted at the person's wish.
HOW = pytest.mark.parametrize("how", ["due", "destroyed", "deleted"])


@HOW
def test_p21_staff_are_answered_as_for_an_unknown_id(gone: tuple[House, int, str]) -> None:
    house, inquiry_id, _ = gone
    app = application(house)
    for role in (Role.consultation, Role.privacy):
        member = desk(app, house, f"{role}@example.com", role)
        for way in WAYS:
            got = asked(member, way, inquiry_id)
            assert got == asked(member, way, NEVER_AN_ID), (role, way)
            assert got[0] == (302 if way == "GET /open" else 404), (role, way)
        for query in ("", "?type=support", "?state=closed", f"?after={inquiry_id + 1}"):
            listed = member.get(f"/staff/inbox{query}")
            assert str(inquiry_id) not in listed.text.replace(f"after={inquiry_id + 1}", "")
            assert "고**" not in listed.text


@HOW
@pytest.mark.parametrize("right", ["", *sorted(RIGHTS)])
def test_p21_the_receipt_is_answered_as_an_unknown_one(gone: tuple[House, int, str], right: str) -> None:
    house, _, code = gone
    client = application(house).test_client()
    answers = [
        client.post(f"/receipt{right}", data={"receipt": typed, **RIGHTS.get(right, {})})
        for typed in (code, NEVER_A_CODE, "nonsense", "")
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize("how", ["due"])
def test_p21_the_control_a_living_one_is_answered(gone: tuple[House, int, str]) -> None:
    house, _, _ = gone
    app = application(house)
    member = desk(app, house, "minji@example.com", Role.consultation)
    (row,) = inbox.page(house, MINJI).rows
    assert asked(member, "GET ", row.id)[0] == 200
    assert str(row.id) in member.get("/staff/inbox").text

"""P21: what was deleted cannot be viewed or used: every way of asking answers as for what never was.

What staff ask by its number is in the table of P23; here is what they find, and what a receipt opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.promises.floor import GONE, Answer, Floor, answer, floor, statements

NEVER_A_CODE = "01234-56789-ABCDE-FGHJK-MNPQR"

#: Each right, and what is sent with the code.
RIGHTS: dict[str, dict[str, str]] = {
    "/receipt": {},
    "/receipt/copy": {"format": "json"},
    "/receipt/correct": {"name": "다른 이름"},
    "/receipt/delete": {"confirm": "yes"},
    "/receipt/suspend": {},
    "/receipt/resume": {},
    "/receipt/answer": {"text": "그리고 하나 더 여쭙니다."},
    "/receipt/withdraw": {"purpose": "marketing"},
}


@pytest.fixture(scope="module")
def here() -> Iterator[Floor]:
    with floor() as made:
        yield made


def test_p21_every_right_is_asked_for(here: Floor) -> None:
    """But for the certificate, which proves to who has the code that all of it is gone."""
    routes = {rule.rule for rule in here.app.url_map.iter_rules() if rule.endpoint.startswith("subject.")}
    assert routes == {*RIGHTS, "/receipt/certificate"}


@pytest.mark.parametrize("right", RIGHTS)
def test_p21_the_receipt_is_answered_as_an_unknown_one(here: Floor, right: str) -> None:
    """Due, destroyed, archived or deleted: the same status, page and headers, after the same work."""
    client = here.app.test_client()

    def asked(code: str) -> Answer:
        with statements() as work:
            got = client.post(right, data={"receipt": code, **RIGHTS[right]})
        assert got.status_code == 404
        return answer(got, work, right)

    unknown = asked(NEVER_A_CODE)
    for how in GONE[:-1]:
        assert asked(here.codes[how]) == unknown, how
    for malformed in ("nonsense", ""):  # that it is none is no secret: nothing is looked for
        assert replace(asked(malformed), work=unknown.work) == unknown
    for living in ("own", "suspended"):  # the control
        assert client.post(right, data={"receipt": here.codes[living]}).status_code != 404


@pytest.mark.parametrize("person", ["consultation", "privacy", "granted"])
def test_p21_no_list_and_no_search_finds_it(here: Floor, person: str) -> None:
    desk = here.desk(person)
    pages = [
        desk.get(f"/staff/inbox{query}").text for query in ("", "?type=support", "?state=closed", "?after=1")
    ]
    pages.append(desk.post("/staff/search", typed="sora@example.com").text)
    pages.append(desk.post("/staff/search", typed="02-1234-5678").text)
    for how in GONE[:-1]:
        assert not [page for page in pages if str(here.inquiries[how]) in page], how
    assert any(str(here.inquiries["granted"]) in page for page in pages)  # the control

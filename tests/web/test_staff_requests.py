"""The officer's pages of requests: the list, one request, entering one, and what is refused at its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import adoption, fulfilment
from inquiries.services.house import House
from inquiries.stores.live.tables import inquiries, requests
from tests.cast import ITEMS
from tests.staff import Desk, desk_of
from tests.web.site import code_of, send, site

pytestmark = [pytest.mark.promise("P17"), pytest.mark.promise("P18"), pytest.mark.promise("P22")]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("requests")) as made:
        yield made


@pytest.fixture(scope="module")
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture(scope="module")
def officer(app: Flask, house: House) -> Desk:
    return desk_of(app, house, Role.privacy)


@pytest.fixture
def inquiry(app: Flask, house: House) -> tuple[str, str]:
    """Her code, and the number of her inquiry."""
    code = code_of(send(app.test_client(), consent_marketing="yes"))
    adoption.adopt_pending(house)
    return code, str(newest(house))


def newest(house: House) -> int:
    with house.live.read() as connection:
        return connection.scalar(select(func.max(inquiries.c.id))) or 0


FIELDS = {"channel": "paper", "by": "person", "evidence": "a letter of today"}


def entered(officer: Desk, inquiry: str, kind: str, **given: str) -> str:
    """The address of the request's page."""
    officer.get(f"/staff/requests/new?inquiry={inquiry}&kind={kind}")
    answer = officer.post("/staff/requests/new", inquiry=inquiry, kind=kind, **(FIELDS | given))
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_from_the_search_to_the_proof(officer: Desk, house: House, inquiry: tuple[str, str]) -> None:
    code, number = inquiry
    officer.get("/staff/search")
    found = officer.post("/staff/search", typed=ITEMS["email"])
    assert f'name="inquiry" value="{number}"' in re.sub(r"\s+", " ", found.text)
    choosing = officer.get(f"/staff/requests/new?inquiry={number}")
    assert 'name="kind"' in choosing.text
    assert ITEMS["name"] not in choosing.text  # masked
    page = entered(officer, number, "delete")
    shown = officer.get(page)
    assert "Nothing follows from it until it is recorded who asks" in shown.text
    assert "a letter of today" in shown.text
    fulfilment.carry_out(house)
    assert "Waits until it is proved who asks" in officer.get("/staff/requests").text
    assert officer.post(f"{page}/proof").status_code == 422
    assert officer.post(f"{page}/proof", identity="document").status_code == 303
    fulfilment.carry_out(house)
    assert officer.get(page).status_code == 404
    assert "Deletion" in officer.get("/staff/requests/history").text
    hers = officer.client.post("/receipt", data={"receipt": code, "language": "en"})
    assert hers.status_code == 404


def test_what_is_missing_is_said_at_its_field(officer: Desk, inquiry: tuple[str, str]) -> None:
    _, number = inquiry
    officer.get(f"/staff/requests/new?inquiry={number}")
    nothing = officer.post("/staff/requests/new", inquiry=number)
    assert (nothing.status_code, 'id="error-kind"' in nothing.text) == (422, True)
    bare = officer.post(
        "/staff/requests/new", inquiry=number, kind="correct", by="representative", item_email="x"
    )
    assert bare.status_code == 422
    for field in ("channel", "who", "evidence"):
        assert f'id="error-{field}"' in bare.text
    wrong = officer.post("/staff/requests/new", inquiry=number, kind="correct", item_email="x", **FIELDS)
    assert 'id="error-email"' in wrong.text
    assert 'value="x"' in wrong.text  # what was typed stands there again
    assert officer.get("/staff/requests/new").status_code == 404
    assert officer.get("/staff/requests/new?inquiry=7").status_code == 404


def test_an_owner_and_a_refusal_that_she_reads(officer: Desk, inquiry: tuple[str, str]) -> None:
    code, number = inquiry
    page = entered(officer, number, "delete")
    first = officer.get(page)
    me = re.search(r'<option value="(\d+)"\s+selected>privacy@', first.text)
    assert me is not None
    officer.post(f"{page}/owner", owner=me[1])
    assert "privacy@example.com" in re.sub(r"(?s)<select.*?</select>", "", officer.get(page).text)
    empty = officer.post(f"{page}/refuse", reason="")
    assert (empty.status_code, 'id="error-reason"' in empty.text) == (422, True)
    assert officer.post(f"{page}/refuse", reason="We could not reach you.").status_code == 303
    hers = officer.client.post("/receipt", data={"receipt": code, "language": "ko"}).text
    assert "We could not reach you." in hers
    assert "개인정보 침해신고센터" in hers or "개인정보분쟁조정위원회" in hers
    assert "overtaken" not in officer.get(page).text


def test_a_copy_is_handed_over_in_her_language(officer: Desk, house: House, inquiry: tuple[str, str]) -> None:
    code, number = inquiry
    page = entered(officer, number, "copy", identity="details")
    fulfilment.carry_out(house)
    assert "Hand the copy over" in officer.get(page).text
    copy = officer.post(f"{page}/copy", notes="yes")
    assert ITEMS["content"] in copy.text
    assert '<html lang="ko">' in copy.text
    assert code not in copy.text
    officer.get(page)
    file = officer.post(f"{page}/copy", format="json")
    assert json.loads(file.text)["parts"][0]["items"] == ITEMS
    officer.get(page)
    officer.post(f"{page}/given")
    assert "Noted that the copy was handed over." in officer.get(page).text
    assert officer.get(f"{page}/copy").status_code == 302


def test_what_a_broken_public_surface_wrote_spoils_no_page(
    officer: Desk, house: House, inquiry: tuple[str, str]
) -> None:
    made = int(entered(officer, inquiry[1], "suspend").rpartition("/")[2])
    with house.live.write() as connection:
        connection.execute(update(requests).where(requests.c.id == made).values(kind="erase", state="open"))
    assert officer.get("/staff/requests").status_code == 200
    assert officer.get(f"/staff/requests/{made}").status_code == 404
    fulfilment.carry_out(house)  # refused, and on record under this kind
    assert officer.get("/staff/requests/history").status_code == 200


def test_what_is_late_is_said_on_every_page(app: Flask, house: House, inquiry: tuple[str, str]) -> None:
    officer = desk_of(app, house, Role.privacy, Role.business)
    page = entered(officer, inquiry[1], "suspend")
    assert "overdue." not in officer.get("/staff/inbox").text
    with time_machine.travel(clock.now() + timedelta(days=11)):
        late = desk_of(app, house, Role.privacy, Role.consultation)
        text = late.get("/staff/inbox").text
        assert re.search(r"\d+ requests? (is|are) overdue\.", text)
        assert "count grave" in text
        assert "overdue" in late.get(page).text
        checks = late.client.get("/readyz").json["checks"]  # type: ignore[index]
        assert checks["requests"]["ok"] is False

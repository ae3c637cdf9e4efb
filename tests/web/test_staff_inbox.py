"""The inbox as a browser sees it: masked, filtered, paged; opened on record; moved on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from inquiries.rules.permissions import Role
from inquiries.services import records
from inquiries.services.house import House
from tests import cast
from tests.staff import desk_of
from tests.web.site import errors_of, site

ROW = re.compile(r'href="(/staff/inquiries/\d+)"')


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as opened:
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


def accesses(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access")]


def test_the_empty_inbox_says_so(app: Flask, house: House) -> None:
    desk = desk_of(app, house, Role.consultation)
    assert "No inquiries." in desk.get("/staff/inbox").text
    assert "No inquiry matches" in desk.get("/staff/inbox?state=closed").text
    for odd in ("type=nonsense&after=nonsense", "state=%00", "after=-1", "after=0"):
        assert "No inquiry matches" in desk.get(f"/staff/inbox?{odd}").text


def test_the_list_is_masked_and_newest_first(app: Flask, house: House) -> None:
    cast.send(house)
    cast.send(house, items={"name": "Anna"}, type="recruitment")
    page = desk_of(app, house, Role.consultation).get("/staff/inbox").text
    assert page.index("A**") < page.index("김**")
    assert "s***@example.com" in page
    assert page.count('class="unread"') == page.count("Unread:") == 2
    for item in cast.ITEMS.values():
        assert item not in page


def test_the_list_filters_and_turns_pages(app: Flask, house: House) -> None:
    for number in range(103):
        cast.send(house, type="support" if number % 103 else "recruitment")
    desk = desk_of(app, house, Role.consultation)
    seen: list[str] = []
    path: str | None = "/staff/inbox?type=support"
    while path:
        page = desk.get(path).text
        seen += ROW.findall(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 102
    assert seen == sorted(seen, reverse=True)


def test_looking_is_masked_and_opening_is_recorded_first(app: Flask, house: House) -> None:
    cast.send(house)
    desk = desk_of(app, house, Role.consultation)
    (path,) = ROW.findall(desk.get("/staff/inbox").text)
    masked = desk.get(path).text
    assert "김**" in masked
    assert cast.ITEMS["content"] not in masked

    opened = desk.post(f"{path}/open")
    assert opened.status_code == 200
    assert opened.headers["Cache-Control"] == "no-store"
    for item in cast.ITEMS.values():
        assert item in opened.text
    assert 'href="mailto:sora@example.com"' in opened.text
    assert 'href="tel:0212345678"' in opened.text
    number = re.search(r"Record no\. (\d+)", opened.text)
    assert number
    (body,) = [body for n, body in records.bodies(house, "access") if n == int(number[1])]
    assert (body["act"], body["email"]) == ("open", "consultation@example.com")
    assert str(body["inquiry"]) == path.rpartition("/")[2]
    assert desk.get(f"{path}/open").headers["Location"] == path


def test_an_inquiry_moves_on_and_back(app: Flask, house: House) -> None:
    cast.send(house)
    desk = desk_of(app, house, Role.consultation)
    (path,) = ROW.findall(desk.get("/staff/inbox").text)
    assert "data-act" not in desk.get(path).text  # nothing is answered unread
    for act, offered in (
        ("open", "answer close"),
        ("answered", "close reopen"),
        ("close", "reopen"),
        ("reopen", "answer close"),
    ):
        desk.post(f"{path}/{act}")
        assert re.findall(r'data-act="(\w+)"', desk.get(path).text) == offered.split()
    assert desk.post(f"{path}/reopen").status_code == 303
    assert "Nothing was changed" in desk.get(path).text
    assert "Nothing was changed" not in desk.get(path).text  # said once


def test_the_officer_says_why(app: Flask, house: House) -> None:
    cast.send(house)
    desk = desk_of(app, house, Role.privacy)
    (path,) = ROW.findall(desk.get("/staff/inbox").text)
    refused = desk.post(f"{path}/open", reason="  ")
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {"reason"}
    assert cast.ITEMS["content"] not in refused.text
    opened = desk.post(f"{path}/open", reason="complaint <17>")
    assert cast.ITEMS["content"] in opened.text
    assert "complaint &lt;17&gt;" in opened.text
    assert accesses(house)[-1]["reason"] == "complaint <17>"
    assert "data-act" not in opened.text
    assert desk.post(f"{path}/close").status_code == 404


def test_what_a_person_wrote_stays_text(app: Flask, house: House) -> None:
    cast.send(house, items={"name": "<script>alert(1)</script>", "content": "<b>&amp;\n\"'{{ 7*7 }}"})
    desk = desk_of(app, house, Role.consultation)
    (path,) = ROW.findall(desk.get("/staff/inbox").text)
    page = desk.post(f"{path}/open").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page


@pytest.mark.promise("P23")
@pytest.mark.parametrize(
    ("roles", "types", "may"),
    [
        ([Role.consultation], (), {"inbox", "look", "open", "answered", "close", "reopen"}),
        ([Role.consultation], ("support",), {"inbox", "look", "open", "answered", "close", "reopen"}),
        ([Role.consultation], ("recruitment",), {"inbox"}),
        ([Role.privacy], (), {"inbox", "look", "open"}),
        ([Role.business], (), {"inbox"}),
    ],
)
def test_each_role_reaches_its_own_and_the_rest_is_not_found(
    app: Flask, house: House, roles: list[Role], types: tuple[str, ...], may: set[str]
) -> None:
    cast.send(house, type="support")
    helper = desk_of(app, house, Role.consultation, Role.privacy)
    (path,) = ROW.findall(helper.get("/staff/inbox").text)
    desk = desk_of(app, house, *roles, types=types)
    steps: dict[str, Callable[[], TestResponse]] = {
        "inbox": lambda: desk.get("/staff/inbox"),
        "look": lambda: desk.get(path),
        "open": lambda: desk.post(f"{path}/open", reason="needed"),
        "answered": lambda: desk.post(f"{path}/answered"),
        "close": lambda: desk.post(f"{path}/close"),
        "reopen": lambda: desk.post(f"{path}/reopen"),
    }
    for name, step in steps.items():
        before = len(accesses(house))
        answer = step()
        assert (answer.status_code != 404) is (name in may), name
        added = accesses(house)[before:]
        assert [body["outcome"] for body in added] == ["done" if name in may else "refused"], name
        assert cast.ITEMS["content"] not in answer.text or name == "open"
    if "look" not in may:
        assert not ROW.findall(desk.get("/staff/inbox").text)


@pytest.mark.parametrize(
    "path", ["/staff/inquiries/7", f"/staff/inquiries/{2**70}", "/staff/inquiries/x", "/staff/nothing"]
)
def test_what_is_not_there_is_not_found(app: Flask, house: House, path: str) -> None:
    assert desk_of(app, house, Role.consultation).get(path).status_code == 404

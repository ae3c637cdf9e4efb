"""The ledger's pages as the officer uses them: what the address asks for, who may, and signing the review."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import grants, holds, inbox, people, records, review
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.types import to_microseconds
from tests.cast import MINJI, OH, send
from tests.staff import Desk, desk_of
from tests.web.site import site


@dataclass
class Office:
    """A site with one inquiry that Minji opened, and the officer at her desk."""

    app: Flask
    house: House
    desk: Desk
    minji: Actor
    inquiry: int

    def rows(self, query: str = "") -> list[tuple[str, str]]:
        """(who, what) of each line of the page."""
        text = self.desk.get(f"/staff/ledger{query}").text
        lines = re.findall(r"<tr role=\"row\".*?</tr>", text, re.DOTALL)[1:]
        return [(_cell(line, "who").split()[0], _cell(line, "what")) for line in lines]


def _cell(line: str, name: str) -> str:
    found = re.search(rf'class="{name}">(.*?)</td>', line, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split()) or "-"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """For tests that look."""
    with _office(tmp_path_factory.mktemp("ledger")) as opened:
        yield opened


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Office]:
    """For tests that sign."""
    with _office(tmp_path) as opened:
        yield opened


@contextmanager
def _office(directory: Path) -> Iterator[Office]:
    """By day in Seoul: what is done there at night is marked for the officer."""
    noon = clock.now().replace(hour=3, minute=0)
    with time_machine.travel(noon, tick=True), site(directory) as app:
        house: House = app.extensions["inquiries"]()
        desk = desk_of(app, house, Role.privacy)
        desk_of(app, house, Role.consultation)
        (member,) = (one for one in people.everyone(house) if one.email.startswith("consultation"))
        minji = Actor(member.id, member.email, MINJI.roles, address="192.0.2.17")
        send(house)
        (row,) = inbox.page(house, minji).rows
        inbox.open_inquiry(house, minji, row.id, None)
        yield Office(app, house, desk, minji, row.id)


def test_who_opened_this_and_what_did_this_person_open(office: Office) -> None:
    opened = ("consultation@example.com", "open")
    assert office.rows(f"?inquiry={office.inquiry}&act=open") == [opened]
    assert office.rows(f"?person={office.minji.staff_id}")[:2] == [
        opened,
        ("consultation@example.com", "list"),
    ]
    page = office.desk.get(f"/staff/ledger?inquiry={office.inquiry}")
    assert "from 192.0.2.17" in page.text
    assert office.rows("?chain=rights&act=enrol") == [
        ("consultation@example.com", "enrol"), ("privacy@example.com", "enrol")
    ]  # fmt: skip
    assert office.rows("?person=4711") == []


@pytest.mark.parametrize(
    "query",
    ["?chain=none", "?person=x", "?inquiry=-1", "?inquiry=99999999999999999999", "?outcome=perhaps", "?first=0001-01-01",
     "?last=9999-12-31", "?first=yesterday", "?before=x", "?act=%00", "?act=%27%20OR%201=1", "?chain=operation&before=0"],
)  # fmt: skip
def test_whatever_stands_in_the_address_gives_a_page(office: Office, query: str) -> None:
    assert office.desk.get(f"/staff/ledger{query}").status_code == 200


def test_moments_are_told_in_words_however_a_record_has_them(own: Office) -> None:
    desk_of(own.app, own.house, Role.business)
    (member,) = (one for one in people.everyone(own.house) if one.email.startswith("business"))
    until = clock.now().replace(hour=3, minute=30) + timedelta(days=2)
    grants.grant(
        own.house, staff_id=member.id, inquiry_id=own.inquiry, until=until, reason="She asked.", by=None,
        break_glass="the officer is ill",
    )  # fmt: skip
    set_at = {"set": to_microseconds(until)}
    records.rights(own.house, act="app", by=own.minji, staff_id=own.minji.staff_id, detail=set_at)
    text = " ".join(own.desk.get("/staff/ledger?chain=rights").text.split())
    assert re.search(rf"until {until:%B} {until.day}, {until.year}.{{1,6}}12:30", text)
    assert re.search(rf"in force since {until:%B} {until.day}, {until.year}", text)
    assert str(to_microseconds(until)) not in text


def test_others_are_refused_on_record_and_see_no_way_there(office: Office) -> None:
    other = desk_of(office.app, office.house, Role.business)
    for path in ("/staff/ledger", "/staff/ledger/review"):
        answer = other.get(path)
        assert answer.status_code == 404
        assert office.minji.email not in answer.text
    assert "/staff/ledger" not in other.get("/staff/inbox").text
    assert office.rows("?outcome=refused")[:2] == [("business@example.com", "see the ledger refused")] * 2


def test_a_look_says_its_own_number_and_is_what_comes_first_next_time(office: Office) -> None:
    number = re.search(r"on record, too: no\. (\d+)", office.desk.get("/staff/ledger").text)
    assert number
    assert f"no. {number[1]}<" in office.desk.get("/staff/ledger").text
    assert office.rows()[0] == ("privacy@example.com", "read the ledger")


def test_the_review_is_signed_once_it_was_shown(own: Office) -> None:
    page = own.desk.get("/staff/ledger/review")
    assert "Nothing is marked." in page.text
    assert "missing" not in own.desk.get("/staff/ledger").text
    sent = own.desk.post("/staff/ledger/review", up_to=_up_to(page.text), remark="")
    assert sent.status_code == 303
    assert "Signed, and on record." in own.desk.get("/staff/ledger").text
    assert "privacy@example.com" in own.desk.get("/staff/ledger/review").text
    again = own.desk.post("/staff/ledger/review", up_to=_up_to(page.text), remark="")
    assert again.status_code == 303
    assert "somebody else was faster" in own.desk.get("/staff/ledger/review").text
    assert len(review.signed(own.house)) == 1


def test_what_is_marked_wants_a_remark_and_a_review_that_is_missing_is_said(own: Office) -> None:
    for _ in range(31):
        records.access(own.house, act="open", actor=own.minji, subject=own.inquiry)
    with time_machine.travel(clock.now() + timedelta(days=32), tick=True):
        assert "missing since" not in desk_of(own.app, own.house, Role.business).get("/staff/inbox").text
        later = desk_of(own.app, own.house, Role.privacy, Role.business)  # another officer, a month later
        assert "has been missing since" in later.get("/staff/ledger").text
        assert "has been missing since" in later.get("/staff/inbox").text
        page = later.get("/staff/ledger/review")
        assert "Many openings" in page.text
        refused = later.post("/staff/ledger/review", up_to=_up_to(page.text), remark=" ")
        assert refused.status_code == 422
        assert "please say what you found" in refused.text
        assert review.signed(own.house) == ()
        assert (
            later.post("/staff/ledger/review", up_to=_up_to(refused.text), remark="a busy day").status_code
            == 303
        )
        assert "missing since" not in later.get("/staff/ledger").text
        assert "missing since" not in later.get("/staff/inbox").text


@pytest.mark.promise("P14")
def test_a_hold_of_more_than_a_year_is_said_on_the_review_and_counted_in_what_is_signed(own: Office) -> None:
    until = clock.now() + timedelta(days=800)
    holds.place(own.house, OH, own.inquiry, reason="secret", basis="<order> 7", until=until)
    page = own.desk.get("/staff/ledger/review").text
    assert _figures(page)[-2:] == [("1", "holds that run"), ("0", "of these for more than a year")]
    assert "No hold has run for so long." in page
    with time_machine.travel(clock.now() + timedelta(days=367), tick=True):
        later = desk_of(own.app, own.house, Role.privacy, Role.business)
        page = later.get("/staff/ledger/review").text
        assert _figures(page)[-2:] == [("1", "holds that run"), ("1", "of these for more than a year")]
        (row,) = re.findall(r"<tr>(?:(?!</tr>).)*order(?:(?!</tr>).)*</tr>", page, re.DOTALL)
        assert f'href="/staff/inquiries/{own.inquiry}"' in row
        assert "&lt;order&gt; 7" in row
        assert f'datetime="{until.isoformat()}"' in row
        assert "is to be released where its basis has ended" in page
        assert "secret" not in page
        assert later.post("/staff/ledger/review", up_to=_up_to(page), remark="looked").status_code == 303
        assert "1 for more than a year" in later.get("/staff/ledger/review").text
        line = later.get("/staff/ledger?chain=operation&act=review").text
        assert "of these for more than a year" in line


def _figures(text: str) -> list[tuple[str, str]]:
    (figures,) = re.findall(r'<ul class="figures">(.*?)</ul>', text, re.DOTALL)
    return re.findall(r"<strong>(\d+)</strong> ([^<]+)</a>", figures)


def test_only_the_officer_is_told_that_a_review_is_missing(own: Office) -> None:
    with time_machine.travel(clock.now() + timedelta(days=32), tick=True):
        business = desk_of(own.app, own.house, Role.business)
        assert "missing since" not in business.get("/staff/inbox").text


def _up_to(text: str) -> str:
    found = re.search(r'name="up_to" value="(\d+)"', text)
    assert found
    return found[1]

"""The officer's page of mail, and what everybody on the staff pages is told while mail is stuck."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from inquiries.rules.permissions import Role
from inquiries.services import delivery, mail, retention
from inquiries.services.house import House
from tests.relay import SENDER, Relay, relay
from tests.staff import Desk, desk_of
from tests.web.site import site

TO = "sora.quondam@example.com"


@dataclass
class Post:
    """The office with a relay that has just given up one message."""

    app: Flask
    house: House
    state: Relay
    given_up: int
    officer: Desk


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with ExitStack() as stack:
        state = stack.enter_context(relay())
        app = stack.enter_context(site(tmp_path, smtp_url=state.url, mail_from=SENDER))
        house: House = app.extensions["inquiries"]()
        with house.live.write() as connection:
            kind = mail.Kind.replied
            made = mail.queue(house, connection, kind=kind, to=TO, language="ko")
        state.takes = ["refuse"]
        delivery.send_waiting(house)
        yield Post(app, house, state, made, desk_of(app, house, Role.privacy))


def test_everybody_is_told_and_the_officer_led_there(post: Post) -> None:
    minji = desk_of(post.app, post.house, Role.consultation)
    for desk, leads in ((post.officer, True), (minji, False)):
        page = desk.get("/staff/inbox")
        assert "1 message could not be sent." in page.text
        assert ('<a href="/staff/mail">See what is the matter</a>' in page.text) is leads
        assert ("Please tell the privacy officer." in page.text) is not leads


def test_the_page_says_why_and_no_address(post: Post) -> None:
    page = post.officer.get("/staff/mail")
    assert "The mail server refused it." in page.text
    assert "(550)" in page.text
    assert "quondam" not in page.text


def test_it_is_sent_again(post: Post) -> None:
    post.officer.get("/staff/mail")
    answer = post.officer.post(f"/staff/mail/{post.given_up}/again")
    assert answer.status_code == 303
    assert "It will be sent again within moments." in post.officer.get("/staff/mail").text
    assert delivery.send_waiting(post.house) == 1
    assert "Nothing had to be given up." in post.officer.get("/staff/mail").text
    assert "could not be sent" not in post.officer.get("/staff/inbox").text


def test_it_is_dropped(post: Post) -> None:
    post.officer.get("/staff/mail")
    assert post.officer.post(f"/staff/mail/{post.given_up}/drop").status_code == 303
    assert "Dropped." in post.officer.get("/staff/mail").text
    assert post.officer.post(f"/staff/mail/{post.given_up}/again").status_code == 303
    assert "somebody else was faster" in post.officer.get("/staff/mail").text
    retention.sweep(post.house)
    assert delivery.send_waiting(post.house) == 0


def test_without_a_relay_it_says_what_would_be_told(tmp_path: Path) -> None:
    with site(tmp_path) as app:
        house: House = app.extensions["inquiries"]()
        page = desk_of(app, house, Role.privacy).get("/staff/mail")
    assert "No mail is configured, so none is sent." in page.text
    listed = re.findall(r"<li>(.*?)</li>", page.text.partition("These would be sent:")[2])
    assert len(listed) == len(mail.Kind)
    assert not set(listed) & set(mail.Kind), "a kind without words"

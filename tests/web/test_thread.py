"""Replies, notes and her answers as the pages take them: told, shown, and nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from inquiries.rules.permissions import Role
from inquiries.services import delivery, fulfilment, rights, thread
from inquiries.services.house import House
from tests.breaking import broken
from tests.relay import SENDER, Relay, relay
from tests.staff import Desk, desk_of
from tests.web.site import code_of, hidden, send, site

REPLY = "안녕하세요, 소라 님.\r\n\r\n<b>자료</b>를 보냅니다 & 기다립니다."
HER = "고맙습니다. 하나 더 여쭙니다."


@dataclass
class Desks:
    """Sora's browser with her code, and Minji's desk, on which the inquiry lies open."""

    house: House
    post: Relay
    sora: FlaskClient
    code: str
    minji: Desk
    path: str

    def open(self) -> TestResponse:
        self.minji.get(self.path)
        return self.minji.post(f"{self.path}/open")

    def write(self, kind: str, text: str, **fields: str) -> TestResponse:
        return self.minji.post(f"{self.path}/{kind}", text=text, **fields)

    def look(self) -> TestResponse:
        return self.sora.post("/receipt", data={"receipt": self.code, "language": "en"})

    def answer(self, text: str, **fields: str) -> TestResponse:
        data = {"receipt": self.code, "language": "en", "text": text} | fields
        return self.sora.post("/receipt/answer", data=data)


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[Desks]:
    with relay() as state, site(tmp_path, smtp_url=state.url, mail_from=SENDER) as app:
        yield _desks(app, state)


def _desks(app: Flask, state: Relay) -> Desks:
    house: House = app.extensions["inquiries"]()
    sora = app.test_client()
    code = code_of(send(sora))
    minji = desk_of(app, house, Role.consultation)
    (path,) = re.findall(r'href="(/staff/inquiries/\d+)"', minji.get("/staff/inbox").text)
    desks = Desks(house, state, sora, code, minji, path)
    desks.open()
    return desks


def shown(page: TestResponse) -> list[tuple[str, str]]:
    """(kind, text) of each entry of the thread on the page."""
    found = re.findall(
        r'<li class="(reply|answer|note)">.*?<div class="prewrap"[^>]*>(.*?)</div>', page.text, re.DOTALL
    )
    return [(kind, unescape(text)) for kind, text in found]


def test_they_write_to_one_another(desks: Desks) -> None:
    said = desks.write("reply", REPLY)
    assert (said.status_code, said.headers["Location"]) == (303, desks.path)
    assert "A mail tells the person that there is an answer." in desks.minji.get(desks.path).text
    kept = REPLY.replace("\r\n", "\n")
    assert shown(desks.look()) == [("reply", kept)]
    assert "<b>자료</b>" not in desks.look().text
    assert delivery.send_waiting(desks.house) == 1
    answered = desks.answer(HER)
    assert (answered.status_code, "Sent. You will find the answer here." in answered.text) == (200, True)
    assert shown(answered) == [("reply", kept), ("answer", HER)]
    assert 'class="unread"' in desks.minji.get("/staff/inbox").text
    page = desks.open()
    assert shown(page) == [("reply", kept), ("answer", HER)]
    assert '<small class="badge required">new</small>' in page.text
    assert "Reply by consultation@example.com" in page.text
    assert 'class="unread"' not in desks.minji.get("/staff/inbox").text


def test_a_note_is_kept_from_her_page_and_from_her_copy(desks: Desks) -> None:
    desks.write("note", "ruft nur nachmittags an")
    desks.write("reply", REPLY)
    assert shown(desks.open())[0] == ("note", "ruft nur nachmittags an")
    copy = desks.sora.post("/receipt/copy", data={"receipt": desks.code, "language": "en"})
    file = desks.sora.post("/receipt/copy", data={"receipt": desks.code, "format": "json"})
    for page in (desks.look(), copy, file):
        assert "nachmittags" not in page.text
        assert "자료" in page.text
    assert [(one["from"], one["text"]) for one in file.get_json()["messages"]] == [
        ("controller", REPLY.replace("\r\n", "\n"))
    ]
    assert "notes that those who answer may have made" in desks.look().text


def test_whether_there_are_notes_does_not_show(desks: Desks) -> None:
    before = desks.look().text
    desks.write("note", "a note")
    nonce = r'name="_once" value="[^"]*"'
    assert re.sub(nonce, "", desks.look().text) == re.sub(nonce, "", before)


@pytest.mark.parametrize("kind", ["reply", "note"])
@pytest.mark.parametrize(
    ("text", "fault"),
    [("", "Please write something."), ("x" * 10_001, "more than 10000 characters"), ("a\u202eb", "reverses")],
)
def test_what_is_refused_stands_in_the_field_again(desks: Desks, kind: str, text: str, fault: str) -> None:
    page = desks.write(kind, text)
    assert page.status_code == 422
    assert fault in page.text
    assert _typed(page, f"field-{kind}") == text
    assert shown(desks.open()) == []


@pytest.mark.parametrize("kind", ["reply", "note"])
def test_nothing_typed_is_lost_when_it_cannot_be_stored(desks: Desks, kind: str) -> None:
    with broken(desks.house.live, "thread"):
        page = desks.write(kind, REPLY)
    assert (page.status_code, "A database did not answer".lower() in page.text.lower()) == (503, True)
    assert _typed(page, f"field-{kind}") == REPLY.replace("\r\n", "\n")
    rights.suspend(desks.house, desks.code)
    page = desks.write(kind, REPLY)
    assert (page.status_code, "nothing of this inquiry is used" in page.text) == (409, True)
    assert _typed(page, f"field-{kind}") == REPLY.replace("\r\n", "\n")


def test_a_reply_to_what_was_closed_meanwhile_is_kept(desks: Desks) -> None:
    desks.minji.post(f"{desks.path}/close")
    page = desks.write("reply", REPLY)
    assert (page.status_code, "Look at it first." in page.text) == (409, True)
    assert _typed(page, "field-reply") == REPLY.replace("\r\n", "\n")
    assert "field-reply" not in desks.open().text, "what is closed is reopened first"


def test_a_second_click_writes_once(desks: Desks) -> None:
    nonce = hidden(desks.open(), "_once")
    for _ in range(2):
        assert desks.write("reply", REPLY, _once=nonce).status_code == 303
    assert len(shown(desks.look())) == 1
    nonce = hidden(desks.look(), "_once")
    for _ in range(2):
        assert desks.answer(HER, _once=nonce).status_code == 200
    assert len(shown(desks.look())) == 2


def test_what_she_types_is_kept_when_it_is_refused(desks: Desks) -> None:
    for text, status, fault in (
        ("", 422, "Your message: please fill this in."),
        ("a\u202eb", 422, "reverses the direction"),
    ):
        page = desks.answer(text)
        assert (page.status_code, fault in page.text) == (status, True)
        assert _typed(page, "field-text") == text
    rights.suspend(desks.house, desks.code)
    assert "field-text" not in desks.look().text
    page = desks.answer(HER)
    assert "End the suspension, then send it." in page.text
    assert _typed(page, "field-text") == HER
    assert shown(page) == []


@pytest.mark.promise("P21")
def test_an_unknown_code_is_answered_as_ever(desks: Desks) -> None:
    rights.delete(desks.house, desks.code)
    fulfilment.carry_out(desks.house)
    destroyed, *others = [
        desks.sora.post("/receipt/answer", data={"receipt": code, "text": text, "language": "en"})
        for code in (desks.code, "00000-00000-00000-00000-00000", "x", "")
        for text in (HER, "")
    ]
    assert destroyed.status_code == 404
    assert {page.data for page in others} == {destroyed.data}


def test_a_reload_of_either_page_writes_nothing(desks: Desks) -> None:
    for kind in ("reply", "note"):
        assert desks.minji.get(f"{desks.path}/{kind}").headers["Location"] == desks.path
    assert desks.sora.get("/receipt/answer").headers["Location"].startswith("/receipt")
    assert shown(desks.look()) == []


def test_without_mail_it_says_so(tmp_path: Path) -> None:
    with site(tmp_path) as app:
        desks = _desks(app, Relay())
        assert "No mail is configured here: nothing tells of it." in desks.open().text
        desks.write("reply", REPLY)
        assert "No mail is configured here; the person finds it" in desks.minji.get(desks.path).text
        assert len(shown(desks.look())) == 1


def test_the_officer_reads_the_thread_and_writes_nothing(desks: Desks) -> None:
    desks.write("note", "a note")
    thread.answer(desks.house, desks.code, HER)
    officer = desk_of(desks.minji.client.application, desks.house, Role.privacy)
    officer.get(desks.path)
    page = officer.post(f"{desks.path}/open", reason="a request")
    assert shown(page) == [("note", "a note"), ("answer", HER)]
    assert "field-reply" not in page.text
    assert "field-note" not in page.text
    desks.minji.get("/staff/inbox")
    assert 'class="unread"' in desks.minji.get("/staff/inbox").text, "she does not answer: it stays new"


def _typed(page: TestResponse, field: str) -> str:
    """What stands in the text field, as a browser would take it: without the first line break."""
    found = re.search(rf'<textarea id="{field}"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)
    assert found, page.text
    return unescape(found[1]).replace("\r\n", "\n")

"""P03: consent at collection, by the very text shown, which can be shown again for any record."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.errors import InvalidItems, NoticeSuperseded
from inquiries.services import inbox, receipt
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.live.tables import consents, groups, inquiries, notices
from tests.cast import MINJI, send
from tests.moments import at, installed
from tests.promises.pages import application
from tests.web.site import code_of, errors_of, fields, hidden


def seen(page: str) -> str:
    """The page as a person reads it: tags away, one space."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def as_shown(page: TestResponse) -> dict[str, str]:
    """The form of this page, filled in."""
    return fields(_notice=hidden(page, "_notice"), _once=hidden(page, "_once"))


@pytest.mark.promise("P03")
@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", ["introduction", "recruitment"])
def test_p03_the_record_reproduces_the_very_text_shown(house: House, kind: str, language: str) -> None:
    with at():
        client = application(house).test_client()
        page = client.get(f"/inquiries/{kind}?lang={language}")
        assert (
            client.post(f"/inquiries/{kind}", data=as_shown(page) | {"language": language}).status_code == 200
        )
        with house.live.read() as connection:
            (row,) = (one for one in connection.execute(consents.select()) if one.purpose == "inquiry")
            shown = connection.execute(notices.select().where(notices.c.digest == row.notice_digest)).one()
            assert clock.now() - row.recorded_at < timedelta(minutes=1)
    assert (row.given, row.notice_shown, row.policy_version) == (True, True, 1)
    assert (row.language, shown.language, shown.type) == (language, language, kind)
    lines = [part.strip() for line in shown.text.splitlines() for part in line.split("\t") if part.strip()]
    words = seen(page.text)
    said = [re.sub(r"^[-·*#\s]+|[:：]$", "", line) for line in lines]
    assert len(said) > 10
    assert [line for line in said if not all(part in words for part in line.split(": "))] == []


@pytest.mark.promise("P03")
def test_p03_the_notice_names_purpose_items_period_and_refusal(house: House) -> None:
    with at():
        page = application(house).test_client().get("/inquiries/support?lang=ko").text
    rows = re.findall(r'class="row-(\w+)"', page)
    assert rows == ["purpose", "items", "period", "refusal"] * 2  # the inquiry's, and the optional purpose's
    words = seen(page)
    for said in (
        "기술·지원 문의의 접수",
        "이름, 이메일, 문의 내용",
        "회사명, 연락처",
        "1년",
        "30일",
        "6개월",
        "거부하실 수 있습니다",
    ):
        assert said in words


@pytest.mark.promise("P03")
def test_p03_no_consent_is_ticked_before_and_none_stands_for_another(house: House) -> None:
    with at():
        page = application(house).test_client().get("/inquiries/support").text
    boxes = re.findall(r'<input type="checkbox"[^>]*>', page)
    assert [re.findall(r'name="([^"]*)"', box)[0] for box in boxes] == [
        "consent.inquiry",
        "consent.marketing",
    ]
    assert not [box for box in boxes if "checked" in box]
    assert "required" in boxes[0]
    assert "required" not in boxes[1]


@pytest.mark.promise("P02")
@pytest.mark.promise("P03")
def test_p03_the_optional_consent_is_no_condition(house: House) -> None:
    with at():
        client = application(house).test_client()
        answer = client.post("/inquiries/support", data=fields())
        assert answer.status_code == 200
        view = receipt.look(house, code_of(answer))
        with house.live.read() as connection:
            names = set(connection.scalars(groups.select().with_only_columns(groups.c.name)))
    assert {one.purpose: one.given for one in view.consents} == {"inquiry": True, "marketing": False}
    assert names == {"main", "visitor"}  # nothing is kept for what she did not agree to (P02)


@pytest.mark.promise("P03")
def test_p03_the_required_consent_is_asked_for(house: House) -> None:
    with at():
        client = application(house).test_client()
        answer = client.post("/inquiries/support", data=fields(consent_inquiry=None, consent_marketing="yes"))
        assert answer.status_code == 422
        assert set(errors_of(answer)) == {"consent.inquiry"}
        sent = {"type": "support", "items": {}, "consents": {"inquiry": False}}
        codes = [one["code"] for one in json.loads(client.post("/api/inquiries", json=sent).text)["errors"]]
        assert "consent_required" in codes
        with pytest.raises(InvalidItems):
            send(house, consents={})
        with house.live.read() as connection:
            assert connection.execute(inquiries.select()).first() is None


@pytest.mark.promise("P03")
def test_p03_who_saw_an_older_notice_sees_the_new_one_first(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    policy = Path(shutil.copy(make_settings().policy, tmp_path / "policy.toml"))
    with installed(make_settings, policy=policy) as house, at():
        client = application(house).test_client()
        page = client.get("/inquiries/support")
        policy.write_text(
            policy.read_text("utf-8").replace('period = "1 year"', 'period = "2 years"'), "utf-8"
        )
        house.memory.clear()  # in development an edited policy is published within a second
        answer = client.post("/inquiries/support", data=as_shown(page))
        assert answer.status_code == 409
        assert "김소라" in answer.text  # what was typed is kept
        assert "1년" in seen(page.text)
        assert "2년" in seen(answer.text)  # the new notice is beside it
        with pytest.raises(NoticeSuperseded):
            send(house, notice_version=1)
        assert client.post("/inquiries/support", data=as_shown(answer)).status_code == 200
        with house.live.read() as connection:
            assert {row.policy_version for row in connection.execute(consents.select())} == {2}


@pytest.mark.promise("P03")
def test_p03_a_form_of_the_companys_own_is_recorded_as_shown_elsewhere(house: House) -> None:
    with at():
        assert application(house).test_client().post("/inquiries/support", data=fields()).status_code == 200
        with house.live.read() as connection:
            assert {row.notice_shown for row in connection.execute(consents.select())} == {False}


@pytest.mark.promise("P03")
def test_p03_her_copy_and_the_staff_page_prove_that_it_is_the_very_text(house: House) -> None:
    with at():
        code = send(house, language="en").receipt
        client = application(house).test_client()
        (record,) = {(one["text"], one["sha256"], one["same"]) for one in copy_of(client, code)["consents"]}
        assert sha256(record[0].encode()).hexdigest() == record[1]
        assert record[2] is True
        page = client.post("/receipt/copy", data={"receipt": code, "language": "en"}).text
        assert "This is the very text" in seen(page)
        assert record[1] in page
        inquiry = only(house)
        opened = inbox.open_inquiry(house, MINJI, inquiry, None)
        assert {(one.text, one.digest, one.same) for one in opened.consents} == {record}
        with house.live.write() as connection:
            connection.execute(notices.update().values(text=notices.c.text + " and anything else"))
        assert not any(one.same for one in inbox.open_inquiry(house, MINJI, inquiry, None).consents)
        page = client.post("/receipt/copy", data={"receipt": code, "language": "en"}).text
        assert "cannot be shown as it was" in seen(page)


def copy_of(client: FlaskClient, code: str) -> dict[str, Any]:
    return dict(json.loads(client.post("/receipt/copy", data={"receipt": code, "format": "json"}).text))


def only(house: House) -> int:
    (line,) = inbox.page(house, MINJI).rows
    return line.id

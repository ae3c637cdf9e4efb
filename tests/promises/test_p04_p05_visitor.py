"""P04, P05: of the visit itself no more is kept than the notice says, for its own time; no cookie is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from inquiries.services import receipt, retention
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.live.tables import groups
from tests.cast import send
from tests.moments import T0, at, installed
from tests.promises.pages import application, stored
from tests.web.site import code_of, fields

AGENT = "Sora's browser/1.0"
PUBLIC = (
    "/",
    "/inquiries/support",
    "/embed/support",
    "/embed.js",
    "/receipt",
    "/privacy",
    "/privacy/1",
    "/healthz",
)


@pytest.mark.promise("P04")
def test_p04_what_is_kept_of_the_visit_is_what_the_notice_says(house: House) -> None:
    with at():
        client = application(house).test_client()
        sent = {
            "User-Agent": AGENT,
            "X-Forwarded-For": "203.0.113.9",
            "Referer": "https://a.example/",
            "Cookie": "a=b",
        }
        answer = client.post("/inquiries/support", data=fields(), headers=sent)
        assert answer.status_code == 200
        assert stored(house)["visitor"] == {"address": "127.0.0.1", "user_agent": AGENT}
        (notice_row,) = re.findall(
            r'row-items">(.*?)</tr>', client.get("/inquiries/support").text, re.DOTALL
        )[:1]
        (period_row,) = re.findall(
            r'row-period">(.*?)</tr>', client.get("/inquiries/support").text, re.DOTALL
        )[:1]
    assert "IP" in notice_row
    assert "브라우저" in notice_row
    assert "3개월" in period_row


@pytest.mark.promise("P04")
def test_p04_it_ends_after_three_calendar_months_by_itself(any_house: House) -> None:
    with at():
        code = send(any_house).receipt
    end = T0.replace(month=6)
    with at((end - T0).days, seconds=-60):
        assert retention.sweep(any_house, confirm=True).destroyed == 0
    with at((end - T0).days, seconds=60):
        assert retention.sweep(any_house, confirm=True).destroyed == 1
        assert receipt.look(any_house, code).items["name"] == "김소라"
        with any_house.live.read() as connection:
            assert list(connection.scalars(groups.select().with_only_columns(groups.c.name))) == ["main"]


def written(page: str) -> str:
    """What stands on the page, without its tags: a nonce is random and may hold any two letters."""
    return re.sub(r"<[^>]*>", " ", page)


@pytest.mark.promise("P04")
def test_p04_a_policy_that_declares_none_keeps_none(make_settings: Callable[..., Settings]) -> None:
    policy = make_settings().policy.parent / "clunix.toml"
    with installed(make_settings, policy=policy) as house, at():
        send(house)
        assert set(stored(house)) == {"main"}
        assert "IP" not in written(application(house).test_client().get("/inquiries/support").text)


@pytest.mark.promise("P04")
def test_p04_what_the_policy_does_not_name_is_not_kept(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    source = make_settings().policy.read_text("utf-8")
    policy.write_text(source.replace('items = ["address", "user_agent"]', 'items = ["user_agent"]'), "utf-8")
    with installed(make_settings, policy=policy) as house, at():
        send(house)
        assert stored(house)["visitor"] == {"user_agent": "Sora's browser"}
        assert "IP" not in written(application(house).test_client().get("/inquiries/support").text)


@pytest.mark.promise("P05")
def test_p05_no_public_page_sets_a_cookie_and_the_form_works_without(house: House) -> None:
    with at():
        app = application(house)
        for path in PUBLIC:
            with app.test_client(use_cookies=False).get(path) as answer:
                assert answer.status_code == 200, path
                assert "Set-Cookie" not in answer.headers, path
        client = app.test_client(use_cookies=False)
        sent = client.post("/inquiries/support", data=fields())
        looked = client.post("/receipt", data={"receipt": code_of(sent)})
        refused = client.post("/inquiries/support", data=fields(email="none"))
        missing = client.get("/nowhere")
        assert [one.status_code for one in (sent, looked, refused, missing)] == [200, 200, 422, 404]
        assert not [one for one in (sent, looked, refused, missing) if "Set-Cookie" in one.headers]


@pytest.mark.promise("P05")
def test_p05_a_cookie_that_comes_all_the_same_is_not_read(house: House) -> None:
    with at():
        client = application(house).test_client()
        client.set_cookie("inquiries", "A" * 43)
        answer = client.post("/inquiries/support", data=fields())
        assert answer.status_code == 200
        assert "Cookie" not in answer.headers.get("Vary", "")

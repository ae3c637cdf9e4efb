"""The whole story in a browser: sent, found, opened, replied to and fro, closed, and on its day gone for good."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import BrowserContext, Page, expect

from inquiries import clock
from inquiries import settings as settings_module
from inquiries.services import retention
from inquiries.services.house import open_house
from inquiries.worker import Worker
from tests.cast import ITEMS
from tests.keyboard import accessible, follow
from tests.running import Server, one_time_code, until

pytestmark = pytest.mark.journey

REPLY, ANSWER = "자료를 보내 드립니다.\n다른 질문이 있으신가요?", "네, 하나 더 있습니다."
PASSWORD = "일곱 마리 두루미가 북으로 난다"
OFFICER = "privacy@example.com"


@pytest.mark.promise("P08")
@pytest.mark.promise("P11")
@pytest.mark.promise("P31")
def test_from_the_form_to_the_end(server: Server, person: Callable[..., BrowserContext]) -> None:
    sora = person().new_page()
    code = send(server, sora)

    officer = person().new_page()
    secret, seal_key = enrol(server, officer)
    sign_in(server, officer, one_time_code(secret, 1))  # the code of the enrolment is used up

    place = find(officer)
    open_on_record(officer)
    write(officer, "#field-reply", REPLY)
    expect(officer.locator(".facts .state-answered")).to_be_visible()
    expect(officer.locator(".said")).to_contain_text("메일이 설정되어 있지 않아")
    look_up(server, sora, code)
    expect(sora.locator(".facts strong")).to_have_text("답변 완료")
    expect(sora.locator(".thread .reply")).to_contain_text(REPLY)
    accessible(sora)
    write(sora, "#field-text", ANSWER)
    expect(sora.locator(".thread .answer")).to_contain_text(ANSWER)

    def taken_in() -> bool:  # by the worker, which opens what was answered again
        officer.goto(f"{server.url}/staff/inbox")
        return officer.locator("tr.unread .state-open").count() == 1

    until(taken_in)
    find(officer)
    open_on_record(officer)
    expect(officer.locator(".thread .answer .badge")).to_be_visible()
    officer.locator("main .noting summary").click()
    accessible(officer)
    write(officer, "#field-note", "전화로 확인함")
    expect(officer.locator(".said")).to_be_visible()
    look_up(server, sora, code)
    expect(sora.locator("main")).not_to_contain_text("전화로 확인함")
    officer.locator("[data-act=close]").click()
    expect(officer.locator(".facts .state-closed")).to_be_visible()

    days_pass(server, 31)  # thirty after the closing

    assert look_up(server, sora, code) == 404
    expect(sora.locator("main")).not_to_contain_text(ITEMS["content"])
    answer = officer.goto(place)
    assert answer is not None
    assert answer.status == 404
    officer.goto(f"{server.url}/staff/inbox")
    expect(officer.locator("[data-row]")).to_have_count(0)
    verified = server.command("ledger", "verify", "--key", seal_key, "--json")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["ok"] is True


# -- the person ------------------------------------------------------------------------------------


def send(server: Server, sora: Page) -> str:
    """She chooses a subject, reads the notice, fills in the form; her receipt code."""
    sora.goto(server.url)
    sora.get_by_role("link", name="기술·지원 문의").click()
    for name, text in ITEMS.items():
        sora.locator(f"[name={name}]").fill(text)
    expect(sora.locator(".agreement")).to_contain_text("1년")
    expect(sora.locator("[name='consent.inquiry']")).not_to_be_checked()
    sora.locator("[name='consent.inquiry']").check()
    sora.get_by_role("button", name="문의 보내기").click()
    code = sora.locator("#receipt").inner_text()
    assert code not in sora.url
    assert code not in server.output
    return code


def look_up(server: Server, sora: Page, code: str) -> int:
    """She types her code; the status of the answer."""
    sora.goto(f"{server.url}/receipt")
    sora.locator("[name=receipt]").fill(code.lower().replace("-", " "))
    return follow(sora.get_by_role("button", name="내 문의 보기")).status


# -- staff -----------------------------------------------------------------------------------------


def enrol(server: Server, officer: Page) -> tuple[str, str]:
    """The first officer takes up the printed link: her TOTP secret, and the seal key that she keeps."""
    officer.goto(server.enrolment)
    expect(officer.locator("main")).to_contain_text(OFFICER)
    secret = officer.locator("#totp-secret").inner_text()
    officer.locator("[name=password]").fill(PASSWORD)
    officer.locator("[name=code]").fill(one_time_code(secret))
    officer.locator("main form button[type=submit]").click()
    expect(officer.locator(".recovery-code")).to_have_count(10)
    return secret, officer.locator("#seal-key").inner_text()


def sign_in(server: Server, officer: Page, code: str) -> None:
    officer.goto(f"{server.url}/staff/inbox")
    officer.locator("[name=email]").fill(OFFICER)
    officer.locator("[name=password]").fill(PASSWORD)
    officer.locator("[name=code]").fill("000000")
    officer.locator("main form button[type=submit]").click()
    expect(officer.locator("#errors")).to_be_visible()  # a password alone opens nothing
    officer.locator("[name=password]").fill(PASSWORD)
    officer.locator("[name=code]").fill(code)
    officer.locator("main form button[type=submit]").click()
    expect(officer).to_have_url(f"{server.url}/staff/inbox")


def find(officer: Page) -> str:
    """She finds it in the list, masked; its address."""
    row = officer.locator("[data-row]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("김**")
    expect(officer.locator("main")).not_to_contain_text(ITEMS["name"])
    follow(row)
    expect(officer.locator("main")).not_to_contain_text(ITEMS["content"])
    return officer.url


def open_on_record(officer: Page) -> None:
    officer.locator("[data-open]").click()
    for name, text in ITEMS.items():
        expect(officer.locator(f"[data-item={name}]")).to_have_text(text)
    expect(officer.locator(".record")).to_contain_text(OFFICER)
    expect(officer.locator("[data-item=email] a")).to_have_attribute("href", f"mailto:{ITEMS['email']}")
    expect(officer.locator("[data-item=contact] a")).to_have_attribute("href", "tel:0212345678")


def write(page: Page, field: str, text: str) -> None:
    """Whoever it is fills in the text and sends it."""
    page.locator(field).fill(text)
    page.locator(f"form:has({field}) button[type=submit]").click()


# -- time ------------------------------------------------------------------------------------------


def days_pass(server: Server, days: int) -> None:
    """So much later a worker takes its turns on the same instance; the server goes on in the present."""
    with time_machine.travel(clock.now() + timedelta(days=days), tick=True):
        house = open_house(settings_module.load(instance=server.instance))
        try:
            assert retention.count_due(house, clock.now()) == 1
            worker = Worker(house)

            def done() -> bool:
                worker.step()  # a turn that the server's own worker is at is left to it
                return retention.count_due(house, clock.now()) == 0

            until(done)
        finally:
            house.close()

"""The officer's day: what is held is not destroyed, what a law orders kept is archived, and each run is proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from inquiries import settings as settings_module
from inquiries.rules.permissions import Role
from inquiries.sealing import documents
from inquiries.services.house import House, open_house
from tests import cast
from tests.cast import ITEMS
from tests.running import Server
from tests.staff import PASSWORD, enrol

pytestmark = pytest.mark.journey

OFFICER = "oh@example.com"


@contextmanager
def inside(server: Server) -> Iterator[House]:
    """The house of the running server, opened beside it."""
    house = open_house(settings_module.load(instance=server.instance))
    try:
        yield house
    finally:
        house.close()


@pytest.fixture
def officer(server: Server, person: Callable[..., BrowserContext]) -> Page:
    """She has three inquiries, and has signed in."""
    with inside(server) as house:
        for kind in ("support", "affiliate", "recruitment"):
            cast.send(house, type=kind)
        code = (member := enrol(house, OFFICER, Role.privacy)).code()
    page = person().new_page()
    page.goto(f"{server.url}/staff/")
    for name, text in (("email", member.email), ("password", PASSWORD), ("code", code)):
        page.locator(f"[name={name}]").fill(text)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("[data-row]")).to_have_count(3)
    return page


@pytest.mark.promise("P12")
@pytest.mark.promise("P14")
def test_the_officer_holds_releases_archives_and_proves(
    server: Server, officer: Page, tmp_path: Path
) -> None:
    hold_and_release(officer)
    archive_and_open(officer)
    prove_a_run(server, officer, tmp_path)


def open_inquiry(officer: Page, kind: str) -> None:
    """From the list, with a reason."""
    officer.get_by_role("link", name="문의함").click()
    officer.get_by_role("row").filter(has_text=kind).get_by_role("link").click()
    officer.locator("[name=reason]").fill("보존 여부를 확인하려고")
    officer.locator("[data-open]").click()
    expect(officer.locator("[data-item=content]")).to_have_text(ITEMS["content"])


def hold_and_release(officer: Page) -> None:
    open_inquiry(officer, "기술·지원 문의")
    officer.get_by_text("파기 보류하기").click()
    officer.get_by_label("근거").fill("2026가합1234")
    officer.get_by_label("사유").fill("소송이 끝날 때까지")
    expect(officer.get_by_label("보류 기한")).not_to_have_value("")  # a year is proposed
    officer.get_by_role("button", name="이 문의의 파기 보류").click()
    expect(officer.locator(".facts")).to_contain_text(f"{OFFICER}, 근거: 2026가합1234")

    officer.get_by_role("link", name="보유·파기").click()
    held = officer.locator(".holds > li")
    expect(held).to_have_count(1)
    expect(held).to_contain_text("소송이 끝날 때까지")
    held.locator("summary").click()
    held.get_by_label("해제 사유").fill("소송이 끝났음")
    held.get_by_role("button").click()
    expect(officer.get_by_role("status")).to_be_visible()
    expect(held).to_have_count(0)


def archive_and_open(officer: Page) -> None:
    open_inquiry(officer, "제휴 문의")
    officer.get_by_text("분리 보관으로 옮기기").click()
    officer.get_by_label("계약 또는 청약철회 등에 관한 기록").check()
    officer.get_by_role("button", name="계속").click()
    expect(officer.locator(".panel.grave")).to_contain_text("되살릴 수 없습니다")
    officer.locator("[name=items][value=name]").check()
    officer.locator("[name=items][value=content]").check()
    officer.get_by_label("분리 보관 사유").fill("계약이 이루어졌음")
    officer.locator("button.grave").click()

    row = officer.locator("[data-row]")
    expect(row).to_have_text("계약 또는 청약철회 등에 관한 기록")
    row.click()
    expect(officer.locator("main")).not_to_contain_text(ITEMS["content"])
    officer.locator("[name=reason]").fill("법원의 요청")
    officer.locator("[data-open]").click()
    expect(officer.locator("[data-item=name]")).to_have_text(ITEMS["name"])
    expect(officer.locator("[data-item]")).to_have_count(2)
    expect(officer.locator(".record")).to_contain_text("법원의 요청")
    officer.get_by_role("link", name="문의함").click()
    expect(officer.locator("[data-row]")).to_have_count(2)


def prove_a_run(server: Server, officer: Page, tmp_path: Path) -> None:
    swept = server.command("sweep", "--confirm", "--json")
    assert swept.returncode == 0, swept.stderr
    assert json.loads(swept.stdout)["archived"] == 1
    officer.get_by_role("link", name="보유·파기").click()
    officer.locator("table.runs tbody tr").first.get_by_role("link").first.click()
    expect(officer.locator("h1")).to_contain_text("파기 작업 증명서")
    with officer.expect_download() as download:
        officer.get_by_role("link", name="파일 내려받기").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    document = documents.read(file.read_bytes())
    key = bytes.fromhex(officer.locator("#verify-key").inner_text())
    assert documents.check(document, key).ok

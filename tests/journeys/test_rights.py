"""Each right end to end in a browser: with the mouse and no script, and with the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from inquiries import settings as settings_module
from inquiries.services import records
from inquiries.services.house import open_house
from inquiries.stores import tombstones
from inquiries.stores.live.tables import consents, envelopes, groups, inquiries, openings, requests
from tests.cast import ITEMS
from tests.journeys.sending import look_up, send
from tests.keyboard import accessible, enter, follow, tab_to
from tests.running import Server, until

pytestmark = pytest.mark.journey

CORRECTED = "sora.kim@example.com"


@pytest.mark.promise("P17")
@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
def test_each_right_with_the_mouse_and_without_scripts(
    server: Server, person: Callable[..., BrowserContext]
) -> None:
    page = person(java_script_enabled=False).new_page()
    code = send(server, page, marketing=True)
    look_up(server, page, code)
    expect(page.locator("main")).to_contain_text("아직 아무도 열람하지 않았습니다.")

    press(page, "사본 받기")
    expect(page.locator("main")).to_contain_text("Chrom")  # what was recorded of her visit
    expect(page.locator("pre")).to_contain_text("개인정보 수집·이용 안내")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="파일 내려받기").click()
    file = json.loads(Path(downloaded.value.path()).read_text(encoding="utf-8"))
    assert file["parts"][0]["items"] == ITEMS
    press(page, "돌아가기")

    press(page, "내용 정정")
    page.locator("[name=email]").fill("이메일 아님")
    press(page, "정정 내용 저장")
    expect(page.locator("[id='error-email']")).to_be_visible()
    page.locator("[name=email]").fill(CORRECTED)
    press(page, "정정 내용 저장")
    expect(page.locator(".said")).to_contain_text("1분 안에")
    done(server, page, code, lambda: page.locator("dl.sent").get_by_text(CORRECTED, exact=True).count() == 1)
    expect(page.locator(".becoming")).to_have_count(0)

    press(page, "철회 (새로운 소식과 행사 안내)")
    expect(page.locator("table").first).to_contain_text("철회함")
    done(server, page, code, lambda: "marketing" not in standing(server)[1])

    press(page, "처리정지")
    expect(page.locator(".said")).to_be_visible()
    expect(page.locator("#suspended-heading")).to_be_visible()
    press(page, "처리정지 해제")
    done(server, page, code, lambda: page.locator("#suspended-heading").count() == 0)

    press(page, "삭제하기…")
    press(page, "돌아가기")
    expect(page.locator("main")).to_contain_text(CORRECTED)
    press(page, "삭제하기…")
    press(page, "영구히 삭제")
    expect(page.locator("h1")).to_contain_text("파기 중")

    def proved() -> bool:
        page.goto(f"{server.url}/receipt/certificate")
        page.locator("[name=receipt]").fill(code)
        press(page, "증명서 받기")
        return page.locator("h1").inner_text() == "파기 증명서"

    until(proved)
    expect(page.locator("main")).to_contain_text("삭제를 요청하셨습니다.")
    assert look_up(server, page, code) == 404
    assert standing(server) == (0, set())
    assert page.context.cookies() == []
    assert code not in server.output
    assert CORRECTED not in server.output


@pytest.mark.promise("P17")
def test_each_right_with_the_keyboard_alone(server: Server, person: Callable[..., BrowserContext]) -> None:
    page = person(locale="en-GB", viewport={"width": 390, "height": 844}).new_page()
    code = send(server, page, marketing=True)
    look_up(server, page, code)
    accessible(page)

    enter(page, "form[action^='/receipt/correct'] button")
    accessible(page)
    tab_to(page, "#field-name")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("김소라나")
    enter(page, "main form button >> nth=0")
    expect(page.locator(".becoming")).to_contain_text("김소라나")
    expect(page.locator(".said")).to_be_focused()  # read out, and where the keyboard goes on from
    done(server, page, code, lambda: page.locator(".becoming").count() == 0)

    enter(page, "form[action^='/receipt/withdraw'] button")
    expect(page.locator("form[action^='/receipt/withdraw']")).to_have_count(0)
    enter(page, "form[action^='/receipt/copy'] button")
    accessible(page)
    enter(page, "main form button >> nth=1")  # back
    enter(page, "form[action^='/receipt/suspend'] button")
    expect(page.locator("#suspended-heading")).to_be_visible()
    accessible(page)
    enter(page, "form[action^='/receipt/resume'] button")
    done(server, page, code, lambda: page.locator("#suspended-heading").count() == 0)

    enter(page, "form[action^='/receipt/delete'] button")
    accessible(page)
    enter(page, "main form button >> nth=0")
    expect(page.locator("h1")).to_have_text("Locked, and being destroyed")
    expect(page.locator("h1")).to_have_text("Proof of destruction", timeout=60_000)  # by itself
    assert "/receipt/certificate" in page.url
    assert code not in page.url
    assert code not in server.output


# -- the person ------------------------------------------------------------------------------------


def press(page: Page, name: str) -> None:
    follow(page.get_by_role("button", name=name, exact=True))


def done(server: Server, page: Page, code: str, holds: Callable[[], bool]) -> None:
    """Wait for the worker, looking again as she would."""

    def looked() -> bool:
        look_up(server, page, code)
        return holds()

    until(looked)


# -- what the stores hold --------------------------------------------------------------------------


def standing(server: Server) -> tuple[int, set[str]]:
    """How many rows of her the live store has, and the names of her groups; the ledger names no item."""
    house = open_house(settings_module.load(instance=server.instance))
    try:
        with house.live.read() as connection:
            tables = (inquiries, groups, consents, requests, openings, envelopes)
            ids = {row[0] for row in connection.execute(inquiries.select())}
            rows = sum(len(connection.execute(table.select()).all()) for table in tables) if ids else 0
            names = set(connection.scalars(groups.select().with_only_columns(groups.c.name)))
        with house.keys.read() as connection:
            assert tombstones.tombstones(connection, 0, 10) or ids
        assert CORRECTED not in repr(list(records.bodies(house, "requests")))
    finally:
        house.close()
    return rows, names

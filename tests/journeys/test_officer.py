"""What somebody asks for another by letter, through the officer, by keyboard alone, to what the stores hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from inquiries import settings as settings_module
from inquiries.services import records
from inquiries.services.house import House, open_house
from inquiries.stores.live.tables import groups, inquiries, requests
from tests.cast import ITEMS
from tests.journeys.sending import look_up, send
from tests.keyboard import accessible, enter, tab_to
from tests.running import Server, one_time_code, serve, until

pytestmark = [pytest.mark.journey, pytest.mark.slow]

PASSWORD = "일곱 마리 두루미가 북으로 난다"
OFFICER = "privacy@example.com"
WHO, LETTER = "이건, 배우자", "3월 2일에 온 편지"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One of its own for each: the first officer enrols once."""
    with serve(tmp_path) as running:
        yield running


@pytest.mark.promise("P17")
@pytest.mark.promise("P18")
@pytest.mark.promise("P22")
def test_a_representative_has_all_deleted_by_letter(
    server: Server, person: Callable[..., BrowserContext]
) -> None:
    sora = person().new_page()
    code = send(server, sora, "support")
    send(server, sora, "introduction")
    page = signed_in(server, person().new_page())

    page.goto(f"{server.url}/staff/requests")
    expect(page.locator(".empty")).to_be_visible()
    enter(page, "main a[href='/staff/search']")
    tab_to(page, "#field-typed")
    page.keyboard.type(ITEMS["email"])
    enter(page, "search button")
    enter(page, ".chosen button")
    expect(page.locator("main")).not_to_contain_text(ITEMS["name"])  # masked
    choose(page, "kind", "delete")
    enter(page, "main form button")
    accessible(page)
    enter(page, "main form button")  # nothing filled in
    expect(page.locator("#errors")).to_be_focused()
    choose(page, "channel", "paper")
    choose(page, "by", "representative")
    write(page, "who", WHO)
    write(page, "evidence", LETTER)
    enter(page, "main form button")

    expect(page.locator("table.requests tbody tr")).to_have_count(2)
    accessible(page)
    assert stores(server) == (2, {"needs_proof"})
    assert held(server)
    look_up(server, sora, code)
    expect(sora.locator("main")).to_contain_text("본인 확인을 기다리는 중")
    expect(sora.locator("dl.sent")).to_contain_text(ITEMS["content"])  # nothing has followed from it

    for left in (1, 0):
        page.goto(f"{server.url}/staff/requests")
        enter(page, "[data-row] >> nth=0")
        expect(page.locator("main")).to_contain_text(WHO)
        accessible(page)
        choose(page, "identity", "document")
        choose(page, "authority", "attorney")
        enter(page, "form[action$='/proof'] button")
        until(lambda left=left: stores(server)[0] == left)

    page.goto(f"{server.url}/staff/requests")
    expect(page.locator(".empty")).to_be_visible()
    enter(page, "main a[href='/staff/requests/history']")
    expect(page.locator("main")).to_contain_text("완료")
    accessible(page)
    assert look_up(server, sora, code) == 404
    assert stores(server) == (0, set())
    assert not held(server)
    for secret in (WHO, LETTER, ITEMS["email"], code):
        assert secret not in server.output
        assert secret not in ledger(server)


@pytest.mark.promise("P17")
@pytest.mark.promise("P19")
def test_the_other_rights_are_seen_to_by_telephone(
    server: Server, person: Callable[..., BrowserContext]
) -> None:
    sora = person().new_page()
    code = send(server, sora, "support", marketing=True)
    assert held(server) == {"main", "marketing", "visitor"}
    page = signed_in(server, person().new_page())

    telephoned(server, page, "correct", lambda: write(page, "contact", "02-8765-4321"))
    until(lambda: kinds_done(server) == {"correct"})
    look_up(server, sora, code)
    expect(sora.locator("main")).to_contain_text("아직 아무도 열람하지 않았습니다")
    expect(sora.locator("dl.sent")).to_contain_text("02-8765-4321")
    expect(sora.locator("dl.sent")).not_to_contain_text(ITEMS["contact"])

    telephoned(server, page, "withdraw", lambda: choose(page, "purpose", "marketing"))
    until(lambda: kinds_done(server) == {"correct", "withdraw"})
    assert held(server) == {"main", "visitor"}

    telephoned(server, page, "suspend")
    until(lambda: "suspend" in kinds_done(server))
    page.goto(f"{server.url}/staff/inbox")
    expect(page.locator("main")).to_contain_text("처리정지")
    expect(page.locator("main")).not_to_contain_text("김**")
    telephoned(server, page, "resume")
    until(lambda: "resume" in kinds_done(server))
    page.goto(f"{server.url}/staff/inbox")
    expect(page.locator("main")).to_contain_text("김**")

    telephoned(server, page, "copy")
    until(lambda: "needs_officer" in stores(server)[1])  # the worker has looked at it
    page.goto(f"{server.url}/staff/requests")
    enter(page, "[data-row] >> nth=0")
    enter(page, "form[action$='/copy'] button >> nth=0")
    expect(page.locator("main")).to_contain_text("02-8765-4321")
    expect(page.locator("main")).to_contain_text(ITEMS["content"])
    accessible(page)
    enter(page, ".actions a")
    enter(page, "form[action$='/given'] button")
    until(lambda: "copy" in kinds_done(server))
    look_up(server, sora, code)  # it was opened for her, and she sees that
    expect(sora.locator("main")).not_to_contain_text("아직 아무도 열람하지 않았습니다")


# -- the person, and the officer -------------------------------------------------------------------


def telephoned(server: Server, page: Page, kind: str, fill: Callable[[], None] = lambda: None) -> None:
    """The officer finds the person, and enters what she asked for on the telephone."""
    page.goto(f"{server.url}/staff/search")
    tab_to(page, "#field-typed")
    page.keyboard.type(ITEMS["email"])
    enter(page, "search button")
    enter(page, ".chosen button")
    choose(page, "kind", kind)
    enter(page, "main form button")
    fill()
    choose(page, "channel", "phone")
    write(page, "evidence", "오늘 아침 통화")
    choose(page, "identity", "document")
    enter(page, "main form button")
    expect(page.locator("#errors")).to_have_count(0)


def signed_in(server: Server, page: Page) -> Page:
    page.goto(server.enrolment)
    secret = page.locator("#totp-secret").inner_text()
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(one_time_code(secret))
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".recovery-code")).to_have_count(10)
    page.goto(f"{server.url}/staff/inbox")
    page.locator("[name=email]").fill(OFFICER)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(one_time_code(secret, 1))  # the code of the enrolment is used up
    page.locator("main form button[type=submit]").click()
    expect(page).to_have_url(f"{server.url}/staff/inbox")
    return page


# -- the keyboard ----------------------------------------------------------------------------------


def choose(page: Page, name: str, value: str) -> None:
    """One of several: Tab reaches the chosen one, or the first; arrows go on from there."""
    one = page.locator(f"[name={name}][value={value}]")
    chosen = page.locator(f"[name={name}]:checked")
    tab_to(page, f"[name={name}]:checked" if chosen.count() else f"[name={name}] >> nth=0")
    page.keyboard.press("Space")
    for _ in range(10):
        if one.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{name} has no {value}")


def write(page: Page, name: str, text: str) -> None:
    tab_to(page, f"#field-{name}")
    page.keyboard.insert_text(text)


# -- what the stores hold --------------------------------------------------------------------------


@contextmanager
def opened(server: Server) -> Iterator[House]:
    house = open_house(settings_module.load(instance=server.instance))
    try:
        yield house
    finally:
        house.close()


def stores(server: Server) -> tuple[int, set[str]]:
    """How many inquiries there are, and the states of their requests."""
    with opened(server) as house, house.live.read() as connection:
        ids = list(connection.scalars(select(inquiries.c.id)))
        states = set(connection.scalars(select(requests.c.state)))
    return len(ids), states


def kinds_done(server: Server) -> set[str]:
    """What was asked for and is carried out."""
    with opened(server) as house, house.live.read() as connection:
        return set(connection.scalars(select(requests.c.kind).where(requests.c.state == "done")))


def held(server: Server) -> set[str]:
    """The groups that stand."""
    with opened(server) as house, house.live.read() as connection:
        return set(connection.scalars(select(groups.c.name)))


def ledger(server: Server) -> str:
    with opened(server) as house:
        return "".join(
            repr(list(records.bodies(house, chain))) for chain in ("requests", "access", "destruction")
        )

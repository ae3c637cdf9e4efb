"""The officer's pages in a real browser: for everyone, on a phone, by keyboard, and without scripts."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from werkzeug.serving import make_server

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import archive, holds, inbox, mail, receipt, records, retention, rotation
from inquiries.services.house import House
from inquiries.services.sign_in import SignedIn
from inquiries.stores import keys
from inquiries.stores.live import outbox
from tests import cast
from tests.cast import OH
from tests.keyboard import accessible, enter, follow, tab_to, unfold
from tests.staff import enrol
from tests.web.site import site

pytestmark = pytest.mark.journey


@dataclass
class Office:
    """A running site with three inquiries: one held, one archived, one as it came."""

    url: str
    house: House
    signed_in: SignedIn
    held: int
    free: int
    archived: int
    moved: int
    run: int

    def browse(self, browser: Browser, who: SignedIn | None = None, **given: Any) -> BrowserContext:
        """A browser in which the officer is signed in, or somebody else."""
        context = browser.new_context(viewport={"width": 390, "height": 800}, **given)
        token = urlsafe_b64encode((who or self.signed_in).token).decode().rstrip("=")
        context.add_cookies([{"name": "inquiries", "value": token, "url": self.url}])
        return context


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with site(tmp_path_factory.mktemp("office")) as app:
        house: House = app.extensions["inquiries"]()
        member = enrol(house, "oh@example.com", Role.privacy)
        for kind in ("support", "affiliate", "recruitment"):
            cast.send(house, type=kind)
        held, moved, free = (row.id for row in inbox.page(house, OH).rows)
        until = clock.now() + timedelta(days=90)
        holds.place(house, OH, held, reason="evidence", basis="civil suit 2026-17", until=until)
        archived = archive.order(
            house, OH, moved, statute="contract", items=["name", "content"], reason="an order"
        )
        with house.live.write() as connection:
            mail.queue(house, connection, kind=mail.Kind.replied, to="sora@example.com", language="ko")
            outbox.distrust(connection, clock.now(), "restored")
        retention.sweep(house, confirm=True)
        (run,) = (n for n, body in records.bodies(house, "operation") if body["act"] == "sweep")
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.port}"
        yield Office(url, house, member.sign_in(house), held, free, archived, moved, run)
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("spoken", "scheme"), [("ko", "light"), pytest.param("en", "dark", marks=pytest.mark.slow)]
)
def test_every_page_of_the_officer_can_be_read_by_everyone(
    browser: Browser, office: Office, spoken: str, scheme: Any
) -> None:
    context = office.browse(browser, color_scheme=scheme, locale=spoken, reduced_motion="reduce")
    page = context.new_page()

    inquiry = f"/staff/inquiries/{office.free}"
    paths = [
        "/staff/inbox", "/staff/search", inquiry, f"/staff/inquiries/{office.held}", f"{inquiry}/hold", f"{inquiry}/disclose", f"{inquiry}/archive",
        f"{inquiry}/archive?statute=contract", "/staff/retention", f"/staff/retention/runs/{office.run}",
        "/staff/archive", f"/staff/archive/{office.archived}", "/staff/mail", "/staff/restore", "/staff/ledger",
        "/staff/ledger?chain=rights", f"/staff/ledger?inquiry={office.held}",
        f"/staff/ledger?inquiry={office.moved}", "/staff/ledger/review",
        "/staff/export", "/staff/provision",
    ]  # fmt: skip
    for path in paths:
        page.goto(office.url + path)
        unfold(page)
        accessible(page, path)
    page.goto(f"{office.url}{inquiry}")
    page.locator("[name=reason]").fill("a look")
    follow(page.locator("[data-open]"))
    unfold(page)
    accessible(page, "opened")
    page.locator(".keeping [name=until]").fill("2020-01-01")
    page.locator(".keeping form[method=post]").evaluate(
        "form => { form.noValidate = true; form.requestSubmit() }"
    )
    expect(page.get_by_role("alert")).to_be_focused()
    accessible(page, "errors")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.locator("#field-basis")).to_be_focused()
    page.goto(f"{office.url}/staff/archive/{office.archived}")
    page.locator("[name=reason]").fill("a look")
    page.locator("[data-open]").click()
    expect(page.locator("[data-item=content]")).to_have_text(cast.ITEMS["content"])
    accessible(page, "opened from the archive")
    context.close()


def test_the_gate_can_be_read_by_everyone(browser: Browser, office: Office) -> None:
    rotation.note_restore(office.house, replayed=2, behind={"live": 1})
    again = enrol(office.house, "again@example.com", Role.privacy)
    office.signed_in = again.sign_in(office.house)  # everybody was signed out
    with office.browse(browser, locale="ko") as context:
        page = context.new_page()
        for path in ("/staff/inbox", "/staff/restore"):
            page.goto(office.url + path)
            accessible(page, path)
        page.locator("main [name=reason]").fill("the disk broke")
        page.locator("main form button").click()
        expect(page.get_by_role("status")).to_be_visible()
    with office.house.keys.read() as connection:
        assert keys.how_far(connection).restored_at is None


def test_an_inquiry_is_archived_without_scripts_and_by_keyboard(browser: Browser, office: Office) -> None:
    cast.send(office.house)
    newest = inbox.page(office.house, OH).rows[0].id
    with office.browse(browser, locale="en", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{office.url}/staff/inquiries/{newest}?lang=en")
        page.locator("[name=reason]").fill("a look")
        enter(page, "[data-open]")
        page.get_by_text("Move to the archive").press("Enter")  # the summary of the details
        page.get_by_label("Consumer complaints and disputes").check()
        page.get_by_role("button", name="Continue").press("Enter")
        expect(page.get_by_text("cannot be brought back")).to_be_visible()
        page.get_by_label("Name", exact=True).check()
        page.get_by_label("Reason for archiving").fill("a dispute")
        page.get_by_role("button", name="Archive these items").press("Enter")
        expect(page.locator("[data-row]").first).to_contain_text("Consumer complaints")


@pytest.mark.promise("P06")
def test_an_inquiry_is_entered_with_the_keyboard_alone(browser: Browser, office: Office) -> None:
    minji = enrol(office.house, "minji@example.com", Role.consultation).sign_in(office.house)
    context = office.browse(browser, minji, locale="en-US")  # in whose order a day is typed
    page = context.new_page()
    page.goto(f"{office.url}/staff/inbox")

    enter(page, "a[href='/staff/enter']")
    accessible(page)
    enter(page, "a[href='/staff/enter/support']")
    for name in ("name", "email", "content"):
        tab_to(page, f"[name={name}]")
        page.keyboard.type(cast.ITEMS[name])
    tab_to(page, "[name='consent.inquiry']")
    page.keyboard.press("Space")
    enter(page, "main form.entry button")
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors a")).to_have_count(4)  # what it came by, who, how, when
    accessible(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the first field at fault
    expect(page.locator("[name='evidence.channel']")).to_be_focused()
    page.keyboard.type("By tel")
    for name, text in (("who", "Sora Kim"), ("how", "the notice was read out; she said yes")):
        tab_to(page, f"[name='evidence.{name}']")
        page.keyboard.type(text)
    tab_to(page, "[name='evidence.at']")
    now = clock.now().astimezone(ZoneInfo("Asia/Seoul"))
    page.keyboard.type(now.strftime("%m%d%Y"))
    page.keyboard.press("Tab")
    page.keyboard.type(now.strftime("%I%M%p"))
    enter(page, "main form.entry button")
    expect(page.locator("#receipt")).to_be_visible()
    accessible(page)
    code = page.locator("#receipt").inner_text()
    assert code not in page.url
    assert receipt.look(office.house, code).items["name"] == cast.ITEMS["name"]
    context.close()

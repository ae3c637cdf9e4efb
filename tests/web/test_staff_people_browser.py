"""People in a real browser: invited, changed, granted, revoked while signed in; for everyone, on a phone."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import grants, inbox, people
from inquiries.services.house import House
from inquiries.services.sign_in import SignedIn
from tests.cast import ITEMS, MINJI, send
from tests.keyboard import accessible, unfold
from tests.staff import Member, actor_of, enrol, enrol_with
from tests.web.site import site

pytestmark = pytest.mark.journey


@dataclass
class Office:
    """A running site with an officer, somebody of each other role, one whose training has lapsed, an inquiry."""

    url: str
    house: House
    members: dict[str, Member]
    inquiry: int

    def page(self, browser: Browser, who: str, **given: Any) -> Page:
        """A page of a browser in which this member is signed in; on a phone, in English, if not told otherwise."""
        member = self.members[who]
        spare, *left = member.recovery_codes  # an app's code would serve once in half a minute
        member.recovery_codes = tuple(left)
        signed_in: SignedIn = member.sign_in(self.house, code=spare)
        context = browser.new_context(**({"viewport": {"width": 390, "height": 800}, "locale": "en"} | given))
        token = urlsafe_b64encode(signed_in.token).decode().rstrip("=")
        context.add_cookies([{"name": "inquiries", "value": token, "url": self.url}])
        return context.new_page()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with site(tmp_path_factory.mktemp("people")) as app:
        app.config.update(LIMIT_SESSION="", LIMIT_SIGN_IN="")
        house: House = app.extensions["inquiries"]()
        members = {"oh": enrol(house, "oh@example.com", Role.privacy)}
        with time_machine.travel(clock.now() - timedelta(days=40), tick=True):
            members["late"] = enrol(house, "late@example.com", Role.consultation)
        members["minji"] = enrol(house, "minji@example.com", Role.consultation)
        members["bae"] = enrol(house, "bae@example.com", Role.business)
        send(house)
        inquiry = inbox.page(house, MINJI).rows[0].id
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Office(f"http://127.0.0.1:{server.port}", house, members, inquiry)
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("spoken", "scheme"), [pytest.param("ko", "light", marks=pytest.mark.slow), ("en", "dark")]
)
def test_every_page_about_people_can_be_read_by_everyone(
    browser: Browser, office: Office, spoken: str, scheme: Any
) -> None:
    bae = people.member(office.house, email="bae@example.com")
    until = clock.now() + timedelta(days=3)
    oh = actor_of(office.house, office.members["oh"])
    grants.grant(
        office.house, staff_id=bae.id, inquiry_id=office.inquiry, until=until, reason="a quote", by=oh
    )

    def check(page: Page, what: str) -> None:
        unfold(page)
        accessible(page, what)

    look: dict[str, Any] = {"locale": spoken, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = office.page(browser, "oh", **look)
    for path in (
        "/staff/people", "/staff/people/invite", f"/staff/people/{bae.id}", "/staff/people/register",
        "/staff/people/register?act=revoke", f"/staff/inquiries/{office.inquiry}/grant",
        f"/staff/inquiries/{office.inquiry}",
    ):  # fmt: skip
        page.goto(office.url + path)
        check(page, path)
    page.goto(f"{office.url}/staff/people/{bae.id}")
    page.locator(".keeping summary").last.click()
    page.locator("[id=field-revoke-reason]").fill(" ")
    page.locator("form[action$=revoke]").evaluate("form => form.requestSubmit()")
    expect(page.get_by_role("alert")).to_be_focused()
    check(page, "errors")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.locator("[id=field-revoke-reason]")).to_be_focused()
    page.context.close()
    late = office.page(browser, "late", **look)
    late.goto(f"{office.url}/staff/inbox")
    expect(late.locator(".officers")).to_contain_text("oh@example.com")
    check(late, "lapsed")
    late.context.close()


@pytest.mark.promise("P24")
@pytest.mark.promise("P27")
def test_an_officer_invites_changes_trains_and_revokes_by_keyboard_and_without_scripts(
    browser: Browser, office: Office
) -> None:
    page = office.page(browser, "oh", java_script_enabled=False)
    page.goto(f"{office.url}/staff/people")
    page.get_by_role("link", name="Invite somebody").press("Enter")
    page.get_by_label("E-mail").fill("gun@example.com")
    page.get_by_label("Consultation: reads").check()
    page.get_by_label("Technical support").check()
    page.get_by_label("Reason for the invitation").fill("helps out")
    page.get_by_role("button", name="Invite").press("Enter")
    link = page.locator("#invitation").inner_text()
    office.members["gun"] = enrol_with(office.house, link.rpartition("/")[2])

    gun = office.page(browser, "gun")
    gun.goto(f"{office.url}/staff/inbox")
    expect(gun.locator("[data-row]")).to_have_count(1)

    page.goto(f"{office.url}/staff/people")
    page.get_by_role("link", name="gun@example.com").press("Enter")
    page.get_by_text("Record a training").press("Enter")
    page.get_by_role("button", name="Record this training").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Recorded.")
    page.get_by_text("Change roles and types").press("Enter")
    page.get_by_label("Technical support").uncheck()
    page.get_by_label("Recruitment").check()
    page.get_by_label("Reason for the change").fill("another team")
    page.get_by_role("button", name="Change these rights").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Changed.")
    gun.reload()  # the lowered role counts at the next request
    expect(gun.locator("[data-row]")).to_have_count(0)

    page.get_by_text("Take access away").first.press("Enter")
    page.get_by_label("Reason for taking it away").fill("no longer here")
    page.get_by_role("button", name="Take access away").press("Enter")
    expect(page.locator("main")).to_contain_text("no longer here")
    gun.reload()  # a live session ends at its next request
    expect(gun).to_have_url(f"{office.url}/staff/sign-in")
    page.context.close()
    gun.context.close()


@pytest.mark.promise("P23")
def test_the_life_of_a_business_grant(browser: Browser, office: Office) -> None:
    send(office.house, type="affiliate")
    inquiry = inbox.page(office.house, MINJI).rows[0].id
    bae, page = office.page(browser, "bae"), office.page(browser, "oh")
    bae.goto(f"{office.url}/staff/inquiries/{inquiry}")
    expect(bae.locator("main")).to_contain_text("There is nothing here")
    page.goto(f"{office.url}/staff/inquiries/{inquiry}")
    page.get_by_role("link", name="Grant it to somebody").click()
    page.get_by_label("To whom").select_option("bae@example.com")
    page.get_by_label("Reason for the grant").fill("prepares the offer")
    page.get_by_role("button", name="Grant this inquiry").click()
    expect(page.get_by_role("status")).to_contain_text("Granted.")

    bae.goto(f"{office.url}/staff/inbox")
    bae.locator(f"[data-row][href$='/{inquiry}']").click()
    expect(bae.locator(".facts")).to_contain_text("prepares the offer")
    bae.get_by_label("Reason for opening").fill("to write the offer")
    bae.locator("[data-open]").click()
    expect(bae.locator("[data-item=content]")).to_have_text(ITEMS["content"])
    expect(bae.locator("[data-act]")).to_have_count(0)

    page.get_by_text("Cancel this grant").first.click()
    page.get_by_label("Reason for cancelling").fill("the offer is out")
    page.get_by_role("button", name="Cancel this grant").click()
    expect(page.get_by_role("status")).to_contain_text("Cancelled.")
    answer = bae.goto(f"{office.url}/staff/inquiries/{inquiry}")
    assert answer is not None
    assert answer.status == 404
    page.context.close()
    bae.context.close()


@pytest.mark.promise("P27")
def test_lapsed_training_closes_and_opens_the_inbox_of_a_live_session(
    browser: Browser, office: Office
) -> None:
    late, page = office.page(browser, "late"), office.page(browser, "oh")
    answer = late.goto(f"{office.url}/staff/inbox")
    assert answer is not None
    assert answer.status == 403
    page.goto(f"{office.url}/staff/people")
    page.get_by_role("link", name="late@example.com").click()
    page.get_by_text("Record a training").click()
    page.get_by_role("button", name="Record this training").click()
    expect(page.get_by_role("status")).to_be_visible()
    late.reload()
    expect(late.locator("h1")).to_have_text("Inbox")
    page.context.close()
    late.context.close()

"""Getting in, in a real browser: enrolment, codes, passkeys, recovery, the lock, and drafts that are not lost.

The browser's own virtual authenticator makes and shows the passkeys.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, ViewportSize, expect
from werkzeug.serving import make_server

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import holds, inbox, passkeys, people, second_factor
from inquiries.services.house import House
from tests import cast
from tests.keyboard import accessible, follow
from tests.staff import PASSWORD, Member, actor_of, code, enrol
from tests.web.site import site

pytestmark = [pytest.mark.journey, pytest.mark.promise("P31")]

BUSY = 20_000  # milliseconds, on a machine that hashes passwords for other tests, too
PHONE: ViewportSize = {"width": 390, "height": 800}


@dataclass
class Running:
    """A site that runs under a name: passkeys have none for a number."""

    url: str
    house: House

    def visit(self, browser: Browser, spoken: str = "en", **given: Any) -> BrowserContext:
        """A browser that was never here."""
        return browser.new_context(viewport=PHONE, locale=spoken, base_url=self.url, **given)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with site(tmp_path_factory.mktemp("in"), trusted_proxies=1) as app:
        app.config.update(LIMIT_SIGN_IN="", LIMIT_SESSION="")
        server = make_server("localhost", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Running(f"http://localhost:{server.port}", app.extensions["inquiries"]())
        server.shutdown()
        thread.join()
        server.server_close()


def sign_in(page: Page, member: Member, with_code: str | None = None, *, refused: bool = False) -> None:
    """Fill in and send the form, and wait for what comes of it."""
    if not page.url.endswith("/staff/sign-in"):
        page.goto("/staff/sign-in")
    page.locator("[name=email]").fill(member.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(with_code or member.code())
    page.locator("main form").first.get_by_role("button").first.click()
    if refused:
        expect(page.locator("#errors")).to_be_visible(timeout=BUSY)
    else:
        expect(page).to_have_url(re.compile("/staff/inbox$"), timeout=BUSY)


def device(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """A phone or laptop with its own lock, as Chromium plays it; how it answers, and its name."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


# -- enrolment and codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoken", "scripts"), [pytest.param("ko", True, marks=pytest.mark.slow), ("en", False)]
)
def test_somebody_enrols_and_signs_in_with_her_app(
    browser: Browser, running: Running, spoken: str, *, scripts: bool
) -> None:
    email = f"new-{spoken}@example.com"
    token = people.invite(running.house, email=email, roles=[Role.consultation], by=None)
    with running.visit(browser, spoken, java_script_enabled=scripts, color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"/staff/enrol/{token}")
        secret = second_factor.unspelled(page.locator("#totp-secret").inner_text())
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=code]").fill(code(secret, -1))
        if scripts:
            accessible(page, "enrolment")
        page.get_by_role("button").last.click()
        expect(page.locator(".recovery-code")).to_have_count(10, timeout=BUSY)
        codes = page.locator(".recovery-code").all_inner_texts()
        if scripts:
            accessible(page, "enrolled")
        member = Member(email, secret, tuple(codes))
        sign_in(page, member)


def test_a_recovery_code_lets_her_set_up_another_app(browser: Browser, running: Running) -> None:
    minji = enrol(running.house, "lost-phone@example.com", Role.consultation)
    with running.visit(browser) as context:
        page = context.new_page()
        sign_in(page, minji, minji.recovery_codes[0])
        page.locator("details.me summary").click()
        follow(page.get_by_role("link", name="Your account"))
        accessible(page, "account")
        follow(page.get_by_role("link", name="Set up another app"))
        accessible(page, "another app")
        fresh = second_factor.unspelled(page.locator("#totp-secret").inner_text())
        page.locator("[name=code]").fill(code(fresh, -1))
        page.get_by_role("button", name="Use this app from now on").click()
        expect(page.get_by_role("status")).to_contain_text("new authenticator app")
        follow(page.get_by_role("link", name="Make new ones"))
        accessible(page, "recovery codes")
        page.get_by_role("button", name="Make new recovery codes").click()
        expect(page.locator(".recovery-code")).to_have_count(10)
        accessible(page, "new recovery codes")
        page.goto("/staff/account/password")
        accessible(page, "password")
        again = context.new_page()
        context.clear_cookies()
        sign_in(again, Member(minji.email, fresh, ()), code(fresh))


# -- passkeys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoken", ["ko", pytest.param("en", marks=pytest.mark.slow)])
def test_a_passkey_is_made_used_and_removed(browser: Browser, running: Running, spoken: str) -> None:
    minji = enrol(running.house, f"passkey-{spoken}@example.com", Role.consultation)
    with running.visit(browser, spoken) as context:
        page = context.new_page()
        authenticator = device(page)
        sign_in(page, minji)
        page.goto("/staff/account/passkeys")
        accessible(page, "add a passkey")
        page.locator("[name=name]").fill("my phone")
        page.locator("form[data-passkey] button").click()
        expect(page.get_by_role("status")).to_be_visible()
        expect(page.get_by_role("rowheader", name="my phone")).to_be_visible()
        accessible(page, "account with a passkey")
        kept = authenticator[0].send("WebAuthn.getCredentials", {"authenticatorId": authenticator[1]})
        (credential,) = kept["credentials"]
        assert (credential["isResidentCredential"], credential["rpId"]) == (True, "localhost")

        context.clear_cookies()
        page.goto("/staff/sign-in")
        accessible(page, "sign-in")
        page.locator("form[data-passkey] button").click()  # no name, no password, no code
        expect(page).to_have_url(re.compile("/staff/inbox$"))

        page.goto("/staff/account")
        with time_machine.travel(clock.now() + timedelta(minutes=12), tick=True):
            page.locator("form[action$='/passkeys/remove'] button").click()
            expect(page).to_have_url(re.compile("/staff/confirm$"))
            accessible(page, "confirm")
            page.locator("form[data-passkey] button").click()  # and it confirms its own end
            expect(page).to_have_url(re.compile("/staff/account$"))
        assert passkeys.mine(running.house, actor_of(running.house, minji)) == ()
        context.clear_cookies()
        page.goto("/staff/sign-in")
        page.locator("form[data-passkey] button").click()
        expect(page.locator("#errors")).to_be_visible()
        assert page.url.endswith("/staff/sign-in")


@pytest.mark.slow
def test_a_device_that_nobody_unlocked_signs_nobody_in(browser: Browser, running: Running) -> None:
    minji = enrol(running.house, "unlocked@example.com", Role.consultation)
    with running.visit(browser) as context:
        page = context.new_page()
        session, name = device(page)
        sign_in(page, minji)
        page.goto("/staff/account/passkeys")
        page.locator("form[data-passkey] button").click()
        expect(page.get_by_role("status")).to_be_visible()
        context.clear_cookies()
        page.goto("/staff/sign-in")
        session.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": False})
        page.locator("form[data-passkey] button").click()
        expect(page.get_by_text("No passkey was used.")).to_be_visible()
        accessible(page, "no passkey was used")
        session.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": True})
        page.locator("form[data-passkey] button").click()  # the same page asks again
        expect(page).to_have_url(re.compile("/staff/inbox$"))


def test_without_scripts_password_and_code_remain(browser: Browser, running: Running) -> None:
    minji = enrol(running.house, "no-scripts@example.com", Role.consultation)
    with running.visit(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/staff/sign-in")
        expect(page.locator("form[data-passkey]")).to_be_hidden()
        sign_in(page, minji)
        page.goto("/staff/account/passkeys")
        expect(page.get_by_text("This needs a browser that runs scripts")).to_be_visible()


# -- guessing, drafts, sessions --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.promise("P32")
def test_a_stranger_is_locked_out_and_she_is_not(browser: Browser, running: Running) -> None:
    minji = enrol(running.house, "guessed-at@example.com", Role.consultation)
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}  # or the others of this machine would be locked out, too
    with running.visit(browser) as hers, running.visit(browser, extra_http_headers=elsewhere) as strange:
        page = hers.new_page()
        sign_in(page, minji)
        page.locator("details.me summary").click()
        follow(page.get_by_role("button", name="Sign out", exact=True))
        eve = strange.new_page()
        for _ in range(5):
            eve.goto("/staff/sign-in")
            sign_in(eve, minji, "000000", refused=True)
        accessible(eve, "refused")
        eve.goto("/staff/sign-in")
        sign_in(eve, minji, minji.recovery_codes[0], refused=True)  # right at last, and too late
        sign_in(page, minji, minji.recovery_codes[1])


@pytest.mark.parametrize(
    ("minutes", "asked"), [(12, "confirm"), pytest.param(40, "sign-in", marks=pytest.mark.slow)]
)
def test_what_she_typed_is_done_once_she_has_proved_who_she_is(
    browser: Browser, running: Running, minutes: int, asked: str
) -> None:
    """Asked anew before a grave act, or away for too long: neither loses a letter."""
    house = running.house
    oh = enrol(house, f"{asked}@example.com", Role.privacy)
    cast.send(house)
    inquiry = inbox.page(house, cast.OH).rows[0].id
    with running.visit(browser, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, oh)
        page.goto(f"/staff/inquiries/{inquiry}/hold")
        page.locator("[name=basis]").fill(f"civil suit, {asked}")
        page.locator("[name=reason]").fill("evidence that took an hour to write down")
        with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=True):
            page.get_by_role("button", name="Hold this inquiry").click()
            expect(page).to_have_url(re.compile(f"/staff/{asked}$"))
            assert not holds.marks(house, inquiry)
            if asked == "sign-in":
                page.locator("[name=email]").fill(oh.email)
            page.locator("[name=password]").fill(PASSWORD)
            page.locator("[name=code]").fill(oh.code())
            page.locator("main form").first.get_by_role("button").first.click()
            expect(page.get_by_role("status")).to_be_visible()
            assert page.url.endswith(f"/staff/inquiries/{inquiry}")
            (held,) = [one for one in holds.listed(house, cast.OH).rows if one.inquiry_id == inquiry]
            assert held.reason == "evidence that took an hour to write down"


@pytest.mark.promise("P24")
def test_a_session_that_was_ended_elsewhere_or_revoked_fails_at_its_next_click(
    browser: Browser, running: Running
) -> None:
    minji = enrol(running.house, "two-places@example.com", Role.consultation)
    with running.visit(browser) as here, running.visit(browser) as there:
        page, other = here.new_page(), there.new_page()
        sign_in(page, minji)
        sign_in(other, minji, minji.recovery_codes[0])
        page.goto("/staff/account")
        page.get_by_role("button", name="End it").click()
        expect(page.get_by_role("status")).to_have_text("Ended.")
        other.get_by_role("link", name="Inbox").click()
        expect(other).to_have_url(re.compile("/staff/sign-in$"))
        people.revoke(
            running.house, staff_id=actor_of(running.house, minji).staff_id, by=None, reason="she left"
        )
        page.get_by_role("link", name="Inbox").click()
        expect(page).to_have_url(re.compile("/staff/sign-in$"))

"""A child, her guardian, and a subscriber who has had enough: each in a real browser, to what the stores hold."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from inquiries.services import exports, fulfilment, guardians, inbox, mail
from inquiries.services.house import House
from inquiries.settings import HOME
from inquiries.stores.live import outbox
from inquiries.stores.live.tables import inquiries
from inquiries.stores.live.written_tables import outbox as mails
from tests.cast import ITEMS, MINJI, OH
from tests.keyboard import accessible
from tests.services.test_exports import rows, wish
from tests.web.site import site

pytestmark = [pytest.mark.journey, pytest.mark.slow]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[str, House]]:
    given: dict[str, Any] = {"smtp_url": "smtp://127.0.0.1:2525", "mail_from": "forms@clunix.example.com"}
    with (
        site(tmp_path, policy=HOME / "policies" / "clunix.toml", **given) as app,
        served(app) as address,
    ):
        yield address, app.extensions["inquiries"]()


@pytest.fixture(params=[("ko", 390), ("en", 1280)])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    spoken, width = request.param
    context = browser.new_context(
        locale=spoken, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    yield context.new_page()
    assert context.cookies() == []
    context.close()


def read(page: Page) -> None:
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def by_keyboard(page: Page, selector: str) -> None:
    page.locator(selector).focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()


@pytest.mark.promise("P07")
def test_a_guardian_agrees_to_a_childs_inquiry(home: tuple[str, House], page: Page) -> None:
    address, house = home
    page.goto(f"{address}/inquiries/support")
    for name, text in ITEMS.items():
        page.locator(f"#field-{name}").fill(text)
    page.locator("[name='consent.inquiry']").check()
    page.locator("main button[type=submit]").click()  # she has not said how old she is
    expect(page.locator("[id='error-guardian.needed']")).to_be_visible()
    read(page)
    page.locator("[name='guardian.needed'][value=yes]").focus()
    page.keyboard.press("Space")
    page.locator("[id='field-guardian.name']").fill("김건")
    page.locator("[id='field-guardian.contact']").fill("gun@example.com")
    page.locator("main button[type=submit]").click()
    expect(page.locator("#receipt")).to_be_visible()
    read(page)
    guardians.invite(house)
    with house.live.read() as connection:
        row = outbox.by_id(connection, connection.execute(select(mails.c.id)).scalar_one())
    assert row is not None
    link = mail.opened(house, row).facts["link"].rpartition("/guardian/")[2]
    page.goto(f"{address}/guardian/{link}")
    read(page)
    by_keyboard(page, "button[value=agree]")
    expect(page.locator("button[value=agree]")).to_have_count(0)
    read(page)
    fulfilment.carry_out(house)
    (line,) = inbox.page(house, MINJI).rows
    assert inbox.open_inquiry(house, MINJI, line.id, None).items == ITEMS
    page.goto(f"{address}/guardian/{link}")
    expect(page.locator("button[value=agree]")).to_have_count(0)
    read(page)


@pytest.mark.promise("P15")
def test_a_subscriber_ends_it_with_one_button(home: tuple[str, House], page: Page) -> None:
    address, house = home
    page.goto(f"{address}/inquiries/newsletter")
    page.locator("#field-email").fill("sora@example.com")
    page.locator("[name='guardian.needed'][value=no]").check()
    page.locator("[name='consent.inquiry']").check()
    page.locator("main button[type=submit]").click()
    expect(page.locator("#receipt")).to_be_visible()
    (row,) = rows(exports.export(house, OH, wish(type="newsletter")))
    page.goto(f"{address}/unsubscribe/{row['unsubscribe'].rpartition('/')[2]}")
    read(page)
    by_keyboard(page, "main button[type=submit]")
    expect(page.locator("main button")).to_have_count(0)
    read(page)
    fulfilment.carry_out(house)
    with house.live.read() as connection:
        assert connection.execute(select(inquiries.c.id)).first() is None


@pytest.mark.promise("P37")
def test_what_was_changed_can_be_read_by_everyone(home: tuple[str, House], page: Page) -> None:
    page.goto(f"{home[0]}/privacy/changes")
    read(page)

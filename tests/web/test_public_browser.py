"""The public pages in a real browser: without scripts, without cookies, in a frame, on a phone."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Error, FrameLocator, Page, expect
from werkzeug.serving import BaseWSGIServer, make_server

from tests.cast import ITEMS
from tests.keyboard import accessible
from tests.web.site import CODE, site

pytestmark = pytest.mark.journey

SEE = {"ko": "내 문의 보기", "en": "See my inquiry"}
SEND = {"ko": "문의 보내기", "en": "Send the inquiry"}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[str, dict[str, str]]]:
    """A website of another origin: its address, and the page that it serves, to be put in by the test."""
    pages = {"/": ""}
    other = Flask("elsewhere")
    other.add_url_rule("/", "page", lambda: pages["/"])
    with _served(other) as server:
        yield f"http://localhost:{server.port}", pages


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, elsewhere: tuple[str, Any]) -> Iterator[str]:
    with (
        site(tmp_path_factory.mktemp("browser"), allowed_origins=(elsewhere[0],)) as app,
        _served(app) as server,
    ):
        yield f"http://127.0.0.1:{server.port}"


class _served:  # noqa: N801 - read as a verb
    """The application behind a real socket, in a thread."""

    def __init__(self, app: Flask) -> None:
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> BaseWSGIServer:
        self._thread.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def fill(page: Page | FrameLocator) -> None:
    for name, text in ITEMS.items():
        page.locator(f"#field-{name}").fill(text)
    page.locator("[name='consent.inquiry']").check()


@pytest.mark.parametrize(("spoken", "scheme"), [("ko", "light"), ("en", "dark")])
def test_every_page_can_be_read_by_everyone(browser: Browser, home: str, spoken: str, scheme: Any) -> None:
    context = browser.new_context(
        color_scheme=scheme, locale=spoken, viewport={"width": 390, "height": 800}, reduced_motion="reduce"
    )
    page = context.new_page()

    for path in ("/", "/inquiries/support", "/receipt", "/privacy", "/embed/support", "/nothing"):
        page.goto(home + path)
        accessible(page, path)
    page.goto(f"{home}/inquiries/support")
    page.get_by_role("button", name=SEND[spoken]).click()
    expect(page.get_by_role("alert")).to_be_focused()
    accessible(page, "errors")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.locator("#field-name")).to_be_focused()
    fill(page)
    page.get_by_role("button", name=SEND[spoken]).click()
    expect(page.locator("#receipt")).to_have_text(re.compile(CODE))
    accessible(page, "received")
    page.get_by_role("button", name=SEE[spoken]).click()
    expect(page.get_by_text(ITEMS["content"])).to_be_visible()
    accessible(page, "inquiry")
    page.goto(f"{home}/receipt")
    page.locator("#field-receipt").fill("ABCDE")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page, "unknown")
    assert context.cookies() == []
    context.close()


def test_everything_works_without_scripts(browser: Browser, home: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(home)
    page.get_by_role("link", name="Technical support").click()
    page.get_by_role("button", name=SEND["en"]).click()
    expect(page.get_by_role("alert")).to_be_visible()
    fill(page)
    page.get_by_role("button", name=SEND["en"]).click()
    expect(page.locator("#receipt")).to_be_visible()
    expect(page.locator("[data-copy]")).to_be_hidden()
    page.get_by_role("button", name=SEE["en"]).click()
    expect(page.get_by_text(ITEMS["content"])).to_be_visible()
    context.close()


def test_the_form_works_in_a_frame_of_another_origin(
    browser: Browser, home: str, elsewhere: tuple[str, dict[str, str]]
) -> None:
    address, pages = elsewhere
    pages["/"] = f"""<!doctype html><title>A company</title><h1>Write to us</h1>
        <script src="{home}/embed.js" data-type="support" data-language="en" async></script>"""
    page = browser.new_page()
    page.goto(address)
    frame = page.frame_locator("iframe")
    fill(frame)
    inner = page.locator("iframe")
    expect(inner).not_to_have_attribute("height", "1200")
    frame.get_by_role("button", name=SEND["en"]).click()
    expect(frame.locator("#receipt")).to_have_text(re.compile(CODE))
    expect(inner).to_have_attribute("height", re.compile(r"^[1-9]\d\d$"))  # as high as what it now shows
    page.close()


def test_no_other_page_can_frame_it(browser: Browser, home: str) -> None:
    page = browser.new_page()
    page.set_content(f'<iframe src="{home}/embed/support"></iframe>')
    with pytest.raises(Error):
        page.frame_locator("iframe").locator("#field-name").fill("x", timeout=1000)
    page.close()


def test_the_code_is_copied_by_a_button_and_the_browser_complains_of_nothing(
    browser: Browser, home: str
) -> None:
    context = browser.new_context(locale="en", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(home)
    page.goto(f"{home}/inquiries/support")
    fill(page)
    page.get_by_role("button", name=SEND["en"]).click()
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#receipt").text_content()
    assert said == []
    context.close()

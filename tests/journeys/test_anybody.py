"""The form for anybody: without scripts, without cookies, on the company's own website."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.cast import ITEMS
from tests.running import Server

pytestmark = pytest.mark.journey


def test_without_scripts_mistakes_are_shown_and_what_was_typed_is_kept(
    server: Server, person: Callable[..., BrowserContext]
) -> None:
    page = person(java_script_enabled=False).new_page()
    page.goto(f"{server.url}/inquiries/introduction")
    for name, text in ITEMS.items():
        page.locator(f"[name={name}]").fill(text)
    page.locator("[name=email]").fill("소라 골뱅이 예시")
    page.get_by_role("button", name="문의 보내기").click()
    expect(page.locator("#errors li")).to_have_count(2)
    expect(page.locator("[id='error-email']")).to_be_visible()
    expect(page.locator("[id='error-consent.inquiry']")).to_be_visible()
    expect(page.locator("[name=content]")).to_have_value(ITEMS["content"])
    expect(page.locator("[name=email]")).to_have_value("소라 골뱅이 예시")
    page.locator("[name=email]").fill(ITEMS["email"])
    page.locator("[name='consent.inquiry']").check()
    page.get_by_role("button", name="문의 보내기").click()
    code = page.locator("#receipt").inner_text()
    page.goto(f"{server.url}/receipt")
    page.locator("[name=receipt]").fill(code)
    page.get_by_role("button", name="내 문의 보기").click()
    expect(page.locator("main")).to_contain_text(ITEMS["content"])
    assert page.context.cookies() == []


@pytest.mark.promise("P05")
def test_with_every_cookie_blocked_inside_a_frame_of_another_origin(
    server: Server, website: str, without_cookies: BrowserContext
) -> None:
    tag = f'<script src="{server.url}/embed.js" data-type="support" data-language="ko"></script>'
    with serving(website, f"<!doctype html><title>회사</title><h1>문의</h1>{tag}"):
        page = without_cookies.new_page()
        page.goto(website)
        assert page.evaluate("document.cookie = 'a=b'; document.cookie") == ""  # cookies are blocked indeed
        frame = page.frame_locator("iframe")
        for name, text in ITEMS.items():
            frame.locator(f"[name={name}]").fill(text)
        frame.locator("[name='consent.inquiry']").check()
        frame.get_by_role("button", name="문의 보내기").click()
        expect(frame.locator("#receipt")).to_be_visible()
        assert without_cookies.cookies() == []


@contextmanager
def serving(website: str, page: str) -> Iterator[None]:
    """The company's website with one page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", urlsplit(website).port or 0), Page) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown()
            thread.join()

"""What the person does on the public pages, with the mouse: send an inquiry, look it up."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.cast import ITEMS
from tests.keyboard import follow
from tests.running import Server


def send(server: Server, page: Page, kind: str = "support", *, marketing: bool = False) -> str:
    """Send an inquiry of this type; returns the receipt code."""
    page.goto(f"{server.url}/inquiries/{kind}")
    for name, text in ITEMS.items():
        page.locator(f"[name={name}]").fill(text)
    page.locator("[name='consent.inquiry']").check()
    if marketing:
        page.locator("[name='consent.marketing']").check()
    page.locator("main form button").first.click()
    return page.locator("#receipt").inner_text()


def look_up(server: Server, page: Page, code: str) -> int:
    """Type the code; the status of the answer."""
    page.goto(f"{server.url}/receipt")
    page.locator("[name=receipt]").fill(code)
    answered = follow(page.locator("main form button").first)
    assert code not in page.url
    return answered.status

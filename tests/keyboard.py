"""A page used by the keyboard alone, and looked through for what keeps anybody out."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def tab_to(page: Page, selector: str) -> None:
    """Go from field to field until this one has the focus."""
    target = page.locator(selector)
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {selector}")


def enter(page: Page, selector: str) -> None:
    """Press the button or follow the link, and wait for the page that answers."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def accessible(page: Page, what: str = "page") -> None:
    """Nothing of it, with its styles, keeps anybody out (axe), and nobody scrolls sideways."""
    page.wait_for_load_state("load")  # what an answer says may be there before what it looks like
    found = Axe().run(page)
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is too wide"

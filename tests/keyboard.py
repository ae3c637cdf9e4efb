"""A page used as people use it, from page to page, and looked through for what keeps anybody out."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Response


def tab_to(page: Page, selector: str) -> None:
    """Go from field to field until this one has the focus."""
    target = page.locator(selector)
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {selector}")


def enter(page: Page, selector: str) -> None:
    """Press the button or follow the link by keyboard, and wait for the page that answers."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def follow(target: Locator) -> Response:
    """Click the button or link, and wait for the page that answers.

    A click alone comes back while the old page still stands, which then answers for the new one.
    """
    with target.page.expect_navigation() as answered:
        target.click()
    return answered.value


def unfold(page: Page) -> None:
    """Open whatever of the page can be opened."""
    closed = page.locator("main details:not([open]) > summary")
    for _ in range(closed.count()):
        closed.first.click()


def accessible(page: Page, what: str = "page") -> None:
    """Nothing of it, with its styles, keeps anybody out (axe), and nobody scrolls sideways."""
    page.wait_for_load_state("load")  # what an answer says may be there before what it looks like
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is too wide"

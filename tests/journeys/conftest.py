"""A real browser against a real server, started as `make run` starts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright

from tests.browsing import ARGUMENTS, installed
from tests.running import Server, free_port, serve


@pytest.fixture
def without_cookies(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose owner has blocked every cookie in its settings."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Preferences").write_text(json.dumps(blocked), encoding="utf-8")
    context = playwright.chromium.launch_persistent_context(
        profile.parent,
        args=ARGUMENTS,
        executable_path=installed(),
        locale="ko-KR",
    )
    yield context
    context.close()


@pytest.fixture(scope="module")
def website() -> str:
    """The origin of a company's website, which may embed the forms."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, website: str) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("journey"), allowed_origins=website) as running:
        yield running


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A person with a browser of her own; she speaks Korean unless told otherwise."""
    contexts: list[BrowserContext] = []

    def arrive(**given: object) -> BrowserContext:
        contexts.append(browser.new_context(**({"locale": "ko-KR"} | given)))  # type: ignore[arg-type]
        contexts[-1].set_default_timeout(15_000)
        return contexts[-1]

    yield arrive
    for context in contexts:
        context.close()

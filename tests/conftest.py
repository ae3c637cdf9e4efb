"""Real stores for every test: SQLite under `tmp_path`, PostgreSQL from a wheel; nothing of ours is mocked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from inquiries import settings as settings_module
from inquiries.services import passwords
from inquiries.services.house import House
from inquiries.settings import Settings
from tests import browsing, postgresql, prepared, warm
from tests.postgresql import STORES

if TYPE_CHECKING:  # most tests need no browser
    from playwright.sync_api import Browser, Playwright

hypothesis_settings.register_profile("quick", max_examples=40, deadline=None)
hypothesis_settings.register_profile("sure", max_examples=1000, deadline=None)
hypothesis_settings.register_profile(
    "mutants", max_examples=30, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
hypothesis_settings.load_profile("quick")

warm.work_in_memory()
warm.warm_up()


#: Of the services, those whose SQL differs most run on PostgreSQL also in the quick run.
_ON_BOTH = ("test_archive", "test_holds", "test_retention", "test_rotation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick run asks the other services on SQLite alone; the stores and promises on both."""
    for item in items:
        if (
            item.path.parent.name == "services"
            and "[postgresql" in item.name
            and item.path.stem not in _ON_BOTH
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(settings_module.PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every value that is drawn from the system's randomness during the test, in order."""
    drawn: list[bytes] = []
    urandom = os.urandom

    def noted(size: int) -> bytes:
        drawn.append(urandom(size))
        return drawn[-1]

    monkeypatch.setattr(os, "urandom", noted)
    return drawn


@pytest.fixture
def full_cost_of_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as the product has it."""
    for name, full in warm.FULL_COST.items():
        monkeypatch.setattr(passwords, name, full)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real server of this process."""
    with postgresql.server() as uri:
        yield uri


@pytest.fixture(scope="session")
def postgres(postgres_server: str) -> Callable[[str], str]:
    """Gives the URL of a store of that server."""
    return partial(postgresql.url_of, postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_urls(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings that name empty stores of each kind of database; a test that takes it runs on both."""
    if request.param == "sqlite":
        return {}
    url = request.getfixturevalue("postgres")
    for store in STORES:
        postgresql.empty(url(store))
    return {f"{store}_url": url(store) for store in STORES}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_urls(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings that name stores without a single table."""
    if request.param == "sqlite":
        yield {}
        return
    with postgresql.empty_databases(request.getfixturevalue("postgres_server")) as urls:
        yield urls


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an instance under `tmp_path`, with whatever the test gives beside."""

    def make(**given: Any) -> Settings:
        return settings_module.load(**({"instance": tmp_path / "instance"} | given))

    return make


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """A fresh installation on SQLite with the default policy."""
    with closing(prepared.house(make_settings())) as opened:
        yield opened


@pytest.fixture
def any_house(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """A fresh installation, once on SQLite and once on PostgreSQL."""
    with closing(prepared.house(make_settings(**store_urls))) as opened:
        yield opened


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for all tests of this process: a second one beside it does not start."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A real browser; each test opens a context of its own."""
    started = playwright.chromium.launch(args=browsing.ARGUMENTS, executable_path=browsing.installed())
    yield started
    started.close()

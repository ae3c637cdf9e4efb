"""The house of the promises was installed at T0, so that its days are the same at every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from inquiries.services.house import House
from inquiries.settings import Settings
from tests.moments import installed


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """A fresh installation on SQLite with the default policy."""
    with installed(make_settings) as opened:
        yield opened


@pytest.fixture
def any_house(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """A fresh installation, once on SQLite and once on PostgreSQL."""
    with installed(make_settings, **store_urls) as opened:
        yield opened

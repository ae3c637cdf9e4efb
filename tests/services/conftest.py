"""Houses that were installed at T0, for services whose work takes years."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from inquiries.services.house import House
from inquiries.settings import Settings
from tests.moments import installed


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

"""What several tests of the stores stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inquiries.stores import migrate
from inquiries.stores.database import Database


@pytest.fixture
def live_store(store_urls: dict[str, str], tmp_path: Path) -> Iterator[Database]:
    """An empty live store, once on SQLite and once on PostgreSQL."""
    database = Database("live", store_urls.get("live_url", f"sqlite:///{tmp_path}/live.db"), tmp_path)
    migrate.upgrade(database)
    yield database
    database.close()

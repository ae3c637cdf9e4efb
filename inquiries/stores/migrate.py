"""Brings each store's tables to the version that this code expects, by Alembic; moves no data otherwise."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, String, Table, inspect, select

from inquiries.stores import archive, key_tables, ledger
from inquiries.stores.database import Database
from inquiries.stores.live import written_tables

HERE = Path(__file__).parent / "migrations"
METADATA: dict[str, MetaData] = {
    "live": written_tables.metadata,
    "keys": key_tables.metadata,
    "archive": archive.metadata,
    "ledger": ledger.metadata,
}

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))  # Alembic's own


def configuration(store: str) -> Config:
    """Alembic's configuration for one store."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("version_locations", str(HERE / store))
    config.set_main_option("path_separator", "os")
    config.attributes["metadata"] = METADATA[store]
    return config


@cache
def head(store: str) -> str | None:
    """The newest version of the store's tables."""
    return ScriptDirectory.from_config(configuration(store)).get_current_head()


def current(database: Database) -> str | None:
    """The version that the database stands at; None when it is empty."""
    with database.read() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(select(_VERSION.c.version_num))


def upgrade(database: Database) -> None:
    """Bring the database to the newest version, in one transaction; one process at a time."""
    if current(database) == head(database.name):
        return
    config = configuration(database.name)
    with database.migration() as connection:
        database.gate(connection, "migrate", exclusive=True)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

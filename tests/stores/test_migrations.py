"""The tables as migrated equal the tables as declared, for each store on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Index, inspect, text
from sqlalchemy.exc import IntegrityError

from inquiries.errors import NotInitialised
from inquiries.services.house import House, open_house
from inquiries.stores import migrate, tags, tombstones
from inquiries.stores.database import Database
from inquiries.stores.key_tables import ERA_BITS
from inquiries.stores.live import claims, epochs

STORES = ("live", "keys", "archive", "ledger")


@pytest.fixture(params=STORES)
def empty(request: pytest.FixtureRequest, empty_urls: dict[str, str], tmp_path: Path) -> Iterator[Database]:
    """An empty database for one of the stores."""
    name = request.param
    database = Database(name, empty_urls.get(f"{name}_url", f"sqlite:///{tmp_path / name}.db"), tmp_path)
    yield database
    database.close()


def test_from_nothing_to_the_tables_as_declared(empty: Database) -> None:
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head(empty.name)
    with empty.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, migrate.METADATA[empty.name]) == []
        made = inspect(connection)
        for table in migrate.METADATA[empty.name].sorted_tables:
            primary = [column.name for column in table.primary_key]
            assert made.get_pk_constraint(table.name)["constrained_columns"] == primary
            declared = {(index.name, *(c.name for c in index.columns)) for index in table.indexes}
            found = [one for one in made.get_indexes(table.name) if not one.get("duplicates_constraint")]
            assert {(one["name"], *one["column_names"]) for one in found} == declared
            partial = {index.name for index in table.indexes if _is_partial(index, empty)}
            assert {one["name"] for one in found if _condition(one) is not None} == partial
            if empty.sqlite:
                without = table.dialect_options["sqlite"]["with_rowid"] is False
                query = text("SELECT sql LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE name = :name")
                assert connection.scalar(query, {"name": table.name}) == without


def _condition(made: Mapping[str, Any]) -> object:
    """Of a partial index: which rows stand in it."""
    options = made.get("dialect_options", {})
    return options.get("sqlite_where", options.get("postgresql_where"))


def _is_partial(declared: Index, database: Database) -> bool:
    return declared.dialect_options[database.url.get_backend_name()]["where"] is not None


def test_upgrading_again_changes_nothing(empty: Database) -> None:
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    with empty.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_a_migration_that_fails_leaves_nothing(empty: Database) -> None:
    """It runs in one transaction, also on SQLite."""
    last = migrate.METADATA[empty.name].sorted_tables[-1].name
    with empty.write() as connection:
        connection.execute(text(f"CREATE TABLE {last} (in_the_way integer)"))
    with pytest.raises(Exception, match=last):
        migrate.upgrade(empty)
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == [last]


@pytest.mark.parametrize("empty", ["keys"], indirect=True)
def test_tags_move_apart_and_proofs_are_counted(empty: Database) -> None:
    """What stood in the keys store before version 0004 is found in it as before, and no tag of the destroyed."""
    _upgrade_to(empty, "0003")
    early, late = 1 << ERA_BITS, 7 << ERA_BITS
    names = ("id", "inquiry_id", "group_name", "tag_email", "tag_phone", "destroyed_at", "reason", "intent")
    rows = (
        (early, 1, "main", b"email", b"phone", None, None, None),
        (late, 2, "main", b"email", None, None, None, None),
        (late + 1, 2, "visitor", None, None, None, None, None),
        (3, 3, "main", None, None, 5, "expired", 17),
        (4, 4, "main", None, None, 5, "expired", 17),
        (5, 5, "main", None, None, 5, "closed", 17),
        (6, 6, "main", None, None, 5, "expired", 18),
    )
    proved = ({"intent": intent, "some": b"x"} for intent in (17, 18))
    with empty.write() as connection:
        places = ", ".join(f":{name}" for name in names)
        into = text(f"INSERT INTO keys (type, {', '.join(names)}) VALUES ('support', {places})")
        connection.execute(into, [dict(zip(names, row, strict=True)) for row in rows])
        into = text("INSERT INTO proofs VALUES (:intent, :some, :some, 6, :some)")
        connection.execute(into, list(proved))
    migrate.upgrade(empty)
    with empty.read() as connection:
        assert tags.found(connection, email=b"email") == {early, late}
        assert tags.found(connection, phone=b"phone") == {early}
        assert tombstones.counts(connection, 0) == [
            (17, {("support", "closed"): 1, ("support", "expired"): 2}),
            (18, {("support", "expired"): 1}),
        ]
        assert connection.execute(text("SELECT count(*) FROM tags")).scalar_one() == 2
        assert connection.execute(text("SELECT count(*) FROM keys")).scalar_one() == 7


@pytest.mark.parametrize("empty", ["live"], indirect=True)
def test_what_was_new_before_is_found_by_its_envelope(empty: Database) -> None:
    """Version 0012 makes the table of inquiries anew, 0014 those that refer to it: all of them still stand."""
    _upgrade_to(empty, "0011")
    with empty.write() as connection:
        for key, lookup, once in ((1, b"old", None), (2, b"new", b"nonce")):
            values = {"key": key, "lookup": lookup, "once": once}
            connection.execute(
                text(
                    "INSERT INTO inquiries (id, type, state, channel, language, policy_version, received_at, "
                    "receipt_lookup, once) VALUES (:key, 'support', 'received', 'form', 'ko', 1, 1, :lookup, :once)"
                ),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO inquiry_groups (id, inquiry_id, name, sealed) VALUES (:key, :key, 'main', :lookup)"
                ),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO consents (inquiry_id, purpose, given, policy_version, notice_digest, notice_shown, "
                    "language, recorded_at) VALUES (:key, 'inquiry', true, 1, :lookup, true, 'ko', 1)"
                ),
                values,
            )
        of_a_message = {"key": 9, "sealed": b"sealed"}
        connection.execute(text("INSERT INTO envelopes VALUES (2, 1, :sealed, NULL)"), of_a_message)
        connection.execute(text("INSERT INTO envelopes VALUES (:key, 1, :sealed, NULL)"), of_a_message)
    migrate.upgrade(empty)
    with empty.write() as connection:
        assert epochs.inquiry_of(connection, b"new") == 2
        assert epochs.inquiry_of(connection, b"old") is None  # its key row knows it
        assert epochs.sent_before(connection, b"nonce") == (2, b"new")
        rows = connection.execute(text("SELECT id, receipt_lookup FROM inquiries ORDER BY id"))
        assert [(row[0], bytes(row[1])) for row in rows] == [(1, b"old"), (2, b"new")]
        assert connection.execute(text("SELECT count(*) FROM envelopes")).scalar_one() == 2
        for table in ("inquiry_groups", "consents"):
            assert list(connection.scalars(text(f"SELECT inquiry_id FROM {table} ORDER BY 1"))) == [1, 2]
        with pytest.raises(IntegrityError):  # references are looked after again
            connection.execute(text("DELETE FROM inquiries WHERE id = 1"))


@pytest.mark.parametrize("empty", ["live"], indirect=True)
def test_what_was_claimed_before_is_destroyed_after(empty: Database) -> None:
    """What a sweep had claimed when it was stopped for version 0013, and why."""
    _upgrade_to(empty, "0012")
    with empty.write() as connection:
        connection.execute(
            text(
                "INSERT INTO inquiries (id, type, state, channel, language, policy_version, received_at, "
                "receipt_lookup) VALUES (1, 'support', 'received', 'form', 'ko', 1, 1, :lookup)"
            ),
            {"lookup": b"lookup"},
        )
        for key, at, reason in ((2, None, None), (3, 5, None), (4, 6, "withdrawn")):
            connection.execute(
                text(
                    "INSERT INTO inquiry_groups (id, inquiry_id, name, sealed, claimed_at, claimed_for) "
                    "VALUES (:key, 1, 'main', :sealed, :at, :reason)"
                ),
                {"key": key, "sealed": b"sealed", "at": at, "reason": reason},
            )
    migrate.upgrade(empty)
    with empty.read() as connection:
        found = claims.claimed(connection, 10)
        assert [(one.id, one.claimed_for) for one in found] == [(3, None), (4, "withdrawn")]
        assert claims.unclaimed(connection, [2])


def test_references_are_looked_after_at_the_end_of_a_migration(tmp_path: Path) -> None:
    database = Database("live", f"sqlite:///{tmp_path / 'live.db'}", tmp_path)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE b (a REFERENCES a (id))")
        connection.exec_driver_sql("INSERT INTO a VALUES (1)")
        connection.exec_driver_sql("INSERT INTO b VALUES (1)")
    with pytest.raises(RuntimeError, match="live"), database.migration() as connection:
        connection.exec_driver_sql("DELETE FROM a")
    with database.migration() as connection:
        connection.exec_driver_sql("DELETE FROM a")
        connection.exec_driver_sql("INSERT INTO a VALUES (1)")
    with database.write() as connection:
        assert connection.exec_driver_sql("SELECT * FROM b").all() == [(1,)]
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql("DELETE FROM a")
    database.close()


def _upgrade_to(database: Database, revision: str) -> None:
    config = migrate.configuration(database.name)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_tables_of_another_version_are_not_opened(house: House) -> None:
    with house.keys.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotInitialised, match="keys: tables of another version"):
        open_house(house.settings)


def test_a_missing_database_is_not_made_anew(house: House) -> None:
    house.close()
    path = house.settings.instance / "ledger.db"
    path.unlink()
    with pytest.raises(NotInitialised, match="ledger: no database"):
        open_house(house.settings)
    assert not path.exists()

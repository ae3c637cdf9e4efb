"""P11: every byte of every file is read after the end: of inquiries that ended, were archived, were held.

What is left on either database is sealed under keys that are nowhere; docs/destruction.md says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from inquiries.services import installation
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.database import parse
from tests.moments import at
from tests.postgresql import empty_databases
from tests.promises.attacker import Attacker
from tests.promises.lives import CANARY, STAYS, WHY, Lives, live, wraps_and_tags
from tests.promises.traces import bytes_in, found_in, squeezed

TEXTS = {
    "canary": CANARY,
    "half of it": "까나리아",
    "address": "zq7-ended@example.com",
}


@dataclass
class Scene:
    """What was lived, and where its bytes lie: files under `places`, write-ahead logs apart."""

    lives: Lives
    stores: bytes = field(repr=False)  # everything but PostgreSQL's log
    log: bytes = field(repr=False)  # PostgreSQL's log; on SQLite the logs are among the stores' files


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("forensic")

    def settings(**given: object) -> Settings:
        from inquiries import settings as module

        return module.load(instance=directory / "instance", **given)

    with ExitStack() as exits:
        urls: dict[str, str] = {}
        if request.param == "postgresql":  # databases of its own, in whose files nobody left a byte before
            urls = exits.enter_context(empty_databases(request.getfixturevalue("postgres_server")))
        with at(hours=-1):
            house = exits.enter_context(closing(installation.install(settings(**urls)).house))
        lives = live(house, lambda moment: urls and moment == "adopted" and _as_superuser(house, "ANALYZE"))
        if not urls:
            yield Scene(lives, squeezed(house.settings.instance), b"")
            return
        cluster = _settled(house)
        files = squeezed(house.settings.instance) + squeezed(cluster / "base") + squeezed(cluster / "global")
        yield Scene(lives, files, squeezed(cluster / "pg_wal"))


def _as_superuser(house: House, *statements: str) -> str:
    """Run each for itself; gives what the last one says."""
    engine = create_engine(parse(house.settings.store_url("keys")), isolation_level="AUTOCOMMIT")
    said = ""
    with engine.connect() as connection:
        for statement in statements:
            found = connection.execute(text(statement))
            said = str(found.scalar_one()) if found.returns_rows else said
    engine.dispose()
    return said


def _settled(house: House) -> Path:
    """The cluster's directory, once what the server holds in memory is in its files."""
    return Path(_as_superuser(house, "CHECKPOINT", "SHOW data_directory"))


def now_of(lives: Lives, name: str) -> Mapping[str, bytes]:
    """The wraps and tags of a living inquiry as they stand."""
    found: dict[str, bytes] = {}
    wraps_and_tags(lives, found, name, lives.ids[name])
    return found


def test_p11_the_search_finds_what_is_there(scene: Scene) -> None:
    """What lives on has its wraps and tags in the files, and what is no secret its words."""
    wraps = now_of(scene.lives, "stays")
    assert len(bytes_in(scene.stores, wraps)) == len(wraps) >= 7
    assert found_in(scene.stores, {"reason of the officer": WHY})


def test_p11_many_secrets_were_looked_for(scene: Scene) -> None:
    names = " ".join(scene.lives.gone)
    for wanted in ("key of ended/main", "key of held/visitor", "key of archived/marketing", "wrap of archived row",
                   "receipt_wrap of held/main in epoch 3", "email of ended/main", "key of the archived row",
                   "email of archived/marketing", "secret of epoch 1", "surface key of epoch 2"):  # fmt: skip
        assert wanted in names, names


def test_p11_no_text_of_it_stands_in_any_byte(scene: Scene) -> None:
    for place in (scene.stores, scene.log):
        assert found_in(place, TEXTS) == set()
        assert found_in(place, {"of the living": STAYS}) == set()


def test_p11_none_of_its_keys_stands_in_any_byte(scene: Scene) -> None:
    """Data keys, the archive's, the epochs' secrets: as bytes, in hex, in base64."""
    secret = {name: value for name, value in scene.lives.gone.items() if "key" in name or "secret" in name}
    assert len(secret) >= 18
    assert bytes_in(scene.stores, secret) == []
    assert bytes_in(scene.log, secret) == []


def test_p11_none_of_its_wraps_and_tags_stands_in_any_file_of_the_stores(scene: Scene) -> None:
    """Heaps, indexes, free pages, dead rows, statistics; on SQLite write-ahead logs too."""
    assert bytes_in(scene.stores, scene.lives.gone) == []


def test_p11_what_is_left_of_it_no_key_opens(scene: Scene) -> None:
    """Sealed items stand in dead rows and logs, on PostgreSQL at any rate: with all that there is, noise."""
    house, lives = scene.lives.house, scene.lives
    gone = lives.sealed.keys() - {lives.ids["stays"]}
    left = [
        blob for one in gone for _, blob in lives.sealed[one] if blob in scene.stores or blob in scene.log
    ]
    assert left or not scene.log
    made = Attacker(list(lives.codes.values()))
    made.sealed = {(inquiry, group, blob) for inquiry, rows in lives.sealed.items() for group, blob in rows}
    made.take_keyring(house.settings.instance)
    columns = "id, inquiry_id, epoch, group_name, wrap, receipt_wrap"
    with house.keys.read() as connection:
        made.wraps = {tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM keys")}
    with house.live.read() as connection:
        found = connection.exec_driver_sql("SELECT inquiry_id, sealed FROM envelopes")
        made.envelopes = {(row[0], bytes(row[1])) for row in found}
    read = made.reads()
    assert set(read) == {lives.ids["stays"]}


def test_p11_postgresqls_log_keeps_wraps_until_its_segments_are_recycled(scene: Scene) -> None:
    """The limit that docs/destruction.md names: wraps under ended epochs, and tags; then not even they."""
    house, lives = scene.lives.house, scene.lives
    if not scene.log:
        pytest.skip("SQLite's log is emptied by the rotation")
    left = bytes_in(scene.log, lives.gone)
    assert left
    assert {name.partition(" ")[0] for name in left} <= {
        "wrap",
        "receipt_wrap",
        "email",
        "phone",
        "its",
    }
    directory = _as_superuser(
        house,
        "ALTER SYSTEM SET wal_recycle = off",
        "SELECT pg_reload_conf()",
        "SHOW data_directory",
    )
    for _ in range(10):  # the setting reaches the process that removes them a moment later
        _as_superuser(house, "SELECT pg_switch_wal()", "CHECKPOINT")
        left = bytes_in(squeezed(Path(directory) / "pg_wal"), lives.gone)
        if not left:
            break
    assert left == []

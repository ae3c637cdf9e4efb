"""P17, P19: the public surface, with its own role on PostgreSQL and no private key, does all that its pages offer.

And it can do no more: it inserts, and changes and deletes nothing; what it need not read it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from inquiries import create_app
from inquiries import settings as settings_module
from inquiries.rules.correspondence import Kind
from inquiries.sealing import items
from inquiries.services import adoption, fulfilment, inbox, installation, replies, rotation, thread
from inquiries.services.house import House, open_house
from inquiries.services.replies import Told
from inquiries.settings import HOME, Settings
from inquiries.stores import migrate
from inquiries.stores.database import Database
from inquiries.stores.live import thread as live_thread
from tests.cast import ITEMS, MINJI, send
from tests.web.site import code_of, fields

SQL = (HOME / "docs" / "postgresql-roles.sql").read_text(encoding="utf-8")
ROLE = "inquiries_public"
READS = {
    "live": {
        "alembic_version", "policies", "notices", "epochs", "openings", "requests", "inquiries",
        "inquiry_groups", "consents", "envelopes", "holds", "archivals", "thread", "guardians",
        "claims",
    },
    "keys": {"alembic_version", "epochs", "proofs", "keys"},
}  # fmt: skip
INSERTS = {
    "live": {"inquiries", "inquiry_groups", "consents", "envelopes", "requests", "thread", "guardians"},
    "keys": set[str](),
}
#: What stands in a table that it reads, and is not for it.
HIDDEN = {
    "live": [
        "holds.reason_sealed", "holds.basis", "holds.placed_by", "archivals.ordered_by", "archivals.items",
        "claims.reason", "claims.at", "envelopes.quarantined_at", "guardians.how", "guardians.confirmed_by",
    ],
    "keys": ["keys.wrap"],
}  # fmt: skip
#: What it inserts a row without: the worker's and the officer's part of it.
NOT_ITS_TO_SAY = [
    "requests.state", "requests.because", "requests.until", "requests.owner", "requests.noted_at",
    "requests.settled_at", "requests.lifted_at", "consents.withdrawn_at", "inquiries.closed_at",
    "inquiries.answered_at", "envelopes.quarantined_at",
    "thread.noted_at", "thread.read_at", "guardians.confirmed_at", "guardians.how", "guardians.invited_at",
]  # fmt: skip


def section(name: str) -> str:
    found = re.search(rf"^-- == {name}:.*?==\n(.*?)(?=^-- == |\Z)", SQL, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def granted(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.connection.cursor().execute(section(name))  # as psql would: no parameters in it


@pytest.fixture
def house(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """The owner's house on PostgreSQL, with the roles of the repository."""
    opened = installation.install(make_settings(**store_urls)).house
    for name, database in zip(("live", "keys"), (opened.live, opened.keys), strict=True):
        granted(database, "cluster")
        granted(database, name)
    yield opened
    opened.close()


@pytest.fixture
def public(house: House, tmp_path: Path) -> Iterator[House]:
    """A host of the public surface: its own role, no private key, and no word of archive and ledger."""
    place = tmp_path / "public"
    (place / "keyring").mkdir(parents=True)
    for path in house.settings.keyring_path.iterdir():
        if path.name in {"secret.key", "verify.key", "CACHEDIR.TAG"} or path.name.startswith("surface-"):
            (place / "keyring" / path.name).write_bytes(path.read_bytes())
    urls = {
        f"{name}_url": _as(house.settings.store_url(name))
        if name in READS
        else f"sqlite:///{tmp_path}/none-{name}.db"
        for name in ("live", "keys", "archive", "ledger")
    }
    settings = settings_module.load(
        instance=place,
        surface="public",
        base_url="https://forms.example.com",
        ratelimit_storage_uri="memory://",
        **urls,
    )
    opened = open_house(settings)
    yield opened
    opened.close()
    assert not list(tmp_path.glob("none-*"))


def _as(url: str) -> str:
    """The same database, for the public surface's role."""
    return re.sub(r"://[^/@]*@", f"://{ROLE}@", url) if "@" in url else url.replace("://", f"://{ROLE}@", 1)


@pytest.fixture
def client(public: House) -> FlaskClient:
    app = create_app(public.settings, public)
    app.config.update(LIMIT_SUBMIT="", LIMIT_RECEIPT="", LIMIT_LOOK="")
    app.config.update(SERVER_NAME="forms.example.com", PREFERRED_URL_SCHEME="https")
    return app.test_client()


@pytest.mark.promise("P17")
@pytest.mark.promise("P19")
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_p17_everything_that_the_public_pages_do_works(house: House, client: FlaskClient) -> None:
    for path in (
        "/",
        "/inquiries/support",
        "/embed/support",
        "/privacy",
        "/privacy/1",
        "/receipt",
        "/readyz",
    ):
        assert client.get(path).status_code == 200, path
    sent = fields(consent_marketing="yes", language="en")
    code = code_of(client.post("/inquiries/support", data=sent))
    json = {"type": "support", "items": ITEMS, "consents": {"inquiry": True}, "language": "en"}
    assert client.post("/api/inquiries", json=json).status_code == 201

    def ask(path: str, **more: str) -> tuple[int, str]:
        answer = client.post(f"/receipt{path}", data={"receipt": code, "language": "en", **more})
        return answer.status_code, answer.text

    assert ask("")[0] == 200  # from the envelope
    adoption.adopt_pending(house)
    rotation.rotate(house)
    (row, _) = sorted(inbox.page(house, MINJI).rows, key=lambda one: one.id)
    inbox.open_inquiry(house, MINJI, row.id, None)
    assert "Who answers inquiries" in ask("")[1]  # from the key row
    for path in ("/copy", "/correct", "/delete"):
        assert ask(path)[0] == 200, path
    assert '"format": "inquiries copy"' in ask("/copy", format="json")[1]
    replies.note(house, MINJI, row.id, "a note of ours")
    assert replies.reply(house, MINJI, row.id, "an answer of ours") is Told.no_mail
    assert "an answer of ours" in ask("")[1]
    assert ask("/answer", text="an answer of hers")[0] == 200
    assert thread.take_in(house) == 1
    assert "an answer of hers" in ask("")[1]
    assert ask("/correct", name="김소라나")[0] == ask("/withdraw", purpose="marketing")[0] == 200
    assert inbox.summary(house, MINJI, row.id).suspended
    fulfilment.carry_out(house)
    assert "김소라나" in ask("")[1]
    assert ask("/suspend")[0] == 200
    assert inbox.summary(house, MINJI, row.id).suspended
    assert ask("/resume")[0] == 200
    fulfilment.carry_out(house)
    assert not inbox.summary(house, MINJI, row.id).suspended
    assert ask("/certificate")[0] == 200  # of the consent that was withdrawn
    assert ask("/delete", confirm="yes")[0] == ask("")[0] == 202
    fulfilment.carry_out(house)
    assert (ask("")[0], ask("/certificate")[0]) == (404, 200)


@pytest.mark.promise("P17")
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_p17_its_role_can_do_no_more(public: House) -> None:
    """Each table is asked for, also those that are added later."""
    for name, database in (("live", public.live), ("keys", public.keys)):
        tables = {table.name for table in migrate.METADATA[name].sorted_tables} | {"alembic_version"}
        assert {table for table in tables if may_any(database, table, "SELECT")} == READS[name]
        assert {table for table in tables if may_any(database, table, "INSERT")} == INSERTS[name]
        for right in ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            assert not [table for table in tables if may_any(database, table, right)], right
        for column in HIDDEN[name]:
            assert not may(database, column, "SELECT"), column
    for column in NOT_ITS_TO_SAY:
        assert not may(public.live, column, "INSERT"), column


@pytest.mark.promise("P17")
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("store", "statement"),
    [
        ("live", "DELETE FROM requests"),
        ("live", "DELETE FROM inquiries"),
        ("live", "UPDATE requests SET lifted_at = 1"),
        ("live", "UPDATE inquiry_groups SET sealed = ''"),
        ("live", "SELECT * FROM staff"),
        ("live", "SELECT reason_sealed FROM holds"),
        ("live", "SELECT id FROM inquiries FOR UPDATE"),
        ("live", "INSERT INTO epochs VALUES (99, '', 'open', 1, '')"),
        ("live", "CREATE TABLE mine (n integer)"),
        ("keys", "SELECT wrap FROM keys"),
        ("keys", "SELECT email FROM tags"),
        ("keys", "DELETE FROM keys"),
        ("keys", "UPDATE keys SET receipt_wrap = NULL"),
    ],
)
def test_p17_the_database_itself_refuses(public: House, store: str, statement: str) -> None:
    database = {"live": public.live, "keys": public.keys}[store]
    with pytest.raises(ProgrammingError, match="permission denied"), database.write() as connection:
        connection.execute(text(statement))


@pytest.mark.promise("P17")
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_p17_of_the_thread_it_sees_no_note_and_writes_nothing_as_staff(house: House, public: House) -> None:
    send(house)
    (row,) = inbox.page(house, MINJI).rows
    inbox.open_inquiry(house, MINJI, row.id, None)
    replies.note(house, MINJI, row.id, "a note of ours")
    replies.reply(house, MINJI, row.id, "an answer of ours")
    with public.live.read() as connection:
        assert [one.kind for one in live_thread.of_inquiry(connection, row.id)] == [Kind.reply]
    for kind, by in ((Kind.reply, None), (Kind.note, None), (Kind.answer, MINJI.staff_id)):
        forged = thread.written(items.new_data_key(), row.id, kind, "forged", by=by)
        with pytest.raises(ProgrammingError, match="row-level security"), public.live.write() as connection:
            live_thread.add(connection, forged)


@pytest.mark.promise("P17")
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_p17_archive_and_ledger_let_it_not_even_in(house: House) -> None:
    for name, database in (("archive", house.archive), ("ledger", house.ledger)):
        granted(database, name)
        with database.read() as connection:
            asked = text("SELECT has_database_privilege(:role, current_database(), 'CONNECT')")
            assert connection.scalar(asked, {"role": ROLE}) is False


def may_any(database: Database, table: str, right: str) -> bool:
    """Whether the role has the right on the table, or on any column of it."""
    by_column = right in {"SELECT", "INSERT", "UPDATE", "REFERENCES"}
    function = "has_any_column_privilege" if by_column else "has_table_privilege"
    with database.read() as connection:
        query = text(f"SELECT {function}(current_user, :table, :right)")
        return bool(connection.scalar(query, {"table": table, "right": right}))


def may(database: Database, column: str, right: str) -> bool:
    table, name = column.split(".")
    with database.read() as connection:
        query = text("SELECT has_column_privilege(current_user, :table, :name, :right)")
        return bool(connection.scalar(query, {"table": table, "name": name, "right": right}))

"""P29: what a person sends is found in no file, no log and no output, in whatever form it might be written."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.promises import canary
from tests.promises.traces import found_in, traces, written
from tests.relay import SENDER, relay
from tests.running import serve, until


@pytest.mark.promise("P01")
@pytest.mark.promise("P28")
def test_p29_nothing_that_was_sent_is_found_anywhere(tmp_path: Path) -> None:
    """Form, API, refusals, receipt, enrolment, sign-in, inbox, mail, sweep and rotation, in real processes."""
    with relay() as post, serve(tmp_path, smtp_url=post.url, mail_from=SENDER) as server:
        life = canary.live(server)
        sought = canary.TEXTS | life.secrets
        until(lambda: canary.ITEMS["email"] in [message["To"] for message in post.mail])
        assert traces(tmp_path, sought) == []  # while it runs: write-ahead logs, shared memory, locks
        done = server.command("keys", "rotate")
        assert done.returncode == 0, done.stderr
        assert traces(tmp_path, sought) == []
    assert traces(tmp_path, sought) == []
    assert server.process.returncode == 0
    names = {path.name for path in tmp_path.rglob("*")}
    assert names >= {"live.db", "keys.db", "ledger.db", "secret.key", "output", "commands"}
    (_,) = (message for message in post.mail if message["To"] == canary.ITEMS["email"])
    for message in post.mail:
        del message["To"]  # where her address must stand, and nowhere else
        assert found_in(message.get_content().encode() + message["Subject"].encode(), sought) == set()
        assert found_in(message.as_bytes(), sought) == set()
    assert "Traceback" not in server.output
    assert "Warning" not in server.output


# -- that the search can find ------------------------------------------------------------------------

TEXT = "까나리아 Zefirelli %41"


def test_the_search_finds_each_form(tmp_path: Path) -> None:
    for form, data in written(TEXT).items():
        (tmp_path / "file").write_bytes(b"\x00\x01before" + data + b"after\xff")
        assert f"file: name as {form}" in traces(tmp_path, {"name": TEXT})
    named = {form.split()[0] for form in written(TEXT)}
    assert named >= {"utf-8", "utf-16-le", "utf-16-be", "json", "percent", "base64", "hex"}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_search_finds_a_part_of_a_longer_base64(before: str) -> None:
    whole = base64.b64encode(f"{before}{TEXT}after".encode())
    assert any(form.startswith("base64 ") for _, form in found_in(whole, {"name": TEXT}))


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_the_search_finds_it_in_a_write_ahead_log(tmp_path: Path, encoding: str) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute(f"PRAGMA encoding='{encoding}'")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (?)", (TEXT,))
        database.commit()
        assert any(line.startswith("a.db-wal: ") for line in traces(tmp_path, {"name": TEXT}))


def test_the_search_finds_names_of_files_and_lines_of_logs(tmp_path: Path) -> None:
    (tmp_path / "까나리아 Zefirelli %41.txt").touch()
    (tmp_path / "log").write_text(json.dumps({"event": f"refused {TEXT.upper()}"}), encoding="ascii")
    assert {line.partition(":")[0] for line in traces(tmp_path, {"name": TEXT})} == {
        "log",
        "까나리아 Zefirelli %41.txt",
    }


def test_the_search_finds_nothing_where_nothing_is() -> None:
    data = bytes(range(256)) * 4096
    assert found_in(data, canary.TEXTS) == set()

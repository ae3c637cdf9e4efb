"""With limits in memory one web process serves an instance; others, being more than one, share a Valkey."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from inquiries import create_app
from tests.running import ROOT
from tests.web.site import site

PATHS = ["/", "/healthz", "/readyz", "/static/site.css", "/nothing", "/staff/sign-in", "/api/inquiries"]
ASK = """
import json, sys
from inquiries import create_app
app = create_app()
print(json.dumps([app.test_client().get(path).status_code for path in sys.argv[1:]]))
print(app.test_cli_runner().invoke(args=["sweep", "--dry-run"]).exit_code)
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as made:
        yield made


def ask(app: Flask, **given: str) -> tuple[list[int], str, str]:
    """What another process answers at each path, how a command in it ends, and what it logs."""
    instance = app.extensions["inquiries.settings"].instance
    settings = {"INSTANCE": str(instance)} | given
    done = subprocess.run(
        [sys.executable, "-c", ASK, *PATHS], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        env=dict(os.environ) | {f"INQUIRIES_{name}": text for name, text in settings.items()},
    )  # fmt: skip
    answers, command = done.stdout.splitlines()[-2:]
    return json.loads(answers), command, done.stderr


@pytest.mark.promise("P32")
def test_a_second_web_process_serves_nothing_while_the_first_does(app: Flask) -> None:
    assert app.test_client().get("/").status_code == 200
    answers, command, logged = ask(app)
    assert answers == [503] * len(PATHS)
    assert command == "0"
    assert "INQUIRIES_RATELIMIT_STORAGE_URI" in logged
    beside = create_app(app.extensions["inquiries.settings"])  # the same process may have another
    assert beside.test_client().get("/healthz").status_code == 200


def test_processes_that_share_their_counters_serve_side_by_side(app: Flask) -> None:
    assert app.test_client().get("/").status_code == 200
    answers, _command, _logged = ask(app, RATELIMIT_STORAGE_URI="valkey://127.0.0.1:1/0")
    assert answers[:2] == [200, 200]


def test_the_next_process_serves_once_the_first_has_ended(app: Flask) -> None:
    for _ in range(2):
        answers, _command, _logged = ask(app)
        assert answers[:2] == [200, 200]
    assert app.test_client().get("/").status_code == 200


def test_the_lock_is_no_way_to_make_an_instance(tmp_path: Path) -> None:
    from inquiries import settings

    client = create_app(settings.load(instance=tmp_path / "nothing")).test_client()
    assert client.get("/").status_code == 503
    assert not (tmp_path / "nothing").exists()

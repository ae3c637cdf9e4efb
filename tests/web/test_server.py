"""`python app.py` as a whole: its worker is kept alive and ends with it; a second server is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from tests.running import ROOT, Client, Server, free_port, serve, until


def worker_of(server: Server) -> psutil.Process | None:
    for child in psutil.Process(server.process.pid).children():
        if child.status() != psutil.STATUS_ZOMBIE and "worker" in child.cmdline():
            return child
    return None


def test_a_killed_worker_is_started_again_and_ends_with_its_server(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        until(lambda: worker_of(server))
        first = worker_of(server)
        assert first is not None
        first.kill()
        until(lambda: worker_of(server) not in {None, first})
        second = worker_of(server)
        assert second is not None
    until(lambda: not second.is_running())


def test_a_second_server_is_refused_and_the_printed_link_stays_good(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert Client(server.url).get("/inquiries/support").status == 200
        again = subprocess.run(
            [sys.executable, str(ROOT / "app.py")], cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=60, env=dict(server.environment) | {"INQUIRIES_PORT": str(free_port())},
        )  # fmt: skip
        assert again.returncode == 3
        assert "INQUIRIES_RATELIMIT_STORAGE_URI" in again.stderr
        assert Client(server.url).get(server.enrolment.removeprefix(server.url)).status == 200

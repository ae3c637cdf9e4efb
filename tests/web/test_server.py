"""`python app.py` as a whole: its worker is kept alive and ends with it; a second server is refused."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.running import ROOT, Client, Server, free_port, serve, until


def worker_of(server: Server) -> psutil.Process | None:
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # it ends while we look
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


@pytest.mark.slow
@pytest.mark.promise("P32")
def test_headers_are_limited_in_number_size_and_time(tmp_path: Path) -> None:
    def ask(server: Server, headers: bytes, end: bytes = b"\r\n") -> bytes:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.settimeout(20)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + end)
            return connection.recv(40)

    with serve(tmp_path) as server:
        many = [b"".join(b"X-%d: y\r\n" % n for n in range(count)) for count in (90, 101)]
        assert b" 200 " in ask(server, many[0])
        assert b" 431 " in ask(server, many[1])
        assert b" 200 " in ask(server, b"X: " + b"y" * 30_000 + b"\r\n")
        assert b" 431 " in ask(server, b"X: " + b"y" * 100_000 + b"\r\n")
        assert ask(server, b"X: y\r\n", end=b"") == b""  # hung up after ten seconds


@pytest.mark.slow
@pytest.mark.promise("P32")
def test_a_request_ends_at_one_place_or_is_refused(tmp_path: Path) -> None:
    """What two servers could read as one request or as two: the second is never answered (RFC 9112, 6)."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    def statuses(server: Server, framing: bytes, body: bytes) -> list[bytes]:
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.settimeout(20)
            head = b"POST /receipt HTTP/1.1\r\nHost: 127.0.0.1\r\n" + kind + framing + b"\r\n"
            connection.sendall(head + body + hidden)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        return re.findall(rb"HTTP/1\.1 (\d+)", answer)

    chunked = b"Transfer-Encoding: chunked\r\n"
    with serve(tmp_path) as server:
        assert statuses(server, b"Content-Length: 3\r\n", b"a=b") == [b"404", b"200"], "two honest ones"
        for length in (b"4", str(5 + len(hidden)).encode()):
            both = b"Content-Length: " + length + b"\r\n" + chunked
            assert statuses(server, both, b"0\r\n\r\n") == [b"404"], "chunked counts, and it hangs up"
        for framing in (
            b"Content-Length: 3\r\nContent-Length: 4\r\n",
            b"Content-Length : 3\r\n",
            b"Content-Length: +3\r\n",
            b"Content-Length: 3\r\nTransfer-Encoding: identity\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Content-Length: 3\r\nX: y\r\n " + chunked,
        ):
            assert statuses(server, framing, b"a=b") == [b"400"], framing


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

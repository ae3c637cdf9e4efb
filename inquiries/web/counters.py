"""Where limits are counted: in memory, or in a Valkey, with a connection for each thread; counts nothing.

At each call of the system Python offers the interpreter to the threads that wait, and with eight of them
that costs some twenty microseconds of processor time, whoever gets it. The client's own pool makes seven
such calls a count: it looks whether the connection still stands, and asks before each read and write whether
it may. Here it is two, the write and the read: 175 µs less for an inquiry, under load.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any, Final, cast

from limits.storage import RedisStorage, Storage, storage_from_string
from valkey.backoff import NoBackoff
from valkey.connection import Connection, ConnectionPool, UnixDomainSocketConnection
from valkey.exceptions import ConnectionError as Unreachable
from valkey.exceptions import ValkeyError
from valkey.retry import Retry

#: Seconds for each of two tries: an inquiry does not wait for a counter.
TIMEOUT: Final = 0.5
_READ_AT_ONCE: Final = 1024  # bytes; an answer has four


class OnePerThread(ConnectionPool):
    """Each thread's own connection, found as it was left; one that broke is made anew at the second try."""

    def reset(self) -> None:
        """Begin anew, also in a process that was forked."""
        super().reset()
        self._own = threading.local()

    def get_connection(self, command_name: str, *_keys: str, **_options: object) -> Connection:
        """This thread's connection, connected. Raises Unreachable."""
        del command_name
        self._checkpid()
        try:
            connection: Connection = self._own.connection
        except AttributeError:
            connection = self._own.connection = self.make_connection()
        connection.connect()  # type: ignore[no-untyped-call]  # as much of valkey is
        return connection

    def release(self, connection: Connection) -> None:
        """It stays with its thread."""


class OverTcp(Connection):
    """To another host, or to a port of this one."""

    def _connect(self) -> socket.socket:
        return _timed_by_kernel(super()._connect())  # type: ignore[no-untyped-call]


class OverSocket(UnixDomainSocketConnection):
    """To a socket in the file system: the shortest way on one host."""

    def _connect(self) -> socket.socket:
        return _timed_by_kernel(super()._connect())  # type: ignore[no-untyped-call]


def _timed_by_kernel(connected: socket.socket) -> socket.socket:
    """The connection, its time limit kept by the system, which needs no asking."""
    connected.settimeout(None)
    limit = struct.pack("ll", int(TIMEOUT), int(TIMEOUT % 1 * 1_000_000))
    for which in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connected.setsockopt(socket.SOL_SOCKET, which, limit)
    return connected


class Counting(RedisStorage):
    """Counts by the script that `limits` registered, with nothing between it and the thread's connection."""

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count. Where no number comes back the client is asked, who knows what to do then."""
        pool = cast("OnePerThread", self.storage.connection_pool)
        connection = pool.get_connection("EVALSHA")
        try:
            sha = self.lua_incr_expire.sha
            connection.send_command("EVALSHA", sha, 1, self.prefixed_key(key), expiry, amount)  # type: ignore[no-untyped-call]
            return int(connection.read_response())  # type: ignore[no-untyped-call]
        except ValkeyError:
            return super().incr(key, expiry, amount)


def storage(uri: str) -> Storage:
    """The counters at this address (`settings.ratelimit_storage_uri`). Connects to nothing yet."""
    if uri.startswith("memory"):
        return cast("Storage", storage_from_string(uri))
    if uri.startswith("redis"):
        uri = f"valkey{uri.removeprefix('redis')}"  # the same protocol, by the one client that we pin
    options: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    options |= {"retry": Retry(NoBackoff(), 1), "retry_on_error": [Unreachable]}
    if uri.startswith("valkey://"):  # TLS reads and writes as it must
        options |= {"connection_class": OverTcp}
    if uri.startswith("valkey+unix://"):
        options |= {"connection_class": OverSocket}
    options |= {"socket_read_size": _READ_AT_ONCE}
    pool = OnePerThread.from_url(uri.removeprefix("valkey+"), **options)  # type: ignore[no-untyped-call]
    return Counting(uri, wrap_exceptions=True, connection_pool=pool)

"""Dies at the N-th failpoint: before and after each commit, between any two steps of writing the keyring.

A sync is no failpoint: what was written is there after SIGKILL, synced or not. That it is synced, and when,
is the matter of tests/stores/test_keyring.py.

The product has no hook for this: in the child process that calls `arm`, SQLAlchemy's commit and the
functions of `os` are wrapped. The death is SIGKILL, so no handler, no rollback and no `finally` runs.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import Pool

#: Their steps are no failpoints: the lock holds nothing, and SQLite's own files are not written through `os`.
NOT_WRITTEN = (".lock", "keys.db")


class Failpoints:
    """Counts them; `fatal` is the number of the one to die at."""

    def __init__(self, keyring: Path, fatal: int, report: Path) -> None:
        self.keyrings = (str(keyring), str(keyring.with_name("archive-keyring")))
        self.fatal = fatal
        self.report = report
        self.reached = 0
        self.open_files: dict[int, str] = {}
        self._mutex = threading.Lock()
        self._write = os.write

    def reach(self, name: str, before_death: Callable[[], object] = lambda: None) -> None:
        """Count one; die when it is the one."""
        with self._mutex:
            self.reached += 1
            if self.reached == self.fatal:
                before_death()
                self.report.write_bytes(name.encode())  # open() and its write are not `os.write`
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()

    def name_of(self, path: object) -> str | None:
        """The keyring file that the path names."""
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        for keyring in self.keyrings:
            if text.startswith(keyring):
                name = text[len(keyring) :].lstrip("/") or "the directory"
                return None if name.startswith(NOT_WRITTEN) else name
        return None

    def opened(self, real: Callable[..., int], path: object, *args: Any, **kwargs: Any) -> int:
        descriptor = real(path, *args, **kwargs)
        if (name := self.name_of(path)) is not None:
            self.open_files[descriptor] = name
        return descriptor

    def closed(self, real: Callable[[int], None], descriptor: int) -> None:
        self.open_files.pop(descriptor, None)
        real(descriptor)

    def written(self, real: Callable[[int, bytes], int], descriptor: int, data: bytes) -> int:
        if (name := self.open_files.get(descriptor)) is not None:
            self.reach(f"before {name} is written")
            self.reach(f"{name} is half written", lambda: real(descriptor, data[: len(data) // 2]))
        return real(descriptor, data)

    def moved(self, real: Callable[..., None], act: str, *args: Any, **kwargs: Any) -> None:
        name = next(filter(None, map(self.name_of, args)), None)
        if name is not None:
            self.reach(f"before {act} of {name}")
        real(*args, **kwargs)
        if name is not None:
            self.reach(f"after {act} of {name}")

    def committed(self, real: Callable[..., None], dialect: DefaultDialect, connection: Any) -> None:
        store = _store(connection)
        self.reach(f"before a commit of {store}")
        real(dialect, connection)
        self.reach(f"after a commit of {store}")

    def traced(self, statement: str) -> None:
        if statement.startswith(("VACUUM", "PRAGMA wal_checkpoint")):
            self.reach(f"before {statement}")


def arm(keyring: Path, fatal: int, report: Path) -> Failpoints:
    """Wrap driver and `os` in this process; it dies at failpoint number `fatal`."""
    points = Failpoints(keyring, fatal, report)

    def wrap(owner: Any, name: str, around: Callable[..., Any], *given: Any) -> None:
        real = getattr(owner, name)
        wrapped = functools.wraps(real)(lambda *args, **kwargs: around(real, *given, *args, **kwargs))
        setattr(owner, name, wrapped)

    wrap(os, "open", points.opened)
    wrap(os, "close", points.closed)
    wrap(os, "write", points.written)
    for act in ("replace", "rename", "unlink", "remove", "link"):
        wrap(os, act, points.moved, act)
    wrap(DefaultDialect, "do_commit", points.committed)
    event.listen(Pool, "connect", lambda connection, _record: connection.set_trace_callback(points.traced))
    return points


def _store(connection: Any) -> str:
    """The name of the SQLite database behind the connection."""
    return Path(connection.cursor().execute("PRAGMA database_list").fetchone()[2]).stem

"""Lets writers of one process share a commit, since on SQLite each commit is one wait for the disk.

Who comes first writes for all who wait meanwhile, what is alike in one go. Each is told only after the shared
commit is durable; if one fails, the transaction is rolled back and each is tried again on its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection

LIMIT = 64

#: Writes things of one kind, in a transaction that is open.
Put = Callable[[Connection, Sequence[Any]], None]


class _Job:
    """What one writer writes, how it ended, and where she waits for that, or for her turn to lead."""

    def __init__(self, put: Put, thing: object) -> None:
        self.put = put
        self.thing = thing
        self.done = False
        self.failure: Exception | None = None
        self._turn = threading.Lock()
        self._turn.acquire()

    def wait(self) -> None:
        """Sleep until woken."""
        self._turn.acquire()

    def wake(self) -> None:
        """Wake the one who waits; once."""
        self._turn.release()


class Together:
    """The queue of one database in one process; `write` opens a transaction of it."""

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._queue: list[_Job] = []
        self._led = False

    def run(self, put: Put, thing: object) -> None:
        """Put the thing, with others of its kind that wait; durable on return. It may be tried twice."""
        job = _Job(put, thing)
        with self._lock:
            self._queue.append(job)
            waits, self._led = self._led, True
        if waits:
            job.wait()
        if not job.done:
            self._lead(job)
        if job.failure is not None:
            raise job.failure

    def _lead(self, own: _Job) -> None:
        """Write for everyone who waits, then hand the lead to who came meanwhile."""
        with self._lock:
            self._queue.remove(own)
        batch = [own]
        try:
            self._write_all(batch)
        finally:  # also when interrupted: then the others of the batch stand in the queue again
            with self._lock:
                self._queue[:0] = [job for job in batch if job is not own and not job.done]
                heir = self._queue[0] if self._queue else None
                self._led = heir is not None
            if heir is not None:
                heir.wake()
            for job in batch:
                if job is not own and job.done:
                    job.wake()

    def _write_all(self, batch: list[_Job]) -> None:
        """Write the batch, which grows by all who wait once the database is ours."""
        try:
            with self._write() as connection:
                with self._lock:
                    batch += self._queue[: LIMIT - 1]
                    del self._queue[: LIMIT - 1]
                for put in dict.fromkeys(job.put for job in batch):
                    put(connection, [job.thing for job in batch if job.put is put])
        except Exception as failed:  # noqa: BLE001 - handed to the writer it belongs to
            if len(batch) == 1:
                batch[0].failure, batch[0].done = failed, True
                return
            for job in batch:
                self._write_alone(job)
            return
        for job in batch:
            job.done = True

    def _write_alone(self, job: _Job) -> None:
        try:
            with self._write() as connection:
                job.put(connection, [job.thing])
        except Exception as failed:  # noqa: BLE001 - as above
            job.failure = failed
        job.done = True

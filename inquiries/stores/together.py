"""Lets writers of one process share a commit, since on SQLite each commit is one wait for the disk.

Who comes first writes for all who wait meanwhile. Each is told only after the shared commit is durable; if
one fails, the transaction is rolled back and each is tried again on its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from sqlalchemy import Connection

LIMIT = 64


class _Job:
    """One writer's work and how it ended."""

    def __init__(self, work: Callable[[Connection], None]) -> None:
        self.work = work
        self.done = False
        self.failure: Exception | None = None


class Together:
    """The queue of one database in one process; `write` opens a transaction of it."""

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write = write
        self._leading = threading.Lock()
        self._queue_lock = threading.Lock()
        self._queue: list[_Job] = []

    def run(self, work: Callable[[Connection], None]) -> None:
        """Run the work in a transaction; durable on return. It may run twice."""
        job = _Job(work)
        with self._queue_lock:
            self._queue.append(job)
        with self._leading:
            if not job.done:
                self._lead(job)
        if job.failure is not None:
            raise job.failure

    def _lead(self, own: _Job) -> None:
        """Write for everyone who waits once the database is ours, which another process may delay."""
        batch = [own]
        with self._queue_lock, suppress(ValueError):  # a leader who was interrupted had taken it off
            self._queue.remove(own)
        try:
            with self._write() as connection:
                batch += self._others()
                for job in batch:
                    job.work(connection)
        except Exception as failed:  # noqa: BLE001 - handed to the writer it belongs to
            if len(batch) > 1:
                for job in batch:
                    self._alone(job)
                return
            own.failure = failed
        for job in batch:
            job.done = True

    def _others(self) -> list[_Job]:
        """Those who wait, taken off the queue."""
        with self._queue_lock:
            others, self._queue = self._queue[: LIMIT - 1], self._queue[LIMIT - 1 :]
        return others

    def _alone(self, job: _Job) -> None:
        try:
            with self._write() as connection:
                job.work(connection)
        except Exception as failed:  # noqa: BLE001 - as above
            job.failure = failed
        job.done = True

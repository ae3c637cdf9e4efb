"""Lets writers of one process share a commit, since on SQLite each commit is one wait for the disk.

Who comes first writes for all who wait meanwhile. Each is told only after the shared commit is durable; if
one fails, the transaction is rolled back and each is tried again on its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

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
        with self._queue_lock:
            if own in self._queue:  # else an interrupted leader took it and did not finish
                self._queue.remove(own)
            batch = [own, *self._queue[: LIMIT - 1]]
            del self._queue[: LIMIT - 1]
        if not self._try(batch):
            for job in batch:
                self._try([job])

    def _try(self, batch: Sequence[_Job]) -> bool:
        """Write the batch in one transaction. False when it failed and more than one took part."""
        try:
            with self._write() as connection:
                for job in batch:
                    job.work(connection)
        except Exception as failed:  # noqa: BLE001 - handed to the writer it belongs to
            if len(batch) > 1:
                return False
            batch[0].failure, batch[0].done = failed, True
            return True
        for job in batch:
            job.done = True
        return True

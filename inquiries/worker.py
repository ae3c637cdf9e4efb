"""What runs by itself: adopt, fulfil, archive, sweep, expire, rotate, seal, anchor, remind, mail; again.

Decides nothing: each turn is one call of a service. Any number of workers may run; a job that another one
does is left to it. What waits for other machines waits in a thread of its own, and holds nothing up.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

from inquiries import clock
from inquiries.errors import ClockSuspect, InquiriesError, JobBusy, SweepFailed
from inquiries.policy import pace
from inquiries.services import (
    adoption,
    anchors,
    archive_moves,
    delivery,
    due_dates,
    fulfilment,
    grants,
    guardians,
    records,
    recovery,
    request_deadlines,
    retention,
    review,
    rotation,
    thread,
)
from inquiries.services.house import House

log = structlog.get_logger()

ADOPT_EVERY = 1.0
ADOPT_ALL_EVERY = 600.0  # a commit that took longer than the shorter looks look back
REQUESTS_EVERY = 1.0
WAITING_EVERY = 60.0
GUARDIANS_EVERY = 2.0
ANSWERS_EVERY = 2.0
SEAL_EVERY = 300.0
SWEEP_EVERY = pace.SWEEP.total_seconds()
ROTATION_ASKED_EVERY = 60.0
POLICY_ASKED_EVERY = 60.0
ANCHOR_ASKED_EVERY = 600.0
REVIEW_ASKED_EVERY = 3600.0
ESCALATION_ASKED_EVERY = 600.0
MOVES_ASKED_EVERY = 60.0
RIGHTS_ASKED_EVERY = 60.0
LOOK_EVERY = 86400.0  # after the start, which looks itself
LOOK_BACK = 10_000_000 << 12  # ids of ten seconds: a transaction may commit after one with a later id
MAIL_ASKED_EVERY = 2.0
MAIL_STOPS_WITHIN = 15.0  # what is then still under way counts as uncertain at the next start
LONGEST_PAUSE = 300.0
BUSY_PAUSE = 60.0
PARENT_ASKED_EVERY = 1.0


@dataclass
class Turn:
    """One kind of work: how often, when next, and how often it failed in a row."""

    name: str
    every: float
    work: Callable[[], object]
    next_at: float = 0.0
    failures: int = 0


@dataclass
class Worker:
    """Runs the turns that are due; `step()` for tests, `run()` for ever."""

    house: House
    passed: set[int] = field(default_factory=set)  # ids of the last seconds that were looked at
    turns: list[Turn] = field(default_factory=list)
    outside: list[Turn] = field(default_factory=list)  # those that wait for other machines
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.turns = [
            Turn("adopt", ADOPT_EVERY, self.adopt),
            Turn("adopt_all", ADOPT_ALL_EVERY, lambda: adoption.adopt_pending(self.house)),
            Turn("requests", REQUESTS_EVERY, lambda: fulfilment.carry_out(self.house)),
            Turn("waiting", WAITING_EVERY, lambda: fulfilment.carry_out_waiting(self.house)),
            Turn("guardians", GUARDIANS_EVERY, lambda: guardians.invite(self.house)),
            Turn("answers", ANSWERS_EVERY, lambda: thread.take_in(self.house)),
            Turn("shorten", POLICY_ASKED_EVERY, lambda: due_dates.shorten(self.house)),
            Turn("archive", MOVES_ASKED_EVERY, lambda: archive_moves.carry_out(self.house)),
            Turn("sweep", SWEEP_EVERY, self.sweep),
            Turn("expire", RIGHTS_ASKED_EVERY, lambda: grants.expire(self.house)),
            Turn("rotate", ROTATION_ASKED_EVERY, self.rotate_if_due),
            Turn("seal", SEAL_EVERY, lambda: records.seal(self.house)),
            Turn("anchor", ANCHOR_ASKED_EVERY, lambda: anchors.anchor_if_due(self.house)),
            Turn("escalate", ESCALATION_ASKED_EVERY, lambda: request_deadlines.escalate(self.house)),
            Turn("review", REVIEW_ASKED_EVERY, lambda: review.remind(self.house)),
            Turn("look", LOOK_EVERY, lambda: recovery.look(self.house), clock.monotonic() + LOOK_EVERY),
        ]
        self.outside = [
            Turn("mail", MAIL_ASKED_EVERY, lambda: delivery.send_waiting(self.house, self.stopping.is_set))
        ]

    def adopt(self) -> None:
        """Adopt what came since the last time."""
        newest = max(self.passed, default=0)
        self.passed = {one for one in self.passed if one > newest - LOOK_BACK}
        adoption.adopt_pending(self.house, max(0, newest - LOOK_BACK), self.passed)

    def sweep(self) -> None:
        """Destroy what is due; a sweep that failed is tried again within minutes."""
        swept = retention.sweep(self.house)
        if swept.failed:
            raise SweepFailed(f"{swept.failed} could not be destroyed")

    def rotate_if_due(self) -> None:
        """Rotate once a day; finish at once what was cut short."""
        if rotation.is_due(self.house):
            rotation.rotate(self.house)
        else:
            rotation.finish_pending(self.house)

    def step(self) -> None:
        """Do every turn whose time has come, one after the other."""
        self._step([*self.turns, *self.outside])

    def _step(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            if clock.monotonic() >= turn.next_at and not self.stopping.is_set():
                self._do(turn)

    def _do(self, turn: Turn) -> None:
        pause = turn.every
        try:
            turn.work()
            turn.failures = 0
        except JobBusy:  # somebody else is at it, perhaps for a moment only
            pause = min(turn.every, BUSY_PAUSE)
        except ClockSuspect as suspect:
            log.error("worker.waits_for_confirmation", turn=turn.name, reason=str(suspect))
        except Exception as failed:  # noqa: BLE001 - the worker outlives every failure and tries again
            turn.failures += 1
            pause = min(turn.every, LONGEST_PAUSE, 2.0 ** min(turn.failures, 10))
            reason = str(failed) if isinstance(failed, InquiriesError) else type(failed).__name__
            log.error("worker.failed", turn=turn.name, failures=turn.failures, again_in=pause, reason=reason)
        turn.next_at = clock.monotonic() + pause

    def run(self, parent: int | None = None) -> None:
        """Work until told to stop, or until the parent process is gone, when one is named."""
        start = Turn("start", LONGEST_PAUSE, lambda: recovery.start(self.house), next_at=-1.0)
        while start.next_at < 0 or start.failures:
            self._do(start)
            if start.failures and not self._wait(start.next_at, parent):
                return
        log.info("worker.started")
        apart = threading.Thread(target=self._loop, args=[self.outside, parent], name="outside", daemon=True)
        apart.start()
        self._loop(self.turns, parent)
        self.stopping.set()
        apart.join(MAIL_STOPS_WITHIN)
        log.info("worker.stopped")

    def _loop(self, turns: Sequence[Turn], parent: int | None) -> None:
        while self._wait(min(turn.next_at for turn in turns), parent):
            self._step(turns)

    def _wait(self, until: float, parent: int | None) -> bool:
        """Wait for the moment on the monotonic clock; False when it is time to stop."""
        while not self.stopping.is_set() and (parent is None or os.getppid() == parent):
            left = until - clock.monotonic()
            if left <= 0:
                return True
            self.stopping.wait(min(left, PARENT_ASKED_EVERY))
        return False


def main(house: House, parent: int | None = None) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; what is begun is finished first."""
    worker = Worker(house)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run(parent)

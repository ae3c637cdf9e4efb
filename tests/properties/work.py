"""What runs by itself in a life of the house: the worker's turns, the policy file, time, starts and deaths."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries.services import adoption, publishing, records, retention, rotation
from tests.properties.life import Life, fatal
from tests.properties.policies import written

PERIODS = {
    "types.support/period": ["1 year", "200 days", "2 years"],
    "types.support/after_closing": ["30 days", "10 days"],
    "purposes.marketing/period": ["6 months", "100 days"],
    "visitor/period": ["3 months", "40 days"],
}
VERSIONS = 8  # published in one life: every start walks through all of them
works = st.sampled_from(["adopt", "requests", "sweep", "rotate", "seal"])
changes = st.fixed_dictionaries({}, optional={at: st.sampled_from(p) for at, p in PERIODS.items()})


class Work(Life):
    """The worker, and whoever starts and stops it."""

    @rule(changed=changes, fatal=fatal)
    @precondition(lambda self: len(self.world.model.policies) < VERSIONS)
    def publish(self, changed: dict[str, str], fatal: int | None) -> None:
        """Another policy comes into force; the worker brings nearer what it shortens."""
        self.count("publish")
        self.world.policy.write_text(written(changed), encoding="utf-8")
        self.house.memory.pop("publishing", None)
        self.cut_short(fatal, lambda: publishing.in_force(self.house))
        self.believe_the_policy()

    @rule(data=st.data(), turns=st.lists(works, max_size=4))
    def time_passes(self, data: st.DataObject, turns: list[str]) -> None:
        """Some hours, or until about a moment at which something ends; then the worker takes some turns."""
        self.count("time_passes")
        self.time.shift(data.draw(st.one_of(st.builds(timedelta, hours=st.integers(1, 48)), self.soon())))
        for turn in turns:
            getattr(self, turn)()

    @rule(
        work=st.sampled_from(["adopt", "sweep", "rotate", "seal"]),
        fatal=st.one_of(st.integers(1, 8), st.integers(1, 40)),
    )
    def crash(self, work: str, fatal: int) -> None:
        """One of the worker's turns is cut short at some commit or file; the next start finishes or undoes it."""
        self.count("crash_of_work")
        acts: dict[str, Callable[[], object]] = {
            "sweep": lambda: retention.sweep(self.house, confirm=True),
            "rotate": lambda: rotation.rotate(self.house),
            "adopt": lambda: adoption.adopt_pending(self.house),
            "seal": lambda: records.seal(self.house),
        }
        if work == "sweep":
            self.hear()
        self.cut_short(fatal, acts[work])
        if work == "sweep":
            self.sweep(claimed=100)

    @rule(fatal=fatal)
    @precondition(lambda self: self.since_start > 1)
    def start_again(self, fatal: int | None) -> None:
        """Stop and start, perhaps with a crash in the start: a new process finds everything as it was."""
        self.count("start_again")
        self.start(fatal)

"""A life of the house: what every kind of step needs. The steps themselves are in people, guardians, rights,
unsubscribing, work and copies.

To add an operation, write a `@rule` in the module that it belongs to (or a new one, named in test_life.py):
do it through `self.cut_short`, so that it is also tried with a crash on the way, then say in the model (world.py)
what must be true from now on. After a crash either may be: look which, and let the model follow. What must hold
at all times is an `@invariant` in checks.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import time_machine
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select

from inquiries import clock
from inquiries.policy import loader
from inquiries.rules.requests import UNSUBSCRIBE, Channel, Kind
from inquiries.services import (
    adoption,
    due_dates,
    fulfilment,
    publishing,
    records,
    recovery,
    retention,
    rotation,
)
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.key_tables import keys as key_rows
from tests.cast import ITEMS
from tests.moments import T0
from tests.properties.crashes import dying_at
from tests.properties.world import Ask, Known, World

#: At which of the commits and moves of a keyring file to die, of a short act and of a long one; None: it lives.
fatal = st.none() | st.integers(1, 6) | st.integers(1, 40)


HELD = {Kind.correct, Kind.withdraw, Kind.delete}  # a hold keeps everything as it is


class Life(RuleBasedStateMachine):
    """One house, beside a model of what must be true of it; counts what all lives of its kind have lived through."""

    lived: Counter[str]  # by kind of step; set by who runs the lives

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        stopped = time_machine.travel(T0 + timedelta(minutes=1), tick=False)
        self.time = self.world.exits.enter_context(stopped)
        self.key: str | None = None
        self.since_start = 0  # steps
        self.put_back_since = False  # a copy was put back, and the officer has not confirmed it

    @property
    def house(self) -> House:
        return self.world.house

    @property
    def known(self) -> list[Known]:
        return self.world.model.known

    def count(self, kind: str) -> None:
        """One more of this kind."""
        self.since_start += 1
        self.lived[kind] += 1

    def later(self, **much: float) -> None:
        self.time.shift(timedelta(**much))

    def soon(self) -> st.SearchStrategy[timedelta]:
        """How long until about a moment at which something ends."""
        near = st.builds(timedelta, minutes=st.integers(-2, 2))
        moments = st.sampled_from(self.world.model.moments() or [clock.now()])
        return st.builds(lambda moment, more: max(moment - clock.now() + more, timedelta(0)), moments, near)

    def cut_short(self, fatal: int | None, act: Callable[[], object]) -> bool:
        """Do it. If the process died at that failpoint, start again; says whether it did."""
        with dying_at(fatal, self.world.settings.keyring_path) as death:
            act()
        if death.came:
            self.lived["crash"] += 1
            self.start()
        return death.came

    def start(self, fatal: int | None = None) -> None:
        """As a new process does, perhaps one that dies in it, and another one then."""
        self.since_start = 0
        self.world.open_again()
        if fatal is not None:
            with dying_at(fatal, self.world.settings.keyring_path) as death:
                recovery.start(self.house)
            if death.came:
                self.lived["crash"] += 1
                self.world.open_again()
        assert recovery.start(self.house) is not None
        if not self.put_back_since:
            asked = recovery.gate(self.house)
            assert asked is None, f"the officer is asked about what nobody put back: {asked}"

    def believe_the_policy(self) -> None:
        """The policy file as it stands is in force; the worker brings nearer what it shortens."""
        self.house.memory.pop("publishing", None)
        version = publishing.in_force(self.house).version
        if version not in self.world.model.policies:
            self.world.model.policies[version] = loader.parse(self.world.policy.read_text(encoding="utf-8"))
        due_dates.shorten(self.house)
        self.world.model.date()

    # -- the worker's turns ------------------------------------------------------------------------

    def adopt(self) -> None:
        adopted = adoption.adopt_pending(self.house)
        assert adopted.quarantined == 0 or self.world.lost

    def sweep(self, claimed: int = 0) -> None:
        """With `claimed`, a crash has left some: what it left undone of requests is done then, too."""
        self.hear()
        self._hear_guardians()
        due = [(one, name) for one in self.known for name in one.ended()]
        archived = [one for one in self.world.model.archived if one.due <= clock.now()]
        ending = any(one.pending for known in self.known for one in known.asks)
        swept = retention.sweep(self.house, confirm=True)
        assert swept.failed == 0
        assert swept.due <= len(due) + len(archived) + claimed
        assert swept.destroyed >= swept.due or ending
        for one, name in due:
            if one.guardian_until is not None:
                self._nobody_agreed(one, name)
            self.end(one, name)
        for moved in archived:
            self.world.model.archived.remove(moved)
            self.world.gone.add((moved.id, "archive"))
        if due or archived:
            self.follow_requests(again=False)
        if claimed:
            self.requests()
        assert retention.count_due(self.house, clock.now()) == 0

    def _nobody_agreed(self, known: Known, group: str) -> None:
        """It is said why, unless somebody had it destroyed before."""
        self.lived["no_guardian"] += 1
        with self.house.keys.read() as connection:
            (row,) = (one for one in keys.of_inquiries(connection, [known.id]) if one.group == group)
            reason = connection.scalar(select(key_rows.c.reason).where(key_rows.c.id == row.id))
        assert row.destroyed
        assert reason == "no_guardian" or any(one.kind in HELD for one in known.asks)

    def rotate(self) -> None:
        before = self.house.custody.secret_epochs()
        done = rotation.rotate(self.house)
        assert self.house.custody.secret_epochs() == [done.epoch] == [max(before) + 1]

    def requests(self) -> None:
        self.carry_out_requests()
        self.follow_requests()

    def hear(self) -> None:
        """The worker has come by what was asked by a link to unsubscribe."""
        asks = (one for known in self.known for one in known.asks)
        if any(one.channel is UNSUBSCRIBE and one.pending and not one.waits for one in asks):
            self.requests()

    def carry_out_requests(self) -> None:
        """What was asked by a link asks for more: of all that is adopted, and later than what waits already."""
        if any(one.channel is UNSUBSCRIBE and one.pending for known in self.known for one in known.asks):
            self.adopt()
            self.later(seconds=1)
        fulfilment.carry_out_waiting(self.house)

    def follow_requests(self, *, again: bool = True) -> None:
        """What must be true once the worker has looked at what was asked, `again` at what waits, too."""
        self._hear_guardians()
        asks = [(known, one) for known in self.known for one in known.asks if one.channel is UNSUBSCRIBE]
        for known, one in asks:
            if one.pending and one.group in known.due and known.id not in self.world.lost:
                self._heed(known, one)
        for known in self.known:
            for one in [one for one in known.asks if one.pending and not one.lost]:
                if known.due and known.id not in self.world.lost and (again or not one.waits):
                    self._follow(known, one)

    def _heed(self, known: Known, asked: Ask) -> None:
        """What else was agreed to under the address, before, is asked to end: each is Sora's."""
        for other in self.known:
            alike = asked.group != "main" or other.type == known.type
            before = asked.at is not None and other.received_at < asked.at
            if other is not known and alike and before and other.id not in self.world.lost:
                self.ask_by_link(other, asked.kind, asked.group, UNSUBSCRIBE, asked.at)

    def ask_by_link(
        self, known: Known, kind: Kind, group: str, channel: Channel, at: datetime | None = None
    ) -> None:
        """A link asks for one thing once, of what stands."""
        asked = {(one.channel, one.kind, one.group) for one in known.asks}
        if group in known.readable and (channel, kind, group) not in asked:
            self.asked(known, Ask(self.world.asked, kind, group=group, channel=channel, at=at))

    def asked(self, known: Known, ask: Ask) -> None:
        """One more of what people asked in this life."""
        self.world.asked += 1
        known.asks.append(ask)

    def _hear_guardians(self) -> None:
        """As the worker does, before it heeds or destroys anything."""
        for known in [one for one in self.known if "main" in one.due and one.id not in self.world.lost]:
            for one in known.asks:
                if one.kind is Kind.confirm and one.pending:
                    self.prove(known, one)
                    one.pending = False
                    self._agreed_by_link(known, one)

    def _agreed_by_link(self, known: Known, asked: Ask) -> None:
        """If it was still to be kept when she agreed."""
        assert asked.at is not None
        if known.stood(asked.at):
            self.agreed(known)

    def agreed(self, known: Known) -> None:
        """A guardian has: it is kept as the policy says, from its receipt on."""
        known.guardian_until = None
        self.world.model.date()

    def _follow(self, known: Known, asked: Ask) -> None:
        self.prove(known)
        if not asked.noted:  # it came back with a copy, and what proves it does not
            asked.pending = asked.suspends = False
            asked.refused = True
            return
        asked.waits = known.held_until is not None and asked.kind in HELD
        if asked.waits:
            return
        asked.pending = False
        asked.suspends = asked.kind is Kind.suspend
        if asked.kind is Kind.resume:
            known.settle(lambda one: one.lost or (one.kind is Kind.suspend and one.number < asked.number))
        elif asked.kind is Kind.confirm:
            self._agreed_by_link(known, asked)
        elif asked.kind is Kind.withdraw:
            self.end(known, "marketing")
        elif asked.kind is Kind.delete:
            for group in list(known.due):
                self.end(known, group)
        elif asked.kind is Kind.correct and "main" in known.due:
            changed = known.items | asked.texts
            known.items = {name: changed[name] for name in ITEMS if changed.get(name)}
            known.settle(lambda one: one.lost)

    def prove(self, known: Known, *asks: Ask) -> None:
        """What she asked is proved and in the ledger, all of it or this."""
        if known.id in self.world.lost:
            return
        for one in asks or known.asks:
            if not one.noted and one.group in known.due:
                one.noted = True
                self.world.ledger.setdefault(known.id, []).append(replace(one))

    def end(self, known: Known, group: str) -> None:
        """The group is destroyed, for good; first what was asked under its key is proved."""
        self.prove(known)
        if group in known.due:
            del known.due[group]
            self.world.gone.add((known.id, group))

    def seal(self) -> None:
        assert records.seal(self.house)

    # -- the end -----------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            records.seal(self.house)
            assert self.key is not None
            assert records.verify(self.house, bytes.fromhex(self.key)).problems == ()
        finally:
            self.world.close()

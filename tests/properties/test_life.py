"""Any order of sending, reading, closing, waiting, sweeping, rotating and restarting keeps every promise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inquiries import clock
from inquiries.errors import NotFound, WrongState
from inquiries.rules import retention as rules
from inquiries.services import adoption, inbox, installation, receipt, records, retention, rotation
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live.tables import consents, envelopes, groups, inquiries
from tests.cast import MINJI, send
from tests.moments import T0, fresh
from tests.properties import sent

ZONE = sent.POLICY.time_zone
MARKETING = sent.POLICY.purposes["marketing"]
NEXT = {
    ("open", "answered"): "answered",
    ("open", "close"): "closed",
    ("answered", "close"): "closed",
    ("answered", "reopen"): "open",
    ("closed", "reopen"): "open",
}
ACTS: dict[str, Callable[[House, Actor, int], None]] = {
    "answered": inbox.answered,
    "close": inbox.close,
    "reopen": inbox.reopen,
}


@dataclass
class Known:
    """What must be true of one inquiry."""

    code: str
    type: str
    items: dict[str, str]
    received_at: datetime
    due: dict[str, datetime] = field(default_factory=dict)  # of each group that is not destroyed
    state: str = "received"
    id: int = 0

    @property
    def readable(self) -> bool:
        return "main" in self.due and clock.now() < self.due["main"]


class Life(RuleBasedStateMachine):
    """The house, beside a model of what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.time = self.exits.enter_context(time_machine.travel(T0 + timedelta(minutes=1), tick=False))
        self.house = self.exits.enter_context(fresh())
        self.known: list[Known] = []

    @initialize(kind=st.sampled_from(sent.TYPES), items=sent.valid, marketing=st.booleans())
    def begin(self, kind: str, items: dict[str, str], marketing: bool) -> None:  # noqa: FBT001
        self.key = records.start_sealing(self.house)
        self.receive(kind, items, marketing)

    def teardown(self) -> None:
        try:
            records.seal(self.house)
            assert self.key is not None
            assert records.verify(self.house, bytes.fromhex(self.key)).problems == ()
        finally:
            self.exits.close()

    # -- what people do ----------------------------------------------------------------------------

    @rule(kind=st.sampled_from(sent.TYPES), items=sent.valid, marketing=st.booleans())
    def receive(self, kind: str, items: dict[str, str], marketing: bool) -> None:  # noqa: FBT001
        self.time.shift(timedelta(seconds=1))
        absent = {"company": None, "contact": None}
        given = {"inquiry": True, "marketing": marketing}
        received = send(self.house, type=kind, items=absent | items, consents=given)
        periods = {"main": sent.POLICY.types[kind].period, "visitor": sent.POLICY.visitor.period}  # type: ignore[union-attr]
        if marketing and MARKETING.period is not None:
            periods["marketing"] = MARKETING.period
        due = {name: rules.due_at(clock.now(), period, ZONE) for name, period in periods.items()}
        known = Known(received.receipt, kind, sent.expected(items), clock.now())
        known.due = {name: moment for name, moment in due.items() if moment is not None}
        with self.house.live.read() as connection:
            known.id = max(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))
        assert received.due == known.due["main"]
        self.known.append(known)

    @rule(data=st.data(), acts=st.lists(st.sampled_from(["open", *ACTS]), min_size=1, max_size=4))
    def handle(self, data: st.DataObject, acts: list[str]) -> None:
        known = data.draw(st.sampled_from(self.known))
        for act in acts:
            self._open(known) if act == "open" else self._act(known, act)

    def _open(self, known: Known) -> None:
        try:
            opened = inbox.open_inquiry(self.house, MINJI, known.id, None)
        except NotFound:
            assert not known.readable
            return
        assert known.readable
        assert dict(opened.items) == known.items
        known.state = "open" if known.state == "received" else known.state

    def _act(self, known: Known, act: str) -> None:
        after = NEXT.get((known.state, act))
        try:
            ACTS[act](self.house, MINJI, known.id)
        except NotFound:
            assert not known.readable
        except WrongState:
            assert known.readable
            assert after is None
        else:
            assert known.readable
            assert after is not None
            known.state = after
            self._move_due(known, act)

    def _move_due(self, known: Known, act: str) -> None:
        kind = sent.POLICY.types[known.type]
        promised = rules.due_at(known.received_at, kind.period, ZONE)
        assert promised is not None
        if act == "close":
            forward = rules.due_at(clock.now(), kind.after_closing, ZONE)
            assert forward is not None
            known.due["main"] = min(known.due["main"], forward)
        elif act == "reopen":
            known.due["main"] = promised

    # -- what runs by itself -----------------------------------------------------------------------

    @rule(data=st.data(), works=st.lists(st.sampled_from(["adopt", "sweep", "rotate", "seal"]), max_size=4))
    def time_passes(self, data: st.DataObject, works: list[str]) -> None:
        """Some hours, or until about a moment at which something is due; then the worker takes some turns."""
        due = sorted({moment for one in self.known for moment in one.due.values() if moment > clock.now()})
        near = st.builds(timedelta, minutes=st.integers(-2, 2))
        until = st.builds(
            lambda moment, more: moment - clock.now() + more, st.sampled_from(due or [clock.now()]), near
        )
        pause = data.draw(st.one_of(st.builds(timedelta, hours=st.integers(1, 48)), until))
        self.time.shift(max(pause, timedelta(0)))
        for work in works:
            getattr(self, work)()

    def adopt(self) -> None:
        assert adoption.adopt_pending(self.house).quarantined == 0

    def sweep(self) -> None:
        due = [(one, name) for one in self.known for name, moment in one.due.items() if moment <= clock.now()]
        swept = retention.sweep(self.house, confirm=True)
        assert (swept.due, swept.destroyed, swept.failed) == (len(due), len(due), 0)
        for one, name in due:
            del one.due[name]

    def rotate(self) -> None:
        before = self.house.custody.secret_epochs()
        done = rotation.rotate(self.house)
        assert self.house.custody.secret_epochs() == [done.epoch] == [max(before) + 1]

    def seal(self) -> None:
        assert records.seal(self.house)

    @rule()
    def start_again(self) -> None:
        """Stop and start: a new process finds everything as it was."""
        self.house.close()
        self.house = installation.install(self.house.settings).house
        self.exits.callback(self.house.close)

    # -- what always holds -------------------------------------------------------------------------

    @invariant()
    def every_receipt_opens_its_inquiry_until_it_is_due(self) -> None:
        for known in self.known:
            try:
                view = receipt.look(self.house, known.code)
            except NotFound:
                assert not known.readable
                continue
            assert known.readable
            assert (dict(view.items), view.state, view.due_at) == (
                known.items,
                known.state,
                known.due["main"],
            )

    @invariant()
    def the_list_is_what_may_be_read(self) -> None:
        rows = inbox.page(self.house, MINJI).rows
        assert [row.id for row in rows] == sorted(
            (one.id for one in self.known if one.readable), reverse=True
        )[:50]
        assert all(row.who for row in rows)

    @invariant()
    def the_store_holds_what_is_not_destroyed_and_no_more(self) -> None:
        standing = [one for one in self.known if one.due]
        with self.house.live.read() as connection:
            kept = {(row.inquiry_id, row.name): row.due_at for row in connection.execute(groups.select())}
            shells = set(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))
            agreed = set(connection.scalars(consents.select().with_only_columns(consents.c.inquiry_id)))
            sealed = set(connection.scalars(envelopes.select().with_only_columns(envelopes.c.inquiry_id)))
        assert kept == {(one.id, name): moment for one in standing for name, moment in one.due.items()}
        assert shells == agreed == {one.id for one in standing}
        assert sealed <= shells


Life.TestCase.settings = settings(
    max_examples=150
    if settings().max_examples > 100
    else 12,  # as many as the profile asks for would take hours
    stateful_step_count=20,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase

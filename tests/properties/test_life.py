"""Any order of what people do, what runs by itself, crashes, and copies put back keeps every promise.

Beside the house stands a model of what must be true (`world.py`). After each step: what may be read opens with
what was sent; what is destroyed is unknown everywhere and does not come back; nothing is destroyed early, kept
after a sweep, or lost that a copy or a survivor holds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from inquiries import clock
from inquiries.errors import NotFound, WrongState
from inquiries.policy import loader
from inquiries.rules import retention as rules
from inquiries.sealing.archive import id_of
from inquiries.services import (
    adoption,
    archive,
    archive_moves,
    due_dates,
    holds,
    inbox,
    publishing,
    receipt,
    records,
    recovery,
    retention,
    rotation,
)
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import archive as archive_store
from inquiries.stores import keys
from inquiries.stores.live.tables import consents, envelopes, groups, inquiries
from tests.cast import ITEMS, MINJI, OH, send
from tests.moments import T0
from tests.properties import sent
from tests.properties.world import Archived, Copy, Known, World, dying_at, written

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
KEY_BACKUPS_LIVE = timedelta(hours=71)  # copies of the keyring that are older have expired
PERIODS = {
    "types.support/period": ["1 year", "200 days", "2 years"],
    "types.support/after_closing": ["30 days", "10 days"],
    "purposes.marketing/period": ["6 months", "100 days"],
    "visitor/period": ["3 months", "40 days"],
}
TAKEN = ("name", "content")  # of what the statute could take
fatal = st.integers(1, 40)
kinds = st.sampled_from(["support", "affiliate"])
contents = st.sampled_from(["보내 주세요.", "Please call.", "a\nb"])


class Life(RuleBasedStateMachine):
    """The house, beside a model of what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        stopped = time_machine.travel(T0 + timedelta(minutes=1), tick=False)
        self.time = self.world.exits.enter_context(stopped)
        self.key: str | None = None
        self.steps = 0

    @property
    def house(self) -> House:
        return self.world.house

    @property
    def known(self) -> list[Known]:
        return self.world.model.known

    @initialize(content=contents)
    def begin(self, content: str) -> None:
        self.key = records.start_sealing(self.house)
        self.receive("support", content, marketing=True)

    def teardown(self) -> None:
        try:
            records.seal(self.house)
            assert self.key is not None
            assert records.verify(self.house, bytes.fromhex(self.key)).problems == ()
        finally:
            self.world.close()

    # -- what people do ----------------------------------------------------------------------------

    @rule(kind=kinds, content=contents, marketing=st.booleans())
    def receive(self, kind: str, content: str, marketing: bool) -> None:  # noqa: FBT001
        self.time.shift(timedelta(seconds=1))
        given = {"inquiry": True, "marketing": marketing}
        received = send(self.house, type=kind, items={"content": content}, consents=given)
        with self.house.live.read() as connection:
            newest = max(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))
        known = Known(
            received.receipt, kind, sent.expected(ITEMS | {"content": content}), clock.now(),
            max(self.world.model.policies), max(self.house.custody.secret_epochs()), newest,
        )  # fmt: skip
        names = ["main", "visitor", "marketing"] if marketing else ["main", "visitor"]
        known.due = dict.fromkeys(names, clock.now())
        self.known.append(known)
        self.world.model.date()
        assert received.due == known.due["main"]

    @rule(data=st.data(), acts=st.lists(st.sampled_from(["open", *ACTS]), min_size=1, max_size=4))
    @precondition(lambda self: self.known)
    def handle(self, data: st.DataObject, acts: list[str]) -> None:
        known = data.draw(st.sampled_from(self.known))
        for act in acts:
            self._open(known) if act == "open" else self._act(known, act)

    def _open(self, known: Known) -> None:
        try:
            opened = inbox.open_inquiry(self.house, MINJI, known.id, None)
        except NotFound:
            assert not known.listed or known.id in self.world.lost
            return
        assert known.listed
        assert dict(opened.items) == known.items
        known.state = "open" if known.state == "received" else known.state

    def _act(self, known: Known, act: str) -> None:
        after = NEXT.get((known.state, act))
        try:
            ACTS[act](self.house, MINJI, known.id)
        except NotFound:
            assert not known.listed
        except WrongState:
            assert known.listed
            assert after is None
        else:
            assert known.listed
            assert after is not None
            known.state = after
            if act != "answered":
                known.closed_at = clock.now() if act == "close" else None
                self.world.model.date()

    @rule(data=st.data(), days=st.integers(1, 500))
    @precondition(lambda self: self.known)
    def hold(self, data: st.DataObject, days: int) -> None:
        known = data.draw(st.sampled_from(self.known))
        self.time.shift(timedelta(seconds=1))  # two ids of one microsecond may be alike
        until = clock.now() + timedelta(days=days)
        try:
            placed = holds.place(self.house, OH, known.id, reason="a claim", basis="a law", until=until)
        except NotFound:
            assert not known.standing or known.id in self.world.lost
        else:
            assert known.standing
            known.holds[placed] = until
        self._holds_are_listed()

    @rule(data=st.data())
    @precondition(lambda self: any(one.due and one.held_until for one in self.known))
    def release(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from([one for one in self.known if one.due and one.held_until]))
        running = [hold for hold, until in known.holds.items() if until > clock.now()]
        hold = data.draw(st.sampled_from(running))
        holds.release(self.house, OH, hold, "settled")
        del known.holds[hold]
        self._holds_are_listed()

    def _holds_are_listed(self) -> None:
        listed = {row.id: row.until for row in holds.listed(self.house, OH).rows}
        standing = [one for one in self.known if one.due]
        running = {hold: end for one in standing for hold, end in one.holds.items() if end > clock.now()}
        assert listed == running

    @rule(data=st.data(), statute=st.sampled_from(["contract", "advertising"]), fatal=st.none() | fatal)
    @precondition(lambda self: any(one.listed for one in self.known))
    def archive(self, data: st.DataObject, statute: str, fatal: int | None) -> None:
        """Move one, perhaps with a crash on the way; then it is moved, or stands as before."""
        possible = [one for one in self.known if one.listed and not one.held_until]
        if not possible:
            return
        known = data.draw(st.sampled_from(possible))
        with dying_at(fatal or 10_000, self.world.settings.keyring_path):
            try:
                archive.order(self.house, OH, known.id, statute=statute, items=TAKEN, reason="a contract")
            except NotFound:
                assert known.id in self.world.lost
                return
        if fatal:
            self.start()
            archive_moves.carry_out(self.house)
        with self.house.archive.read() as connection:
            row = archive_store.by_id(connection, id_of(known.id, statute))
        if row is None:
            assert fatal or known.id in self.world.lost
            return
        items = {name: known.items[name] for name in TAKEN}
        until = rules.due_at(
            row.archived_at,
            self.world.model.policy.statutes[statute].period,
            self.world.model.policy.time_zone,
        )
        assert until is not None
        self.world.model.archived.append(Archived(row.id, known.id, items, until, row.epoch))
        del known.due["main"]
        self.world.gone.add((known.id, "main"))
        if fatal:
            self.sweep(claimed=1)  # what was claimed when the crash came goes now

    @rule(changed=st.fixed_dictionaries({}, optional={at: st.sampled_from(p) for at, p in PERIODS.items()}))
    def publish(self, changed: dict[str, str]) -> None:
        """Another policy comes into force; the worker brings nearer what it shortens."""
        self.world.policy.write_text(written(changed), encoding="utf-8")
        self._believe_the_policy()

    def _believe_the_policy(self) -> None:
        self.house.memory.pop("publishing", None)
        version = publishing.in_force(self.house).version
        if version not in self.world.model.policies:
            self.world.model.policies[version] = loader.parse(self.world.policy.read_text(encoding="utf-8"))
        due_dates.shorten(self.house)
        self.world.model.date()

    # -- what runs by itself -----------------------------------------------------------------------

    @rule(data=st.data(), works=st.lists(st.sampled_from(["adopt", "sweep", "rotate", "seal"]), max_size=4))
    def time_passes(self, data: st.DataObject, works: list[str]) -> None:
        """Some hours, or until about a moment at which something ends; then the worker takes some turns."""
        near = st.builds(timedelta, minutes=st.integers(-2, 2))
        until = st.builds(
            lambda moment, more: moment - clock.now() + more,
            st.sampled_from(self.world.model.moments() or [clock.now()]),
            near,
        )
        pause = data.draw(st.one_of(st.builds(timedelta, hours=st.integers(1, 48)), until))
        self.time.shift(max(pause, timedelta(0)))
        for work in works:
            getattr(self, work)()

    def adopt(self) -> None:
        adopted = adoption.adopt_pending(self.house)
        assert adopted.quarantined == 0 or self.world.lost

    def sweep(self, claimed: int = 0) -> None:
        due = [(one, name) for one in self.known for name in one.ended()]
        archived = [one for one in self.world.model.archived if one.due <= clock.now()]
        swept = retention.sweep(self.house, confirm=True)
        assert swept.failed == 0
        assert swept.due <= len(due) + len(archived) + claimed
        assert swept.destroyed >= swept.due
        for one, name in due:
            del one.due[name]
            self.world.gone.add((one.id, name))
        for moved in archived:
            self.world.model.archived.remove(moved)
            self.world.gone.add((moved.id, "archive"))
        assert retention.count_due(self.house, clock.now()) == 0

    def rotate(self) -> None:
        before = self.house.custody.secret_epochs()
        done = rotation.rotate(self.house)
        assert self.house.custody.secret_epochs() == [done.epoch] == [max(before) + 1]

    def seal(self) -> None:
        assert records.seal(self.house)

    @rule(work=st.sampled_from(["sweep", "rotate", "adopt", "seal"]), fatal=fatal)
    def crash(self, work: str, fatal: int) -> None:
        """One of the worker's turns is cut short at some commit or file; the next start finishes or undoes it."""
        acts: dict[str, Callable[[], object]] = {
            "sweep": lambda: retention.sweep(self.house, confirm=True),
            "rotate": lambda: rotation.rotate(self.house),
            "adopt": lambda: adoption.adopt_pending(self.house),
            "seal": lambda: records.seal(self.house),
        }
        with dying_at(fatal, self.world.settings.keyring_path):
            acts[work]()
        self.start()
        if work == "sweep":
            self.sweep()

    @rule(fatal=st.none() | fatal)
    def start_again(self, fatal: int | None) -> None:
        """Stop and start, perhaps with a crash in the start: a new process finds everything as it was."""
        if fatal:
            self.world.open_again()
            with dying_at(fatal, self.world.settings.keyring_path):
                recovery.start(self.house)
        self.start()

    def start(self) -> None:
        self.world.open_again()
        assert recovery.start(self.house) is not None
        self._believe_the_policy()

    # -- copies ------------------------------------------------------------------------------------

    @rule()
    @precondition(lambda self: len(self.world.copies) < 3)
    def copy(self) -> None:
        self.world.copy()

    @rule(data=st.data(), store=st.sampled_from(["live", "archive", "keys"]), fatal=st.none() | fatal)
    @precondition(lambda self: self.world.copies)
    def put_back(self, data: st.DataObject, store: str, fatal: int | None) -> None:
        """An older copy of a store; what was destroyed since stays so, the officer confirms, all goes on."""
        older = data.draw(st.sampled_from(self.world.copies))
        if store == "keys" and older.age > KEY_BACKUPS_LIVE:
            return
        present = set(self.house.custody.secret_epochs())
        self.house.close()
        self.world.put_back(older, store)
        {"live": self._live_is, "archive": self._archive_is, "keys": self._keys_are}[store](older, present)
        self.start_again(fatal)
        recovery.confirm(self.house, OH, "put back from a copy")
        rotation.finish_pending(self.house)  # as the worker does within a minute

    def _live_is(self, older: Copy, _present: set[int]) -> None:
        """What came since is lost; what the copy has stands, unless it was destroyed meanwhile."""
        model, then = self.world.model, older.model.kept()
        here = {one.id for one in model.known}
        model.known = then.known  # of policies the ledger knows all that were published
        for one in model.known:
            if one.id not in here:  # it was lost with an earlier copy: its keys may have come to their end
                self._bury_orphans(one)
            one.due = {name: due for name, due in one.due.items() if (one.id, name) not in self.world.gone}

    def _bury_orphans(self, one: Known) -> None:
        self.world.open_again()
        with self.house.keys.read() as connection:
            rows = keys.of_inquiries(connection, [one.id])
        promised = {name: self.world.model.promised(one, name) for name in one.due}
        for row in rows:
            if row.destroyed and row.group in promised:
                assert promised[row.group] <= clock.now()
                self.world.gone.add((one.id, row.group))

    def _archive_is(self, older: Copy, _present: set[int]) -> None:
        then = older.model.kept().archived
        self.world.model.archived = [one for one in then if (one.id, "archive") not in self.world.gone]

    def _keys_are(self, older: Copy, present: set[int]) -> None:
        """Keys adopted since come from their envelopes again, if a secret of their epoch is left."""
        left = present | older.secrets
        sealed = {one.id: one.epoch for one in self.known}
        sealed |= {one.id: one.epoch for one in self.world.model.archived}
        newer = {one for one, epoch in sealed.items() if epoch > max(older.secrets)}
        self.world.lost |= {one for one in newer if sealed[one] not in left}

    # -- what always holds -------------------------------------------------------------------------

    @invariant()
    def every_receipt_opens_its_inquiry_until_it_is_due(self) -> None:
        for known in self.known:
            try:
                view = receipt.look(self.house, known.code)
            except NotFound:
                assert not known.standing or known.id in self.world.lost
                continue
            assert known.standing
            assert (dict(view.items), view.state, view.due_at, view.held_until) == (
                known.items,
                known.state,
                known.due["main"],
                known.held_until,
            )

    @invariant()
    def what_staff_see_is_what_may_be_read(self) -> None:
        """Looked at after every third step: these pages ask much."""
        self.steps += 1
        if self.steps % 3 == 0:
            self._the_list_is_what_may_be_read()
            self._the_archive_opens_for_the_officer_until_it_is_due()

    def _the_list_is_what_may_be_read(self) -> None:
        rows = inbox.page(self.house, MINJI).rows
        listed = [one.id for one in self.known if one.listed]
        assert [row.id for row in rows] == sorted(listed, reverse=True)[:50]
        assert all(row.who or row.id in self.world.lost for row in rows)

    def _the_archive_opens_for_the_officer_until_it_is_due(self) -> None:
        standing = {one.id: one for one in self.world.model.archived if one.due > clock.now()}
        assert {line.id for line in archive.page(self.house, OH).rows} == set(standing)
        for one in self.world.model.archived:
            try:
                opened = archive.open_archived(self.house, OH, one.id, "a dispute")
            except NotFound:
                assert one.id not in standing or one.id in self.world.lost
                continue
            assert one.id in standing
            assert dict(opened.items) == one.items

    @invariant()
    def the_stores_hold_what_is_not_destroyed_and_no_more(self) -> None:
        standing = [one for one in self.known if one.due]
        with self.house.live.read() as connection:
            kept = {(row.inquiry_id, row.name): row.due_at for row in connection.execute(groups.select())}
            shells = set(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))
            agreed = set(connection.scalars(consents.select().with_only_columns(consents.c.inquiry_id)))
            sealed = set(connection.scalars(envelopes.select().with_only_columns(envelopes.c.inquiry_id)))
        assert kept == {(one.id, name): moment for one in standing for name, moment in one.due.items()}
        assert shells == agreed == {one.id for one in standing}
        assert sealed <= shells
        with self.house.archive.read() as connection:
            rows = {row.id: row.due_at for row in connection.execute(archive_store.archived.select())}
        assert rows == {one.id: one.due for one in self.world.model.archived}


Life.TestCase.settings = settings(
    max_examples=3000 if settings().max_examples > 100 else 12,
    derandomize=settings().max_examples <= 100,  # the quick run walks the same ways each time
    stateful_step_count=50,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase

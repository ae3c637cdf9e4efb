"""What people do in a life of the house: she sends, staff work, the officer holds, releases, archives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from inquiries import clock
from inquiries.errors import NotFound, Suspended, WrongState
from inquiries.rules import minors
from inquiries.rules import retention as rules
from inquiries.sealing.archive import id_of
from inquiries.services import archive, archive_moves, holds, inbox, records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.inbox_views import OpenedInquiry
from inquiries.services.intake import Received
from inquiries.stores import archive as archive_store
from inquiries.stores.live.tables import inquiries
from tests.cast import ITEMS, MINJI, OH, send
from tests.properties import sent
from tests.properties.life import Life, fatal
from tests.properties.world import Archived, Known

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
TAKEN = ("name", "content")  # of what the statute could take
MOST = 12  # inquiries that stand at a time: more find nothing more, and every step asks for each
kinds = st.sampled_from(["support", "affiliate", "newsletter"])
contents = st.sampled_from(["보내 주세요.", "Please call.", "a\nb"])


class People(Life):
    """Sora, Minji and Oh."""

    @initialize(content=contents, small=st.booleans())
    def begin(self, content: str, small: bool) -> None:  # noqa: FBT001
        """Half of all lives take everything in small batches, so that there is more to cut short."""
        if small:
            self.world.take_small_batches()
        self.key = records.start_sealing(self.house)
        self._receive("support", content, marketing=True, fatal=None)

    # -- she sends ---------------------------------------------------------------------------------

    @rule(kind=kinds, content=contents, marketing=st.booleans(), fatal=fatal)
    @precondition(lambda self: sum(one.standing for one in self.known) < MOST)
    def receive(self, kind: str, content: str, marketing: bool, fatal: int | None) -> None:  # noqa: FBT001
        self.count("receive")
        self._receive(kind, content, marketing=marketing, fatal=fatal)

    def _receive(
        self, kind: str, content: str, *, marketing: bool, fatal: int | None, guardian: str | None = None
    ) -> None:
        """Sent, and sent again by who got no answer: stored once; a child names her guardian's address."""
        self.hear()
        self.later(seconds=1)
        before, once = self._stored(), self.world.next_once()
        given = {"inquiry": True, "marketing": marketing}
        asked = {minors.NEEDED: "no" if guardian is None else "yes"}
        if guardian is not None:
            asked |= {minors.NAME: "김건", minors.CONTACT: guardian}

        def act() -> Received:
            items = {"content": content}
            return send(self.house, type=kind, items=items, consents=given, guardian=asked, once=once)

        tried = [clock.now()]
        if self.cut_short(fatal, act):
            self.later(seconds=1)
            tried.append(clock.now())
        received = act()
        (newest,) = self._stored() - before
        with self.house.live.read() as connection:
            row = connection.execute(inquiries.select().where(inquiries.c.id == newest)).one()
        assert row.received_at in tried
        known = Known(
            received.receipt, kind, sent.expected(ITEMS | {"content": content}), row.received_at,
            max(self.world.model.policies), newest, agreed=marketing,
        )  # fmt: skip
        names = ["main", "visitor", "marketing"] if marketing else ["main", "visitor"]
        known.due = dict.fromkeys(names)
        if guardian is not None:
            known.guardian_until = row.received_at + timedelta(days=5)
        self.known.append(known)
        self.world.model.date()
        assert (received.due, received.guardian) == (known.due["main"], guardian is not None)

    def _stored(self) -> set[int]:
        with self.house.live.read() as connection:
            return set(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))

    # -- Minji works -------------------------------------------------------------------------------

    @rule(
        data=st.data(), acts=st.lists(st.sampled_from(["open", *ACTS]), min_size=1, max_size=4), fatal=fatal
    )
    @precondition(lambda self: self.known)
    def handle(self, data: st.DataObject, acts: list[str], fatal: int | None) -> None:
        self.count("handle")
        known = data.draw(st.sampled_from(self.known))
        for act in acts[:-1]:
            self._open(known, None) if act == "open" else self._act(known, act, None)
        self._open(known, fatal) if acts[-1] == "open" else self._act(known, acts[-1], fatal)

    def _open(self, known: Known, fatal: int | None) -> None:
        opened: list[OpenedInquiry] = []
        try:
            died = self.cut_short(
                fatal, lambda: opened.append(inbox.open_inquiry(self.house, MINJI, known.id, None))
            )
        except NotFound:
            assert not known.listed or known.id in self.world.lost
            return
        except Suspended:
            assert known.listed
            assert known.suspended
            return
        if died:
            self._is_as_before_or(known, {known.state, "open" if known.state == "received" else known.state})
            return
        assert known.listed
        assert not known.suspended
        assert dict(opened[0].items) == known.items
        known.state = "open" if known.state == "received" else known.state

    def _act(self, known: Known, act: str, fatal: int | None) -> None:
        after = NEXT.get((known.state, act))
        try:
            died = self.cut_short(fatal, lambda: ACTS[act](self.house, MINJI, known.id))
        except NotFound:
            assert not known.listed
            return
        except Suspended:
            assert known.listed
            assert known.suspended
            return
        except WrongState:
            assert known.listed
            assert after is None
            assert not known.suspended
            return
        assert known.listed or died
        if died:
            self._is_as_before_or(known, {known.state, after or known.state}, act)
            return
        assert after is not None
        assert not known.suspended
        self._went(known, after, act)

    def _went(self, known: Known, after: str, act: str) -> None:
        known.state = after
        if act != "answered":
            known.closed_at = clock.now() if act == "close" else None
            self.world.model.date()

    def _is_as_before_or(self, known: Known, possible: set[str], act: str = "open") -> None:
        """After a crash it stands as before, or as after."""
        with self.house.live.read() as connection:
            state = connection.scalar(
                inquiries.select().with_only_columns(inquiries.c.state).where(inquiries.c.id == known.id)
            )
        assert state in possible or (state is None and not known.due)
        if state != known.state and state is not None:
            self._went(known, state, "answered" if act == "open" else act)

    # -- Oh holds ----------------------------------------------------------------------------------

    @rule(data=st.data(), days=st.integers(1, 500), fatal=fatal)
    @precondition(lambda self: self.known)
    def hold(self, data: st.DataObject, days: int, fatal: int | None) -> None:
        self.count("hold")
        known = data.draw(st.sampled_from(self.known))
        self.later(seconds=1)  # two ids of one microsecond may be alike
        until = clock.now() + timedelta(days=days)
        late = known.ended()

        def act() -> None:
            holds.place(self.house, OH, known.id, reason="a claim", basis="a law", until=until)

        try:
            died = self.cut_short(fatal, act)
        except NotFound:
            assert not known.standing or known.id in self.world.lost
        else:
            assert known.standing or died
            placed = set(self._listed_holds()) - {hold for one in self.known for hold in one.holds}
            assert len(placed) == 1 or died
            known.holds |= dict.fromkeys(placed, until)
            if placed:
                known.late = dict.fromkeys(late, clock.now()) | known.late
        self._holds_are_listed()

    @rule(data=st.data(), fatal=fatal)
    @precondition(lambda self: any(one.due and one.held_until for one in self.known))
    def release(self, data: st.DataObject, fatal: int | None) -> None:
        self.count("release")
        known = data.draw(st.sampled_from([one for one in self.known if one.due and one.held_until]))
        running = [hold for hold, until in known.holds.items() if until > clock.now()]
        hold = data.draw(st.sampled_from(running))
        died = self.cut_short(fatal, lambda: holds.release(self.house, OH, hold, "settled"))
        if not died or hold not in self._listed_holds():
            known.released.append((clock.now(), known.holds.pop(hold)))
        self._holds_are_listed()

    def _holds_are_listed(self) -> None:
        standing = [one for one in self.known if one.due]
        running = {hold: end for one in standing for hold, end in one.holds.items() if end > clock.now()}
        assert self._listed_holds() == running

    def _listed_holds(self) -> dict[int, datetime]:
        return {row.id: row.until for row in holds.listed(self.house, OH).rows}

    # -- Oh archives -------------------------------------------------------------------------------

    @rule(data=st.data(), statute=st.sampled_from(["contract", "advertising"]), fatal=fatal)
    @precondition(lambda self: any(one.listed and not one.held_until for one in self.known))
    def archive(self, data: st.DataObject, statute: str, fatal: int | None) -> None:
        """Move one, perhaps with a crash on the way; then it is moved, or stands as before."""
        self.count("archive")
        known = data.draw(st.sampled_from([one for one in self.known if one.listed and not one.held_until]))

        def act() -> None:
            archive.order(self.house, OH, known.id, statute=statute, items=TAKEN, reason="a contract")

        try:
            died = self.cut_short(fatal, act)
        except NotFound:
            assert known.id in self.world.lost or known.guardian_until is not None
            return
        assert known.guardian_until is None or died
        if died:
            archive_moves.carry_out(self.house)
        with self.house.archive.read() as connection:
            row = archive_store.by_id(connection, id_of(known.id, statute))
        if row is None:
            assert died or known.id in self.world.lost
            return
        assert known.guardian_until is None
        self._is_archived(known, statute, row)
        if died:
            self.sweep(claimed=1)  # what was claimed when the crash came goes now

    def _is_archived(self, known: Known, statute: str, row: archive_store.ArchivedRow) -> None:
        policy = self.world.model.policy
        until = rules.due_at(row.archived_at, policy.statutes[statute].period, policy.time_zone)
        assert until is not None
        items = {name: known.items[name] for name in TAKEN}
        self.world.moved[row.id] += 1
        self.world.model.archived.append(Archived(row.id, known.id, items, until))
        self.end(known, "main")

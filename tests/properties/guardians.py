"""Children in a life of the house: one writes, her guardian agrees or refuses, or nobody does within five days."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries import clock
from inquiries.errors import NotFound, Suspended
from inquiries.rules.purposes import Use
from inquiries.rules.requests import GUARDIAN, Kind
from inquiries.services import guardians, inbox, linking, purposes
from inquiries.stores.live import guardians as live
from tests.cast import MINJI, OH
from tests.properties.life import fatal
from tests.properties.people import MOST, People, contents, kinds
from tests.properties.world import Known

CONTACT = "gun@example.com"


class Guardians(People):
    """A child, and Gun, who is her guardian."""

    @rule(kind=kinds, content=contents, marketing=st.booleans(), fatal=fatal)
    @precondition(lambda self: sum(one.standing for one in self.known) < MOST)
    def child(self, kind: str, content: str, marketing: bool, fatal: int | None) -> None:  # noqa: FBT001
        """Received, and read by nobody."""
        self.count("child")
        self._receive(kind, content, marketing=marketing, fatal=fatal, guardian=CONTACT)
        try:
            inbox.open_inquiry(self.house, MINJI, self.known[-1].id, None)
        except Suspended:
            return
        raise AssertionError("a child's inquiry was opened")

    @rule(data=st.data(), agrees=st.booleans(), late=st.booleans(), fatal=fatal)
    @precondition(lambda self: self._children())
    def decide(self, data: st.DataObject, agrees: bool, late: bool, fatal: int | None) -> None:  # noqa: FBT001
        """She follows the link that she was mailed, and again where she got no answer.

        If late, in the last minute: the worker comes by when the five days are over, and a hold may run.
        """
        self.count("decide")
        known = data.draw(st.sampled_from(self._children()))
        key = purposes.data_keys(self.house, Use.guardian, [known.id]).get((known.id, "main"))
        if key is None:  # or a copy came back from before it was agreed to, and moved to the archive
            assert known.id in self.world.lost or "main" not in known.due
            return
        token = linking.address(self.house, key, GUARDIAN).rpartition("/")[2]
        self.later(seconds=1)
        if late and known.guardian_until is not None:
            self.time.shift(max(known.guardian_until - clock.now() - timedelta(minutes=1), timedelta(0)))

        at = clock.now()

        def act() -> None:
            assert guardians.decide(self.house, token, agrees=agrees) == known.standing

        if self.cut_short(fatal, act):
            act()
        self.ask_by_link(known, Kind.confirm if agrees else Kind.delete, "main", GUARDIAN, at)
        if late:
            self.later(minutes=2)
            self.requests()

    @rule(data=st.data(), fatal=fatal)
    @precondition(lambda self: self._children())
    def enter(self, data: st.DataObject, fatal: int | None) -> None:
        """Or the officer calls her, and enters that she agreed."""
        self.count("enter")
        known = data.draw(st.sampled_from(self._children()))
        try:
            shown = guardians.show(self.house, OH, known.id)
            died = self.cut_short(
                fatal, lambda: guardians.enter(self.house, OH, known.id, "phone", "She said yes.")
            )
        except NotFound:
            assert not known.standing or known.id in self.world.lost
            return
        assert known.standing
        assert (shown.name, shown.contact, shown.until) == ("김건", CONTACT, known.guardian_until)
        with self.house.live.read() as connection:
            waits = bool(live.waiting(connection, [known.id]))
        assert died or not waits
        if not waits:
            self.agreed(known)

    def _children(self) -> list[Known]:
        """Those of whom a guardian is waited for."""
        return [one for one in self.known if one.due and one.guardian_until is not None]

"""Who unsubscribes in a life of the house, by the link in what she was mailed: for the address, and for good.

Here the worker comes by a click before anything else is received or destroyed (`Life.hear`): which others under the
address are adopted by then, and so end with it, the model does not know.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries import clock
from inquiries.rules.purposes import Use
from inquiries.rules.requests import UNSUBSCRIBE, Kind
from inquiries.services import linking, purposes, unsubscribing
from tests.properties.life import Life, fatal
from tests.properties.world import Known


class Unsubscribing(Life):
    """Sora, who has had enough."""

    @rule(data=st.data(), fatal=fatal)
    @precondition(lambda self: self._mailed())
    def unsubscribe(self, data: st.DataObject, fatal: int | None) -> None:
        """One click, and another by who got no answer: that is one."""
        self.count("unsubscribe")
        known, group = data.draw(st.sampled_from(self._mailed()))
        key = purposes.data_keys(self.house, Use.rights, [known.id]).get((known.id, group))
        if key is None:
            assert known.id in self.world.lost
            return
        token = linking.address(self.house, key, UNSUBSCRIBE).rpartition("/")[2]
        self.later(seconds=1)
        if self.cut_short(fatal, lambda: unsubscribing.unsubscribe(self.house, token)):
            unsubscribing.unsubscribe(self.house, token)
        kind = Kind.delete if group == "main" else Kind.withdraw
        self.ask_by_link(known, kind, group, UNSUBSCRIBE, clock.now())
        self.later(seconds=1)

    def _mailed(self) -> list[tuple[Known, str]]:
        """What has such a link, of what nobody has asked to end: (inquiry, group)."""
        free = [
            one
            for one in self.known
            if one.guardian_until is None and not any(ask.pending for ask in one.asks)
        ]
        return [
            (one, group)
            for one in free
            for group in one.readable
            if group == "marketing" or (group == "main" and one.type == "newsletter")
        ]

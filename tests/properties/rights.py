"""What she asks by her receipt in a life of the house: correct, suspend, resume, withdraw, delete; and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries import clock
from inquiries.errors import InvalidFields, NotFound
from inquiries.rules.requests import Kind
from inquiries.services import rights
from tests.properties.life import Life, fatal
from tests.properties.world import Ask, Known

corrections = st.sampled_from(
    [{"content": "다시 씁니다."}, {"name": "김소라", "company": "새 회사"}, {"company": ""}]
)
kinds = st.sampled_from([Kind.correct, Kind.suspend, Kind.resume, Kind.withdraw, Kind.delete])


class Rights(Life):
    """Sora, afterwards."""

    @rule(data=st.data(), kind=kinds, texts=corrections, fatal=fatal)
    @precondition(lambda self: any(one.due for one in self.known))
    def ask(self, data: st.DataObject, kind: Kind, texts: dict[str, str], fatal: int | None) -> None:
        """Asked, and asked again by who got no answer: that is asking once."""
        self.count(kind)
        known = data.draw(st.sampled_from([one for one in self.known if one.due]))
        self.later(seconds=1)
        under = self._opens(known, kind)
        try:
            if self.cut_short(fatal, self._acts(known, texts)[kind]):
                self._acts(known, texts)[kind]()
        except NotFound:
            assert under is None or known.id in self.world.lost
            return
        except InvalidFields:  # also where the answer to the first time was lost
            assert kind is Kind.withdraw
            assert fatal is not None or not known.agreed or known.withdrawn
        assert under is not None
        self._is_asked(known, Ask(self.world.asked, kind, texts, under))

    def _opens(self, known: Known, kind: Kind) -> str | None:
        """The group whose key her code opens, and which proves the request."""
        if known.standing:
            return "main"
        left = known.due.get("marketing")
        standing = left is not None and (left > clock.now() or known.held_until is not None)
        return "marketing" if kind is Kind.withdraw and standing else None

    def _acts(self, known: Known, texts: dict[str, str]) -> dict[Kind, Callable[[], object]]:
        return {
            Kind.correct: lambda: rights.correct(self.house, known.code, texts),
            Kind.suspend: lambda: rights.suspend(self.house, known.code),
            Kind.resume: lambda: rights.resume(self.house, known.code),
            Kind.withdraw: lambda: rights.withdraw(self.house, known.code, "marketing"),
            Kind.delete: lambda: rights.delete(self.house, known.code),
        }

    def _is_asked(self, known: Known, asked: Ask) -> None:
        if known.deleting:
            return  # nothing more can be asked
        present = known.items | known.corrected
        differs = {name: text for name, text in asked.texts.items() if present.get(name, "") != text}
        new = {
            Kind.correct: bool(differs),
            Kind.suspend: not known.resumable,
            Kind.resume: known.resumable,
            Kind.withdraw: known.agreed and not known.withdrawn,
            Kind.delete: True,
        }
        if new[asked.kind]:
            self.asked(known, replace(asked, texts=differs if asked.kind is Kind.correct else {}))

    @rule(fatal=fatal)
    @precondition(lambda self: any(one.pending for known in self.known for one in known.asks))
    def carry_out(self, fatal: int | None) -> None:
        """The worker's turn at what was asked, perhaps one that is cut short, and another one then."""
        self.count("carry_out")
        if self.cut_short(fatal, self.carry_out_requests):
            self.requests()
            self.sweep(claimed=100)  # what was claimed goes now
        else:
            self.follow_requests()

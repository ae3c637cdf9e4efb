"""Copies of the stores in a life of the house: made, kept for a while, put back as an operator does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries import clock
from inquiries.rules.requests import Kind
from inquiries.services import recovery, rotation
from inquiries.stores import keys
from tests.cast import OH
from tests.properties.life import Life, fatal
from tests.properties.world import Copy, Known, over, rows

COPIES = 3  # at a time
KEY_BACKUPS_LIVE = timedelta(hours=71)  # copies of the keyring that are older have expired


class Copies(Life):
    """The operator."""

    @rule(data=st.data())
    def copy(self, data: st.DataObject) -> None:
        """Where there are enough, some other one goes: of those that stay some are old, and some are not."""
        self.count("copy")
        if len(self.world.copies) == COPIES:
            self.world.copies.remove(data.draw(st.sampled_from(self.world.copies)))
        self.world.copy()

    @rule(data=st.data(), store=st.sampled_from(["live", "archive"]), fatal=fatal, confirming=fatal)
    @precondition(lambda self: self.world.copies)
    def put_back(self, data: st.DataObject, store: str, fatal: int | None, confirming: int | None) -> None:
        self._put_back(data.draw(st.sampled_from(self.world.copies)), store, fatal, confirming)

    @rule(data=st.data(), fatal=fatal, confirming=fatal)
    @precondition(lambda self: self._young())
    def put_back_keys(self, data: st.DataObject, fatal: int | None, confirming: int | None) -> None:
        self._put_back(data.draw(st.sampled_from(self._young())), "keys", fatal, confirming)

    def _young(self) -> list[Copy]:
        """Those whose keyring has not expired."""
        return [one for one in self.world.copies if one.age <= KEY_BACKUPS_LIVE]

    def _put_back(self, older: Copy, store: str, fatal: int | None, confirming: int | None) -> None:
        """An older copy of a store; what was destroyed since stays so, the officer confirms, all goes on."""
        self.count(f"put_back_{store}")
        self.put_back_since = True
        self.house.close()
        self.world.put_back(older, store)
        if store == "live":
            self._live_is(older)
        elif store == "archive":
            self._archive_is(older)
        self.world.find_what_is_lost()
        self.start(fatal)
        if self.cut_short(confirming, self._confirm):
            self._confirm()
        self.put_back_since = False
        self.believe_the_policy()
        assert recovery.gate(self.house) is None
        rotation.finish_pending(self.house)  # as the worker does within a minute

    def _confirm(self) -> None:
        recovery.confirm(self.house, OH, "put back from a copy")

    def _live_is(self, older: Copy) -> None:
        """What came since is lost; what the copy has stands, unless it was destroyed meanwhile."""
        model, then = self.world.model, older.model.kept()
        here = {one.id for one in model.known}
        model.known = then.known  # of policies the ledger knows all that were published
        for one in model.known:
            if one.id not in here:  # it was lost with an earlier copy: its keys may have come to their end
                self._bury_orphans(one)
            one.due = {name: due for name, due in one.due.items() if (one.id, name) not in self.world.gone}
            self._ask_again(one)

    def _bury_orphans(self, one: Known) -> None:
        self.world.open_again()
        with self.house.keys.read() as connection:
            rows = keys.of_inquiries(connection, [one.id])
        promised = {name: self.world.model.promised(one, name) for name in one.due}
        for row in rows:
            if row.destroyed and row.group in promised and (one.id, row.group) not in self.world.gone:
                assert over(promised[row.group])
                self.world.gone.add((one.id, row.group))

    def _ask_again(self, one: Known) -> None:
        """What the ledger knows that she asked, she has asked; what a correction said stood in live alone."""
        here = {asked.number for asked in one.asks}
        proved = {asked.number for asked in self.world.ledger.get(one.id, ())}
        for asked in one.asks:
            asked.noted = asked.noted or asked.number in proved
        for asked in self.world.ledger.get(one.id, ()):
            if asked.number not in here:
                lost = asked.kind is Kind.correct
                one.asks.append(replace(asked, texts={}, pending=True, waits=False, lost=lost))
                here.add(asked.number)
        one.asks.sort(key=lambda asked: asked.number)

    def _archive_is(self, older: Copy) -> None:
        then, here = older.model.kept().archived, {one.id for one in self.world.model.archived}
        keyring = self.world.settings.keyring_path
        ended = {
            one for (one,) in rows(keyring / "keys.db", "SELECT id FROM keys WHERE destroyed_at IS NOT NULL")
        }
        for one in then:
            if one.id not in here and one.id in ended and (one.id, "archive") not in self.world.gone:
                assert one.due <= clock.now()  # without its row the key ended on its own day
                self.world.gone.add((one.id, "archive"))
        self.world.model.archived = [one for one in then if (one.id, "archive") not in self.world.gone]

"""Copies of the stores in a life of the house: made, kept for a while, put back as an operator does."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inquiries import clock
from inquiries.services import recovery, rotation
from inquiries.stores import keys
from tests.cast import OH
from tests.properties.life import Life, fatal
from tests.properties.world import Copy, Known

KEY_BACKUPS_LIVE = timedelta(hours=71)  # copies of the keyring that are older have expired


class Copies(Life):
    """The operator."""

    @rule()
    @precondition(lambda self: len(self.world.copies) < 3)
    def copy(self) -> None:
        self.count("copy")
        self.world.copy()

    @rule(data=st.data(), store=st.sampled_from(["live", "archive", "keys"]), fatal=fatal, confirming=fatal)
    @precondition(lambda self: self.world.copies)
    def put_back(self, data: st.DataObject, store: str, fatal: int | None, confirming: int | None) -> None:
        """An older copy of a store; what was destroyed since stays so, the officer confirms, all goes on."""
        older = data.draw(st.sampled_from(self.world.copies))
        if store == "keys" and older.age > KEY_BACKUPS_LIVE:
            return
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

    def _bury_orphans(self, one: Known) -> None:
        self.world.open_again()
        with self.house.keys.read() as connection:
            rows = keys.of_inquiries(connection, [one.id])
        promised = {name: self.world.model.promised(one, name) for name in one.due}
        for row in rows:
            if row.destroyed and row.group in promised and (one.id, row.group) not in self.world.gone:
                assert promised[row.group] <= clock.now()
                self.world.gone.add((one.id, row.group))

    def _archive_is(self, older: Copy) -> None:
        then = older.model.kept().archived
        self.world.model.archived = [one for one in then if (one.id, "archive") not in self.world.gone]

"""What always holds in a life of the house; asked after every step."""

from __future__ import annotations

from hypothesis.stateful import invariant

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.purposes import Use
from inquiries.rules.requests import Kind
from inquiries.services import archive, inbox, purposes, receipt
from inquiries.stores import archive as archive_store
from inquiries.stores.live import due as due_groups
from inquiries.stores.live.tables import claims, consents, envelopes, groups, inquiries
from tests.cast import MINJI, OH
from tests.properties.life import Life
from tests.properties.world import Ask, Known

SOME = 2  # inquiries


class Checks(Life):
    """Against the model. Each step asks for a few, by turns; the end of a life asks for all."""

    turn = 0

    @invariant()
    def what_may_be_read_opens_and_what_is_destroyed_is_unknown(self) -> None:
        self.turn += 1
        for one in range(min(SOME, len(self.known))):
            self._the_receipt_opens_it_until_it_is_due(self.known[(self.turn * SOME + one) % len(self.known)])
        if self.turn % 4 == 0:
            self._the_list_is_what_may_be_read()
            self._the_archive_opens_for_the_officer_until_it_is_due()

    def teardown(self) -> None:
        try:
            for known in self.known:
                self._the_receipt_opens_it_until_it_is_due(known)
            self._the_list_is_what_may_be_read()
            self._the_archive_opens_for_the_officer_until_it_is_due()
        finally:
            super().teardown()

    def _ended_meanwhile(self, known: Known, one: Ask) -> bool:
        """Taken back, but nobody came by before its copies, and the key that proves it, came to their end."""
        return one.kind is Kind.withdraw and one.pending and one.group not in known.readable

    def _the_receipt_opens_it_until_it_is_due(self, known: Known) -> None:
        try:
            view = receipt.look(self.house, known.code)
        except NotFound:
            assert not known.standing or known.id in self.world.lost
            return
        assert known.standing
        assert (dict(view.items), view.state, view.held_until) == (known.items, known.state, known.held_until)
        assert (dict(view.parts), view.guardian_until) == (known.readable, known.guardian_until)
        asked = (dict(view.corrected), view.suspended or view.interrupted, view.deletion is not None)
        suspended = any(one.suspends and (one.kind is Kind.suspend or one.lost) for one in known.asks)
        assert asked == (known.corrected, suspended, known.deleting)
        (consent,) = (one for one in view.consents if one.purpose == "marketing")
        if not any(self._ended_meanwhile(known, one) for one in known.asks):
            assert consent.holds == (known.agreed and not known.withdrawn)

    def _the_list_is_what_may_be_read(self) -> None:
        rows = inbox.page(self.house, MINJI).rows
        listed = {one.id: one.suspended for one in self.known if one.listed}
        assert [row.id for row in rows] == sorted(listed, reverse=True)[:50]
        assert all(row.suspended == listed[row.id] or row.id in self.world.lost for row in rows)
        assert all(bool(row.who) != row.suspended or row.id in self.world.lost for row in rows)
        children = {one.id for one in self.known if one.due and one.guardian_until is not None}
        assert {row.id for row in rows if row.guardian} == children & listed.keys()
        for use in (Use.answer, Use.notify, Use.export):
            assert not purposes.data_keys(self.house, use, sorted(children))

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
            stored = connection.execute(groups.select()).all()
            shells = set(connection.scalars(inquiries.select().with_only_columns(inquiries.c.id)))
            agreed = set(connection.scalars(consents.select().with_only_columns(consents.c.inquiry_id)))
            claimed = set(connection.scalars(claims.select().with_only_columns(claims.c.group_id)))
            sealed = set(connection.scalars(envelopes.select().with_only_columns(envelopes.c.inquiry_id)))
        kept = {(row.inquiry_id, row.name): row.due_at for row in stored}
        assert kept == {(one.id, name): moment for one in standing for name, moment in one.due.items()}
        assert shells == agreed == {one.id for one in standing}
        assert sealed <= shells
        assert claimed <= {row.id for row in stored}
        with self.house.live.read() as connection:
            oldest = due_groups.oldest_due(connection, clock.now())
        assert oldest == min(
            (one.waits_since(name) for one in standing for name in one.ended()), default=None
        )
        with self.house.archive.read() as connection:
            rows = {row.id: row.due_at for row in connection.execute(archive_store.archived.select())}
        assert rows == {one.id: one.due for one in self.world.model.archived}

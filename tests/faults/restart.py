"""What follows a death: the start, the checks, the next run; called in a fresh child."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from inquiries.errors import NotFound, RotationIncomplete
from inquiries.rules.permissions import Role
from inquiries.sealing import items
from inquiries.services import (
    adoption,
    archive_moves,
    installation,
    keys,
    people,
    records,
    retention,
    rotation,
)
from inquiries.services.enrolment import TOTP_NAME
from inquiries.services.house import House, open_house
from inquiries.stores import keys as store
from inquiries.stores.live import staff
from tests.faults import invariants
from tests.faults.scenarios import SCENARIOS, enrol_with, receive, send_mail, settings_of, told


def restart(name: str, directory: str) -> None:
    """Start, look whether all is well, let the next run finish, look again."""
    scenario, here = SCENARIOS[name], Path(directory)
    with time_machine.travel(scenario.moment + timedelta(minutes=1)):
        installed = installation.install(settings_of(here))
        house = installed.house
        assert installed.recovered is not None
        assert installed.recovered.unopenable == ()
        sent = invariants.sent_in(here)
        due = frozenset(text for text in sent.values() if text.startswith("all due"))
        if scenario.confirm:
            _confirm(house)
        else:
            assert not invariants.operations(house, "restore"), "a crash taken for a restored backup"
        invariants.whole(house)
        invariants.what_was_told_of_rights_holds(house, told(here))
        moving = {text for text in invariants.contents_of_inbox(house) if text.startswith("archived")}
        kept = invariants.contents_of_archive(house)
        invariants.everything_opens(house, sent, destroyed=due | (kept - moving))
        _go_on(house, installed.enrolment, here)
        invariants.whole(house)
        kept = invariants.contents_of_archive(house)
        assert {note["archive"] for note in told(here) if note["act"] == "archived"}.issubset(
            [*invariants.archived(house), *invariants.destroyed(house)]
        )
        invariants.everything_opens(house, invariants.sent_in(here), destroyed=due | kept)
        house.close()
        if name == "mail":
            _mail_came_once(here)


def _mail_came_once(here: Path) -> None:
    """Each message that had not ended arrived once; only of one that was leaving nobody can tell."""
    send_mail(here)
    house = open_house(settings_of(here))
    with house.live.read() as connection:
        left = connection.exec_driver_sql(
            "SELECT id, state, problem FROM outbox WHERE state <> 'sent'"
        ).fetchall()
    house.close()
    unknown = {f"{row[0]:x}" for row in left}
    assert {row[1:] for row in left} <= {("dead", "uncertain")}, left
    assert len(left) <= 1, left
    came = (here / "arrived").read_text().split()
    assert len(set(came)) == len(came), came
    queued = [note for note in told(here) if note["act"] == "mail"]
    ended = {queued[0]["id"]}
    expected = {note["id"] for note in queued} - ended
    assert not ended & set(came), "it was sent after its end"
    assert expected - unknown <= set(came), (expected, came, left)


def _confirm(house: House) -> None:
    """Nothing is retired before the officer has confirmed."""
    if _restored(house):
        with pytest.raises(RotationIncomplete):
            rotation.rotate(house)
        rotation.rotate(house, break_glass="the officer is away")


def _restored(house: House) -> bool:
    with house.keys.read() as connection:
        return store.how_far(connection).restored_at is not None


def _go_on(house: House, enrolment: str | None, here: Path) -> None:
    """The next run of everything finishes; whoever was not answered tries again."""
    notes = told(here)
    before = _count(house)
    for note in [note for note in notes if note.get("once")]:
        receive(house, here, note["content"], bytes.fromhex(note["once"]), **note["given"])
    assert _count(house) == before, "a retry was stored again"
    adoption.adopt_pending(house)
    archive_moves.carry_out(house)
    swept = retention.sweep(house)
    assert swept.failed == 0
    assert invariants.due_now(house) == 0
    rotation.rotate(house)
    assert retention.sweep(house).due == 0
    _enrolled(house, enrolment, notes, here)
    seals = [note["key"] for note in told(here) if note["act"] == "seal" and note["key"]]
    records.seal(house)
    for key in seals:
        assert records.verify(house, bytes.fromhex(key)).ok
    assert len(seals) <= 1


def _count(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM inquiries").scalar_one())


def _enrolled(house: House, enrolment: str | None, notes: list[dict[str, str]], here: Path) -> None:
    """The first officer is enrolled, or still can be: by a fresh link, or by the one that she has."""
    known = [one for one in people.everyone(house) if one.enrolled and Role.privacy in one.roles]
    if known:
        for note in [note for note in notes if note["act"] == "enrolled"]:
            own = keys.of_staff(house, known[0].id)
            assert own is not None
            secret = items.open_item(own, known[0].id, keys.STAFF, TOTP_NAME, _totp_of(house, known[0].id))
            assert secret == note["secret"]
        return
    tokens = [enrolment, *(note["token"] for note in notes if note["act"] == "invited")]
    for token in filter(None, tokens):
        with suppress(NotFound):
            enrol_with(house, here, token)
            return
    raise AssertionError("nobody can enrol any more")


def _totp_of(house: House, staff_id: int) -> bytes:
    with house.live.read() as connection:
        found = staff.by_id(connection, staff_id)
    assert found is not None
    assert found.totp_sealed is not None
    return found.totp_sealed

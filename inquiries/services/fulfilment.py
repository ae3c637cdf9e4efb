"""Carries out what was asked for: proves each request, then destroys, replaces, lifts; or tells why it waits.

Runs in the worker, within seconds of the request. Every step is repeatable: a request is settled in the
commit of what it asked for, or goes with the inquiry that it had destroyed (P17, P19, P21).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import IntakeClosed, InvalidItems, JobBusy
from inquiries.rules import requests as rules
from inquiries.rules.purposes import Use
from inquiries.rules.requests import PENDING, UNSUBSCRIBE, Because, Kind, State, Waits
from inquiries.rules.retention import MAIN
from inquiries.services import (
    corrections,
    destruction,
    given,
    guardians,
    mail,
    purposes,
    request_proofs,
    request_records,
    request_results,
    requests,
    unsubscribing,
)
from inquiries.services.corrections import Keys
from inquiries.services.house import House
from inquiries.services.request_results import Outcome
from inquiries.stores.live import claims
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.requests import RequestRow

log = structlog.get_logger()

BATCH = 200
JOB = "requests"  # only one at a time: two corrections of an inquiry must not write over one another
PATIENCE = 5.0  # seconds in which the officer's act waits for the worker's turn to end
Act = Callable[[House, RequestRow, Keys], bool]
DELETED, WITHDRAWN = "deleted_on_request", "withdrawn"  # why it was destroyed, on tombstone and certificate


def carry_out(house: House, states: Collection[State] = (State.open,)) -> int:
    """Carry out every request that can be; returns how many were settled. One that fails stops no other.

    Raises:
        JobBusy: another process does it now.
    """
    with house.live.job(JOB):
        return _listen(house, states) + _walk(house, states, _carry)


def hear(house: House) -> None:
    """Heed what is too late once keys have ended: which guardian agrees, who unsubscribes. Raises JobBusy."""
    with house.live.job(JOB):
        _listen(house, (State.open,))


def _listen(house: House, states: Collection[State]) -> int:
    """Guardians first: what they agree to stands, and ends with the rest of its address. How many agreed."""
    agreed = _walk(house, states, _carry, lambda row: row.kind == Kind.confirm)
    _walk(house, states, unsubscribing.heed, lambda row: row.channel == UNSUBSCRIBE)
    return agreed


def _walk(
    house: House, states: Collection[State], act: Act, which: Callable[[RequestRow], bool] = lambda _: True
) -> int:
    """Do that with each such request in these states; how often it was done."""
    done = 0
    for batch in house.live.batches(
        lambda connection, after: live_requests.pending(connection, after, BATCH, states),
        lambda row: row.id,
    ):
        some = [row for row in batch if which(row)]
        found = purposes.data_keys(house, Use.rights, sorted({row.inquiry_id for row in some}))
        done += sum(_tried(house, row, found, act) for row in some)
    return done


def carry_out_waiting(house: House) -> int:
    """Try again what waited for a day, a hold's end, or a key that was put back; as `carry_out`."""
    return carry_out(house, PENDING)


def carry_out_one(house: House, request_id: int) -> bool:
    """Carry out this one now, at the officer's word; False when it waits, or is settled already.

    Raises:
        JobBusy: the worker is at it for long.
    """
    with house.live.job(JOB, PATIENCE):
        _listen(house, PENDING)  # as `carry_out`: it may note what is read then
        with house.live.read() as connection:
            row = live_requests.by_id(connection, request_id)
        if row is None or not row.pending:
            return False
        return _tried(house, row, purposes.data_keys(house, Use.rights, [row.inquiry_id]), _carry)


def _tried(house: House, row: RequestRow, found: Keys, act: Act) -> bool:
    try:
        return row.because != Because.lost and act(house, row, found)
    except (JobBusy, IntakeClosed):
        return False  # a sweep is at work, which destroys next what was claimed here; or an epoch just ends
    except SQLAlchemyError:
        raise
    except Exception as failed:  # noqa: BLE001 - who broke into the public surface may have written anything
        log.error("request.not_carried_out", request=row.id, reason=type(failed).__name__)
        with house.live.write() as connection:
            live_requests.wait(connection, row.id, Because.failed, None)
        return False


def _carry(house: House, row: RequestRow, found: Keys) -> bool:
    key = found.get((row.inquiry_id, row.group_name))
    if row.noted_at is None and not request_proofs.prove(house, row, key):
        return False
    if row.channel in rules.ENTERED and not request_records.is_proved(house, row):
        log.error("request.not_proved", request=row.id, inquiry=row.inquiry_id)
        with house.live.write() as connection:
            live_requests.unprove(connection, row.id)
        return False  # somebody changed its state in the store (P18)
    now = clock.now()
    with house.live.read() as connection:
        shell = live.shells(connection, [row.inquiry_id]).get(row.inquiry_id)
        if shell is None:
            return False  # destroyed meanwhile, and the request with it
        decision = rules.decide(Kind(row.kind), requests.facts(house, connection, shell, now), now)
    if isinstance(decision, Waits):
        _wait(house, row, decision, found)
        return False
    return _ACTS[Kind(row.kind)](house, row, found)


def _wait(house: House, row: RequestRow, decision: Waits, found: Keys) -> None:
    if (row.state, row.because, row.until) == (State.needs_officer, decision.because, decision.until):
        return
    elsewhere = row.channel in rules.ENTERED and row.because is None  # her own page has told her
    letter = _letter(house, row, found, Outcome.waits) if elsewhere else None
    request_records.waits(house, row, decision.because, decision.until)
    with house.live.write() as connection:
        live_requests.wait(connection, row.id, decision.because, decision.until)
        request_results.tell(house, connection, letter, Outcome.waits)


def _letter(house: House, row: RequestRow, found: Keys, outcome: Outcome) -> request_results.Letter | None:
    return request_results.addressed(house, row, found.get((row.inquiry_id, MAIN)), outcome)


def settle(
    house: House,
    row: RequestRow,
    found: Keys,
    also: Callable[[Connection, datetime], None] | None = None,
    to: str | None = None,
) -> bool:
    """It is done, in one commit with what else that means in the live store; `to`: her address by then.

    False when it was settled before.
    """
    letter = _letter(house, row, found, Outcome.done)
    if letter is not None and to is not None:
        letter = replace(letter, to=to)
    now = clock.now()
    with house.live.write() as connection:
        settled = live_requests.settle(connection, row.id, State.done, now)
        if settled and also is not None:
            also(connection, now)
        if settled:
            request_results.tell(house, connection, letter, Outcome.done)
    if settled:
        request_records.done(house, row)
    return settled


# -- what is done ----------------------------------------------------------------------------------


def _copy(house: House, row: RequestRow, found: Keys) -> bool:
    """By the receipt it was shown when it was asked for; else the officer hands it over."""
    if row.channel not in rules.ENTERED:
        return settle(house, row, found)
    if row.because != Because.hand_over:
        with house.live.write() as connection:
            live_requests.wait(connection, row.id, Because.hand_over, None)
    return False


def _resume(house: House, row: RequestRow, found: Keys) -> bool:
    def lift(connection: Connection, now: datetime) -> None:
        live_requests.lift(connection, row.inquiry_id, row.id, now)
        live_requests.close_lost(connection, row.inquiry_id, row.id, now)

    return settle(house, row, found, lift)


def _withdraw(house: House, row: RequestRow, found: Keys) -> bool:
    """The purpose ended with the request; its copies end here."""
    group = _groups(house, row.inquiry_id).get(row.subject)
    if group is not None:
        if not _claimed(house, row, {row.subject: group}, WITHDRAWN):
            return False  # a hold was placed meanwhile
        destruction.destroy_claimed(house, [group])

    def withdraw(connection: Connection, _now: datetime) -> None:
        live.withdraw(connection, row.inquiry_id, row.subject, row.asked_at)

    return settle(house, row, found, withdraw) or _went_with_it(house, row)


def _went_with_it(house: House, row: RequestRow) -> bool:
    """Whether what was destroyed was the last of the inquiry, and the request went with it."""
    with house.live.read() as connection:
        if live_requests.by_id(connection, row.id) is not None:
            return False
    request_records.done(house, row)
    return True


def _delete(house: House, row: RequestRow, found: Keys) -> bool:
    """Done from the claim on, after which only destruction follows; the request goes with the last group."""
    groups = _groups(house, row.inquiry_id)
    letter = _letter(house, row, found, Outcome.deleted)
    if not _claimed(house, row, groups, DELETED, letter):
        return False  # a hold was placed meanwhile
    if not request_records.is_done(house, row):  # it was, where a sweep at work was waited for
        request_records.done(house, row)
    destruction.destroy_claimed(house, list(groups.values()))
    return True


def _claimed(
    house: House,
    row: RequestRow,
    groups: Mapping[str, int],
    reason: str,
    letter: request_results.Letter | None = None,
) -> bool:
    """Claim them, due or not; False when a hold keeps one of those that stand.

    From here on nobody reads them, and whoever sweeps next destroys them, for this reason. She, and who was
    given something of them, is told in the commit of the claim, and only there: not when this is tried again.
    """
    ids = list(groups.values())
    with house.live.write() as connection:
        fresh = claims.claim(connection, ids, reason, clock.now())
        if claims.unclaimed(connection, ids):
            return False
        if fresh:
            given.tell(house, connection, row.inquiry_id, mail.Kind.given_deleted, groups=groups)
            request_results.tell(house, connection, letter, Outcome.deleted)
    return True


def _groups(house: House, inquiry_id: int) -> dict[str, int]:
    with house.live.read() as connection:
        return live.group_ids(connection, inquiry_id)


def _correct(house: House, row: RequestRow, found: Keys) -> bool:
    """The tags first: they can be given again, the old items cannot."""
    try:
        correction = corrections.prepared(house, row, found)
    except InvalidItems:
        request_proofs.refuse(house, row, Because.invalid)
        return False
    if correction is not None:
        corrections.retag(house, correction)

    def put(connection: Connection, now: datetime) -> None:
        live_requests.close_lost(connection, row.inquiry_id, row.id, now)
        if correction is not None:
            corrections.replace(house, connection, correction)

    return settle(house, row, found, put, None if correction is None else correction.address)


def _confirm(house: House, row: RequestRow, found: Keys) -> bool:
    """A guardian has agreed by her link; a second time is none, and so is what came too late."""
    dues = guardians.promised(house, row.inquiry_id)

    def agree(connection: Connection, _now: datetime) -> None:
        guardians.agreed(connection, row.inquiry_id, dues, row.channel, row.asked_at)

    return settle(house, row, found, agree)


_ACTS: Mapping[Kind, Callable[[House, RequestRow, Keys], bool]] = {
    Kind.copy: _copy,
    Kind.suspend: settle,  # it holds since it was asked for
    Kind.resume: _resume,
    Kind.withdraw: _withdraw,
    Kind.delete: _delete,
    Kind.correct: _correct,
    Kind.confirm: _confirm,
}

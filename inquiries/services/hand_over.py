"""The copy that the officer hands to who asked for it elsewhere than on the receipt page (P17, P18).

Staff's notes are in it, which the receipt page leaves out (docs/decisions/0008).
"""

from __future__ import annotations

from inquiries import clock
from inquiries.errors import JobBusy, NotFound, WrongState
from inquiries.rules.correspondence import HERS
from inquiries.rules.correspondence import Kind as Written
from inquiries.rules.permissions import Role
from inquiries.rules.purposes import Use
from inquiries.rules.requests import ENTERED, Kind
from inquiries.rules.retention import MAIN
from inquiries.services import copies, fulfilment, openings, purposes, records, request_desk, request_records
from inquiries.services.actor import Actor
from inquiries.services.copies import Copy
from inquiries.services.house import House
from inquiries.services.receipt_keys import Opened
from inquiries.stores.live import guardians
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import openings as live_openings
from inquiries.stores.live.requests import RequestRow


def copy(house: House, actor: Actor, request_id: int, *, notes: bool) -> Copy:
    """All that is held, to be handed over; `notes`: with what staff noted (docs/decisions/0008).

    Recorded, and told on her page as an opening is.

    Raises:
        NotFound: no such request, or its inquiry is due or does not open.
        WrongState: it is no request for a copy, who asks is not proved, or it was handed over.
    """
    row, shell, key = request_desk.found(house, actor, request_id)
    _must_be_handed_over(house, row)
    if key is None:
        raise NotFound("no key opens it")
    reason = f"request {row.id}"
    number = request_records.about(row)
    records.access(
        house, act="open_for_copy", actor=actor, subject=row.inquiry_id, reason=reason, detail=number
    )
    entry = openings.written(key.dek, row.inquiry_id, Role.privacy, None, clock.now(), act="copy")
    with house.live.write() as connection:
        now = clock.now()
        groups = {one.name: one for one in live.groups_of(connection, row.inquiry_id, now)}
        if MAIN not in groups:
            raise NotFound("it is due or destroyed")
        if guardians.waiting(connection, [row.inquiry_id]):
            raise WrongState("a child's inquiry is read by nobody before a guardian agrees (P07)")
        live_openings.add(connection, entry)
    keys = purposes.data_keys(house, Use.rights, [row.inquiry_id])
    opened = Opened(
        shell,
        groups,
        {name: keys[row.inquiry_id, name].dek for name in groups if (row.inquiry_id, name) in keys},
    )
    return copies.of_opened(house, opened, frozenset(Written) if notes else HERS)


def handed_over(house: House, actor: Actor, request_id: int) -> None:
    """The copy was given to who asked for it: the request is done.

    Raises:
        NotFound: no such request.
        WrongState: it is no request for a copy, who asks is not proved, or it was handed over.
    """
    row, *_ = request_desk.found(house, actor, request_id)
    detail = request_records.about(row)
    try:
        with house.live.job(fulfilment.JOB, fulfilment.PATIENCE):
            _must_be_handed_over(house, row)
            records.access(house, act="hand_over", actor=actor, subject=row.inquiry_id, detail=detail)
            found = purposes.data_keys(house, Use.rights, [row.inquiry_id])
            if not fulfilment.settle(house, row, found):
                raise WrongState("it was handed over already")
    except JobBusy:
        raise WrongState("the worker is at it") from None


def _must_be_handed_over(house: House, row: RequestRow) -> None:
    if row.kind != Kind.copy or row.channel not in ENTERED or not row.pending:
        raise WrongState("there is no copy to hand over")
    if not request_records.is_proved(house, row):
        raise WrongState("nobody has proved who asks")

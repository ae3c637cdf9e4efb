"""What the person asks for by her receipt: a request, inserted and proved, and nothing else (P17, P19).

Runs on the public surface, which changes and deletes nothing: what was asked for is carried out by the worker
(`fulfilment.py`). A suspension holds from the commit of the request on.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.exc import IntegrityError

from inquiries import clock
from inquiries.errors import FieldError, InvalidFields, NotFound
from inquiries.rules import items as item_rules
from inquiries.rules import requests as rules
from inquiries.rules.requests import AtOnce, Kind, Waits
from inquiries.rules.retention import MAIN
from inquiries.sealing import receipts
from inquiries.services import publishing, receipt, requests
from inquiries.services.house import House
from inquiries.services.receipt import ReceiptView
from inquiries.services.receipt_keys import Opened, inquiry_of, open_receipt, open_remaining
from inquiries.services.requests import Asked
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests

TRIES = 3


def suspend(house: House, typed: str) -> None:
    """Nothing of the inquiry is shown, sent or exported from now on. Raises NotFound, ReceiptMalformed."""
    _ask(house, open_receipt(house, typed), Kind.suspend)


def resume(house: House, typed: str) -> None:
    """Take the suspension back; the worker ends it. Raises NotFound, ReceiptMalformed."""
    _ask(house, open_receipt(house, typed), Kind.resume)


def copy(house: House, typed: str) -> None:
    """Note that she was given a copy of all that is held. Raises NotFound, ReceiptMalformed."""
    _ask(house, open_receipt(house, typed), Kind.copy)


def delete(house: House, typed: str) -> AtOnce | Waits:
    """Ask for the deletion of all of it; suspended from now on. Asking again is asking once.

    Raises:
        NotFound, ReceiptMalformed: no living inquiry has this code.
    """
    opened = open_receipt(house, typed)
    _ask(house, opened, Kind.delete)
    return _decided(house, opened, Kind.delete)


def would_delete(house: House, typed: str) -> AtOnce | Waits:
    """What `delete` would lead to; asks for nothing. Raises NotFound, ReceiptMalformed."""
    return _decided(house, open_receipt(house, typed), Kind.delete)


def locked(house: House, typed: str) -> bool:
    """Whether the inquiry of this receipt is being destroyed at her wish: nobody reads it any more.

    A deletion that waits for the officer locks nothing against her. Raises ReceiptMalformed.
    """
    inquiry_id, now = inquiry_of(house, receipts.normalise(typed)), clock.now()
    with house.live.read() as connection:
        row = live.shell(connection, inquiry_id)
        asked = live_requests.of_inquiry(connection, inquiry_id)
        if row is None or not any(one.kind == Kind.delete and one.pending for one in asked):
            return False
        return isinstance(rules.decide(Kind.delete, requests.facts(house, connection, row, now), now), AtOnce)


def withdraw(house: House, typed: str, purpose: str) -> AtOnce | Waits:
    """Take back the consent to an optional purpose, which ends now; its copies are destroyed.

    Raises:
        NotFound, ReceiptMalformed: no living inquiry has this code.
        InvalidFields: there is no such consent to take back.
    """
    try:
        opened, group = open_receipt(house, typed), MAIN
        possible = withdrawable(receipt.of_opened(house, opened))
    except NotFound:  # the inquiry has ended, and what the consent keeps has not
        opened, group = open_remaining(house, typed), purpose
        possible = tuple(one.purpose for one in receipt.remaining(house, typed).left if not one.ending)
    if purpose not in possible:
        raise InvalidFields((FieldError("purpose", "not_withdrawable"),))
    _ask(house, opened, Kind.withdraw, purpose, group=group)
    return _decided(house, opened, Kind.withdraw)


def withdrawable(view: ReceiptView) -> tuple[str, ...]:
    """The optional purposes that she agreed to and has not taken back."""
    purposes = view.policy.purposes
    return tuple(
        one.purpose
        for one in view.consents
        if one.holds and one.purpose in purposes and not purposes[one.purpose].required
    )


def correct(house: House, typed: str, sent: Mapping[str, object]) -> AtOnce | Waits | None:
    """Ask that items be replaced: those sent, as they are to be; the others stay. None when nothing differs.

    Suspended until the worker has done it (P19).

    Raises:
        NotFound, ReceiptMalformed: no living inquiry has this code.
        InvalidItems: as on the form.
    """
    opened = open_receipt(house, typed)
    view = receipt.of_opened(house, opened)
    present = {**view.items, **view.corrected}
    accepted = item_rules.validate_items(view.policy, view.type, {**present, **sent})
    texts = {name: accepted.get(name, "") for name in sent if accepted.get(name, "") != present.get(name, "")}
    if not texts:
        return None
    _ask(house, opened, Kind.correct, " ".join(texts), texts)
    return _decided(house, opened, Kind.correct)


# -- what all have in common -----------------------------------------------------------------------


def _ask(
    house: House,
    opened: Opened,
    kind: Kind,
    subject: str = "",
    detail: Mapping[str, str] | None = None,
    *,
    group: str = MAIN,
) -> None:
    """Insert the request, unless the state in which the inquiry already is makes it none."""
    asked = Asked(opened.row.id, kind, subject, detail or {}, group)
    policy = publishing.in_force(house).policy
    for _ in range(TRIES):
        row = requests.written(opened.keys[group], asked, policy)
        try:
            with house.live.write() as connection:
                now = clock.now()
                if group not in {one.name for one in live.groups_of(connection, opened.row.id, now)}:
                    raise NotFound("it became due meanwhile")
                if requests.is_new(kind, live_requests.of_inquiry(connection, opened.row.id), now):
                    live_requests.add(connection, row)
        except IntegrityError:
            continue  # it was destroyed just now, which the next look tells; or an id met another
        return
    raise NotFound("it was destroyed meanwhile")


def _decided(house: House, opened: Opened, kind: Kind) -> AtOnce | Waits:
    now = clock.now()
    with house.live.read() as connection:
        return rules.decide(kind, requests.facts(house, connection, opened.row, now), now)

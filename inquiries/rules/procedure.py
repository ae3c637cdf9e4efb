"""What must be known before anything is disclosed to an authority (P35); reads and stores nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from inquiries.errors import FieldError, InvalidDisclosure
from inquiries.rules.items import text_or_fault

TEXT_LIMIT = 200  # characters
#: An order that nobody approved by then is asked for anew: the world has moved on.
LIFE = timedelta(days=30)


@dataclass(frozen=True)
class Ordered:
    """What an authority asks for, as one officer puts it down; no part of it names a person.

    `quiet`: a law forbids telling the person of it.
    """

    to: str  # a key path of the register
    statute: str
    document: str
    dated: date | None
    requester: str
    items: tuple[str, ...]
    quiet: bool = False


class Stand(StrEnum):
    """Where a disclosure stands."""

    asked = "asked"
    approved = "approved"
    refused = "refused"
    left = "left"
    lapsed = "lapsed"


def checked(ordered: Ordered, kept: Collection[str], today: date) -> Ordered:
    """The order in good form; `kept` are the items that the inquiry holds.

    Raises:
        InvalidDisclosure: with every fault: no statute, document, day, requester or item; a day to come;
            an item that is not held.
    """
    faults: list[FieldError] = []
    texts = (
        text_or_fault(faults, name, getattr(ordered, name), TEXT_LIMIT)
        for name in ("statute", "document", "requester")
    )
    statute, document, requester = (" ".join(text.split()) for text in texts)
    if ordered.dated is None:
        faults.append(FieldError("dated", "required"))
    elif ordered.dated > today:
        faults.append(FieldError("dated", "to_come"))
    if not ordered.items:
        faults.append(FieldError("items", "required"))
    elif not set(ordered.items) <= set(kept):
        faults.append(FieldError("items", "undeclared"))
    if faults:
        raise InvalidDisclosure(tuple(faults))
    items = tuple(name for name in kept if name in ordered.items)
    return Ordered(ordered.to, statute, document, ordered.dated, requester, items, ordered.quiet)


def stand(acts: Sequence[str], age: timedelta) -> Stand:
    """Where it stands, by what is on record of it besides that it was asked for."""
    for ended in (Stand.left, Stand.refused):
        if ended.value in acts:
            return ended
    if age >= LIFE:
        return Stand.lapsed
    return Stand.approved if Stand.approved.value in acts else Stand.asked

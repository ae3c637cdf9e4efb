"""What staff say of a consent that reached them by another way than the form (P06); stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from inquiries.errors import FieldError, InvalidItems
from inquiries.rules.items import text_or_fault

FIELD = "evidence."  # the form's name of a field is this and its own: no item can be called so
WHO_LIMIT, HOW_LIMIT = 200, 1_000  # characters
#: A page that asks for minutes cannot tell the seconds of the moment at which a notice came into force.
_MINUTE = timedelta(minutes=1)


class Channel(StrEnum):
    """How an inquiry came that did not come by a form of ours."""

    phone = "phone"
    paper = "paper"
    mail = "mail"
    fax = "fax"
    event = "event"


@dataclass(frozen=True)
class Evidence:
    """Who consented, how that was given and is kept, when; `by` is the member of staff who says so."""

    who: str
    how: str
    at: datetime
    by: int


@dataclass(frozen=True)
class Told:
    """The same as it was typed, unchecked; `at` is None where no moment was given."""

    channel: object
    who: object
    how: object
    at: datetime | None


def checked(told: Told, by: int, *, in_force_since: datetime, now: datetime) -> tuple[Channel, Evidence]:
    """The channel and the evidence; without them nothing is entered.

    A consent is one to the notice that stood then: one given before the present notice came into force is a
    consent to another text, and must be asked for anew (P03).

    Raises:
        InvalidItems: with every fault, at `evidence.channel`, `.who`, `.how` and `.at`.
    """
    faults: list[FieldError] = []
    who, how = (
        text_or_fault(faults, FIELD + name, value, limit)
        for name, value, limit in (("who", told.who, WHO_LIMIT), ("how", told.how, HOW_LIMIT))
    )
    channel = told.channel if isinstance(told.channel, str) and told.channel in set(Channel) else None
    if channel is None:
        faults.insert(0, FieldError(f"{FIELD}channel", "required"))
    faults.extend(_moment(told.at, in_force_since, now))
    if faults or channel is None or told.at is None:
        raise InvalidItems(tuple(faults))
    return Channel(channel), Evidence(who, how, told.at, by)


def _moment(at: datetime | None, in_force_since: datetime, now: datetime) -> Iterator[FieldError]:
    if at is None:
        yield FieldError(f"{FIELD}at", "required")
    elif at > now:
        yield FieldError(f"{FIELD}at", "to_come")
    elif at <= in_force_since - _MINUTE:
        yield FieldError(f"{FIELD}at", "another_notice")

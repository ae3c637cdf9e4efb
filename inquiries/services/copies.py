"""All that is held about the person of an inquiry, for herself: the right of access (P17); changes nothing.

Runs on the public surface, opened by the receipt; for the officer, who hands it over, opened by her keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.rules.correspondence import HERS, Kind
from inquiries.services import receipt
from inquiries.services.consents import ConsentRecord, reproduced
from inquiries.services.house import House
from inquiries.services.receipt import ReceiptView
from inquiries.services.receipt_keys import Opened, open_receipt
from inquiries.stores.live import inquiries as live


@dataclass(frozen=True)
class HeldPart:
    """One retention group: what it holds, and when it is destroyed (None: when the consent is withdrawn)."""

    name: str
    due_at: datetime | None
    items: Mapping[str, str]


@dataclass(frozen=True)
class Copy:
    """All of it; moments in the policy's time zone."""

    made_at: datetime
    view: ReceiptView
    language: str
    answered_at: datetime | None
    closed_at: datetime | None
    parts: tuple[HeldPart, ...]
    consents: tuple[ConsentRecord, ...]

    @property
    def texts(self) -> tuple[ConsentRecord, ...]:
        """The notices that the consents rest on, each once."""
        return tuple({one.digest: one for one in self.consents if one.text is not None}.values())


def for_receipt(house: House, typed: str) -> Copy:
    """All that is held under this receipt.

    Raises:
        NotFound, ReceiptMalformed: no living inquiry has this code.
    """
    return of_opened(house, open_receipt(house, typed))


def of_opened(house: House, opened: Opened, kinds: Collection[Kind] = HERS) -> Copy:
    """All that is held of an opened inquiry; `kinds`: what of the thread is in it. Raises SealBroken."""
    view = receipt.of_opened(house, opened, kinds)
    zone = ZoneInfo(view.policy.time_zone)
    return Copy(
        made_at=clock.now().astimezone(zone),
        view=view,
        language=opened.row.language,
        answered_at=receipt.local(opened.row.answered_at, zone),
        closed_at=receipt.local(opened.row.closed_at, zone),
        parts=tuple(HeldPart(name, due_at, opened.items(name)) for name, due_at in view.parts.items()),
        consents=tuple(_consents(house, opened, view)),
    )


def _consents(house: House, opened: Opened, view: ReceiptView) -> Iterator[ConsentRecord]:
    seen = {one.purpose: one for one in view.consents}
    with house.live.read() as connection:
        rows = live.consents_of(connection, opened.row.id)
        yield from reproduced(connection, ((row, seen[row.purpose]) for row in rows))

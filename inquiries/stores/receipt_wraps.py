"""What a receipt opens of the keys store: the covered wraps of one inquiry, no other column of a key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from inquiries.stores.key_tables import keys
from inquiries.stores.keys import THE_INQUIRYS


@dataclass(frozen=True)
class ReceiptKey:
    """What the receipt opens of a group's key; `wrap` is None once destroyed, or where no code was given."""

    id: int
    epoch: int
    wrap: bytes | None


def inquiry_of(connection: Connection, receipt_lookup: bytes) -> int | None:
    """The inquiry with this lookup id, once it was adopted, whatever of it is destroyed or archived."""
    query = select(keys.c.inquiry_id).where(keys.c.receipt_lookup == receipt_lookup, THE_INQUIRYS)
    return connection.scalar(query.limit(1))


def of_inquiry(connection: Connection, inquiry_id: int) -> list[ReceiptKey]:
    """The covered receipt wraps of an inquiry."""
    query = select(keys.c.id, keys.c.epoch, keys.c.receipt_wrap).where(keys.c.inquiry_id == inquiry_id)
    return [ReceiptKey(*row) for row in connection.execute(query)]

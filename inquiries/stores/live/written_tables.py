"""The live store's tables of what is written about inquiries, and of mail: part of `tables.metadata`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from inquiries.stores.live.tables import metadata as metadata  # noqa: PLC0414 - whole, for `migrate`
from inquiries.stores.live.tables import of_inquiry
from inquiries.stores.types import Id, Moment

# -- what is written to and fro ---------------------------------------------------------------------

#: Replies, her answers and the notes of staff; sealed under the inquiry's key, and gone with its main group.
thread = Table(
    "thread", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inquiry_id", of_inquiry(), nullable=False),
    Column("kind", String(8), nullable=False),  # rules/correspondence.py
    Column("written_by", Id),  # staff.id; null: the person herself
    Column("written_at", Moment, nullable=False),
    Column("once", LargeBinary(16), nullable=False),  # keyed digest of what was sent from which form
    Column("sealed", LargeBinary, nullable=False),
    Column("noted_at", Moment),  # of her answers: taken in by the worker
    Column("read_at", Moment),  # of her answers: read by who answers
    UniqueConstraint("inquiry_id", "once"),
    Index(
        "ix_thread_read_at",
        "read_at",
        sqlite_where=text("kind = 'answer' AND (noted_at IS NULL OR read_at IS NULL)"),
        postgresql_where=text("kind = 'answer' AND (noted_at IS NULL OR read_at IS NULL)"),
    ),
)  # fmt: skip

# -- mail ------------------------------------------------------------------------------------------

#: Mail that is still to be sent, or could not be; each goes with its inquiry, or with a key of its own.
outbox = Table(
    "outbox", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # also of its own key and envelope
    Column("inquiry_id", of_inquiry(), index=True),  # whose key seals it; null: its own
    Column("kind", String(32), nullable=False),  # services/mail.py
    Column("language", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the address, and what the text needs
    Column("when_suspended", Boolean, nullable=False),  # goes out also while its inquiry is suspended
    Column("queued_at", Moment, nullable=False),
    Column("due_at", Moment, index=True),  # of its own key; null: ends with its inquiry
    Column("state", String(8), nullable=False),  # stores/live/outbox.py
    Column("next_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Moment),  # the first time
    Column("problem", String(16)),  # of the last failure
    Column("reply", Integer),  # the relay's code with it; never its text, which may quote the address
    Index("ix_outbox_state_next_at", "state", "next_at"),
)  # fmt: skip

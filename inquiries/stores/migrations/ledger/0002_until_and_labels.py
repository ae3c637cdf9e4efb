"""The spine says until when a body is kept; labels say by what a body is found."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0002"
down_revision = "0001"

DAY = 86_400_000_000  # microseconds
#: How long bodies were kept before the spine said so.
DAYS = {
    "access": 2 * 366,
    "rights": 3 * 366,
    "requests": 5 * 366,
    "destruction": 5 * 366,
    "operation": 2 * 366,
}
BATCH = 1000

_entries = sa.table(
    "entries",
    sa.column("chain"),
    sa.column("version"),
    sa.column("at", sa.BigInteger()),
    sa.column("until", sa.BigInteger()),
)
_bodies = sa.table(
    "bodies",
    *(sa.column(name) for name in ("chain", "n", "body", "act", "outcome", "staff", "inquiry")),
)


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("until", types.Moment(), nullable=True))
        batch_op.drop_index("ix_entries_at")
        batch_op.create_index("ix_entries_chain_at", ["chain", "at"], unique=False)
    with op.batch_alter_table("bodies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("act", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("staff", number, nullable=True))
        batch_op.add_column(sa.Column("inquiry", number, nullable=True))
    op.execute(_entries.update().values(version=1))
    for chain, days in DAYS.items():
        kept = _entries.update().where(_entries.c.chain == chain)
        op.execute(kept.values(until=_entries.c.at + days * DAY))
    op.execute(
        "UPDATE bodies SET expires_at = (SELECT until FROM entries"
        " WHERE entries.chain = bodies.chain AND entries.n = bodies.n)"
    )
    _label(op.get_bind())
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.alter_column("version", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("bodies", schema=None) as batch_op:
        batch_op.alter_column("act", existing_type=sa.String(length=40), nullable=False)
        batch_op.alter_column("expires_at", existing_type=types.Moment(), nullable=True)
        batch_op.create_index("ix_bodies_chain_act_n", ["chain", "act", "n"], unique=False)
    for label in ("staff", "inquiry"):
        there = sa.text(f"{label} IS NOT NULL")
        op.create_index(
            f"ix_bodies_chain_{label}_n",
            "bodies",
            ["chain", label, "n"],
            sqlite_where=there,
            postgresql_where=there,
        )
    refused = sa.text("outcome = 'refused'")
    op.create_index(
        "ix_bodies_refused", "bodies", ["chain", "n"], sqlite_where=refused, postgresql_where=refused
    )


def _label(connection: sa.Connection) -> None:
    """Write beside each body what it says, as it stood then."""
    for chain in DAYS:
        of_chain, after = _bodies.c.chain == chain, 0
        query = sa.select(_bodies.c.n, _bodies.c.body).where(of_chain).order_by(_bodies.c.n).limit(BATCH)
        while batch := connection.execute(query.where(_bodies.c.n > after)).all():
            for row in batch:
                connection.execute(
                    _bodies.update().where(of_chain, _bodies.c.n == row.n).values(_said(row.body))
                )
            after = batch[-1].n


def _said(body: str) -> dict[str, object]:
    said = json.loads(body)
    staff = said.get("staff", (said.get("detail") or {}).get("staff"))
    return {
        "act": said["act"],
        "outcome": said.get("outcome"),
        "staff": None if staff is None else int(staff),
        "inquiry": said.get("inquiry"),
    }

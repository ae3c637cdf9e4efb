"""guardians."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0010"
down_revision = "0009"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "guardians",
        sa.Column("inquiry_id", _ID, autoincrement=False, nullable=False),
        sa.Column("asked_at", types.Moment(), nullable=False),
        sa.Column("until", types.Moment(), nullable=False),
        sa.Column("invited_at", types.Moment(), nullable=True),
        sa.Column("confirmed_at", types.Moment(), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=True),
        sa.Column("confirmed_by", _ID, nullable=True),
        sa.ForeignKeyConstraint(["inquiry_id"], ["inquiries.id"], name=op.f("fk_guardians_inquiry_id")),
        sa.PrimaryKeyConstraint("inquiry_id", name=op.f("pk_guardians")),
    )

"""Training, grants of single inquiries, and how far each person follows the register of rights."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trained_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("plan", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("record", identity, nullable=True))
        batch_op.create_index(batch_op.f("ix_staff_record"), ["record"], unique=False)
    op.create_table(
        "staff_grants",
        sa.Column("id", identity, autoincrement=False, nullable=False),
        sa.Column("staff_id", identity, nullable=False),
        sa.Column("inquiry_id", identity, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", identity, nullable=True),
        sa.Column("granted_at", types.Moment(), nullable=False),
        sa.Column("until", types.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["inquiry_id"], ["inquiries.id"], name=op.f("fk_staff_grants_inquiry_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_grants_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_grants")),
        sa.UniqueConstraint("staff_id", "inquiry_id", name=op.f("uq_staff_grants_staff_id_inquiry_id")),
    )
    with op.batch_alter_table("staff_grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_grants_inquiry_id"), ["inquiry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_grants_until"), ["until"], unique=False)

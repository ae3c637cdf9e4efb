"""thread."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0008"
down_revision = "0007"

_UNSEEN = sa.text("kind = 'answer' AND (noted_at IS NULL OR read_at IS NULL)")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "thread",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("inquiry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("written_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("written_at", types.Moment(), nullable=False),
        sa.Column("once", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("noted_at", types.Moment(), nullable=True),
        sa.Column("read_at", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["inquiry_id"], ["inquiries.id"], name=op.f("fk_thread_inquiry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
        sa.UniqueConstraint("inquiry_id", "once", name=op.f("uq_thread_inquiry_id_once")),
    )
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_thread_read_at"),
            ["read_at"],
            unique=False,
            sqlite_where=_UNSEEN,
            postgresql_where=_UNSEEN,
        )

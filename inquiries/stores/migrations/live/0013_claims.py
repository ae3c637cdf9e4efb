"""What is claimed for destruction stands in rows of its own, and no longer in those of the groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0013"
down_revision = "0012"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "claims",
        sa.Column("group_id", _ID, autoincrement=False, nullable=False),
        sa.Column("at", types.Moment(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_claims")),
    )
    op.execute(
        "INSERT INTO claims (group_id, at, reason) "
        "SELECT id, claimed_at, claimed_for FROM inquiry_groups WHERE claimed_at IS NOT NULL"
    )
    op.drop_index("ix_inquiry_groups_claimed_at", table_name="inquiry_groups")
    with op.batch_alter_table("inquiry_groups") as groups:  # on SQLite: made anew, once
        for name in ("claimed_at", "claimed_for"):
            groups.drop_column(name)

"""suppressions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "suppressions",
        sa.Column("scope", sa.String(length=96), nullable=False),
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "tag", name=op.f("pk_suppressions")),
    )
    if op.get_context().dialect.name == "postgresql":  # no samples in the planner's statistics: see 0003
        op.execute("ALTER TABLE suppressions ALTER COLUMN tag SET STATISTICS 0")

"""What staff write of a request: the evidence of who asked, and which step of lateness was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_UNSETTLED = sa.text("state IN ('open', 'needs_officer', 'needs_proof')")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.add_column("requests", sa.Column("evidence", sa.LargeBinary(), nullable=True))
    op.add_column("requests", sa.Column("escalated", sa.String(length=16), nullable=True))
    op.drop_index("ix_requests_state", "requests")
    op.create_index(
        "ix_requests_state", "requests", ["state"], sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED
    )

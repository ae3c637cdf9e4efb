"""When recovery codes were made, so that a set that was replaced is told from the present one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.add_column("recovery_codes", sa.Column("made_at", types.Moment(), nullable=True))

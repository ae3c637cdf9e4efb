"""How somebody consented who wrote by another way than the form."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.add_column("inquiry_groups", sa.Column("evidence", sa.LargeBinary(), nullable=True))

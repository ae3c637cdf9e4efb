"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    ${upgrades if upgrades else "pass"}

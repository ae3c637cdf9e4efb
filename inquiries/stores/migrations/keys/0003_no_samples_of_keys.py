"""no samples of keys: ANALYZE of PostgreSQL copies values into its statistics, where they outlive the row."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    if op.get_context().dialect.name != "postgresql":
        return  # SQLite's ANALYZE keeps counts alone, and is never called
    for column in ("wrap", "receipt_wrap", "tag_email", "tag_phone"):
        op.execute(f"ALTER TABLE keys ALTER COLUMN {column} SET STATISTICS 0")

"""Who deletes an inquiry while something refers to it is refused at once (`tables.of_inquiry`)."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

_REFERRING = (
    "archivals",
    "consents",
    "guardians",
    "holds",
    "inquiry_groups",
    "openings",
    "outbox",
    "requests",
    "staff_grants",
    "thread",
)


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    for name in _REFERRING:
        with op.batch_alter_table(name) as table:  # on SQLite: made anew, as it was
            table.drop_constraint(f"fk_{name}_inquiry_id", type_="foreignkey")
            table.create_foreign_key(
                f"fk_{name}_inquiry_id", "inquiries", ["inquiry_id"], ["id"], ondelete="RESTRICT"
            )

"""tags apart, nothing that destruction changes in an index, and how many each proof stands for."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "tags",
        sa.Column("key_id", _ID, autoincrement=False, nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("email", sa.LargeBinary(length=16), nullable=True),
        sa.Column("phone", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_tags")),
    )
    op.execute(
        "INSERT INTO tags (key_id, era, email, phone) SELECT id, id >> 53, tag_email, tag_phone FROM keys "
        "WHERE tag_email IS NOT NULL OR tag_phone IS NOT NULL ORDER BY id"
    )
    for column in ("email", "phone"):
        op.create_index(f"ix_tags_era_{column}", "tags", ["era", column])
        op.drop_index(f"ix_keys_tag_{column}", table_name="keys")
    op.drop_index("ix_keys_destroyed_at", table_name="keys")
    with op.batch_alter_table("keys", schema=None) as batch_op:
        batch_op.drop_column("tag_email")
        batch_op.drop_column("tag_phone")
    if op.get_context().dialect.name == "postgresql":
        for column in ("email", "phone"):  # no samples in the planner's statistics: see 0003
            op.execute(f"ALTER TABLE tags ALTER COLUMN {column} SET STATISTICS 0")
    _count_proved()


def _count_proved() -> None:
    """Give each proof the number of tombstones that it stands for, by type and reason."""
    with op.batch_alter_table("proofs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("counts", sa.Text(), nullable=False, server_default="[]"))
    counted = op.get_bind().execute(
        sa.text("SELECT intent, coalesce(type, ''), coalesce(reason, ''), count(*) FROM keys "
                "WHERE destroyed_at IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    )  # fmt: skip
    counts: dict[int, list[list[object]]] = {}
    for intent, *count in counted:
        counts.setdefault(intent, []).append(count)
    for intent, found in counts.items():
        change = sa.text("UPDATE proofs SET counts = :counts WHERE intent = :intent")
        op.get_bind().execute(change, {"counts": json.dumps(found), "intent": intent})
    with op.batch_alter_table("proofs", schema=None) as batch_op:
        batch_op.alter_column("counts", server_default=None)

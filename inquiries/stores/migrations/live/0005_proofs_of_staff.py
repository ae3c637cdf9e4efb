"""Passkeys, attempts counted apart from the account, and when a password or an app was set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inquiries.stores import types

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    op.create_table(
        "passkeys",
        sa.Column("id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("counter", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("added_at", types.Moment(), nullable=False),
        sa.Column("used_at", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_passkeys_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_staff_id"), "passkeys", ["staff_id"])
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("staff_id", _ID, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", types.Moment(), nullable=True),
        sa.Column("at", types.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_attempts_staff_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_staff_id"), "attempts", ["staff_id"])
    op.create_index(op.f("ix_attempts_at"), "attempts", ["at"])
    op.add_column("sessions", sa.Column("origin_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("challenge", sa.LargeBinary(length=64), nullable=True))
    op.add_column("sessions", sa.Column("challenge_until", types.Moment(), nullable=True))
    op.add_column("staff", sa.Column("password_at", types.Moment(), nullable=True))
    op.add_column("staff", sa.Column("totp_at", types.Moment(), nullable=True))
    op.execute("UPDATE staff SET password_at = enrolled_at, totp_at = enrolled_at")
    op.drop_column("staff", "failures")
    op.drop_column("staff", "locked_until")

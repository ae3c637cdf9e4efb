"""By its receipt and its `once` an inquiry is found among the new ones, the envelopes; not among all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the store one version up; there is no way down, a backup is."""
    for name in ("receipt_lookup", "once"):
        op.add_column("envelopes", sa.Column(name, sa.LargeBinary(length=16), nullable=True))
    for name in ("receipt_lookup", "once"):
        held = f"(SELECT {name} FROM inquiries WHERE id = inquiry_id)"  # noqa: S608 - names of ours  # nosec B608
        op.execute(f"UPDATE envelopes SET {name} = {held}")  # noqa: S608 - as above  # nosec B608
    with op.batch_alter_table("envelopes") as envelopes:
        for name in ("receipt_lookup", "once"):
            envelopes.create_unique_constraint(op.f(f"uq_envelopes_{name}"), [name])
    with op.batch_alter_table("inquiries") as inquiries:  # on SQLite: made anew
        inquiries.drop_constraint("uq_inquiries_once", type_="unique")
        inquiries.drop_constraint("uq_inquiries_receipt_lookup", type_="unique")
        inquiries.drop_column("once")

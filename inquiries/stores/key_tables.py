"""The tables of the keys store; `migrations/keys` creates them, a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from inquiries.stores.types import Id, Moment, new_metadata

#: Ids begin with the microseconds since 2020 (`services/ids.py`); an era is 2^37 of these, 38 hours.
ERA_BITS = 49

metadata = new_metadata()

keys = Table(
    "keys", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # the group's id
    Column("inquiry_id", Id, nullable=False, index=True),
    Column("group_name", String(64), nullable=False),
    Column("epoch", Integer),  # of the two wraps; on a tombstone the last one
    Column("wrap", LargeBinary),  # AEAD(KEK_e, DEK)
    Column("receipt_wrap", LargeBinary),  # AEAD(P_e, AEAD(receipt code, DEK))
    Column("receipt_lookup", LargeBinary(16), index=True),
    Column("destroyed_at", Moment),  # set: this row is a tombstone
    Column("reason", String(32)),
    Column("type", String(64)),
    Column("due_at", Moment),
    Column("policy_version", Integer),
    Column("rule", String(160)),  # which period ended, in words of the policy
    Column("intent", Id),  # number of the destruction intent in the ledger
    # What rotation and destruction change stands in no index: each would cost them a page for every key.
)  # fmt: skip

#: By what a key is found: the blind indexes (`stores/tags.py`). A row goes in the commit that ends its key.
tags = Table(
    "tags", metadata,
    Column("key_id", Id, primary_key=True, autoincrement=False),
    Column("era", Integer, nullable=False),  # the stretch of time that `key_id` is of
    Column("email", LargeBinary(16)),
    Column("phone", LargeBinary(16)),
    # What is due together came in together: with the era in front its entries stand on a few pages of an
    # index, not one on each. Who looks for a tag asks each era, two hundred a year, in a millisecond.
    Index("ix_tags_era_email", "era", "email"),
    Index("ix_tags_era_phone", "era", "phone"),
)  # fmt: skip

#: Addresses that unsubscribed, as keyed hashes (`stores/suppressions.py`).
suppressions = Table(
    "suppressions", metadata,
    Column("scope", String(96), primary_key=True),  # what is no longer sent to it
    Column("tag", LargeBinary(16), primary_key=True),
    Column("at", Moment, nullable=False),
)  # fmt: skip

#: Under which epochs wraps may stand here; `scoured_at` tells that a retirement was carried through.
epochs = Table(
    "epochs", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(8), nullable=False),
    Column("closed_at", Moment),
    Column("retired_at", Moment),
    Column("scoured_at", Moment),
)  # fmt: skip

#: One row per destruction intent: the signed root over its tombstones, from which anybody's proof is made.
proofs = Table(
    "proofs", metadata,
    Column("intent", Id, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),  # of the tombstones, in the order of the leaves, 8 bytes each
    Column("root", LargeBinary(32), nullable=False),
    Column("signed_at", Moment, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("counts", Text, nullable=False),  # JSON: how many of which type and reason it destroyed
)  # fmt: skip

#: One row: how far the ledger's destruction intents have been followed.
progress = Table(
    "progress", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("done_intent", Id, nullable=False),  # the last destruction intent carried through everywhere
    Column("restored_at", Moment),  # set: a restore was noticed; nothing retires until confirmed
)  # fmt: skip

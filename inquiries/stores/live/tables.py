"""The live store's tables, with `written_tables.py`; `migrations/live` creates them, a test holds both equal.

Everything here may live in backups of any age. So no plaintext item, no key, no tag (blind index) and
no receipt code ever stands in it: sealed items, envelopes, and what is needed to find and to count.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from inquiries.stores.types import Id, Moment, new_metadata

metadata = new_metadata()

# -- what was promised ---------------------------------------------------------------------------

#: Each published policy, for good: an inquiry is kept by the version that its sender saw.
policies = Table(
    "policies", metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),  # the TOML file as it was
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of the source
    Column("published_at", Moment, nullable=False),
    Column("effective_at", Moment, nullable=False),
)  # fmt: skip

#: The very text that stood beside each form, so that a consent record can reproduce it (P03).
notices = Table(
    "notices", metadata,
    Column("policy_version", ForeignKey("policies.version"), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("text", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)  # fmt: skip

# -- inquiries -----------------------------------------------------------------------------------

#: The shell of an inquiry; it goes with the last of its groups.
inquiries = Table(
    "inquiries", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # 63 bits, time-ordered, never reused
    Column("type", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # rules/lifecycle.py
    Column("channel", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("closed_at", Moment),
    Column("receipt_lookup", LargeBinary(16), nullable=False),  # found by it: in `keys`, and in `envelopes`
    Index("ix_inquiries_type_state_id", "type", "state", "id"),
)  # fmt: skip


def of_inquiry() -> ForeignKey:
    """A reference to a shell, which cannot go while anything refers to it.

    At once, and not at the end of the statement, which SQL takes where nothing is said: then PostgreSQL asks
    twice for each reference, first whether another such shell stands, and a destroyed one has ten.
    """
    return ForeignKey("inquiries.id", ondelete="RESTRICT")


#: The unit of retention: what ends on its own, under a data key of its own.
groups = Table(
    "inquiry_groups", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # also the id of its key row
    Column("inquiry_id", of_inquiry(), nullable=False, index=True),
    Column("name", String(64), nullable=False),  # main, visitor, or an optional purpose
    Column("due_at", Moment),  # null: until withdrawn (P15)
    Column("sealed", LargeBinary, nullable=False),  # sealing.items.pack
    Column("evidence", LargeBinary),  # sealed; how she consented who wrote by another way than the form (P06)
    Index("ix_inquiry_groups_due_at", "due_at"),
)  # fmt: skip

#: The groups that are to be destroyed: from here on only that follows. A row is never changed, and goes with
#: its group. Apart from the groups, whose rows are large: to change one costs as much as to delete it.
claims = Table(
    "claims", metadata,
    Column("group_id", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("reason", String(32)),  # when it is not because its day has come
)  # fmt: skip

consents = Table(
    "consents", metadata,
    Column("inquiry_id", of_inquiry(), primary_key=True),
    Column("purpose", String(64), primary_key=True),
    Column("given", Boolean, nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("notice_digest", LargeBinary(32), nullable=False),
    Column("notice_shown", Boolean, nullable=False),  # false: "shown elsewhere", by the embedding site
    Column("language", String(8), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    sqlite_with_rowid=False,  # one tree to write instead of two
)  # fmt: skip

#: A child's inquiry: nothing of it is read until a guardian has agreed (P07).
guardians = Table(
    "guardians", metadata,
    Column("inquiry_id", of_inquiry(), primary_key=True, autoincrement=False),
    Column("asked_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("invited_at", Moment),  # written to, or found to have no e-mail address
    Column("confirmed_at", Moment),
    Column("how", String(16)),  # by the link, or by which way to the officer
    Column("confirmed_by", Id),  # staff.id
)  # fmt: skip

#: What stops destruction, a correction's too: a legal hold, until it ends or is released.
holds = Table(
    "holds", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inquiry_id", of_inquiry(), nullable=False, index=True),
    Column("basis", String(200), nullable=False),  # the law or proceeding, which names nobody
    Column("reason_sealed", LargeBinary, nullable=False),  # under the inquiry's own key
    Column("placed_by", Id, nullable=False),  # staff.id
    Column("placed_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("released_by", Id),
    Column("released_at", Moment),
)  # fmt: skip

#: Moves to the archive that were ordered and not yet carried through; each goes with what it moved.
archivals = Table(
    "archivals", metadata,
    Column("archive_id", Id, primary_key=True, autoincrement=False),  # from inquiry and statute
    Column("inquiry_id", of_inquiry(), nullable=False, unique=True),
    Column("statute", String(64), nullable=False),
    Column("policy_version", Integer, nullable=False),  # whose statutory table ordered it
    Column("items", Text, nullable=False),  # names, parted by spaces
    Column("until", Moment, nullable=False),
    Column("ordered_by", Id, nullable=False),  # staff.id
    Column("ordered_at", Moment, nullable=False),
)  # fmt: skip

# -- what the person asks for, and what she is told -----------------------------------------------

#: What was asked for an inquiry. The public surface inserts a row and never changes one; from its commit on
#: a suspending one suspends (rules/requests.py), until `lifted_at`. The proof shows that whoever wrote it
#: holds the inquiry's key; what it covers stands in sealing/requests.py.
requests = Table(
    "requests", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inquiry_id", of_inquiry(), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),  # a purpose, or names of items
    Column("group_name", String(64), nullable=False),  # whose key proves it and seals its detail
    Column("channel", String(16), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("target_at", Moment, nullable=False),
    Column("limit_at", Moment, nullable=False),
    Column("sealed", LargeBinary),  # what it says, until it is settled
    Column("proof", LargeBinary(32), nullable=False),
    # What follows is written by the worker and by staff alone.
    Column("state", String(16), nullable=False, server_default="open"),  # rules/requests.py
    Column("because", String(16)),
    Column("until", Moment),  # before this moment it cannot be carried out by itself
    Column("owner", Id),  # staff.id
    Column("noted_at", Moment),  # when it was proved, and entered in the ledger
    Column("settled_at", Moment),
    Column("lifted_at", Moment),  # when the suspension that it began was ended
    Column("evidence", LargeBinary),  # who asked and how she proved it, why it was refused; sealed, and kept
    Column("escalated", String(16)),  # the last step of lateness that the officers were told of
    Index(
        "ix_requests_state",
        "state",
        sqlite_where=text("state IN ('open', 'needs_officer', 'needs_proof')"),
        postgresql_where=text("state IN ('open', 'needs_officer', 'needs_proof')"),
    ),
)  # fmt: skip

#: When an inquiry was opened, for the person herself: in which role and why, sealed under its own key. No
#: name stands in it; who it was is in the ledger.
openings = Table(
    "openings", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inquiry_id", of_inquiry(), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip

# -- keys on their way ---------------------------------------------------------------------------

#: Queue and retained copy alike. No foreign key: it outlives the rows it was written with, until the
#: key backups of its epoch have expired.
envelopes = Table(
    "envelopes", metadata,
    Column("inquiry_id", Id, primary_key=True, autoincrement=False),  # or of staff, or mail
    Column("epoch", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("quarantined_at", Moment),
    # By these an inquiry is found while it is new. They are random, so that an entry costs a page of its own
    # to write and to delete: unique here, among some days' rows, and not among all that are kept.
    Column("receipt_lookup", LargeBinary(16), unique=True),
    Column("once", LargeBinary(16), unique=True),  # keyed hash of `_once` or Idempotency-Key
)  # fmt: skip

#: Epoch records as published: signed by the installation, read by every surface.
epochs = Table(
    "epochs", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("state", String(8), nullable=False),
    Column("at", Moment, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    CheckConstraint("state IN ('open', 'closed', 'retired')", name="state"),
)  # fmt: skip

# -- people who may see --------------------------------------------------------------------------

staff = Table(
    "staff", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("email", String(254), nullable=False, unique=True),  # lower case
    Column("password_hash", String(255)),  # Argon2id; null until enrolled, and once it was given up
    Column("password_at", Moment),  # when it was set; hashing it anew does not count
    Column("totp_sealed", LargeBinary),
    Column("totp_at", Moment),
    Column("totp_step", Id),  # the last time step used: a code works once
    Column("invited_at", Moment, nullable=False),
    Column("enrolled_at", Moment),
    Column("revoked_at", Moment),
    Column("trained_on", Date),  # where the policy is at home
    Column("plan", String(40)),  # the version of the internal management plan that it was about
    Column("record", Id, index=True),  # the newest of the ledger's rights records that this row has followed
)  # fmt: skip

staff_roles = Table(
    "staff_roles", metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("type", String(64), primary_key=True),  # an inquiry type, or * for all
)  # fmt: skip

#: One inquiry, for a person of the business role, until then; it goes when it ends, or with the inquiry.
grants = Table(
    "staff_grants", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("staff_id", ForeignKey("staff.id"), nullable=False),
    Column("inquiry_id", of_inquiry(), nullable=False, index=True),
    Column("reason", Text, nullable=False),  # names nobody; the ledger keeps it, too
    Column("granted_by", Id),  # staff.id; null: the operator
    Column("granted_at", Moment, nullable=False),
    Column("until", Moment, nullable=False, index=True),
    UniqueConstraint("staff_id", "inquiry_id"),
)  # fmt: skip

invitations = Table(
    "invitations", metadata,
    Column("token_digest", LargeBinary(32), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)  # fmt: skip

recovery_codes = Table(
    "recovery_codes", metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("made_at", Moment),  # null: with the enrolment
    Column("used_at", Moment),
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    Column("token_digest", LargeBinary(32), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), index=True),  # null before sign-in
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),  # under a key that only the cookie's token gives
    Column("origin_sealed", LargeBinary),  # from where it was begun, under the person's own key
    Column("challenge", LargeBinary(64)),  # of the passkey that is asked for now; gone at its first use
    Column("challenge_until", Moment),
)  # fmt: skip

#: Stronger than password and app: a key pair of a person's own device, which keeps the private half.
passkeys = Table(
    "passkeys", metadata,
    Column("id", LargeBinary(1023), primary_key=True),  # as the device made it (WebAuthn, 4: credential id)
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("counter", Id, nullable=False),  # of signatures; a copied device falls behind
    Column("name", String(64), nullable=False),  # as its owner calls it
    Column("added_at", Moment, nullable=False),
    Column("used_at", Moment),
)  # fmt: skip

#: Attempts to sign in or to enrol, per account, address and browser; each known by a keyed hash alone.
attempts = Table(
    "attempts", metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # account, address, device, enrol
    Column("staff_id", ForeignKey("staff.id"), index=True),  # of a browser from which she has signed in
    Column("failures", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("at", Moment, nullable=False, index=True),  # the last one counted
)  # fmt: skip

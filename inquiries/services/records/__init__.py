"""The ledger's records: written before anything is shown, read back, sealed, verified, pruned (P24, P25).

A body names staff and random ids, never a data subject, never an item. What `append` returned from is
durable; a service that must record before it shows calls it first.
"""

from __future__ import annotations

from inquiries.services.records.seals import GAP, seal, start_sealing
from inquiries.services.records.verification import Problem, Verdict, verify
from inquiries.services.records.writing import (
    CHAINS,
    Chain,
    access,
    append,
    bodies,
    body_of,
    canonical,
    heads,
    labels_of,
    last_moment,
    last_sealed,
    latest,
    newest,
    officer_known,
    prune,
    prune_overdue,
    rights,
    sealing,
    since,
)

__all__ = [
    "CHAINS",
    "GAP",
    "Chain",
    "Problem",
    "Verdict",
    "access",
    "append",
    "bodies",
    "body_of",
    "canonical",
    "heads",
    "labels_of",
    "last_moment",
    "last_sealed",
    "latest",
    "newest",
    "officer_known",
    "prune",
    "prune_overdue",
    "rights",
    "seal",
    "sealing",
    "since",
    "start_sealing",
    "verify",
]

"""Appends records to the hash chains; durable on return. Decides until when each body is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, get_args

from inquiries import clock
from inquiries.policy.model import Records
from inquiries.policy.period import Period
from inquiries.rules.retention import due_at
from inquiries.sealing import chain as hashes
from inquiries.services import published
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds

Chain = Literal["access", "rights", "requests", "destruction", "provision", "operation"]
CHAINS: Final[tuple[Chain, ...]] = get_args(Chain)

#: What the policy does not promise. Bodies of destructions and requests must outlive every backup of live and
#: archive, since a restore replays them; so must the word of an officer on what does not open. Who was given
#: something is told of its correction or deletion for as long (P20).
OPERATION: Final = Period(years=2)
REPLAYED: Final = Period(years=5)
#: Holds the public policy and no person: archived rows and due dates rest on it, however old.
_FOR_GOOD: Final = frozenset({"publish"})
_REPLAYED: Final = frozenset({"destruction", "requests", "provision", "confirm_loss"})


def append(house: House, chain: Chain, body: Mapping[str, Any]) -> int:
    """Append one record; durable on return. Returns its number in the chain, counted from 1."""
    written = canonical(body)
    salt = os.urandom(hashes.SALT_SIZE)
    commitment = hashes.commitment(salt, written.encode())
    period, zone = _kept(house, chain, body["act"])
    with house.ledger.write() as connection:
        house.ledger.gate(connection, chain, exclusive=True)
        before = ledger.head(connection, chain)
        n = 1 if before is None else before.n + 1
        previous = hashes.GENESIS if before is None else before.hash
        at = clock.now()
        until = None if period is None else due_at(at, period, zone)
        digest = hashes.entry_hash(
            chain, n, to_microseconds(at), until_microseconds(until), previous, commitment
        )
        entry = ledger.Entry(
            chain, n, hashes.ENTRY_VERSION, at, until, previous, commitment, digest,
            salt, written, until, labels_of(body),
        )  # fmt: skip
        ledger.append(connection, entry)
    return n


def canonical(body: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the same body always gives the same bytes."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def labels_of(body: Mapping[str, Any]) -> ledger.Labels:
    """By what this body is found; a refused sign-in names the account in its detail."""
    staff = body.get("staff", (body.get("detail") or {}).get("staff"))
    return ledger.Labels(
        body["act"], body.get("outcome"), None if staff is None else int(staff), body.get("inquiry")
    )


def _kept(house: House, chain: Chain, act: str) -> tuple[Period | None, str]:
    """For how long the body is kept, by the policy now in force, and the time zone; None: for good."""
    if act in _FOR_GOOD:
        return None, "UTC"
    if chain in _REPLAYED or act in _REPLAYED:
        return REPLAYED, "UTC"
    if chain == "operation":
        return OPERATION, "UTC"
    now = published.in_force(house)
    promised, zone = (Records(), "UTC") if now is None else (now.policy.records, now.policy.time_zone)
    return (promised.access if chain == "access" else promised.rights), zone


def until_microseconds(until: datetime | None) -> int:
    """As the entry's hash has it; 0: for good."""
    return 0 if until is None else to_microseconds(until)


def access(
    house: House,
    *,
    act: str,
    actor: Actor | None = None,
    subject: int | None = None,
    reason: str | None = None,
    address: str | None = None,
    outcome: Literal["done", "refused"] = "done",
    detail: Mapping[str, str] | None = None,
) -> int:
    """Record an access: who, when, where from, whose, what, why (P25). Returns its number."""
    body: dict[str, Any] = {"act": act, "outcome": outcome}
    if actor is not None:
        body |= {"staff": actor.staff_id, "email": actor.email}
    origin = address or (actor.address if actor else None)
    optional = {"inquiry": subject, "reason": reason, "from": origin, "detail": dict(detail or {}) or None}
    body.update({key: value for key, value in optional.items() if value is not None})
    return append(house, "access", body)


def rights(
    house: House, *, act: str, by: Actor | str | None, staff_id: int, detail: Mapping[str, Any]
) -> int:
    """Record what concerns access rights (P24); `by` is None for the operator. Changes: see `register`."""
    who = by.staff_id if isinstance(by, Actor) else by or "operator"
    return append(house, "rights", {"act": act, "staff": staff_id, "by": who, "detail": dict(detail)})

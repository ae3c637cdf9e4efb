"""Appends records to the hash chains, reads them back, lets go of bodies whose period has ended.

An append is durable on return, and decides until when its body is kept; spines and seals stay for ever. Shows
nothing to anybody (`inspection.py` does).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

import structlog

from inquiries import clock
from inquiries.policy.model import Records
from inquiries.policy.period import Period
from inquiries.rules.permissions import Role
from inquiries.rules.retention import due_at
from inquiries.sealing import chain as hashes
from inquiries.services import published
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds

log = structlog.get_logger()

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

#: Pruning comes with every sweep; what stands longer past its end is a promise broken.
LATE = timedelta(days=2)


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


# -- reading back ---------------------------------------------------------------------------------


def body_of(entry: ledger.Entry) -> dict[str, Any]:
    """What a record says that stands."""
    said: dict[str, Any] = json.loads(entry.body or "{}")
    return said


def bodies(house: House, chain: Chain, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, body) of every record of the chain whose body still stands."""
    with house.ledger.read() as connection:
        for entry in ledger.read_all(connection, chain, after):
            if entry.body is not None:
                yield entry.n, json.loads(entry.body)


def since(house: House, chain: Chain, moment: datetime) -> Iterator[dict[str, Any]]:
    """The body of every record of the chain from the moment on."""
    with house.ledger.read() as connection:
        before = ledger.last_before(connection, chain, moment)
    return (body for _, body in bodies(house, chain, before))


def latest(house: House, chain: Chain, act: str) -> tuple[datetime, dict[str, Any]] | None:
    """(when, body) of the newest record of this act."""
    found = newest(house, chain, act, 1)
    return found[0][1:] if found else None


def newest(
    house: House, chain: Chain, act: str, limit: int, since: datetime | None = None
) -> list[tuple[int, datetime, dict[str, Any]]]:
    """(number, when, body) of the newest records of this act, after `since`, the newest first."""
    with house.ledger.read() as connection:
        found = ledger.latest(connection, chain, act, limit, since)
    return [(entry.n, entry.at, json.loads(entry.body)) for entry in found if entry.body is not None]


def last_moment(house: House) -> datetime | None:
    """The latest moment among the newest entries of the chains; an earlier entry may be of a wrong clock."""
    with house.ledger.read() as connection:
        found = [ledger.head(connection, chain) for chain in CHAINS]
    return max((entry.at for entry in found if entry is not None), default=None)


def sealing(house: House) -> bool:
    """Whether sealing has started."""
    return last_sealed(house) is not None


def last_sealed(house: House) -> datetime | None:
    """When the heads were sealed last; None before sealing started."""
    with house.ledger.read() as connection:
        found = ledger.last_seal(connection)
    return None if found is None else found.at


def heads(house: House) -> dict[str, tuple[int, bytes]]:
    """Chain → (number, hash) of its newest entry."""
    with house.ledger.read() as connection:
        found = [ledger.head(connection, chain) for chain in CHAINS]
    return {entry.chain: (entry.n, entry.hash) for entry in found if entry is not None}


def officer_known(house: House) -> bool:
    """Whether the ledger has ever seen a privacy officer enrol.

    Her record says so; once its period has ended, the seals do, which begin with her and stay.
    """
    return sealing(house) or any(
        body.get("act") == "enrol" and Role.privacy.value in body.get("detail", {}).get("roles", [])
        for _, body in bodies(house, "rights")
    )


# -- letting go ----------------------------------------------------------------------------------


def prune(house: House, now: datetime) -> int:
    """Delete what has ended by then; returns how many. The caller believes the clock.

    Where this process's role may not, nothing is deleted, and readiness says so in time.
    """
    with house.ledger.write() as connection:
        if not ledger.become_pruner(connection):
            log.error("ledger.not_pruned", role=ledger.PRUNE_ROLE)
            return 0
        return ledger.prune(connection, now)


def prune_overdue(house: House) -> bool:
    """Whether bodies stand that should have been pruned days ago."""
    with house.ledger.read() as connection:
        return ledger.stands_from_before(connection, clock.now() - LATE)

"""The ledger's writer and verifier: appends records to hash chains, seals their heads, finds tampering.

A body names staff and random ids, never a data subject, never an item (P25). What `append` returned from
is durable; a service that must record before it shows calls it first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from inquiries import clock
from inquiries.errors import JobBusy
from inquiries.rules.permissions import Role
from inquiries.sealing import chain as hashes
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds

LONGEST_GAP = 1_000_000  # seals; one further on is not ours, and would cost as many hashes
Chain = Literal["access", "rights", "requests", "destruction", "operation"]

#: How long a body stays (PROMISES, parameters). Bodies of destructions and of requests must outlive every
#: backup of live and archive, since a restore replays them.
PERIODS: dict[str, timedelta] = {
    "access": timedelta(days=2 * 366),
    "rights": timedelta(days=3 * 366),
    "requests": timedelta(days=5 * 366),
    "destruction": timedelta(days=5 * 366),
    "operation": timedelta(days=2 * 366),
}


def append(house: House, chain: Chain, body: Mapping[str, Any]) -> int:
    """Append one record; durable on return. Returns its number in the chain, counted from 1."""
    written = canonical(body)
    with house.ledger.write() as connection:
        house.ledger.gate(connection, chain, exclusive=True)
        before = ledger.head(connection, chain)
        n = 1 if before is None else before.n + 1
        previous = hashes.GENESIS if before is None else before.hash
        at = clock.now()
        salt = os.urandom(16)
        commitment = hashes.commitment(salt, written.encode())
        digest = hashes.entry_hash(chain, n, to_microseconds(at), previous, commitment)
        entry = ledger.Entry(chain, n, at, previous, commitment, digest, salt, written)
        ledger.append(connection, entry, at + PERIODS[chain])
    return n


def canonical(body: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the same body always gives the same bytes."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


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


def officer_known(house: House) -> bool:
    """Whether the ledger has ever seen a privacy officer enrol.

    Her record says so; once its period has ended, the seals do, which begin with her and stay.
    """
    return sealing(house) or any(
        body.get("act") == "enrol" and Role.privacy.value in body.get("detail", {}).get("roles", [])
        for _, body in bodies(house, "rights")
    )


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


def newest(house: House, chain: Chain, act: str, limit: int) -> list[tuple[int, datetime, dict[str, Any]]]:
    """(number, when, body) of the newest records of this act, the newest first."""
    if limit == 1:
        found = _newest(house, chain, act)
    else:
        with house.ledger.read() as connection:
            found = ledger.latest(connection, chain, act, limit)
    return [(entry.n, entry.at, json.loads(entry.body)) for entry in found if entry.body is not None]


def _newest(house: House, chain: Chain, act: str) -> list[ledger.Entry]:
    """The newest record of this act, if any.

    Years of records are searched once: it is remembered up to which number, and where the newest stood.
    """
    seen = house.memory.setdefault("newest records", {})
    assert isinstance(seen, dict)  # noqa: S101 - narrows the type; nobody else uses the name
    until, number = seen.get((chain, act), (0, 0))
    with house.ledger.read() as connection:
        head = ledger.head(connection, chain)
        if head is None or head.n < until:
            until, number = 0, 0
        found = ledger.latest(connection, chain, act, 1, after=until)
        if not found and number:
            found = ledger.read(connection, chain, number - 1, 1)
    seen[chain, act] = (head.n if head else 0, found[0].n if found else 0)
    return found


def last_moment(house: House) -> datetime | None:
    """The latest moment among the newest entries of the chains; an earlier entry may be of a wrong clock."""
    with house.ledger.read() as connection:
        found = [ledger.head(connection, chain) for chain in PERIODS]
    return max((entry.at for entry in found if entry is not None), default=None)


# -- seals ---------------------------------------------------------------------------------------


def sealing(house: House) -> bool:
    """Whether sealing has started."""
    with house.ledger.read() as connection:
        return ledger.last_seal(connection) is not None


def start_sealing(house: House) -> str | None:
    """Make the first seal key and return it in hex, once; None when sealing has started.

    A key that was made and has sealed nothing yet is the one: whoever made it was cut short.
    """
    held = house.custody.seal_key()
    if sealing(house) or (held is not None and held[0]):
        return None
    key = hashes.new_seal_key() if held is None else held[1]
    house.custody.set_seal_key(0, key)
    with suppress(JobBusy):  # the worker, then, makes the first seal, with this very key
        seal(house)
    return key.hex()


def seal(house: House) -> bool:
    """Seal the heads of all chains and let the key go; False when sealing has not started.

    The key is replaced after its seal is durable. A crash between leaves the used key in the keyring for
    the moment until the next call, which first moves on.
    """
    with house.ledger.job("seal"):
        held = house.custody.seal_key()
        if held is None:
            return False
        index, key = held
        heads_now = heads(house)
        with house.ledger.write() as connection:
            last = ledger.last_seal(connection)
            while last is not None and index <= last.n:
                index, key = index + 1, hashes.next_seal_key(key)
            at = clock.now()
            before = hashes.GENESIS if last is None else last.mac
            mac = hashes.seal_heads(key, index, to_microseconds(at), heads_now, before)
            written = canonical({name: [n, digest.hex()] for name, (n, digest) in heads_now.items()})
            ledger.add_seal(connection, ledger.Seal(index, at, written, mac))
        house.custody.set_seal_key(index + 1, hashes.next_seal_key(key))
    return True


def heads(house: House) -> dict[str, tuple[int, bytes]]:
    """Chain → (number, hash) of its newest entry."""
    with house.ledger.read() as connection:
        found = [ledger.head(connection, chain) for chain in PERIODS]
    return {entry.chain: (entry.n, entry.hash) for entry in found if entry is not None}


# -- verification --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One sign of tampering: the chain (or "seals"), the number, and what is wrong there."""

    chain: str
    n: int
    kind: str


@dataclass(frozen=True)
class Verdict:
    """What `verify` found."""

    entries: int
    heads: Mapping[str, tuple[int, bytes]]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(house: House, key: bytes | None = None) -> Verdict:
    """Check every chain link, every body against its commitment, and every seal against the chains.

    With `key`, the first seal key that the first officer keeps offline, the seals' codes are checked too:
    without it, whoever can write the ledger could make a whole new one.
    """
    made = _seals_made(house)  # asked first: a seal made meanwhile must not look like one that is missing
    problems: list[Problem] = []
    last: dict[str, tuple[int, bytes]] = {}
    at: dict[tuple[str, int], bytes] = {}
    count = 0
    with house.ledger.read() as connection:
        seals = ledger.all_seals(connection)
        sealed = {(name, head[0]) for one in seals for name, head in (_named(one) or {}).items()}
        for chain in ledger.chains(connection):
            previous, expected = hashes.GENESIS, 1
            for entry in ledger.read_all(connection, chain):
                problems.extend(_faults(entry, previous, expected))
                previous, expected, count = entry.hash, entry.n + 1, count + 1
                if (chain, entry.n) in sealed:
                    at[chain, entry.n] = entry.hash
            last[chain] = (expected - 1, previous)
    problems.extend(_seal_faults(seals, at, key))
    present = seals[-1].n + 1 if seals else 0
    if present < made or (key is not None and not seals):
        problems.append(Problem("seals", present, "truncated"))
    return Verdict(count, last, tuple(problems))


def _faults(entry: ledger.Entry, previous: bytes, expected: int) -> Iterator[Problem]:
    if entry.n != expected:
        yield Problem(entry.chain, expected, "missing")
    elif entry.previous != previous:
        yield Problem(entry.chain, entry.n, "broken_link")
    moment = to_microseconds(entry.at)
    if hashes.entry_hash(entry.chain, entry.n, moment, entry.previous, entry.commitment) != entry.hash:
        yield Problem(entry.chain, entry.n, "changed_spine")
    if entry.salt is None or entry.body is None:
        if clock.now() < entry.at + PERIODS.get(entry.chain, timedelta(0)):  # not yet to be pruned
            yield Problem(entry.chain, entry.n, "missing_body")
        return
    if hashes.commitment(entry.salt, entry.body.encode()) != entry.commitment:
        yield Problem(entry.chain, entry.n, "changed_body")


def _seals_made(house: House) -> int:
    """How many seals the keyring has made; its key never goes back, so what is cut off is missed."""
    held = house.custody.seal_key()
    return 0 if held is None else held[0]


def _named(seal: ledger.Seal) -> dict[str, tuple[int, bytes]] | None:
    """Chain → (number, hash) as the seal names them; None when it names nothing that could be."""
    try:
        heads = json.loads(seal.heads)
        return {str(name): (int(n), bytes.fromhex(digest)) for name, (n, digest) in heads.items()}
    except (ValueError, TypeError, AttributeError):
        return None


def _seal_faults(
    seals: list[ledger.Seal], at: Mapping[tuple[str, int], bytes], key: bytes | None
) -> Iterator[Problem]:
    expected, before = 0, hashes.GENESIS
    for one in seals:
        if one.n != expected:
            yield Problem("seals", expected, "gap")
        named = _named(one)
        if named is None or not expected <= one.n <= expected + LONGEST_GAP:
            yield Problem("seals", one.n, "unreadable")
            return
        for name, (n, digest) in named.items():
            if at.get((name, n)) != digest:
                yield Problem(name, n, "not_as_sealed")
        if key is not None:
            key = hashes.key_at(key, one.n - expected)
            if hashes.seal_heads(key, one.n, to_microseconds(one.at), named, before) != one.mac:
                yield Problem("seals", one.n, "forged_seal")
            key = hashes.next_seal_key(key)
        expected, before = one.n + 1, one.mac

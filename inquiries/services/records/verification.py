"""Finds tampering: walks every chain and every seal once, side by side, in memory that does not grow (P25).

Which check finds which attack: docs/ledger.md. Changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.sealing import chain as hashes
from inquiries.services.house import House
from inquiries.services.records.seals import LONGEST_GAP
from inquiries.services.records.writing import CHAINS, labels_of, until_microseconds
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds

SHOWN = 1000  # problems that are listed; of the others only how many

#: What no policy goes below (`policy/floors.py`): an entry that says less was not written here.
_FLOORS = {"access": timedelta(days=365), "rights": timedelta(days=3 * 365)}
#: How long bodies of version 1 were kept, which their hash does not say.
_DAYS_OF_V1 = {
    "access": 2 * 366,
    "rights": 3 * 366,
    "requests": 5 * 366,
    "destruction": 5 * 366,
    "operation": 2 * 366,
}


@dataclass(frozen=True)
class Problem:
    """One sign of tampering: the chain (or "seals"), the number, and what is wrong there."""

    chain: str
    n: int
    kind: str


@dataclass(frozen=True)
class Verdict:
    """What `verify` found; `more` problems beyond those listed."""

    entries: int
    heads: Mapping[str, tuple[int, bytes]]
    problems: tuple[Problem, ...]
    more: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


@dataclass
class _Found:
    """The problems so far."""

    listed: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, chain: str, n: int, kind: str) -> None:
        if len(self.listed) < SHOWN:
            self.listed.append(Problem(chain, n, kind))
        else:
            self.more += 1


def verify(house: House, key: bytes | None = None) -> Verdict:
    """Check every link, every body against its commitment and labels, and every seal against the chains.

    With `key`, the first seal key that the first officer keeps offline, the seals' codes are checked too:
    without it, whoever can write the ledger could make a whole new one. The keyring's own key checks no
    seal but what came after it.
    """
    held = (
        house.custody.seal_key()
    )  # asked first: a seal made meanwhile must not look like one that is missing
    found = _Found()
    with house.ledger.read() as connection:
        names = {*CHAINS, *ledger.chains(connection)}
        walks = {name: _Walk(connection, name, found) for name in sorted(names)}
        present = _follow_seals(connection, walks, held if key is None else (0, key), found)
        for walk in walks.values():
            walk.to_the_end()
        for name, n in ledger.bodies_alone(connection, SHOWN):
            found.add(name, n, "body_without_entry")
    # The keyring's key never goes back: it knows how many seals there must be.
    if (held is not None and present < held[0]) or (key is not None and not present):
        found.add("seals", present, "truncated")
    return Verdict(
        sum(walk.count for walk in walks.values()),
        {name: (walk.n, walk.hash) for name, walk in walks.items() if walk.count},
        tuple(found.listed),
        found.more,
    )


class _Walk:
    """One chain, entry by entry; `n` and `hash` are those of the entry passed last."""

    def __init__(self, connection: Connection, chain: str, found: _Found) -> None:
        self.n, self.hash, self.count = 0, hashes.GENESIS, 0
        self._chain, self._found = chain, found
        self._entries = ledger.read_all(connection, chain, after=None)
        self._next = self._fetched()
        if chain not in CHAINS:
            found.add(chain, 0, "unknown_chain")

    def holds(self, n: int, digest: bytes) -> bool:
        """Whether entry `n` has this hash; asked in the order of numbers."""
        while self._next is not None and self._next.n <= n:
            self._pass(self._next)
        return (self.n, self.hash) == (n, digest)

    def to_the_end(self) -> None:
        """Walk on through what no seal covers yet."""
        while self._next is not None:
            self._pass(self._next)

    def _pass(self, entry: ledger.Entry) -> None:
        for kind in _faults(entry, self.hash, self.n + 1):
            self._found.add(self._chain, entry.n if kind != "missing" else self.n + 1, kind)
        self.n, self.hash, self.count = entry.n, entry.hash, self.count + 1
        self._next = self._fetched()

    def _fetched(self) -> ledger.Entry | None:
        """The next entry; on SQLite a column holds whatever somebody wrote into it."""
        try:
            found = next(self._entries, None)
        except (TypeError, ValueError, OverflowError):
            pass
        else:
            if found is None or isinstance(found.n, int):
                return found
        self._found.add(self._chain, self.n + 1, "unreadable")
        return None


def _faults(entry: ledger.Entry, previous: bytes, expected: int) -> Iterator[str]:
    if entry.n != expected:
        yield "missing" if entry.n > expected else "misnumbered"
    elif entry.previous != previous:
        yield "broken_link"
    if not _spine_holds(entry):
        yield "changed_spine"
    if entry.salt is None or entry.body is None:
        if not _ended(entry):
            yield "missing_body"
    elif not _body_holds(entry.salt, entry.body, entry.commitment):
        yield "changed_body"
    elif entry.expires_at != entry.until or not _labels_hold(entry.body, entry.labels):
        yield "changed_labels"


def _body_holds(salt: bytes, body: str, commitment: bytes) -> bool:
    try:
        return hashes.commitment(salt, body.encode()) == commitment
    except (ValueError, TypeError, AttributeError):
        return False


def _labels_hold(body: str, labels: ledger.Labels | None) -> bool:
    try:
        return labels == labels_of(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _spine_holds(entry: ledger.Entry) -> bool:
    try:
        at_us, until_us = to_microseconds(entry.at), until_microseconds(entry.until)
        if entry.version == 1:
            kept = timedelta(days=_DAYS_OF_V1.get(entry.chain, 0))
            digest = hashes.entry_hash_v1(entry.chain, entry.n, at_us, entry.previous, entry.commitment)
            return entry.until == entry.at + kept and digest == entry.hash
        digest = hashes.entry_hash(entry.chain, entry.n, at_us, until_us, entry.previous, entry.commitment)
    except (TypeError, ValueError, OverflowError):
        return False
    return entry.version == hashes.ENTRY_VERSION and digest == entry.hash


def _ended(entry: ledger.Entry) -> bool:
    """Whether the body's period is over, so that it may be gone."""
    if entry.until is None:
        return False
    floor = _FLOORS.get(entry.chain, timedelta(0))
    return clock.now() >= max(entry.until, entry.at + floor)


# -- seals ---------------------------------------------------------------------------------------


def _follow_seals(
    connection: Connection, walks: Mapping[str, _Walk], known: tuple[int, bytes] | None, found: _Found
) -> int:
    """Hold each seal against the chains, and from the (index, key) that is known on against its code.

    Returns how many there are, with those that are missing in between.
    """
    expected, before = 0, hashes.GENESIS
    seals = ledger.all_seals(connection)
    while True:
        try:
            one = next(seals, None)
        except (TypeError, ValueError, OverflowError):
            found.add("seals", expected, "unreadable")
            return expected
        if one is None:
            return expected
        if one.n != expected:
            found.add("seals", expected, "gap")
        named = _named(one)
        if named is None or not expected <= one.n <= expected + LONGEST_GAP:
            found.add("seals", one.n, "unreadable")
            return expected
        for name, (n, digest) in named.items():
            walk = walks.get(name)
            if walk is None or not walk.holds(n, digest):
                found.add(name, n, "not_as_sealed")
        if known is not None and one.n >= known[0]:
            key = hashes.key_at(known[1], one.n - known[0])
            if not _genuine(one, named, key, before):
                found.add("seals", one.n, "forged_seal")
            known = one.n + 1, hashes.next_seal_key(key)
        expected, before = one.n + 1, one.mac


def _genuine(seal: ledger.Seal, named: hashes.Heads, key: bytes, before: bytes) -> bool:
    try:
        return hashes.seal_heads(key, seal.n, to_microseconds(seal.at), named, before) == seal.mac
    except (TypeError, ValueError, OverflowError):
        return False


def _named(seal: ledger.Seal) -> dict[str, tuple[int, bytes]] | None:
    """Chain → (number, hash) as the seal names them; None when it names nothing that could be."""
    try:
        heads = json.loads(seal.heads)
        return {str(name): (int(n), bytes.fromhex(digest)) for name, (n, digest) in heads.items()}
    except (ValueError, TypeError, AttributeError):
        return None

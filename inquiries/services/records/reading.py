"""Reads records back for the services that rest on them; shows nothing to anybody (`inspection.py` does)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from inquiries.rules.permissions import Role
from inquiries.services.house import House
from inquiries.services.records.writing import CHAINS, Chain
from inquiries.stores import ledger


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


def newest(house: House, chain: Chain, act: str, limit: int) -> list[tuple[int, datetime, dict[str, Any]]]:
    """(number, when, body) of the newest records of this act, the newest first."""
    with house.ledger.read() as connection:
        found = ledger.latest(connection, chain, act, limit)
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

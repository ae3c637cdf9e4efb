"""Counts attempts to get in before they are judged, where every process sees it; judges none (P32).

What is guessed is a password, a code, a recovery code or an enrolment token. Five failures of an account or
of an address lock it for 15 minutes, each five more for twice as long. An account is counted by the e-mail
address that was typed, whether or not anybody has it, so that a stranger learns nothing by counting.

A lock must not become a stranger's means to keep a person out. So a browser from which she has signed in
before counts for itself, apart from the account and from its address: guessing elsewhere does not touch it,
nor does a colleague's at the same office. A passkey cannot be guessed, and is not counted at all.

Addresses and accounts stand in the store under a keyed hash: a copy of it tells neither (its key does not
lie there).
"""

from __future__ import annotations

import hmac
import ipaddress
import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from inquiries import clock
from inquiries.sealing.primitives import bind
from inquiries.services.house import House
from inquiries.stores.live import attempts as store

ATTEMPTS: Final = 5
FIRST_LOCK: Final = timedelta(minutes=15)
LONGEST_LOCK: Final = timedelta(hours=24)
FORGOTTEN: Final = timedelta(hours=24)  # after so long without attempt and lock, counting begins anew
KNOWN: Final = timedelta(days=180)  # so long after its last sign-in a browser still counts for itself
DEVICE_SIZE: Final = 32


@dataclass(frozen=True)
class Visit:
    """Where an attempt comes from: network address, what the browser calls itself, the token we gave it."""

    address: str | None = None
    browser: str = ""
    device: bytes | None = None


@dataclass(frozen=True)
class Counted:
    """An attempt that may be judged: what it was counted under."""

    counts: tuple[store.Count, ...]
    device: bytes | None  # the key of a browser that counts for itself


@dataclass(frozen=True)
class Locked:
    """An attempt that must not be judged, and how long that lasts."""

    until: datetime


def take(house: House, account: str, visit: Visit) -> Counted | Locked:
    """Count an attempt at this account (the address typed, normalised as far as it can be).

    Counting first makes it atomic: of a hundred guesses sent together, to any processes, five are judged.
    """
    moment = clock.now()
    device = _key(house, "device", account, visit.device or b"")
    with house.live.write() as live:
        store.forget_old(live, devices=moment - KNOWN, others=moment - FORGOTTEN - LONGEST_LOCK)
        if store.known(live, device):
            return _take(live, [(device, "device")], moment, device)
        keys = [(_key(house, "account", account), "account")]
        if visit.address is not None:
            keys.append((_key(house, "address", network_of(visit.address)), "address"))
        return _take(live, keys, moment, None)


def take_enrolment(house: House, address: str | None) -> Counted | Locked:
    """Count an attempt of this address at an enrolment link, apart from its sign-ins."""
    moment = clock.now()
    with house.live.write() as live:
        return _take(live, [(_key(house, "enrol", network_of(address or "")), "enrol")], moment, None)


def give_back(live: Connection, house: House, counted: Counted, account: str | None = None) -> None:
    """The attempt was right: it is taken out of the count again, and the account begins anew.

    Of its address only this one attempt is forgiven, or whoever has one account could guess at all others.
    """
    mine = None if account is None else _key(house, "account", account)
    for count in counted.counts:
        if count.key == counted.device:
            store.put(live, replace(count, failures=0, locked_until=None))
        elif count.key == mine or count.failures == 1:
            store.forget(live, count.key)
        else:
            _forgive(live, count)


def _forgive(live: Connection, count: store.Count) -> None:
    """One attempt less, whatever was counted since; the lock goes if it was this one that caused it."""
    (now,) = store.hold(live, [(count.key, "address")], count.at)
    lifted = None if count.locked_until is not None else now.locked_until
    store.put(live, replace(now, failures=max(0, now.failures - 1), locked_until=lifted))


def give_back_enrolment(house: House, counted: Counted) -> None:
    """The link was good: this attempt is taken out of the count again."""
    with house.live.write() as live:
        give_back(live, house, counted)


def remember(live: Connection, house: House, account: str, staff_id: int, visit: Visit) -> bytes:
    """Let this browser count for itself from now on; returns the token by which it is known."""
    token = visit.device if visit.device is not None and len(visit.device) == DEVICE_SIZE else None
    token = token or os.urandom(DEVICE_SIZE)
    store.remember(live, _key(house, "device", account, token), staff_id, clock.now())
    return token


def forget_other_devices(live: Connection, house: House, account: str, staff_id: int, visit: Visit) -> None:
    """Let no other browser of this person count for itself."""
    store.forget_devices(live, staff_id, _key(house, "device", account, visit.device or b""))


def lock_time(failures: int) -> timedelta:
    """How long the lock after this many failures lasts: 15 minutes, doubled each time, a day at most."""
    doublings = min(failures // ATTEMPTS - 1, 16)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def ip_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, one of IPv4 as such also where a socket for both writes it as IPv6; None if it is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, however written; of IPv6 the network of a home, /64."""
    found = ip_of(address)
    if found is None:
        return "unreadable"
    if isinstance(found, ipaddress.IPv4Address):
        return f"{found}/32"
    return str(ipaddress.ip_network(f"{found}/64", strict=False))


def _take(
    live: Connection, keys: list[tuple[bytes, str]], moment: datetime, device: bytes | None
) -> Counted | Locked:
    counts = store.hold(live, keys, moment)
    locks = [one.locked_until for one in counts if one.locked_until is not None and one.locked_until > moment]
    if locks:
        return Locked(max(locks))
    counted = tuple(_one_more(count, moment) for count in counts)
    for count in counted:
        store.put(live, count)
    return Counted(counted, device)


def _one_more(count: store.Count, moment: datetime) -> store.Count:
    """Each fifth locks at once; a success lifts the lock that it caused itself."""
    quiet = max(count.at, count.locked_until or count.at) <= moment - FORGOTTEN
    failures = 1 if quiet else count.failures + 1
    until = moment + lock_time(failures) if failures % ATTEMPTS == 0 else None
    return store.Count(count.key, failures, until, moment)


def _key(house: House, *parts: str | bytes) -> bytes:
    known = [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts]
    return hmac.digest(house.custody.secret_key, bind("inquiries attempts", *known), "sha256")

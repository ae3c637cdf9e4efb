"""Staff sessions: begins, finds, keeps and ends them; the database alone opens none and reads none.

The cookie holds a random token. Stored are its SHA-256 and the session's contents, sealed under a key
derived from the token: whoever has the database (or a backup) has neither.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import SealBroken
from inquiries.rules.permissions import Role
from inquiries.sealing.primitives import VERSION, bind, derive, open_sealed, seal
from inquiries.services import records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live import sessions as store
from inquiries.stores.live import staff as people

IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
BEFORE_SIGN_IN = timedelta(hours=1)
FRESH = timedelta(minutes=10)  # so long after a sign-in nobody is asked again who she is
REMEMBERED = timedelta(hours=24)  # then also what is left of a session that has ended by itself is deleted

TOKEN_SIZE = 32
_TOUCH_EVERY = timedelta(seconds=30)  # spares a commit per request; ends at most that much early, never late
_USE = "inquiries session"


@dataclass(frozen=True)
class Found:
    """A session that is alive: whose it is, None before sign-in, since when, and what it keeps."""

    actor: Actor | None
    contents: Mapping[str, str]
    began_at: datetime

    @property
    def fresh(self) -> bool:
        """Whether this person proved only just now who she is."""
        return self.actor is not None and clock.now() - self.began_at < FRESH


@dataclass(frozen=True)
class Asleep:
    """What is left of a signed-in session whose time has passed: whose it was, and what it kept.

    It signs nobody in. It tells whose form arrived too late, so that nothing typed is lost.
    """

    staff_id: int
    contents: Mapping[str, str]


def begin(house: House, contents: Mapping[str, str]) -> bytes:
    """A session before sign-in; its token."""
    with house.live.write() as live:
        return put(live, None, contents)


def put(live: Connection, staff_id: int | None, contents: Mapping[str, str]) -> bytes:
    """A new session within the caller's transaction; its token. Takes away what is long over."""
    moment = clock.now()
    store.end_expired(live, anonymous=moment - BEFORE_SIGN_IN, signed_in=moment - REMEMBERED)
    token = os.urandom(TOKEN_SIZE)
    store.add(live, store.Session(digest(token), staff_id, moment, moment, _sealed(token, contents)))
    return token


def find(house: House, token: bytes, address: str | None) -> Found | None:
    """The session of this token, or None when unknown, ended, expired, or its person was revoked (P24)."""
    moment = clock.now()
    with house.live.read() as live:
        session = store.find(live, digest(token))
        if session is None or _expired(session):
            return None
        actor = None
        if session.staff_id is not None:
            person = people.by_id(live, session.staff_id)
            if person is None or person.enrolled_at is None or person.revoked_at is not None:
                return None
            roles = scopes(people.roles(live, person.id))
            actor = Actor(person.id, person.email, roles, session.token_digest, address)
    try:
        contents = _opened(token, session.sealed)
    except SealBroken:
        return None
    if moment - session.seen_at >= _TOUCH_EVERY:
        with house.live.write() as live:
            store.touch(live, session.token_digest, moment)
    return Found(actor, contents, session.created_at)


def asleep(house: House, token: bytes) -> Asleep | None:
    """The session of this token if it ended by itself less than a day ago, with nobody signing out."""
    with house.live.read() as live:
        session = store.find(live, digest(token))
    if session is None or session.staff_id is None or not _expired(session):
        return None
    if clock.now() - session.created_at >= REMEMBERED:
        return None
    try:
        return Asleep(session.staff_id, _opened(token, session.sealed))
    except SealBroken:
        return None


def keep(house: House, token: bytes, contents: Mapping[str, str]) -> None:
    """Replace what the session keeps."""
    with house.live.write() as live:
        store.keep(live, digest(token), _sealed(token, contents))


def end(house: House, token: bytes) -> None:
    """End a session in favour of the next one."""
    with house.live.write() as live:
        store.end(live, digest(token))


def sign_out(house: House, actor: Actor, *, everywhere: bool = False) -> None:
    """End this session, or every one of this person; recorded."""
    act = "sign_out_everywhere" if everywhere else "sign_out"
    records.access(house, act=act, actor=actor, subject=None, address=actor.address)
    with house.live.write() as live:
        if everywhere:
            store.end_all(live, actor.staff_id)
        elif actor.session is not None:
            store.end(live, actor.session)


def digest(token: bytes) -> bytes:
    """What is stored of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token).digest()


def scopes(pairs: Iterable[tuple[str, str]]) -> dict[Role, frozenset[str]]:
    """Stored pairs of role and type as each role's set of types."""
    held: dict[Role, set[str]] = {}
    for role, kind in pairs:
        held.setdefault(Role(role), set()).add(kind)
    return {role: frozenset(types) for role, types in held.items()}


def _expired(session: store.Session) -> bool:
    age = clock.now() - session.created_at
    if session.staff_id is None:
        return age >= BEFORE_SIGN_IN
    return age >= ABSOLUTE or clock.now() - session.seen_at >= IDLE


def _sealed(token: bytes, contents: Mapping[str, str]) -> bytes:
    """Canonical JSON under HKDF(token, use, version); associated data = use, version, the token's digest."""
    plaintext = json.dumps(dict(contents), sort_keys=True).encode()
    return seal(derive(token, _USE, VERSION), plaintext, bind(_USE, VERSION, digest(token)))


def _opened(token: bytes, sealed: bytes) -> dict[str, str]:
    plaintext = open_sealed(derive(token, _USE, VERSION), sealed, bind(_USE, VERSION, digest(token)))
    contents: dict[str, str] = json.loads(plaintext)
    return contents

"""Staff sessions: begins, finds, keeps and ends them; the database alone opens none and reads none.

The cookie holds a random token. Stored are its SHA-256 and the session's contents, sealed under a key
derived from the token: whoever has the database (or a backup) has neither.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, SealBroken
from inquiries.rules.permissions import Role
from inquiries.sealing import items
from inquiries.sealing.primitives import VERSION, bind, derive, open_sealed, seal
from inquiries.services import attempts, keys, records, training
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from inquiries.stores.live import proofs
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


@dataclass(frozen=True)
class Origin:
    """From where a session is begun, to be sealed under the data key of its person."""

    dek: bytes
    address: str
    browser: str


def put(
    live: Connection, staff_id: int | None, contents: Mapping[str, str], origin: Origin | None = None
) -> bytes:
    """A new session within the caller's transaction; its token. Takes away what is long over."""
    moment = clock.now()
    store.end_expired(live, anonymous=moment - BEFORE_SIGN_IN, signed_in=moment - REMEMBERED)
    token = os.urandom(TOKEN_SIZE)
    known = digest(token)
    sealed = None if origin is None or staff_id is None else _sealed_origin(origin, staff_id, known)
    store.add(live, store.Session(known, staff_id, moment, moment, _sealed(token, contents), sealed))
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
            held = training.standing(house, person.enrolled_at, person.trained_on)
            actor = Actor(person.id, person.email, roles, session.token_digest, address, held)
    try:
        contents = _opened(token, session.sealed)
    except SealBroken:
        return None
    if moment - session.seen_at >= _TOUCH_EVERY:
        with house.live.write() as live:
            store.touch(live, session.token_digest, moment)
    return Found(actor, contents, session.created_at)


def stands(live: Connection, actor: Actor) -> bool:
    """Whether her access and the session in which she acts stand, until this transaction ends.

    Asked where she changes what she proves herself with: whoever ends a stranger's session means to end also
    what that was about to change.
    """
    here = actor.session
    return proofs.active(live, actor.staff_id) and here is not None and store.find(live, here) is not None


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


# -- one's own -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own:
    """A session as its person sees it; `id` is no token. Where from is empty where her key was lost."""

    id: str
    began_at: datetime
    seen_at: datetime
    address: str
    browser: str
    here: bool


def mine(house: House, actor: Actor) -> tuple[Own, ...]:
    """This person's sessions that live, the last used first."""
    with house.live.read() as live:
        found = [one for one in store.of_person(live, actor.staff_id) if not _expired(one)]
    dek = keys.of_staff(house, actor.staff_id)
    return tuple(_own(one, dek, here=one.token_digest == actor.session) for one in found)


def end_one(house: House, actor: Actor, session_id: str) -> None:
    """End one of one's own sessions; recorded.

    Raises:
        NotFound: it is not hers, or has ended.
    """
    try:
        wanted = bytes.fromhex(session_id)
    except ValueError:
        raise NotFound("no such session") from None
    records.access(house, act="end_session", actor=actor)
    with house.live.write() as live:
        if not store.end_of(live, actor.staff_id, wanted):
            raise NotFound("no such session")


def end_others(house: House, actor: Actor, visit: Visit) -> None:
    """End all of one's own sessions but this one, and let no other browser count for itself; recorded."""
    records.access(house, act="end_other_sessions", actor=actor)
    with house.live.write() as live:
        store.end_all(live, actor.staff_id, besides=actor.session or b"")
        attempts.forget_other_devices(live, house, actor.email, actor.staff_id, visit)


def _own(one: store.Session, dek: bytes | None, *, here: bool) -> Own:
    from_where = {"address": "", "browser": ""}
    if dek is not None and one.origin_sealed is not None and one.staff_id is not None:
        name = _origin_name(one.token_digest)
        with suppress(SealBroken):
            from_where = json.loads(items.open_item(dek, one.staff_id, keys.STAFF, name, one.origin_sealed))
    return Own(one.token_digest.hex(), one.created_at, one.seen_at, **from_where, here=here)


def _sealed_origin(origin: Origin, staff_id: int, token_digest: bytes) -> bytes:
    text = json.dumps({"address": origin.address, "browser": origin.browser})
    return items.seal_item(origin.dek, staff_id, keys.STAFF, _origin_name(token_digest), text)


def _origin_name(token_digest: bytes) -> str:
    """Binds it to its session: it cannot be moved to another."""
    return f"session {token_digest.hex()}"


# -- parts ---------------------------------------------------------------------------------------


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

"""Statements over staff sessions; sees a token's digest and sealed contents, never the token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, null, or_, select, update

from inquiries.stores.live.tables import sessions


@dataclass(frozen=True)
class Session:
    """A session as stored; `staff_id` is None before sign-in."""

    token_digest: bytes
    staff_id: int | None
    created_at: datetime
    seen_at: datetime
    sealed: bytes
    origin_sealed: bytes | None = None


def add(connection: Connection, session: Session) -> None:
    """Begin a session."""
    connection.execute(insert(sessions).values(vars(session)))


_SESSION = select(*(sessions.c[name] for name in Session.__dataclass_fields__))


def find(connection: Connection, token_digest: bytes) -> Session | None:
    """The session of this token, also when its time has passed."""
    row = connection.execute(_SESSION.where(sessions.c.token_digest == token_digest)).one_or_none()
    return None if row is None else Session(*row)


def of_person(connection: Connection, staff_id: int) -> list[Session]:
    """All of this person, the last used first, also those whose time has passed."""
    query = _SESSION.where(sessions.c.staff_id == staff_id).order_by(sessions.c.seen_at.desc())
    return [Session(*row) for row in connection.execute(query)]


def touch(connection: Connection, token_digest: bytes, at: datetime) -> None:
    """It was used at this moment."""
    connection.execute(update(sessions).where(sessions.c.token_digest == token_digest).values(seen_at=at))


def keep(connection: Connection, token_digest: bytes, sealed: bytes) -> None:
    """Replace its contents."""
    connection.execute(update(sessions).where(sessions.c.token_digest == token_digest).values(sealed=sealed))


def end(connection: Connection, token_digest: bytes) -> None:
    """End this one."""
    connection.execute(delete(sessions).where(sessions.c.token_digest == token_digest))


def end_of(connection: Connection, staff_id: int, token_digest: bytes) -> bool:
    """End this one if it is this person's; whether it was."""
    hers = and_(sessions.c.staff_id == staff_id, sessions.c.token_digest == token_digest)
    return connection.execute(delete(sessions).where(hers)).rowcount == 1


def end_all(connection: Connection, staff_id: int, besides: bytes = b"") -> int:
    """End every session of this person, besides one; how many there were."""
    hers = and_(sessions.c.staff_id == staff_id, sessions.c.token_digest != besides)
    return connection.execute(delete(sessions).where(hers)).rowcount


def ask(connection: Connection, token_digest: bytes, challenge: bytes, until: datetime) -> None:
    """Remember the challenge that the browser of this session is to sign; the one before is void."""
    asked = update(sessions).where(sessions.c.token_digest == token_digest)
    connection.execute(asked.values(challenge=challenge, challenge_until=until))


def answered(connection: Connection, token_digest: bytes, challenge: bytes, at: datetime) -> bool:
    """Use the challenge up; False when it was not asked here, was used, or its time has passed."""
    asked = update(sessions).where(
        sessions.c.token_digest == token_digest,
        sessions.c.challenge == challenge,
        sessions.c.challenge_until > at,
    )
    return connection.execute(asked.values(challenge=null(), challenge_until=null())).rowcount == 1


def end_expired(connection: Connection, *, anonymous: datetime, signed_in: datetime) -> int:
    """Delete what was begun before these moments, without and with sign-in; how many went."""
    passed = or_(
        and_(sessions.c.staff_id.is_(None), sessions.c.created_at <= anonymous),
        and_(sessions.c.staff_id.is_not(None), sessions.c.created_at <= signed_in),
    )
    return connection.execute(delete(sessions).where(passed)).rowcount

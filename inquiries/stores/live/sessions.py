"""Statements over staff sessions; sees a token's digest and sealed contents, never the token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from inquiries.stores.live.tables import sessions


@dataclass(frozen=True)
class Session:
    """A session as stored; `staff_id` is None before sign-in."""

    token_digest: bytes
    staff_id: int | None
    created_at: datetime
    seen_at: datetime
    sealed: bytes


def add(connection: Connection, session: Session) -> None:
    """Begin a session."""
    connection.execute(
        insert(sessions).values(
            token_digest=session.token_digest, staff_id=session.staff_id, created_at=session.created_at,
            seen_at=session.seen_at, sealed=session.sealed,
        )
    )  # fmt: skip


def find(connection: Connection, token_digest: bytes) -> Session | None:
    """The session of this token, also when its time has passed."""
    query = select(
        sessions.c.token_digest,
        sessions.c.staff_id,
        sessions.c.created_at,
        sessions.c.seen_at,
        sessions.c.sealed,
    )
    row = connection.execute(query.where(sessions.c.token_digest == token_digest)).one_or_none()
    return None if row is None else Session(*row)


def touch(connection: Connection, token_digest: bytes, at: datetime) -> None:
    """It was used at this moment."""
    connection.execute(update(sessions).where(sessions.c.token_digest == token_digest).values(seen_at=at))


def keep(connection: Connection, token_digest: bytes, sealed: bytes) -> None:
    """Replace its contents."""
    connection.execute(update(sessions).where(sessions.c.token_digest == token_digest).values(sealed=sealed))


def end(connection: Connection, token_digest: bytes) -> None:
    """End this one."""
    connection.execute(delete(sessions).where(sessions.c.token_digest == token_digest))


def end_all(connection: Connection, staff_id: int) -> int:
    """End every session of this person; how many there were."""
    return connection.execute(delete(sessions).where(sessions.c.staff_id == staff_id)).rowcount


def end_expired(connection: Connection, *, anonymous: datetime, signed_in: datetime) -> int:
    """Delete what was begun before these moments, without and with sign-in; how many went."""
    passed = or_(
        and_(sessions.c.staff_id.is_(None), sessions.c.created_at <= anonymous),
        and_(sessions.c.staff_id.is_not(None), sessions.c.created_at <= signed_in),
    )
    return connection.execute(delete(sessions).where(passed)).rowcount

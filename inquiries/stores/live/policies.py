"""Published policies and the notices made from them: written once, never changed, never removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from inquiries.stores.live.tables import notices, policies


@dataclass(frozen=True)
class PolicyRow:
    """A published policy as it stands in the store."""

    version: int
    source: str
    digest: bytes
    published_at: datetime
    effective_at: datetime


@dataclass(frozen=True)
class NoticeRow:
    """The text that stood beside one form in one language."""

    type: str
    language: str
    text: str
    digest: bytes


def newest(connection: Connection) -> PolicyRow | None:
    """The newest published version, in force or announced."""
    row = connection.execute(select(policies).order_by(policies.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else PolicyRow(*row)


def version_in_force(connection: Connection, now: datetime) -> int | None:
    """The number of the newest version whose day has come."""
    query = select(func.max(policies.c.version)).where(policies.c.effective_at <= now)
    version: int | None = connection.scalar(query)
    return version


def by_version(connection: Connection, version: int) -> PolicyRow | None:
    """One version."""
    row = connection.execute(select(policies).where(policies.c.version == version)).one_or_none()
    return None if row is None else PolicyRow(*row)


def versions(connection: Connection, most: int) -> list[int]:
    """The numbers of the newest versions, announced ones too, the newest first."""
    query = select(policies.c.version).order_by(policies.c.version.desc()).limit(most)
    return list(connection.scalars(query))


def add(connection: Connection, policy: PolicyRow, texts: Iterable[NoticeRow]) -> None:
    """Publish a version with the notices of every type and language."""
    connection.execute(insert(policies).values(vars(policy)))
    connection.execute(insert(notices), [{"policy_version": policy.version, **vars(one)} for one in texts])


def notice_text(connection: Connection, digest: bytes) -> str | None:
    """The very text of a notice, by its digest (P03)."""
    text: str | None = connection.scalar(select(notices.c.text).where(notices.c.digest == digest).limit(1))
    return text

"""Statements over staff, their roles and invitations; knows no password, only hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from inquiries.stores.live.tables import grants, invitations, sessions, staff, staff_roles


@dataclass(frozen=True)
class Person:
    """A member of staff as stored; until enrolled without password and second factor."""

    id: int
    email: str
    password_hash: str | None
    totp_sealed: bytes | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    trained_on: date | None = None
    plan: str | None = None


_PERSON = select(*(staff.c[name] for name in Person.__dataclass_fields__))


def enrolled(connection: Connection) -> list[int]:
    """Who may sign in, by a second factor that must open."""
    query = select(staff.c.id).where(staff.c.totp_sealed.is_not(None), staff.c.revoked_at.is_(None))
    return list(connection.scalars(query))


def by_email(connection: Connection, email: str) -> Person | None:
    """The person of this address (lower case), also when revoked or not yet enrolled."""
    row = connection.execute(_PERSON.where(staff.c.email == email)).one_or_none()
    return None if row is None else Person(*row)


def by_id(connection: Connection, staff_id: int) -> Person | None:
    """The person of this number."""
    row = connection.execute(_PERSON.where(staff.c.id == staff_id)).one_or_none()
    return None if row is None else Person(*row)


def everyone(connection: Connection) -> list[Person]:
    """All staff, in the order of their addresses."""
    return [Person(*row) for row in connection.execute(_PERSON.order_by(staff.c.email))]


def roles(connection: Connection, staff_id: int) -> list[tuple[str, str]]:
    """Pairs of role and inquiry type (`*` for all)."""
    query = select(staff_roles.c.role, staff_roles.c.type).where(staff_roles.c.staff_id == staff_id)
    return [(role, kind) for role, kind in connection.execute(query)]


def officers(connection: Connection, role: str) -> set[int]:
    """Who may sign in and holds this role."""
    query = select(staff.c.id).join(staff_roles, staff_roles.c.staff_id == staff.c.id)
    able = (staff_roles.c.role == role, staff.c.enrolled_at.is_not(None), staff.c.revoked_at.is_(None))
    return set(connection.scalars(query.where(*able)))


def roles_of_all(connection: Connection) -> dict[int, list[tuple[str, str]]]:
    """Member of staff → pairs of role and inquiry type."""
    found: dict[int, list[tuple[str, str]]] = {}
    for staff_id, role, kind in connection.execute(select(staff_roles)):
        found.setdefault(staff_id, []).append((role, kind))
    return found


def add(connection: Connection, staff_id: int, email: str, at: datetime) -> None:
    """A person who was invited and has not enrolled."""
    connection.execute(insert(staff).values(id=staff_id, email=email, invited_at=at))


def set_roles(connection: Connection, staff_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Replace the person's roles by these pairs of role and type."""
    connection.execute(delete(staff_roles).where(staff_roles.c.staff_id == staff_id))
    rows = [{"staff_id": staff_id, "role": role, "type": kind} for role, kind in pairs]
    if rows:
        connection.execute(insert(staff_roles), rows)


def train(connection: Connection, staff_id: int, on: date, plan: str) -> None:
    """Note the day on which the person was trained, and on which version of the plan."""
    connection.execute(update(staff).where(staff.c.id == staff_id).values(trained_on=on, plan=plan))


def followed(connection: Connection) -> int:
    """The number of the newest rights record that stands carried out here; 0 for none."""
    return connection.scalar(select(func.max(staff.c.record))) or 0


def follow(connection: Connection, staff_id: int, record: int) -> None:
    """Note that the person's row now is as this rights record says."""
    connection.execute(update(staff).where(staff.c.id == staff_id).values(record=record))


def revoke(connection: Connection, staff_id: int, at: datetime) -> bool:
    """Take the person's access away for good, with all that hangs on it; whether there was any."""
    active = update(staff).where(staff.c.id == staff_id, staff.c.revoked_at.is_(None))
    for table in (staff_roles, grants, sessions):
        connection.execute(delete(table).where(table.c.staff_id == staff_id))
    end_invitations(connection, staff_id)
    return connection.execute(active.values(revoked_at=at)).rowcount == 1


# -- enrolment -----------------------------------------------------------------------------------


def invite(connection: Connection, staff_id: int, token_digest: bytes, expires_at: datetime) -> None:
    """A new invitation; those before it end."""
    end_invitations(connection, staff_id)
    connection.execute(
        insert(invitations).values(token_digest=token_digest, staff_id=staff_id, expires_at=expires_at)
    )


def end_invitations(connection: Connection, staff_id: int) -> None:
    """Forget every invitation of this person."""
    connection.execute(delete(invitations).where(invitations.c.staff_id == staff_id))


def invitations_open(connection: Connection, at: datetime) -> dict[int, datetime]:
    """Member of staff → until when her invitation can be taken up."""
    query = select(invitations.c.staff_id, invitations.c.expires_at)
    query = query.where(invitations.c.used_at.is_(None), invitations.c.expires_at > at)
    return {row[0]: row[1] for row in connection.execute(query)}


def invitations_over(connection: Connection, at: datetime) -> list[tuple[int, datetime]]:
    """(member of staff, when it ended) of invitations that nobody took up in time."""
    query = select(invitations.c.staff_id, invitations.c.expires_at)
    query = query.where(invitations.c.used_at.is_(None), invitations.c.expires_at <= at)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(invitations.c.expires_at))]


def invited(connection: Connection, token_digest: bytes, at: datetime) -> Person | None:
    """Whom this unused, unexpired invitation is for."""
    query = _PERSON.join(invitations, invitations.c.staff_id == staff.c.id).where(
        invitations.c.token_digest == token_digest,
        invitations.c.used_at.is_(None),
        invitations.c.expires_at > at,
        staff.c.enrolled_at.is_(None),
        staff.c.revoked_at.is_(None),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Person(*row)


def use_invitation(connection: Connection, token_digest: bytes, at: datetime) -> bool:
    """Use it up; False when another request was faster or its time has passed."""
    unused = update(invitations).where(
        invitations.c.token_digest == token_digest,
        invitations.c.used_at.is_(None),
        invitations.c.expires_at > at,
    )
    return connection.execute(unused.values(used_at=at)).rowcount == 1


def enrol(connection: Connection, person: Person, step: int) -> bool:
    """Store password hash, sealed second factor and time; False when already enrolled or revoked."""
    waiting = update(staff).where(
        staff.c.id == person.id, staff.c.enrolled_at.is_(None), staff.c.revoked_at.is_(None)
    )
    values = {
        "password_hash": person.password_hash,
        "password_at": person.enrolled_at,
        "totp_sealed": person.totp_sealed,
        "totp_at": person.enrolled_at,
        "totp_step": step,
        "enrolled_at": person.enrolled_at,
    }
    return connection.execute(waiting.values(values)).rowcount == 1


def disenrol(connection: Connection, staff_id: int) -> None:
    """Let this person be one who is to enrol again; the last time step used stays used."""
    gone = dict.fromkeys(("password_hash", "password_at", "totp_sealed", "totp_at", "enrolled_at"))
    connection.execute(update(staff).where(staff.c.id == staff_id).values(gone))


# -- after a restore ----------------------------------------------------------------------------


def distrust(connection: Connection, step: int) -> None:
    """End every session and open invitation, and use up every code until this time step.

    A live store that was put back holds what was ended and forgot what was used since.
    """
    connection.execute(sessions.delete())
    connection.execute(invitations.delete().where(invitations.c.used_at.is_(None)))
    connection.execute(
        staff.update().where(staff.c.totp_step.is_not(None), staff.c.totp_step < step).values(totp_step=step)
    )

"""Statements over what staff prove themselves with; sees hashes, sealed secrets and public keys alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, null, or_, select, update

from inquiries.stores.live.tables import passkeys, recovery_codes, staff

# -- password and app ----------------------------------------------------------------------------


def active(connection: Connection, staff_id: int) -> bool:
    """Whether she is enrolled and not revoked, asked so that nobody ends it before this transaction does."""
    standing = update(staff).where(
        staff.c.id == staff_id, staff.c.enrolled_at.is_not(None), staff.c.revoked_at.is_(None)
    )
    return connection.execute(standing.values(revoked_at=null())).rowcount == 1


def since(connection: Connection, staff_id: int) -> tuple[datetime | None, datetime | None]:
    """When this person's password and app were set."""
    row = connection.execute(select(staff.c.password_at, staff.c.totp_at).where(staff.c.id == staff_id)).one()
    return row.password_at, row.totp_at


def set_password(connection: Connection, staff_id: int, password_hash: str, at: datetime) -> None:
    """Another password."""
    values = {"password_hash": password_hash, "password_at": at}
    connection.execute(update(staff).where(staff.c.id == staff_id).values(values))


def rehash(connection: Connection, staff_id: int, before: str, after: str) -> None:
    """The same password under stronger parameters, unless it was changed meanwhile."""
    same = update(staff).where(staff.c.id == staff_id, staff.c.password_hash == before)
    connection.execute(same.values(password_hash=after))


def set_app(connection: Connection, staff_id: int, sealed: bytes, step: int, at: datetime) -> None:
    """Another secret of the authenticator app, whose present step was used to show that it is there."""
    values = {"totp_sealed": sealed, "totp_step": step, "totp_at": at}
    connection.execute(update(staff).where(staff.c.id == staff_id).values(values))


def use_step(connection: Connection, staff_id: int, step: int) -> bool:
    """Use up this time step and all before it; False when it was used (RFC 6238, 5.2)."""
    unused = update(staff).where(
        staff.c.id == staff_id, or_(staff.c.totp_step.is_(None), staff.c.totp_step < step)
    )
    return connection.execute(unused.values(totp_step=step)).rowcount == 1


def end_older(connection: Connection, staff_id: int, present: Mapping[str, datetime]) -> int:
    """End `password`, `app` and `recovery_codes` set before the present ones, `all` before then; how many."""
    ended = 0
    for name, at, secret in (
        ("password", staff.c.password_at, staff.c.password_hash),
        ("app", staff.c.totp_at, staff.c.totp_sealed),
    ):
        if name in present:
            older = update(staff).where(staff.c.id == staff_id, at < present[name], secret.is_not(None))
            ended += connection.execute(older.values({secret: null()})).rowcount
    if "recovery_codes" in present:
        older_codes = delete(recovery_codes).where(
            recovery_codes.c.staff_id == staff_id,
            or_(recovery_codes.c.made_at.is_(None), recovery_codes.c.made_at < present["recovery_codes"]),
        )
        ended += connection.execute(older_codes).rowcount
    if "all" in present:
        ended += end_all(connection, staff_id, present["all"])
    return ended


def end_all(connection: Connection, staff_id: int, before: datetime | None = None) -> int:
    """Delete all recovery codes and passkeys of this person, or those made before then; how many."""
    ended = 0
    for table, at in ((recovery_codes, recovery_codes.c.made_at), (passkeys, passkeys.c.added_at)):
        hers = delete(table).where(table.c.staff_id == staff_id)
        if before is not None:
            hers = hers.where(or_(at.is_(None), at < before))
        ended += connection.execute(hers).rowcount
    return ended


# -- recovery codes ------------------------------------------------------------------------------


def set_recovery_codes(connection: Connection, staff_id: int, digests: Iterable[bytes], at: datetime) -> None:
    """Digests of the codes that may stand in for the app, each once; those before are gone."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.staff_id == staff_id))
    connection.execute(
        insert(recovery_codes),
        [{"staff_id": staff_id, "digest": digest, "made_at": at} for digest in digests],
    )


def use_recovery_code(connection: Connection, staff_id: int, digest: bytes, at: datetime) -> bool:
    """Use it up; False when it is unknown or was used."""
    unused = update(recovery_codes).where(
        recovery_codes.c.staff_id == staff_id,
        recovery_codes.c.digest == digest,
        recovery_codes.c.used_at.is_(None),
    )
    return connection.execute(unused.values(used_at=at)).rowcount == 1


def unused_codes(connection: Connection, staff_id: int) -> list[bytes]:
    """The digests of those that still serve."""
    query = select(recovery_codes.c.digest).where(
        recovery_codes.c.staff_id == staff_id, recovery_codes.c.used_at.is_(None)
    )
    return list(connection.scalars(query))


# -- passkeys ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Passkey:
    """A key pair of somebody's device: its public half."""

    id: bytes
    staff_id: int
    public_key: bytes
    counter: int
    name: str
    added_at: datetime
    used_at: datetime | None


_PASSKEY = select(*(passkeys.c[name] for name in Passkey.__dataclass_fields__))


def passkey(connection: Connection, passkey_id: bytes) -> Passkey | None:
    """The passkey of this id."""
    row = connection.execute(_PASSKEY.where(passkeys.c.id == passkey_id)).one_or_none()
    return None if row is None else Passkey(*row)


def passkeys_of(connection: Connection, staff_id: int) -> list[Passkey]:
    """All of a person, the first one first."""
    query = _PASSKEY.where(passkeys.c.staff_id == staff_id).order_by(passkeys.c.added_at, passkeys.c.id)
    return [Passkey(*row) for row in connection.execute(query)]


def add_passkey(connection: Connection, one: Passkey) -> None:
    """Another passkey; its id is nobody's yet."""
    connection.execute(insert(passkeys).values(vars(one)))


def count_passkeys(connection: Connection, staff_id: int) -> int:
    """How many a person has."""
    query = select(func.count()).select_from(passkeys).where(passkeys.c.staff_id == staff_id)
    return int(connection.scalar(query) or 0)


def use_passkey(connection: Connection, passkey_id: bytes, counter: int, at: datetime) -> bool:
    """Note a signature; False when the passkey is gone, or its counter did not grow (WebAuthn, 7.2).

    A counter that stands still is that of a copy. Passkeys that are shared between devices never count:
    they stay at nought.
    """
    grown = passkeys.c.counter < counter if counter else passkeys.c.counter == 0
    noted = update(passkeys).where(passkeys.c.id == passkey_id, grown)
    return connection.execute(noted.values(counter=counter, used_at=at)).rowcount == 1


def remove_passkey(connection: Connection, staff_id: int, passkey_id: bytes) -> bool:
    """Let this passkey of this person sign in no more; whether there was one."""
    hers = delete(passkeys).where(passkeys.c.staff_id == staff_id, passkeys.c.id == passkey_id)
    return connection.execute(hers).rowcount == 1

"""Who may see: invites, enrols and revokes members of staff, each change on record (P24); signs nobody in.

Nobody sets another's password (P28): an invitation leads to a page where the person sets her own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems, NotFound
from inquiries.rules.items import normal_email
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import keys, passwords, publishing, records, second_factor
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.services.sessions import scopes
from inquiries.stores.live import proofs
from inquiries.stores.live import sessions as session_store
from inquiries.stores.live import staff as store

INVITATION = timedelta(hours=72)
TOTP_NAME = "totp"

_TOKEN_SIZE = 32
_FIRST_ROLES = (Role.consultation, Role.privacy)  # DESIGN §5


@dataclass(frozen=True)
class Invitation:
    """What an invited person sees before she enrols."""

    email: str
    roles: Mapping[Role, frozenset[str]]


@dataclass(frozen=True)
class Member:
    """A line of the list of staff."""

    id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    enrolled: bool
    revoked: bool


@dataclass(frozen=True)
class Enrolled:
    """Shown once, right after enrolment; `seal_key` (hex) to the first officer alone."""

    email: str
    recovery_codes: tuple[str, ...]
    seal_key: str | None


def first_enrolment(house: House) -> str | None:
    """A fresh token for the first officer, under the policy's address; None once the ledger knows one.

    Every call ends the tokens before it, so the newest printed link is the only one that works.
    """
    email = publishing.in_force(house).policy.officer.email
    with house.live.read() as live:
        person = store.by_email(live, account_of(email) or email)
    if records.officer_known(house) or (person is not None and (person.enrolled_at or person.revoked_at)):
        return None
    return invite(house, email=email, roles=_FIRST_ROLES, by=None)


def invite(
    house: House,
    *,
    email: str,
    roles: Collection[Role],
    by: Actor | None,
    types: Collection[str] = (),
    break_glass: str | None = None,
) -> str:
    """An enrolment token for this address: one use, 72 hours; a second invitation replaces the first.

    `types` are those of the consultation role, all when empty; the other roles are not bound to types.

    An officer is invited by an officer (DESIGN §5). The operator, `by` None, invites the first; after
    that only by breaking the glass, for a reason that goes on record.

    Raises:
        InvalidItems: the address is none, is enrolled or was revoked, a role or type does not exist, or the
            operator invites an officer without a reason.
    """
    address = _checked(house, email, roles, types)
    glass = by is None and Role.privacy in roles and records.officer_known(house)
    if glass and not break_glass:
        raise _invalid("role", "break_glass")
    pairs = _pairs(roles, types or ALL_TYPES)
    detail = _on_record(address, pairs) | ({"break_glass": break_glass} if glass else {})
    token = secrets.token_urlsafe(_TOKEN_SIZE)
    moment = clock.now()
    with house.live.write() as live:
        house.live.gate(live, "staff", exclusive=True)  # one invitation of an address at a time
        person = store.by_email(live, address)
        if person is not None and (person.enrolled_at or person.revoked_at):
            raise _invalid("email", "revoked" if person.revoked_at else "enrolled")
        staff_id = new_id() if person is None else person.id
        if person is None:
            store.add(live, staff_id, address, moment)
        store.set_roles(live, staff_id, pairs)
        store.invite(live, staff_id, _digest(token), moment + INVITATION)
        records.rights(house, act="invite", by=by, staff_id=staff_id, detail=detail)
    return token


def invitation(house: House, token: str) -> Invitation:
    """Whom this token invites.

    Raises:
        NotFound: unknown, used or expired.
    """
    with house.live.read() as live:
        person = store.invited(live, _digest(token), clock.now())
        if person is None:
            raise NotFound("no such invitation")
        return Invitation(person.email, scopes(store.roles(live, person.id)))


def enrol(house: House, *, token: str, password: str, totp_secret: bytes, code: str) -> Enrolled:
    """Set the invited person's own password and second factor, and use the token up.

    The code's time step is used up too: it does not sign in again (RFC 6238, 5.2).

    Raises:
        NotFound: the token is unknown, used or expired.
        InvalidItems: the password is too weak, or the code is not of this secret.
    """
    invited = invitation(house, token)
    step = second_factor.matching_step(totp_secret, code, clock.now())
    _refuse_weak(password, invited.email, step)
    password_hash = passwords.hashed(password)  # before the transaction: it takes a tenth of a second
    codes = second_factor.new_recovery_codes()
    moment = clock.now()
    with house.live.write() as live:
        person = store.invited(live, _digest(token), moment)
        if person is None or step is None or not store.use_invitation(live, _digest(token), moment):
            raise NotFound("no such invitation")
        secret = second_factor.spelled(totp_secret)
        sealed = keys.seal_for_staff(house, live, person.id, TOTP_NAME, secret)
        enrolled = store.Person(person.id, person.email, password_hash, sealed, moment, None)
        store.enrol(live, enrolled, step)
        proofs.set_recovery_codes(live, person.id, second_factor.recovery_digests(person.id, codes))
        held = store.roles(live, person.id)
        herself = Actor(person.id, person.email, scopes(held))
        # Recorded before it is committed: a grant without a record must not be, a record too many may (P24).
        records.rights(
            house, act="enrol", by=herself, staff_id=person.id, detail=_on_record(person.email, held)
        )
    seal_key = records.start_sealing(house) if Role.privacy in invited.roles else None
    return Enrolled(person.email, codes, seal_key)


def revoke(house: House, *, staff_id: int, by: Actor | None) -> None:
    """Take a person's access away for good; her sessions fail at their next request (P24).

    Raises:
        NotFound: no such person, or revoked before.
    """
    with house.live.write() as live:
        person = store.by_id(live, staff_id)
        if person is None or not store.revoke(live, staff_id, clock.now()):
            raise NotFound("no such member of staff")
        session_store.end_all(live, staff_id)
        records.rights(house, act="revoke", by=by, staff_id=staff_id, detail={"email": person.email})


def revoke_again(house: House) -> int:
    """End again the access that the ledger says was ended: a live store that was put back forgot it.

    Returns how many people that were.
    """
    ended = {int(body["staff"]) for _, body in records.bodies(house, "rights") if body["act"] == "revoke"}
    count = 0
    for staff_id in sorted(ended):
        with house.live.write() as live:
            if store.revoke(live, staff_id, clock.now()):
                session_store.end_all(live, staff_id)
                count += 1
    return count


def everyone(house: House) -> tuple[Member, ...]:
    """All who are or were staff, in the order of their addresses."""
    with house.live.read() as live:
        return tuple(
            Member(
                id=one.id,
                email=one.email,
                roles=scopes(store.roles(live, one.id)),
                enrolled=one.enrolled_at is not None,
                revoked=one.revoked_at is not None,
            )
            for one in store.everyone(live)
        )


def account_of(email: str) -> str | None:
    """The address under which a member of staff is kept, or None when it can be nobody's."""
    address = normal_email(email.strip())
    return None if address is None else address.lower()


def _checked(house: House, email: str, roles: Collection[Role], types: Collection[str]) -> str:
    address = account_of(email)
    if address is None:
        raise _invalid("email", "invalid_email")
    if not roles:
        raise _invalid("role", "required")
    if not set(types) <= publishing.in_force(house).types | ALL_TYPES:
        raise _invalid("type", "unknown_type")
    return address


def _pairs(roles: Collection[Role], types: Collection[str]) -> list[tuple[str, str]]:
    return [
        (role.value, kind)
        for role in sorted(set(roles))
        for kind in (sorted(set(types)) if role is Role.consultation else ALL_TYPES)
    ]


def _refuse_weak(password: str, email: str, step: int | None) -> None:
    errors = []
    fault = "too_simple" if password.strip().lower() == email else passwords.fault(password)
    if fault is not None:
        errors.append(FieldError("password", fault, {"min": passwords.SHORTEST, "max": passwords.LONGEST}))
    if step is None:
        errors.append(FieldError("code", "wrong_code"))
    if errors:
        raise InvalidItems(tuple(errors))


def _on_record(email: str, pairs: Collection[tuple[str, str]]) -> dict[str, object]:
    types = sorted(kind for role, kind in pairs if role == Role.consultation)
    return {"email": email, "roles": sorted({role for role, _ in pairs}), "types": types}


def _invalid(field: str, code: str) -> InvalidItems:
    return InvalidItems((FieldError(field, code),))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

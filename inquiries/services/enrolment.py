"""Enrolment: an invited person sets her own password and second factor, once; invites nobody (P28, P31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems, NotFound
from inquiries.rules.permissions import Permission, Role
from inquiries.sealing import items
from inquiries.services import keys, passwords, publishing, records, register, second_factor, training
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.people import token_digest
from inquiries.services.sessions import scopes
from inquiries.stores.live import proofs
from inquiries.stores.live import staff as store

TOTP_NAME = "totp"


@dataclass(frozen=True)
class Invitation:
    """What an invited person sees before she enrols; `plan`: which one she then says that she knows."""

    staff_id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    plan: str | None = None


@dataclass(frozen=True)
class Enrolled:
    """Shown once, right after enrolment; `seal_key` (hex) to the first officer alone."""

    email: str
    recovery_codes: tuple[str, ...]
    seal_key: str | None


def invitation(house: House, token: str) -> Invitation:
    """Whom this token invites.

    Raises:
        NotFound: unknown, used or expired.
    """
    with house.live.read() as live:
        person = store.invited(live, token_digest(token), clock.now())
        if person is None:
            raise NotFound("no such invitation")
        roles = scopes(store.roles(live, person.id))
        alone = Role.privacy in roles and not store.officers(live, Role.privacy)
    plan = publishing.in_force(house).policy.plan.version if alone else None
    return Invitation(person.id, person.email, roles, plan)


def enrol(house: House, *, token: str, password: str, totp_secret: bytes, code: str) -> Enrolled:
    """Set the invited person's own password and second factor, and use the token up.

    The code's time step is used up too: it does not sign in again (RFC 6238, 5.2). An officer who enrols
    while there is no other says by it that she knows the plan: nobody else could record it (P27).

    Raises:
        NotFound: the token is unknown, used or expired.
        InvalidItems: the password is too weak, or the code is not of this secret.
    """
    invited = invitation(house, token)
    step = second_factor.matching_step(totp_secret, code, clock.now())
    _refuse_weak(house, password, invited.email, step)
    password_hash = passwords.hashed(password)  # before the transaction: it takes a tenth of a second
    codes = second_factor.new_recovery_codes()
    dek, moment = keys.of_staff(house, invited.staff_id), clock.now()
    with register.change(house, None, Permission.own_session) as live:
        person = store.invited(live, token_digest(token), moment)
        if person is None or step is None or not store.use_invitation(live, token_digest(token), moment):
            raise NotFound("no such invitation")
        secret = second_factor.spelled(totp_secret)
        # A second key would never be adopted: the one that she has stands.
        own = keys.born(house, live, person.id, keys.STAFF) if dek is None else dek
        sealed = items.seal_item(own, person.id, keys.STAFF, TOTP_NAME, secret)
        known = _acknowledged(house, live, person.id)
        enrolled = store.Person(person.id, person.email, password_hash, sealed, moment, None)
        store.enrol(live, enrolled, step)
        digests = [second_factor.recovery_digest(person.id, code) for code in codes]
        proofs.set_recovery_codes(live, person.id, digests, moment)
        held = store.roles(live, person.id)
        herself = Actor(person.id, person.email, scopes(held))
        detail = register.on_record(person.email, held) | known
        register.put(house, live, act="enrol", by=herself, staff_id=person.id, detail=detail)
    seal_key = records.start_sealing(house) if Role.privacy in invited.roles else None
    return Enrolled(person.email, codes, seal_key)


def _acknowledged(house: House, live: Connection, staff_id: int) -> dict[str, str]:
    """What an officer who enrols alone says of the plan, as it goes on record; of others, nothing."""
    if Role.privacy not in scopes(store.roles(live, staff_id)) or store.officers(live, Role.privacy):
        return {}
    on, plan = training.today(house), publishing.in_force(house).policy.plan.version
    store.train(live, staff_id, on, plan)
    return {"on": on.isoformat(), "plan": plan}


def _refuse_weak(house: House, password: str, email: str, step: int | None) -> None:
    errors = []
    fault = passwords.fault(house, password, email)
    if fault is not None:
        errors.append(FieldError("password", fault, {"min": passwords.SHORTEST, "max": passwords.LONGEST}))
    if step is None:
        errors.append(FieldError("code", "wrong_code"))
    if errors:
        raise InvalidItems(tuple(errors))

"""What a person proves herself with: she alone changes it; what she gave up does not come back (P28, P31).

Password, authenticator app and recovery codes; passkeys have a file of their own. Each change is in the
register of rights, with a mark by which it is known again and nothing that leads to the secret. A live store
that was put back holds what was given up since it was copied: every start ends that again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems, NotFound, SignInRefused
from inquiries.sealing import items
from inquiries.services import attempts, keys, passkeys, passwords, records, second_factor, sessions, sign_in
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.enrolment import TOTP_NAME
from inquiries.services.house import House
from inquiries.stores.live import proofs as store
from inquiries.stores.live import sessions as session_store
from inquiries.stores.live import staff
from inquiries.stores.types import from_microseconds, to_microseconds

FEW = 3  # so few recovery codes left, and she is told
_ACTS = frozenset({"password", "app", "recovery_codes", "recovery_code_used", "passkey_removed", "renew"})
_EVERYTHING = ("password", "app", "all")


@dataclass(frozen=True)
class Own:
    """What a person has, for her own page."""

    password_at: datetime | None
    app_at: datetime | None
    codes_left: int


def own(house: House, actor: Actor) -> Own:
    """Since when she has which."""
    with house.live.read() as live:
        password_at, app_at = store.since(live, actor.staff_id)
        return Own(password_at, app_at, len(store.unused_codes(live, actor.staff_id)))


def change_password(house: House, actor: Actor, *, current: str, wanted: str, visit: Visit) -> None:
    """Set another password, and end all her other sessions: whoever knew the old one may have begun them.

    The current one is asked for, and counted like any guess at it.

    Raises:
        SignInRefused: it is not the current one, or too often it was not.
        InvalidItems: the wanted one is too weak, or is the current one.
    """
    counted = attempts.take(house, actor.email, visit)
    with house.live.read() as live:
        person = staff.by_id(live, actor.staff_id)
    fits = person is not None and passwords.matches(person.password_hash, current)
    if isinstance(counted, attempts.Locked) or person is None or not fits:
        raise sign_in.refused(house, "change_password", person, visit, "password")
    fault = "unchanged" if wanted == current else passwords.fault(house, wanted, actor.email)
    if fault is not None:
        limits = {"min": passwords.SHORTEST, "max": passwords.LONGEST}
        raise InvalidItems((FieldError("new_password", fault, limits),))
    password_hash, moment = passwords.hashed(wanted), clock.now()
    with house.live.write() as live:
        if not sessions.stands(live, actor):
            raise SignInRefused("ended")
        attempts.give_back(live, house, counted, actor.email)
        store.set_password(live, actor.staff_id, password_hash, moment)
        session_store.end_all(live, actor.staff_id, besides=actor.session or b"")
        attempts.forget_other_devices(live, house, actor.email, actor.staff_id, visit)
    _record(house, actor, "password", {"set": to_microseconds(moment)})


def change_app(house: House, actor: Actor, *, secret: bytes, code: str) -> None:
    """Put another authenticator app in the place of the old one, which she shows to be hers by its code.

    Raises:
        InvalidItems: the code is not of this secret.
        NotFound: the key of her own secrets is lost.
    """
    moment = clock.now()
    step = second_factor.matching_step(secret, code, moment)
    if step is None:
        raise InvalidItems((FieldError("code", "wrong_code"),))
    dek = keys.of_staff(house, actor.staff_id)
    if dek is None:
        raise NotFound("no key of her own secrets")
    sealed = items.seal_item(dek, actor.staff_id, keys.STAFF, TOTP_NAME, second_factor.spelled(secret))
    with house.live.write() as live:
        if not sessions.stands(live, actor):
            raise SignInRefused("ended")
        store.set_app(live, actor.staff_id, sealed, step, moment)
        session_store.end_all(live, actor.staff_id, besides=actor.session or b"")
    _record(house, actor, "app", {"set": to_microseconds(moment)})


def new_recovery_codes(house: House, actor: Actor) -> tuple[str, ...]:
    """Ten fresh ones, shown this once; those before are worth nothing from now on."""
    codes = second_factor.new_recovery_codes()
    digests = [second_factor.recovery_digest(actor.staff_id, code) for code in codes]
    moment = clock.now()
    with house.live.write() as live:
        if not sessions.stands(live, actor):
            raise SignInRefused("ended")
        store.set_recovery_codes(live, actor.staff_id, digests, moment)
    _record(house, actor, "recovery_codes", {"set": to_microseconds(moment)})
    return codes


def _record(house: House, actor: Actor, act: str, detail: Mapping[str, Any]) -> None:
    """After the change: were it before, a crash in between would have the next start end what still holds."""
    records.rights(house, act=act, by=actor, staff_id=actor.staff_id, detail=detail)


# -- after a restore -----------------------------------------------------------------------------


@dataclass
class _Present:
    """What the register says of one person: since when she has what, and what she used up or removed."""

    since: dict[str, datetime] = field(default_factory=dict)  # password, app, recovery_codes, all
    used: set[str] = field(default_factory=set)  # marks of codes
    removed: set[str] = field(default_factory=set)  # marks of passkeys


def end_given_up(house: House) -> int:
    """End again what the register says was given up: older passwords, apps, codes and passkeys; how many.

    None where live was not put back.
    """
    ended = 0
    for staff_id, present in _registered(house).items():
        with house.live.write() as live:
            ended += store.end_older(live, staff_id, present.since)
            for code in store.unused_codes(live, staff_id):
                if second_factor.mark(code) in present.used:
                    ended += store.use_recovery_code(live, staff_id, code, clock.now())
            for one in store.passkeys_of(live, staff_id):
                if passkeys.mark(one.id) in present.removed:
                    ended += store.remove_passkey(live, staff_id, one.id)
    return ended


def _registered(house: House) -> dict[int, _Present]:
    people: dict[int, _Present] = {}
    for _, body in records.bodies(house, "rights"):
        if (act := body["act"]) not in _ACTS:
            continue
        detail = body["detail"]
        one = people.setdefault(int(body["staff"]), _Present())
        if act == "recovery_code_used":
            one.used.add(detail["code"])
        elif act == "passkey_removed":
            one.removed.add(detail["passkey"])
        elif act == "renew":
            one.since |= dict.fromkeys(_EVERYTHING, from_microseconds(detail["set"]))
        else:
            one.since[act] = from_microseconds(detail["set"])
    return people

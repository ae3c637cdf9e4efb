"""Signs a member of staff in: password and second factor, five attempts, then a lock (P31, P32).

Whoever is refused learns nothing: no account, a wrong password, a used code and a lock give one answer
after the same Argon2 work. The ledger is told which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import SignInRefused
from inquiries.services import keys, passwords, records, second_factor, sessions
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.people import TOTP_NAME, account_of
from inquiries.stores.live import staff as store

ATTEMPTS = 5
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)

_LONGEST_EMAIL = 254


@dataclass(frozen=True)
class SignedIn:
    """The person and the token of her new session."""

    actor: Actor
    token: bytes


@dataclass(frozen=True)
class _Factor:
    """A second factor that fits, not yet used up: a TOTP step or the digest of a recovery code."""

    step: int | None = None
    recovery: bytes | None = None

    @property
    def name(self) -> Literal["totp", "recovery_code"]:
        """As the ledger calls it."""
        return "recovery_code" if self.step is None else "totp"


def sign_in(
    house: House, *, email: str, password: str, code: str, address: str | None, again: bool = False
) -> SignedIn:
    """Check all three, use the code up, begin a session under a fresh token; recorded either way.

    `again`: she is signed in, and proves who she is once more; the record calls it so.

    Raises:
        SignInRefused: anything was wrong, or the account is locked.
    """
    act = "confirm" if again else "sign_in"
    with house.live.read() as live:
        account = account_of(email[:_LONGEST_EMAIL])
        person = None if account is None else store.by_email(live, account)
    counted = person is not None and _count(house, person.id)
    fits = passwords.matches(person.password_hash if person else None, password)
    if person is None:
        raise _refused(house, act, None, address, "unknown")
    if not counted:
        raise _refused(house, act, person, address, "locked")
    if not fits:
        raise _refused(house, act, person, address, "password")
    factor = _factor(house, person, code)
    with house.live.write() as live:
        used = _use(live, person.id, factor)
        roles = sessions.scopes(store.roles(live, person.id))
        token = sessions.put(live, person.id, {}) if used else b""
    if not used:
        raise _refused(house, act, person, address, "code")
    actor = Actor(person.id, person.email, roles, sessions.digest(token), address)
    records.access(house, act=act, actor=actor, address=address, detail={"factor": factor.name})
    return SignedIn(actor, token)  # only now does anybody hold the token: no record, no session (P25)


def _count(house: House, staff_id: int) -> bool:
    """Count this attempt before judging it; False while locked.

    Each fifth attempt since the last success locks at once, and a success lifts the lock it caused
    itself: however many guesses are sent together, no more than five are judged.
    """
    moment = clock.now()
    with house.live.write() as live:
        attempt = store.take_attempt(live, staff_id, moment)
        if attempt is not None and attempt % ATTEMPTS == 0:
            store.lock(live, staff_id, moment + lock_time(attempt))
    return attempt is not None


def lock_time(attempt: int) -> timedelta:
    """How long the lock after this many failures lasts: 15 minutes, doubled each time, a day at most."""
    doublings = min(attempt // ATTEMPTS - 1, 16)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def _factor(house: House, person: store.Person, code: str) -> _Factor:
    """What the code may be. The secret is opened only once the password was right."""
    if len(second_factor.bare(code)) > second_factor.DIGITS:
        return _Factor(recovery=second_factor.recovery_digest(person.id, code))
    if person.totp_sealed is None:
        return _Factor()
    spelled = keys.open_for_staff(house, person.id, TOTP_NAME, person.totp_sealed)
    return _Factor(step=second_factor.matching_step(second_factor.unspelled(spelled), code, clock.now()))


def _use(live: Connection, staff_id: int, factor: _Factor) -> bool:
    """Use the factor up and forget the failures; False when it does not fit or was used before."""
    if factor.step is not None:
        used = store.use_step(live, staff_id, factor.step)
    elif factor.recovery is not None:
        used = store.use_recovery_code(live, staff_id, factor.recovery, clock.now())
    else:
        used = False
    return used and store.succeed(live, staff_id)


def _refused(
    house: House, act: str, person: store.Person | None, address: str | None, why: str
) -> SignInRefused:
    """Record the refusal. What was typed as e-mail is left out: people type passwords there."""
    detail = {"why": why} if person is None else {"why": why, "staff": str(person.id)}
    records.access(house, act=act, address=address, outcome="refused", detail=detail)
    return SignInRefused(why)

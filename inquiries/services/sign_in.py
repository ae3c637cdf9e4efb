"""Signs a member of staff in with password and second factor, or admits whom a passkey proved (P31, P32).

Whoever is refused learns nothing: no account, a wrong password, a used code and a lock give one answer
after the same work, one hash of Argon2 and one count. The ledger is told which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import SignInRefused
from inquiries.sealing import items
from inquiries.services import attempts, keys, passwords, records, second_factor, sessions
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.enrolment import TOTP_NAME
from inquiries.services.house import House
from inquiries.services.people import account_of
from inquiries.stores.live import proofs
from inquiries.stores.live import staff as store

_LONGEST_EMAIL = 254
Factor = Literal["totp", "recovery_code", "passkey"]


@dataclass(frozen=True)
class SignedIn:
    """The person, the token of her new session, that of her browser, and how many recovery codes are left."""

    actor: Actor
    token: bytes
    device: bytes
    codes_left: int


@dataclass(frozen=True)
class _Code:
    """A second factor that fits, not yet used up: a TOTP step or the digest of a recovery code."""

    step: int | None = None
    recovery: bytes | None = None

    @property
    def name(self) -> Factor:
        """As the ledger calls it."""
        return "recovery_code" if self.step is None else "totp"


def sign_in(
    house: House, *, email: str, password: str, code: str, visit: Visit, again: bool = False
) -> SignedIn:
    """Check all three, use the code up, begin a session under a fresh token; recorded either way.

    `again`: she is signed in, and proves who she is once more; the record calls it so.

    Raises:
        SignInRefused: anything was wrong, or the account, address or browser is locked.
    """
    act = "confirm" if again else "sign_in"
    typed = email.strip()[:_LONGEST_EMAIL]
    account = account_of(typed)
    with house.live.read() as live:
        person = None if account is None else store.by_email(live, account)
    counted = attempts.take(house, account or typed, visit)
    fits = passwords.matches(person.password_hash if person else None, password)
    if isinstance(counted, attempts.Locked):
        raise refused(house, act, person, visit, "locked")
    if person is None or person.enrolled_at is None or person.revoked_at is not None:
        raise refused(house, act, None, visit, "unknown")
    if not fits or person.password_hash is None:
        raise refused(house, act, person, visit, "password")
    dek = keys.of_staff(house, person.id)
    second = _second(person, dek, code)
    stronger = passwords.hashed(password) if passwords.outdated(person.password_hash) else None
    with house.live.write() as live:
        done = admit(house, live, person, visit, dek) if _use(live, person.id, second) else None
        if done is not None:
            attempts.give_back(live, house, counted, person.email)
            if stronger is not None:
                proofs.rehash(live, person.id, person.password_hash, stronger)
    if done is None:
        raise refused(house, act, person, visit, "code")
    if second.recovery is not None:
        records.rights(
            house, act="recovery_code_used", by=done.actor, staff_id=person.id,
            detail={"code": second_factor.mark(second.recovery)},
        )  # fmt: skip
    return recorded(house, act, done, second.name)


def admit(
    house: House, live: Connection, person: store.Person, visit: Visit, dek: bytes | None
) -> SignedIn | None:
    """Begin the session of a person who was proved; None when her access, or her proof, ended meanwhile.

    To judge a password takes a tenth of a second: who changes hers just then, or is invited anew, means to
    end also what somebody is about to begin with the old one.

    Nobody may be given the token before `recorded` has returned. Without her own key (`dek`) her sessions
    do not say from where they were begun.
    """
    now = store.by_id(live, person.id) if proofs.active(live, person.id) else None
    if now is None or _proofs(now) != _proofs(person):
        return None
    origin = None if dek is None else sessions.Origin(dek, visit.address or "", visit.browser)
    token = sessions.put(live, person.id, {}, origin)
    device = attempts.remember(live, house, person.email, person.id, visit)
    roles = sessions.scopes(store.roles(live, person.id))
    actor = Actor(person.id, person.email, roles, sessions.digest(token), visit.address)
    return SignedIn(actor, token, device, len(proofs.unused_codes(live, person.id)))


def _proofs(person: store.Person) -> tuple[object, ...]:
    return person.enrolled_at, person.password_hash, person.totp_sealed


def recorded(house: House, act: str, done: SignedIn, factor: Factor) -> SignedIn:
    """Only now may anybody hold the token: no record, no session (P25)."""
    records.access(house, act=act, actor=done.actor, detail={"factor": factor})
    return done


def refused(house: House, act: str, person: store.Person | None, visit: Visit, why: str) -> SignInRefused:
    """Record the refusal. What was typed as e-mail is left out: people type passwords there."""
    detail = {"why": why} if person is None else {"why": why, "staff": str(person.id)}
    records.access(house, act=act, address=visit.address, outcome="refused", detail=detail)
    return SignInRefused(why)


def _second(person: store.Person, dek: bytes | None, code: str) -> _Code:
    """What the code may be. The secret is opened only once the password was right."""
    if len(second_factor.bare(code)) > second_factor.DIGITS:
        return _Code(recovery=second_factor.recovery_digest(person.id, code))
    if person.totp_sealed is None or dek is None:
        return _Code()
    spelled = items.open_item(dek, person.id, keys.STAFF, TOTP_NAME, person.totp_sealed)
    return _Code(step=second_factor.matching_step(second_factor.unspelled(spelled), code, clock.now()))


def _use(live: Connection, staff_id: int, second: _Code) -> bool:
    """Use the factor up; False when it does not fit or was used before."""
    if second.step is not None:
        return proofs.use_step(live, staff_id, second.step)
    if second.recovery is not None:
        return proofs.use_recovery_code(live, staff_id, second.recovery, clock.now())
    return False

"""Passkeys (WebAuthn): adds them, and admits whom one proves; keeps their public halves alone (P31).

The stronger way in: nothing that can be guessed, nor typed into a page that only looks like ours. A passkey
stands for both layers, the device and what unlocks it (user verification is required), and needs no name.
What the device signs is a challenge made for this one session, good once and for five minutes. To check what
it says is the library's; which challenge, whose passkey and which counter are ours.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import webauthn
from webauthn.helpers import base64url_to_bytes, parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems, NotFound
from inquiries.services import keys, records, sessions, sign_in
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from inquiries.services.sign_in import SignedIn
from inquiries.stores.live import proofs
from inquiries.stores.live import sessions as session_store
from inquiries.stores.live import staff as store

T = TypeVar("T")

AT_MOST: Final = 10
NAME_LIMIT: Final = 64  # characters
ANSWERED_WITHIN: Final = timedelta(minutes=5)
_LONGEST_ANSWER = 16_384  # characters of JSON
_CHALLENGE_SIZE = 32
_VERIFIED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Site:
    """To whom a passkey belongs (the relying party): a bare host name, and the origin it is used at."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True)
class Mine:
    """A passkey as its owner sees it."""

    id: str
    name: str
    added_at: datetime
    used_at: datetime | None


# -- one's own -----------------------------------------------------------------------------------


def mine(house: House, actor: Actor) -> tuple[Mine, ...]:
    """This person's passkeys, the first one first."""
    with house.live.read() as live:
        found = proofs.passkeys_of(live, actor.staff_id)
    return tuple(Mine(one.id.hex(), one.name, one.added_at, one.used_at) for one in found)


def creation(house: House, actor: Actor, site: Site) -> str:
    """What her browser needs to make a passkey (JSON), with a challenge of its own."""
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_id=_handle(actor.staff_id),
        user_name=actor.email,
        challenge=_asked(house, actor.session or b""),
        timeout=int(ANSWERED_WITHIN.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=_known(house, actor),
    )
    return webauthn.options_to_json(options)


def add(house: House, actor: Actor, site: Site, *, answer: str, name: str) -> None:
    """Keep the passkey that her device has made; recorded.

    Raises:
        InvalidItems: the answer is not to the challenge of this session, or she has ten.
    """
    challenge = _answered(house, actor.session or b"", answer)
    made = None if challenge is None else _unless_forged(lambda: _made(answer, challenge, site))
    if made is None:
        raise _invalid("refused")
    now = clock.now()
    called = on_one_line(name)[:NAME_LIMIT] or "Passkey"
    with house.live.write() as live:
        if not sessions.stands(live, actor) or proofs.passkey(live, made.credential_id) is not None:
            raise _invalid("refused")
        if proofs.count_passkeys(live, actor.staff_id) >= AT_MOST:
            raise _invalid("too_many")
        fresh = proofs.Passkey(
            made.credential_id, actor.staff_id, made.credential_public_key, made.sign_count, called, now, None
        )
        proofs.add_passkey(live, fresh)
        _record(house, actor, "passkey", made.credential_id)


def remove(house: House, actor: Actor, passkey_id: str) -> None:
    """Let one of her passkeys sign in no more, and end her other sessions, which it may have begun; recorded.

    Raises:
        NotFound: it is not hers.
    """
    try:
        wanted = bytes.fromhex(passkey_id)
    except ValueError:
        raise NotFound("no such passkey") from None
    with house.live.write() as live:
        if not proofs.remove_passkey(live, actor.staff_id, wanted):
            raise NotFound("no such passkey")
        session_store.end_all(live, actor.staff_id, besides=actor.session or b"")
    _record(house, actor, "passkey_removed", wanted)


def _known(house: House, actor: Actor) -> list[PublicKeyCredentialDescriptor]:
    with house.live.read() as live:
        return [PublicKeyCredentialDescriptor(id=one.id) for one in proofs.passkeys_of(live, actor.staff_id)]


def mark(passkey_id: bytes) -> str:
    """By what the records know a passkey."""
    return hashlib.sha256(passkey_id).digest()[:4].hex()


# -- signing in ----------------------------------------------------------------------------------


def request(house: House, token: bytes, site: Site, actor: Actor | None) -> str:
    """What a browser needs to ask its device for a passkey (JSON); where one is signed in, for hers alone."""
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=_asked(house, sessions.digest(token)),
        timeout=int(ANSWERED_WITHIN.total_seconds() * 1000),
        allow_credentials=[] if actor is None else _known(house, actor),
        user_verification=_VERIFIED,
    )
    return webauthn.options_to_json(options)


def prove(
    house: House, token: bytes, site: Site, *, answer: str, visit: Visit, again: Actor | None = None
) -> SignedIn:
    """Begin the session of the person whose passkey answered the challenge of this one; recorded either way.

    `again`: who is signed in, and proves once more that she is it. Not counted: there is nothing to guess.

    Raises:
        SignInRefused: anything was wrong, or nobody asked.
    """
    act = "sign_in" if again is None else "confirm"
    challenge = _answered(house, sessions.digest(token), answer)  # used up, whatever comes of it
    found = _owner(house, answer)
    if challenge is None or found is None or (again is not None and found[1].id != again.staff_id):
        raise sign_in.refused(house, act, found[1] if found else None, visit, "passkey")
    passkey, person = found
    counter = _unless_forged(lambda: _signed(answer, challenge, site, passkey))
    if counter is None:
        raise sign_in.refused(house, act, person, visit, "passkey")
    dek = keys.of_staff(house, person.id)
    with house.live.write() as live:
        used = proofs.use_passkey(live, passkey.id, counter, clock.now())
        done = sign_in.admit(house, live, person, visit, dek) if used else None
    if done is None:
        raise sign_in.refused(house, act, person, visit, "passkey")
    return sign_in.recorded(house, act, done, "passkey")


def _owner(house: House, answer: str) -> tuple[proofs.Passkey, store.Person] | None:
    """The passkey that the answer names, and its owner, whom it must name as well."""
    named = _unless_forged(lambda: parse_authentication_credential_json(answer))
    if named is None:
        return None
    with house.live.read() as live:
        passkey = proofs.passkey(live, named.raw_id)
        person = None if passkey is None else store.by_id(live, passkey.staff_id)
    if passkey is None or person is None:
        return None
    return (passkey, person) if named.response.user_handle == _handle(person.id) else None


# -- what a device answers -----------------------------------------------------------------------


def _asked(house: House, session: bytes) -> bytes:
    challenge = os.urandom(_CHALLENGE_SIZE)
    with house.live.write() as live:
        session_store.ask(live, session, challenge, clock.now() + ANSWERED_WITHIN)
    return challenge


def _answered(house: House, session: bytes, answer: str) -> bytes | None:
    """The challenge that this answers, used up by it; None when this session was not asked it of late."""
    if len(answer) > _LONGEST_ANSWER:
        return None
    challenge = _unless_forged(lambda: _challenge(answer))
    if challenge is None:
        return None
    with house.live.write() as live:
        return challenge if session_store.answered(live, session, challenge, clock.now()) else None


def _challenge(answer: str) -> bytes:
    """What it says that it answers."""
    client_data = json.loads(answer)["response"]["clientDataJSON"]
    return parse_client_data_json(base64url_to_bytes(client_data)).challenge


def _made(answer: str, challenge: bytes, site: Site) -> VerifiedRegistration:
    return webauthn.verify_registration_response(
        credential=answer,
        expected_challenge=challenge,
        expected_rp_id=site.id,
        expected_origin=site.origin,
        require_user_verification=True,
    )


def _signed(answer: str, challenge: bytes, site: Site, passkey: proofs.Passkey) -> int:
    """The counter of a signature that holds, and comes from no copy of the device."""
    return webauthn.verify_authentication_response(
        credential=answer,
        expected_challenge=challenge,
        expected_rp_id=site.id,
        expected_origin=site.origin,
        credential_public_key=passkey.public_key,
        credential_current_sign_count=passkey.counter,
        require_user_verification=True,
    ).new_sign_count


def _unless_forged(read: Callable[[], T]) -> T | None:
    """What it reads; None for what does not hold or read: a forgery may do anything to a parser."""
    try:
        return read()
    except Exception:  # noqa: BLE001 - refused, whatever it was
        return None


def _handle(staff_id: int) -> bytes:
    """By what the device knows its owner: her number, which tells nobody who she is (WebAuthn, 14.6.1)."""
    return staff_id.to_bytes(8)


def _record(house: House, actor: Actor, act: str, passkey_id: bytes) -> None:
    records.rights(house, act=act, by=actor, staff_id=actor.staff_id, detail={"passkey": mark(passkey_id)})


def _invalid(code: str) -> InvalidItems:
    return InvalidItems((FieldError("passkey", code),))

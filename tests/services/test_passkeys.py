"""Passkeys: who has one comes in by it alone; every forgery of its answer is refused, and every answer is good once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from inquiries import clock
from inquiries.errors import InvalidItems, NotFound, SignInRefused
from inquiries.services import passkeys, people, records, sessions
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from inquiries.services.passkeys import Site
from inquiries.services.sign_in import SignedIn
from inquiries.stores.live import proofs as store
from tests.authenticator import USER_PRESENT, USER_VERIFIED, Device, spelled, unspelled
from tests.staff import Member, enrol

SITE = Site("forms.example.com", "https://forms.example.com", "Example")
HOME = Visit("192.0.2.1", "Firefox, Linux")

pytestmark = pytest.mark.promise("P31")


def device() -> Device:
    return Device(SITE.origin, SITE.id)


def added(house: House, actor: Actor, name: str = "laptop") -> Device:
    made = device()
    passkeys.add(house, actor, SITE, answer=made.make(passkeys.creation(house, actor, SITE)), name=name)
    return made


def minji(house: House) -> tuple[Member, SignedIn, Device]:
    member = enrol(house, "minji@example.com")
    signed_in = member.sign_in(house)
    return member, signed_in, added(house, signed_in.actor)


def asked(house: House) -> tuple[bytes, str]:
    """(a browser's session before sign-in, what its page is told to ask the device)."""
    token = sessions.begin(house, {})
    return token, passkeys.request(house, token, SITE, None)


def comes_in(house: House, token: bytes, answer: str, site: Site = SITE, **given: Any) -> SignedIn | None:
    with suppress(SignInRefused):
        return passkeys.prove(house, token, site, answer=answer, visit=HOME, **given)
    return None


# -- coming in -------------------------------------------------------------------------------------------


def test_a_passkey_signs_in_without_name_password_or_code(any_house: House) -> None:
    _, signed_in, laptop = minji(any_house)
    token, options = asked(any_house)
    assert json.loads(options)["allowCredentials"] == []  # the page tells nobody who has one
    assert json.loads(options)["userVerification"] == "required"
    done = comes_in(any_house, token, laptop.show(options))
    assert done is not None
    assert done.actor.staff_id == signed_in.actor.staff_id
    found = sessions.find(any_house, done.token, None)
    assert found is not None
    assert found.fresh
    (last,) = [body for _, body in records.bodies(any_house, "access")][-1:]
    assert (last["act"], last["detail"], last["from"]) == ("sign_in", {"factor": "passkey"}, "192.0.2.1")
    (mine,) = passkeys.mine(any_house, signed_in.actor)
    assert (mine.name, mine.used_at is not None) == ("laptop", True)


def test_what_is_asked_of_a_new_passkey(house: House) -> None:
    member = enrol(house, "minji@example.com")
    options = json.loads(passkeys.creation(house, member.sign_in(house).actor, SITE))
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["requireResidentKey"]) == ("required", True)
    assert wanted["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert options["rp"]["id"] == "forms.example.com"
    assert len(unspelled(options["challenge"])) == 32
    assert b"minji" not in unspelled(options["user"]["id"])


def test_several_devices_each_under_its_name(house: House) -> None:
    _, signed_in, laptop = minji(house)
    options = json.loads(passkeys.creation(house, signed_in.actor, SITE))
    assert [one["id"] for one in options["excludeCredentials"]] == [spelled(laptop.id)]
    phone = added(house, signed_in.actor, name="  my\nphone " + "x" * 100)
    assert [one.name for one in passkeys.mine(house, signed_in.actor)] == ["laptop", "my phone " + "x" * 55]
    for one in (laptop, phone):
        token, request = asked(house)
        assert comes_in(house, token, one.show(request))
    for _ in range(passkeys.AT_MOST - 2):
        added(house, signed_in.actor)
    with pytest.raises(InvalidItems, match="too_many"):
        added(house, signed_in.actor)


def test_a_stranger_who_guesses_keeps_no_passkey_out(house: House) -> None:
    member, _, laptop = minji(house)
    for number in range(6):
        with suppress(SignInRefused):
            member.sign_in(house, visit=Visit(f"203.0.113.{number}"), password="a guess of Eve's")
    token, options = asked(house)
    assert comes_in(house, token, laptop.show(options))


# -- forgeries -------------------------------------------------------------------------------------------


FORGED: list[dict[str, Any]] = [
    {"challenge": spelled(b"x" * 32)},
    {"challenge": ""},
    {"origin": "https://forms.example.com.evil.example"},
    {"origin": "http://forms.example.com"},
    {"site": "evil.example"},
    {"kind": "webauthn.create"},
    {"flags": USER_PRESENT},  # nobody unlocked it
    {"flags": USER_VERIFIED},
    {"handle": None},
    {"handle": b"\0" * 8},
    {"counted": 0},  # a copy of it counts the same
    {"counted": -3},
]


def test_an_answer_that_is_not_hers_or_not_to_us_is_refused(house: House) -> None:
    _, _, laptop = minji(house)
    for _ in range(4):  # so that there is a count to fall behind
        token, options = asked(house)
        assert comes_in(house, token, laptop.show(options))
    for forged in FORGED:
        laptop.counter = 4
        token, options = asked(house)
        assert comes_in(house, token, laptop.show(options, **forged)) is None, forged
        (last,) = [body for _, body in records.bodies(house, "access")][-1:]
        assert (last["act"], last["outcome"], last["detail"]["why"]) == ("sign_in", "refused", "passkey")
    laptop.counter = 4
    token, options = asked(house)
    assert comes_in(house, token, laptop.show(options))  # none of that used it up


def test_no_forged_answer_adds_a_passkey(house: House) -> None:
    actor = enrol(house, "minji@example.com").sign_in(house).actor
    for forged in (one for one in FORGED if not {"handle", "counted"} & one.keys()):
        given = forged | ({"kind": "webauthn.get"} if "kind" in forged else {})
        made = device().make(passkeys.creation(house, actor, SITE), **given)
        with pytest.raises(InvalidItems, match="refused"):
            passkeys.add(house, actor, SITE, answer=made, name="laptop")
    assert passkeys.mine(house, actor) == ()


def test_another_devices_signature_is_refused(house: House) -> None:
    _, _, laptop = minji(house)
    stolen = Device(SITE.origin, SITE.id, id=laptop.id, handle=laptop.handle, counter=100)
    token, options = asked(house)
    assert comes_in(house, token, stolen.show(options)) is None


def test_an_answer_is_good_once_and_for_the_session_that_was_asked(house: House) -> None:
    _, _, laptop = minji(house)
    token, options = asked(house)
    other, _ = asked(house)
    answer = laptop.show(options)
    assert comes_in(house, other, answer) is None  # carried off to another browser
    assert comes_in(house, token, answer)
    assert comes_in(house, token, answer) is None


def test_a_wrong_answer_uses_the_challenge_up(house: House) -> None:
    _, _, laptop = minji(house)
    token, options = asked(house)
    assert comes_in(house, token, laptop.show(options, origin="https://evil.example")) is None
    assert comes_in(house, token, laptop.show(options)) is None


def test_only_the_newest_challenge_counts_and_for_five_minutes(house: House) -> None:
    _, _, laptop = minji(house)
    token, first = asked(house)
    second = passkeys.request(house, token, SITE, None)
    assert comes_in(house, token, laptop.show(first)) is None
    late = laptop.show(second)
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=False):
        assert comes_in(house, token, late) is None
    third = passkeys.request(house, token, SITE, None)
    with time_machine.travel(clock.now() + timedelta(minutes=4, seconds=50), tick=False):
        assert comes_in(house, token, laptop.show(third))


def test_the_same_answer_sent_many_times_at_once_lets_one_in(any_house: House) -> None:
    _, _, laptop = minji(any_house)
    token, options = asked(any_house)
    answer = laptop.show(options)
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: comes_in(any_house, token, answer), range(6)))
    assert sum(one is not None for one in done) == 1


def test_two_copies_of_a_device_cannot_both_come_in(house: House) -> None:
    """Whichever comes second falls behind in counting, though each has a challenge of its own."""
    _, _, laptop = minji(house)
    one, other = asked(house), asked(house)
    first = laptop.show(one[1])
    laptop.counter -= 1
    second = laptop.show(other[1])
    assert comes_in(house, one[0], first)
    assert comes_in(house, other[0], second) is None
    with house.live.write() as live:  # also where both were found to be ahead before either was noted
        noted = [store.use_passkey(live, laptop.id, n, clock.now()) for n in (laptop.counter, 99, 99, 0)]
    assert noted == [False, True, False, False]


def test_a_passkey_that_never_counts_is_taken(house: House) -> None:
    """Passkeys that are shared between devices say nought each time."""
    _, _, laptop = minji(house)
    for _ in range(2):
        token, options = asked(house)
        assert comes_in(house, token, laptop.show(options, counted=0))


@given(st.text(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "challenge", "x"]), inner, max_size=4
    ),
    max_leaves=12,
).map(json.dumps))  # fmt: skip
def test_whatever_is_sent_as_an_answer_is_refused_in_words(answer: str) -> None:
    assert passkeys._unless_forged(lambda: passkeys._challenge(answer)) is None
    assert passkeys._unless_forged(lambda: passkeys._made(answer, b"x" * 32, SITE)) is None


def test_what_is_no_answer_is_refused(house: House) -> None:
    minji(house)
    for answer in ("", "{}", "[" * 5000, "null", '{"response": {"clientDataJSON": "%%%"}}', "x" * 20000):
        token, _ = asked(house)
        assert comes_in(house, token, answer) is None, answer


# -- who it is -------------------------------------------------------------------------------------------


def test_who_is_signed_in_confirms_with_her_own_passkey_alone(house: House) -> None:
    _, signed_in, laptop = minji(house)
    oh = enrol(house, "oh@example.com").sign_in(house)
    theirs = added(house, oh.actor)
    options = passkeys.request(house, signed_in.token, SITE, signed_in.actor)
    assert [one["id"] for one in json.loads(options)["allowCredentials"]] == [spelled(laptop.id)]
    assert comes_in(house, signed_in.token, theirs.show(options), again=signed_in.actor) is None
    options = passkeys.request(house, signed_in.token, SITE, signed_in.actor)
    done = comes_in(house, signed_in.token, laptop.show(options), again=signed_in.actor)
    assert done
    acts = [(body["act"], body["outcome"]) for _, body in records.bodies(house, "access")]
    assert acts[-2:] == [("confirm", "refused"), ("confirm", "done")]


def test_a_removed_passkey_and_what_it_began_are_over(any_house: House) -> None:
    _, signed_in, laptop = minji(any_house)
    token, options = asked(any_house)
    begun = comes_in(any_house, token, laptop.show(options))
    assert begun
    (mine,) = passkeys.mine(any_house, signed_in.actor)
    passkeys.remove(any_house, signed_in.actor, mine.id)
    assert sessions.find(any_house, begun.token, None) is None
    assert sessions.find(any_house, signed_in.token, None)
    token, options = asked(any_house)
    assert comes_in(any_house, token, laptop.show(options)) is None
    for gone in (mine.id, "00", "not hex"):
        with pytest.raises(NotFound):
            passkeys.remove(any_house, signed_in.actor, gone)
    acts = [body["act"] for _, body in records.bodies(any_house, "rights") if "passkey" in body["act"]]
    assert acts == ["passkey", "passkey_removed"]


def test_nobody_removes_anothers_passkey_nor_takes_its_id(house: House) -> None:
    _, signed_in, laptop = minji(house)
    oh = enrol(house, "oh@example.com").sign_in(house).actor
    with pytest.raises(NotFound):
        passkeys.remove(house, oh, passkeys.mine(house, signed_in.actor)[0].id)
    twin = Device(SITE.origin, SITE.id, id=laptop.id)
    with pytest.raises(InvalidItems, match="refused"):
        passkeys.add(house, oh, SITE, answer=twin.make(passkeys.creation(house, oh, SITE)), name="mine now")


@pytest.mark.promise("P24")
def test_a_revoked_persons_passkey_is_worth_nothing(house: House) -> None:
    enrol(house, "oh@example.com")
    _, signed_in, laptop = minji(house)
    people.revoke(house, staff_id=signed_in.actor.staff_id, by=None, reason="she left")
    token, options = asked(house)
    assert comes_in(house, token, laptop.show(options)) is None


def test_the_store_holds_the_public_half_alone(house: House) -> None:
    _, signed_in, laptop = minji(house)
    with house.live.read() as live:
        (kept,) = store.passkeys_of(live, signed_in.actor.staff_id)
    secret = laptop.key.private_numbers().private_value.to_bytes(32, "big")
    assert secret not in kept.public_key
    assert kept.id == laptop.id

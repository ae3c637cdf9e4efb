"""P28, P31, P32: a password is its owner's alone, a second factor stands beside it, guessing stops."""

from __future__ import annotations

import dataclasses
import inspect
import re
from datetime import timedelta

import pytest
import time_machine

from inquiries import cli_staff, clock
from inquiries import settings as settings_module
from inquiries.errors import NotFound, SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import attempts, enrolment, passkeys, people, proofs, receipt, roles
from inquiries.services.house import House
from inquiries.stores.live.tables import sessions, staff
from tests.cast import send
from tests.moments import at
from tests.promises.pages import application
from tests.promises.traces import traces
from tests.staff import PASSWORD, Desk, Member, code, enrol
from tests.web.site import fields


def try_to_sign_in(app_desk: Desk, **typed: str) -> int:
    app_desk.get("/staff/sign-in")
    return app_desk.post("/staff/sign-in", **typed).status_code


def gets_in(app_desk: Desk) -> bool:
    return app_desk.get("/staff/inbox").status_code == 200


@pytest.mark.promise("P28")
@pytest.mark.usefixtures("full_cost_of_passwords")
def test_p28_a_dump_shows_no_password_and_nothing_to_guess_it_quickly(house: House) -> None:
    with at():
        enrol(house, "minji@example.com")
        with house.live.read() as connection:
            (stored,) = (row.password_hash for row in connection.execute(staff.select()) if row.password_hash)
    found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[^$]{20,}\$[^$]{40,}", stored)
    assert found
    assert [int(figure) for figure in found.groups()] == [64 * 1024, 3, 1]
    assert traces(house.settings.instance.parent, {"password": PASSWORD}) == []


@pytest.mark.promise("P28")
def test_p28_equal_passwords_have_different_hashes(house: House) -> None:
    with at():
        for name in ("minji", "bae"):
            enrol(house, f"{name}@example.com")
        with house.live.read() as connection:
            hashes = [row.password_hash for row in connection.execute(staff.select()) if row.password_hash]
    assert len(set(hashes)) == 2


@pytest.mark.promise("P28")
def test_p28_nobody_sets_anothers_password(house: House) -> None:
    """No command takes one, and of the services enrolment alone, with the invitation, once; and she herself."""
    options = [option.name for command in cli_staff.staff.commands.values() for option in command.params]
    assert "password" not in options
    setters = {
        name
        for module in (people, enrolment, roles, proofs, passkeys)
        for name, service in inspect.getmembers(module, inspect.isfunction)
        if service.__module__ == module.__name__ and not name.startswith("_")
        if {"password", "current", "wanted"} & inspect.signature(service).parameters.keys()
    }
    assert setters == {"enrol", "change_password"}
    assert "current" in inspect.signature(proofs.change_password).parameters  # who asks must know it
    with at():
        token = people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None)
        secret = b"s" * 20
        enrolment.enrol(house, token=token, password=PASSWORD, totp_secret=secret, code=code(secret, -1))
        with pytest.raises(NotFound):
            enrolment.enrol(
                house, token=token, password="Eve sets another", totp_secret=secret, code=code(secret)
            )


# -- two layers ----------------------------------------------------------------------------------------


@pytest.mark.promise("P31")
def test_p31_a_password_alone_gives_no_session(house: House) -> None:
    with at():
        minji = enrol(house, "minji@example.com")
        visitor = Desk(application(house))
        right = {"email": minji.email, "password": PASSWORD, "code": code(minji.secret)}
        for wrong in ({"code": ""}, {"code": "000000"}, {"code": code(minji.secret, 40)}, {"password": ""}):
            assert try_to_sign_in(visitor, **(right | wrong)) == 422
            assert not gets_in(visitor)
        with house.live.read() as connection:
            assert not [row for row in connection.execute(sessions.select()) if row.staff_id is not None]
        assert try_to_sign_in(visitor, **right) == 303  # the control: with both she gets in
        assert gets_in(visitor)


@pytest.mark.promise("P31")
def test_p31_a_code_works_once(house: House) -> None:
    with at():
        minji = enrol(house, "minji@example.com")
        right = {"email": minji.email, "password": PASSWORD, "code": code(minji.secret)}
        app = application(house)
        assert try_to_sign_in(Desk(app), **right) == 303
        assert try_to_sign_in(Desk(app), **right) == 422
        recovery = {"code": minji.recovery_codes[3]}
        assert try_to_sign_in(Desk(app), **(right | recovery)) == 303
        assert try_to_sign_in(Desk(app), **(right | recovery)) == 422


# -- guessing stops ------------------------------------------------------------------------------------


def guess(house: House, member: Member, **given: str) -> bool:
    try:
        member.sign_in(house, **given)
    except SignInRefused:
        return False
    return True


@pytest.mark.promise("P32")
def test_p32_five_failures_lock_for_a_quarter_of_an_hour_then_longer(house: House) -> None:
    with at():
        minji = enrol(house, "minji@example.com")
        start = clock.now()
        for _ in range(attempts.ATTEMPTS):
            assert not guess(house, minji, password="a guess of Eve's")
        assert not guess(house, minji)  # not even with everything right
    with time_machine.travel(start + timedelta(minutes=14), tick=True):
        assert not guess(house, minji)
    with time_machine.travel(start + timedelta(minutes=16), tick=True):
        for _ in range(attempts.ATTEMPTS):
            assert not guess(house, minji, password="a guess of Eve's")
    with time_machine.travel(start + timedelta(minutes=16 + 16), tick=True):
        assert not guess(house, minji)
    with time_machine.travel(start + timedelta(minutes=16 + 32), tick=True):
        assert guess(house, minji)


@pytest.mark.promise("P32")
def test_p32_too_many_inquiries_and_lookups_from_one_address_are_refused(house: House) -> None:
    with at():
        app = application(house)
        app.config.update(LIMIT_SUBMIT="3 per minute", LIMIT_RECEIPT="2 per minute")
        client = app.test_client()
        sent = [client.post("/inquiries/support", data=fields()).status_code for _ in range(4)]
        json = {"type": "support", "items": {}, "consents": {}}
        beside = client.post("/api/inquiries", json=json).status_code  # one budget, whichever way
        looked = [client.post("/receipt", data={"receipt": "x"}).status_code for _ in range(3)]
        elsewhere = client.post(
            "/inquiries/support", data=fields(), environ_base={"REMOTE_ADDR": "198.51.100.1"}
        )
    assert (sent, beside, looked) == ([200, 200, 200, 429], 429, [404, 404, 429])
    assert elsewhere.status_code == 200


@pytest.mark.promise("P32")
def test_p32_staff_pages_answer_to_the_named_networks_alone(house: House) -> None:
    with at():
        settings = settings_module.load(instance=house.settings.instance, staff_networks=("192.0.2.0/24",))
        client = application(dataclasses.replace(house, settings=settings)).test_client()
        for address, status in (("192.0.2.7", 200), ("198.51.100.7", 404), ("127.0.0.1", 404)):
            answer = client.get("/staff/sign-in", environ_base={"REMOTE_ADDR": address})
            assert answer.status_code == status, address
        public = client.get("/inquiries/support", environ_base={"REMOTE_ADDR": "198.51.100.7"})
        assert public.status_code == 200


@pytest.mark.promise("P32")
def test_p32_a_receipt_cannot_be_guessed_near(house: House) -> None:
    """One letter away is as far as any other."""
    with at():
        right = send(house).receipt
        for position in (0, 12, 28):
            wrong = right[:position] + ("7" if right[position] != "7" else "8") + right[position + 1 :]
            with pytest.raises(NotFound):
                receipt.look(house, wrong)

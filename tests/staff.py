"""Staff in the tests: enrolled through the services, and a desk from which they use the pages."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.errors import InvalidItems
from inquiries.rules.permissions import Role
from inquiries.services import enrolment, people, second_factor
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from inquiries.services.sign_in import SignedIn, sign_in

PASSWORD = "correct horse battery staple"
EVERYBODY = (Role.consultation, Role.privacy)


def code(secret: bytes, steps: int = 0) -> str:
    """What an authenticator app shows now, or so many steps of 30 seconds later."""
    present = int(clock.now().timestamp()) // second_factor.STEP
    shown: bytes = second_factor._totp(secret).generate((present + steps) * second_factor.STEP)
    return shown.decode()


@dataclass
class Member:
    """An enrolled member of staff, with what only she knows."""

    email: str
    secret: bytes
    recovery_codes: tuple[str, ...]
    steps: int = field(default=0)  # each sign-in needs a later step; the clock is stopped or fast in tests

    def sign_in(self, house: House, **given: Any) -> SignedIn:
        """Sign in with password and the next code, or with what is given instead."""
        typed: dict[str, Any] = {
            "email": self.email,
            "password": PASSWORD,
            "code": self.code(),
            "visit": Visit("192.0.2.1"),
        }
        return sign_in(house, **(typed | given))

    def code(self) -> str:
        """A code not used before: the one of the next step, then those that follow as time goes on."""
        return code(self.secret, 1)


def enrol(house: House, email: str, *roles: Role, types: tuple[str, ...] = ()) -> Member:
    """Invite and enrol a member of staff."""
    token = people.invite(
        house, email=email, roles=roles or EVERYBODY, by=None, types=types, break_glass="a second officer"
    )
    return enrol_with(house, token)


def actor_of(house: House, member: Member) -> Actor:
    """The member as the services are told of her, without a session."""
    return actor_at(house, member.email)


def actor_at(house: House, email: str) -> Actor:
    """The member of this address as the services are told of her."""
    found = people.member(house, email=email)
    return Actor(found.id, found.email, found.roles, address="192.0.2.1", training=found.training)


def officer(house: House, email: str = "oh@example.com") -> Actor:
    """An officer who has enrolled, as the services are told of her."""
    return actor_of(house, enrol(house, email, Role.privacy))


def enrol_with(house: House, token: str, secret: bytes | None = None) -> Member:
    """Enrol with this invitation. The code of the step before is used, so that this one's still serves."""
    secret = secret or second_factor.new_secret()
    typed: dict[str, Any] = {"token": token, "password": PASSWORD, "totp_secret": secret}
    try:
        enrolled = enrolment.enrol(house, **typed, code=code(secret, -1))
    except InvalidItems:  # on a busy machine the next step can begin in between
        enrolled = enrolment.enrol(house, **typed, code=code(secret, -1))
    return Member(enrolled.email, secret, enrolled.recovery_codes)


def desk_of(app: Flask, house: House, *roles: Role, types: tuple[str, ...] = ()) -> Desk:
    """Somebody with these roles, signed in, who reads English."""
    name = "-".join(role.value for role in roles)
    desk = Desk(app).carry(enrol(house, f"{name}@example.com", *roles, types=types).sign_in(house))
    desk.get("/staff/inbox?lang=en")
    return desk


class Desk:
    """A browser of one member of staff: keeps cookie and CSRF token, sends what a form would send."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.csrf = ""

    def get(self, path: str, **given: Any) -> TestResponse:
        """Look at a page."""
        return self._read(self.client.get(path, **given))

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form with the token of the page seen last."""
        return self._read(self.client.post(path, data={"csrf_token": self.csrf, **fields}))

    def carry(self, signed_in: SignedIn) -> Desk:
        """Take over a session that was begun through the services."""
        self.client.set_cookie("inquiries", urlsafe_b64encode(signed_in.token).decode().rstrip("="))
        self.get("/staff/inbox")
        return self

    def _read(self, response: TestResponse) -> TestResponse:
        found = re.search(rb'name="csrf_token" value="([^"]+)"', response.data)  # a file is no text
        if found is not None:
            self.csrf = found[1].decode()
        return response

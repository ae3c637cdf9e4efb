"""One house with everybody at her desk and an inquiry in every state; who asks for what is answered, as a whole.

It takes a month: somebody's training must lapse, and inquiries must fall due, be destroyed and be held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import time_machine
from flask import Flask
from sqlalchemy import Engine, event
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.rules.requests import Channel, Kind
from inquiries.services import (
    archive,
    fulfilment,
    grants,
    holds,
    inbox,
    mail,
    on_behalf,
    outlook,
    people,
    replies,
    retention,
    rights,
    roles,
)
from inquiries.services.house import House
from inquiries.stores.live.written_tables import outbox
from inquiries.web import guards
from tests import moments
from tests.cast import MINJI, OH, send
from tests.promises.pages import application
from tests.staff import Desk, Member, actor_at, enrol

#: Everybody who signed in: her roles, and the types that she answers (all, where there is none).
PEOPLE: dict[str, tuple[tuple[Role, ...], tuple[str, ...]]] = {
    "consultation": ((Role.consultation,), ()),
    "support": ((Role.consultation,), ("support",)),
    "recruitment": ((Role.consultation,), ("recruitment",)),
    "business": ((Role.business,), ()),
    "granted": ((Role.business,), ()),
    "privacy": ((Role.privacy,), ()),
    "support and privacy": ((Role.consultation, Role.privacy), ("support",)),
    "lapsed": ((Role.consultation,), ()),
    "lapsed granted": ((Role.business,), ()),
    "lapsed officer": ((Role.privacy,), ()),
    "revoked": ((Role.consultation, Role.privacy), ()),
}
#: Of support, but for `other`; of `granted`, those granted are so while they stand. Whatever is gone is gone.
GONE = ("due", "destroyed", "archived", "deleted", "unknown")
STATES = ("own", "other", "granted", "suspended", "held", *GONE)
UNKNOWN = 4711
#: What only who may open an inquiry is to see, also masked.
ITEMS = ("김소라", "김**", "sora@example.com", "s***@example.com", "소라상사", "제품 소개", "02-1234-5678",
         "hold of a name", "note of a name")  # fmt: skip
TODAY = moments.T0 + timedelta(days=31)


@dataclass(frozen=True)
class Answer:
    """What came back, without what differs at each request; and the statements that it took."""

    status: int
    leads_to: str
    page: str
    headers: tuple[tuple[str, str], ...]
    work: tuple[str, ...] = field(repr=False)

    @property
    def short(self) -> int | str:
        """Its status; of who must sign in, that."""
        return "sign in" if self.leads_to == "/staff/sign-in" else self.status


@dataclass
class Floor:
    """The house, its desks, and what can be asked for by number or code."""

    house: House
    app: Flask
    desks: dict[str, Desk]
    inquiries: dict[str, int]
    codes: dict[str, str]
    things: dict[str, object]

    def desk(self, person: str) -> Desk:
        """Hers; somebody who never signed in has none of her own."""
        return self.desks.get(person) or Desk(self.app)

    def rules(self) -> Iterator[tuple[str, Rule, guards.Audience]]:
        """Every way into the staff pages: "GET staff.inbox", its rule, and what its view declares."""
        for rule in self.app.url_map.iter_rules():
            declared = guards.declared(self.app.view_functions[rule.endpoint])
            if rule.endpoint.startswith("staff.") and declared is not None:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield f"{method} {rule.endpoint}", rule, declared

    def values(self, endpoint: str, **given: object) -> dict[str, object]:
        """What this page is asked by; `given` takes the place of what there is."""
        known = self.things | self.things.get(endpoint, {}) | given  # type: ignore[operator]
        return {name: known[name] for name in self._rule(endpoint).arguments}

    def _rule(self, endpoint: str) -> Rule:
        (rule,) = (one for one in self.app.url_map.iter_rules() if one.endpoint == endpoint)
        return rule

    def unknown(self, endpoint: str) -> dict[str, object]:
        """Numbers, names and tokens of nothing, in the place of those that this page is asked by."""
        arguments = self._rule(endpoint).arguments
        return {name: "unknown" if name in ("token", "type_name") else UNKNOWN for name in arguments}

    def ask(
        self, person: str, endpoint: str, fields: Mapping[str, Any] | None = None, /, **given: object
    ) -> Answer:
        """What she is answered."""
        method, _, name = endpoint.partition(" ")
        desk, values = self.desk(person), self.values(name, **given)
        path = self.app.url_map.bind("localhost").build(name, values)
        with statements() as work:
            got = desk.get(path) if method == "GET" else desk.post(path, **(fields or {}))
        return answer(got, work, path)


def answer(got: TestResponse, work: list[str], path: str) -> Answer:
    """Without tokens, and without the path that was asked for."""
    page = re.sub(r'(csrf_token|_once|draft)" value="[^"]*"', "", got.data.decode("utf-8", "replace"))
    headers = tuple(one for one in got.headers if one[0] not in ("Location", "Content-Length"))
    leads_to = got.headers.get("Location", "")
    return Answer(got.status_code, leads_to, page.replace(path, ""), headers, tuple(work))


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that any store is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM policies" not in statement:  # once a second, whatever is asked
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# -- made ready ----------------------------------------------------------------------------------


@contextmanager
def floor() -> Iterator[Floor]:
    """A month in the life of a house. Then the clock stands: what is believed for a second stays so."""
    with moments.fresh() as house:
        made = Floor(house, application(house), {}, {"unknown": UNKNOWN}, {}, {"type_name": "support"})
        made.app.config["LIMIT_SIGN_IN"] = ""
        with moments.at():
            members = _staff(house)
            _sent(made, "destroyed", "due", "held")
            _close(made, "destroyed")
        with moments.at(hours=4):
            _close(made, "due", "held")
            made.things["hold_id"] = holds.place(
                house, OH, made.inquiries["held"], reason="hold of a name", basis="civil suit 2026-17",
                until=clock.now() + timedelta(days=60),
            )  # fmt: skip
        with moments.at(days=30, hours=1):
            assert retention.sweep(house, confirm=True).destroyed
            made.things["number"] = outlook.of(house).runs[0].record
            _of_today(made, members)
        with time_machine.travel(TODAY, tick=False):
            _sit_down(made, members)
            yield made


def _staff(house: House) -> dict[str, Member]:
    members = {
        name: enrol(house, f"{n}@example.com", *held, types=types)
        for n, (name, (held, types)) in enumerate(PEOPLE.items())
    }
    for name, member in members.items():
        if not name.startswith("lapsed"):
            who = people.member(house, email=member.email).id
            roles.train(
                house, staff_id=who, on=clock.now().date(), by=None, break_glass="nobody is there yet"
            )
    return members


def _sent(made: Floor, *names: str) -> None:
    for name in names:
        kind = "recruitment" if name == "other" else "support"
        made.codes[name] = send(made.house, type=kind).receipt
        made.inquiries[name] = inbox.page(made.house, MINJI).rows[0].id


def _close(made: Floor, *names: str) -> None:
    for name in names:
        inbox.open_inquiry(made.house, MINJI, made.inquiries[name], None)
        inbox.close(made.house, MINJI, made.inquiries[name])


def _of_today(made: Floor, members: Mapping[str, Member]) -> None:
    """What needs no month: the other states, grants, and one thing of each kind that has a number of its own."""
    house, by = made.house, actor_at(made.house, members["privacy"].email)
    ids = {name: people.member(house, email=member.email).id for name, member in members.items()}
    _sent(made, "own", "other", "granted", "suspended", "archived", "deleted")
    inbox.open_inquiry(house, MINJI, made.inquiries["own"], None)
    replies.note(house, MINJI, made.inquiries["own"], "note of a name")
    common = {"until": clock.now() + timedelta(days=5), "reason": "a quote", "by": by}
    given = {
        (state, person): grants.grant(
            house, staff_id=ids[person], inquiry_id=made.inquiries[state], **common  # type: ignore[arg-type]
        )
        for state in ("granted", "suspended", "due", "deleted")
        for person in ("granted", "lapsed granted")
    }  # fmt: skip
    made.things["archive_id"] = archive.order(
        house, OH, made.inquiries["archived"], statute="contract", items=["name", "content"], reason="by law"
    )
    rights.suspend(house, made.codes["suspended"])
    rights.delete(house, made.codes["deleted"])
    assert fulfilment.carry_out(house)
    token, _ = (
        people.invite(house, email=f"{name}@example.com", roles=[Role.business], by=by, reason="new")
        for name in ("new", "newer")
    )
    made.things |= {"grant_id": given["granted", "granted"], "staff_id": ids["lapsed"], "token": token}
    made.things["staff.proof"] = {"number": made.inquiries["destroyed"]}
    made.things["staff.invite_again"] = {"staff_id": people.member(house, email="newer@example.com").id}
    with house.live.write() as live:
        given_up = mail.queue(house, live, kind=mail.Kind.replied, to="sora@example.com", language="ko")
        live.execute(outbox.update().values(state="dead"))
    made.things["mail_id"] = given_up
    phoned = on_behalf.Entry(Kind.delete, Channel.phone, evidence="a call")
    (made.things["request_id"],) = on_behalf.enter(house, OH, [made.inquiries["own"]], phoned)


def _sit_down(made: Floor, members: Mapping[str, Member]) -> None:
    """Everybody signs in, each from an address of her own; then one of them is revoked."""
    for n, (name, member) in enumerate(members.items()):
        made.desks[name] = Desk(made.app)
        made.desks[name].client.environ_base["REMOTE_ADDR"] = f"192.0.2.{n + 1}"
        made.desks[name].carry(member.sign_in(made.house))
        made.desks[name].get("/staff/account?lang=en")
    leaver = people.member(made.house, email=members["revoked"].email).id
    people.revoke(made.house, staff_id=leaver, by=None, reason="she left")
    made.desks["revoked"].get("/staff/sign-in")  # to which she is led

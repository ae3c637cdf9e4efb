"""P23: every endpoint × role × type in one table; whoever may not is answered as for what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import grants, inbox, records
from inquiries.services import people as members
from inquiries.services.house import House
from tests.cast import MINJI, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.staff import Desk, actor_at

PEOPLE: dict[str, tuple[tuple[Role, ...], tuple[str, ...]]] = {
    "consultation": ((Role.consultation,), ()),
    "consultation, support": ((Role.consultation,), ("support",)),
    "business": ((Role.business,), ()),
    "business, granted": ((Role.business,), ()),  # the inquiry of support
    "privacy": ((Role.privacy,), ()),
    "consultation and privacy": ((Role.consultation, Role.privacy), ()),
    "support and privacy": ((Role.consultation, Role.privacy), ("support",)),
}
TO_SIGN_IN = 303
#: Person → whether she answers the inquiry of support, and the one of recruitment.
DESKS = {
    "consultation": (True, True), "consultation, support": (True, False), "business": (False, False),
    "business, granted": (False, False),
    "privacy": (False, False), "consultation and privacy": (True, True), "support and privacy": (True, False),
}  # fmt: skip
OFFICERS = [name for name, (roles, _) in PEOPLE.items() if Role.privacy in roles]

#: Endpoint → person → answer for an inquiry of support, and for one of recruitment. "nobody": not signed in.
TABLE: dict[str, dict[str, tuple[int, int]]] = {
    "GET staff.inquiry": {
        "consultation": (200, 200), "consultation, support": (200, 404), "business": (404, 404),
        "business, granted": (200, 404),
        "privacy": (200, 200), "consultation and privacy": (200, 200), "support and privacy": (200, 200),
    },
    "POST staff.open_inquiry": {  # without a reason
        "consultation": (200, 200), "consultation, support": (200, 404), "business": (404, 404),
        "business, granted": (422, 404),
        "privacy": (422, 422), "consultation and privacy": (200, 200), "support and privacy": (200, 422),
    },
    "POST staff.open_inquiry with a reason": {
        "consultation": (200, 200), "consultation, support": (200, 404), "business": (404, 404),
        "business, granted": (200, 404),
        "privacy": (200, 200), "consultation and privacy": (200, 200), "support and privacy": (200, 200),
    },
    "GET staff.open_inquiry": {  # a reload leads back to the masked page, which decides
        "consultation": (302, 302), "consultation, support": (302, 302), "business": (302, 302),
        "business, granted": (302, 302),
        "privacy": (302, 302), "consultation and privacy": (302, 302), "support and privacy": (302, 302),
    },
    **{
        f"POST staff.{act}": {
            "consultation": (303, 303), "consultation, support": (303, 404), "business": (404, 404),
            "business, granted": (404, 404),
            "privacy": (404, 404), "consultation and privacy": (303, 303), "support and privacy": (303, 404),
        }
        for act in ("answered", "close", "reopen")
    },
    **{  # nothing written: refused to who may, on a page of its own; a reload leads back
        f"{method} staff.{act}": {
            name: (may, may if method == "GET" or other else 404) if own else (404, 404)
            for name, (own, other) in DESKS.items()
        }
        for act in ("reply", "note")
        for method, may in (("GET", 303), ("POST", 422))
    },
    **{
        f"{method} staff.{form}": {name: (status, status) if name in OFFICERS else (404, 404) for name in PEOPLE}
        for form in ("hold", "move", "grant")
        for method, status in (("GET", 200), ("POST", 422))  # nothing filled in
    },
}  # fmt: skip

#: Everybody's own: what she signs in with, and where she is signed in.
ACCOUNT = ("account", "password", "app", "recovery_codes", "add_passkey")

#: Endpoints that are not about one inquiry: person → answer; all others as "else".
PLAIN: dict[str, dict[str, int]] = {
    "GET staff.inbox": {"nobody": TO_SIGN_IN, "else": 200},
    **{  # of support; the POST with nothing filled in
        f"{method} staff.{name}": {
            "nobody": TO_SIGN_IN,
            "business": 404,
            "business, granted": 404,
            "else": status,
        }
        for method, name, status in (
            ("GET", "entry_types", 200),
            ("GET", "enter", 200),
            ("POST", "enter", 422),
        )
    },
    "GET staff.retention": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "GET staff.run": {"nobody": TO_SIGN_IN, "else": 404},  # no such run, nor such a hold, nor archived
    "GET staff.run_file": {"nobody": TO_SIGN_IN, "else": 404},
    "POST staff.release": {"nobody": TO_SIGN_IN, "else": 404},
    "GET staff.archive": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "GET staff.archived": {"nobody": TO_SIGN_IN, "else": 404},
    "GET staff.open_archived": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 302), "else": 404},
    "POST staff.open_archived": {"nobody": TO_SIGN_IN, "else": 404},
    "GET staff.mail": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    **{  # nothing of this number was given up
        f"POST staff.{act}": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 303), "else": 404}
        for act in ("mail_again", "mail_drop")
    },
    **{  # the POST with nothing filled in
        f"{method} staff.search": {
            "nobody": TO_SIGN_IN,
            "business": 404,
            "business, granted": 404,
            "else": status,
        }
        for method, status in (("GET", 200), ("POST", 422))
    },
    "GET staff.ledger": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "GET staff.review": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "POST staff.review": {
        "nobody": TO_SIGN_IN,
        **dict.fromkeys(OFFICERS, 303),
        "else": 404,
    },  # nothing to sign
    "GET staff.export": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "POST staff.export": {
        "nobody": TO_SIGN_IN,
        **dict.fromkeys(OFFICERS, 422),
        "else": 404,
    },  # nothing filled in
    "GET staff.restore": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "POST staff.restore": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 422), "else": 404},
    "GET staff.people": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "GET staff.invite": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "POST staff.invite": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 422), "else": 404},
    "GET staff.register": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 200), "else": 404},
    "POST staff.start_seals": {"nobody": TO_SIGN_IN, **dict.fromkeys(OFFICERS, 303), "else": 404},
    **{  # about nobody, or without a reason: before it is asked whom it is about
        f"{method} staff.{name}": {"nobody": TO_SIGN_IN, "else": 404}
        for method, name in (
            ("GET", "person"),
            ("POST", "change"),
            ("POST", "train"),
            ("POST", "invite_again"),
            ("POST", "invite_anew"),
            ("POST", "revoke"),
            ("POST", "cancel"),
        )
    },
    **{f"GET staff.{name}": {"nobody": TO_SIGN_IN, "else": 200} for name in ACCOUNT},
    **{
        f"POST staff.{name}": {"nobody": TO_SIGN_IN, "else": 422}
        for name in ("password", "app", "add_passkey")
    },
    "POST staff.recovery_codes": {"nobody": TO_SIGN_IN, "else": 200},  # new ones, shown once
    "POST staff.end_sessions": {"nobody": TO_SIGN_IN, "else": 404},  # names no session
    "POST staff.remove_passkey": {"nobody": TO_SIGN_IN, "else": 404},
    "POST staff.passkey_options": {"nobody": 400, "else": 200},
    "GET staff.home": {"else": 302},
    "GET staff.sign_in": {"nobody": 200, "else": 302},
    "POST staff.sign_in": {"nobody": 400, "else": 422},  # nothing filled in; nobody has no token either
    "GET staff.confirm": {"nobody": TO_SIGN_IN, "else": 200},
    "POST staff.confirm": {"nobody": TO_SIGN_IN, "else": 422},  # nothing filled in
    "POST staff.sign_out": {"else": 303},
    "GET staff.enrol": {"else": 404},  # no such invitation
    "POST staff.enrol": {"nobody": 400, "else": 404},
}


@dataclass
class Floor:
    """The house with everybody at her desk, and an inquiry of each of two types."""

    house: House
    app: Flask
    people: dict[str, Desk]
    inquiries: tuple[int, int]

    def ask(self, person: str, endpoint: str, inquiry_id: int = 0) -> int:
        """The status of the answer."""
        member = self.people.get(person) or Desk(self.app)
        called, _, reason = endpoint.partition(" with a ")
        method, _, name = called.partition(" ")
        unknown = dict.fromkeys(("number", "hold_id", "archive_id", "mail_id", "staff_id", "grant_id"), 4711)
        values: dict[str, object] = {
            "inquiry_id": inquiry_id,
            "token": "no-such-invitation",
            "type_name": "support",
            **unknown,
        }
        (rule,) = (one for one in self.app.url_map.iter_rules() if one.endpoint == name)
        path = self.app.url_map.bind("localhost").build(name, {one: values[one] for one in rule.arguments})
        given = {"reason": "a request of the person"} if reason else {}
        return (member.get(path) if method == "GET" else member.post(path, **given)).status_code


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    from inquiries import settings
    from inquiries.services import installation

    with at():
        house = installation.install(
            settings.load(instance=tmp_path_factory.mktemp("p23") / "instance")
        ).house
        app = application(house)
        app.config["LIMIT_SIGN_IN"] = ""
        people = {
            name: desk(app, house, f"{n}@example.com", *roles, types=types)
            for n, (name, (roles, types)) in enumerate(PEOPLE.items())
        }
        for n, one in enumerate(people.values()):  # who asks for an unknown invitation is counted by address
            one.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{n + 1}"
        send(house, type="support")
        send(house, type="recruitment")
        by_type = {row.type: row.id for row in inbox.page(house, MINJI).rows}
        addresses = {name: f"{n}@example.com" for n, name in enumerate(PEOPLE)}
        grants.grant(
            house,
            staff_id=members.member(house, email=addresses["business, granted"]).id,
            inquiry_id=by_type["support"],
            until=clock.now() + timedelta(days=1),
            reason="a quote",
            by=actor_at(house, addresses["privacy"]),
        )
        yield Floor(house, app, people, (by_type["support"], by_type["recruitment"]))
        house.close()


@pytest.mark.parametrize("endpoint", TABLE)
@pytest.mark.parametrize("person", PEOPLE)
def test_p23_each_role_and_type(floor: Floor, endpoint: str, person: str) -> None:
    with at(minutes=1):
        got = tuple(floor.ask(person, endpoint, inquiry_id) for inquiry_id in floor.inquiries)
        assert got == TABLE[endpoint][person]


@pytest.mark.parametrize("endpoint", TABLE)
def test_p23_who_is_not_signed_in_sees_nothing(floor: Floor, endpoint: str) -> None:
    with at(minutes=1):
        for inquiry_id in (*floor.inquiries, 4711):
            assert floor.ask("nobody", endpoint, inquiry_id) == TO_SIGN_IN


@pytest.mark.parametrize("endpoint", [name for name in PLAIN if name != "POST staff.sign_out"])
def test_p23_pages_about_no_inquiry(floor: Floor, endpoint: str) -> None:
    with at(minutes=1):
        for person in (*PEOPLE, "nobody"):
            expected = PLAIN[endpoint].get(person, PLAIN[endpoint]["else"])
            assert floor.ask(person, endpoint) == expected, person


def test_p23_anybody_may_sign_out_for_herself(floor: Floor) -> None:
    with at(minutes=1):
        assert floor.ask("nobody", "POST staff.sign_out") == TO_SIGN_IN
        floor.people["leaving"] = desk(floor.app, floor.house, "leaving@example.com", Role.business)
        for status in (200, TO_SIGN_IN):
            assert floor.ask("leaving", "GET staff.inbox") == status
            assert floor.ask("leaving", "POST staff.sign_out") == PLAIN["POST staff.sign_out"]["else"]
        del floor.people["leaving"]


def test_p23_the_table_is_whole(floor: Floor) -> None:
    """A new staff page that is not in the table fails here."""
    every = {
        f"{method} {rule.endpoint}"
        for rule in floor.app.url_map.iter_rules()
        if rule.endpoint.startswith("staff.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert every == {name.partition(" with a ")[0] for name in TABLE} | set(PLAIN)


def test_p23_what_is_refused_is_recorded_and_changes_nothing(floor: Floor) -> None:
    """Each refusal names who, what and which inquiry (P25)."""
    support = floor.inquiries[0]
    with at(minutes=2):
        before = [body for _, body in records.bodies(floor.house, "access")]
        state = inbox.summary(floor.house, MINJI, support).state
        for act in ("inquiry", "open_inquiry", "answered", "close", "reopen"):
            method = "GET" if act == "inquiry" else "POST"
            assert floor.ask("business", f"{method} staff.{act}", support) == 404
        after = [body for _, body in records.bodies(floor.house, "access")][len(before) :]
        assert inbox.summary(floor.house, MINJI, support).state == state
    refused = [body for body in after if body["outcome"] == "refused"]
    assert [body["act"] for body in refused] == [
        "open_inquiry", "open_inquiry", "answer_inquiry", "close_inquiry", "reopen_inquiry",
    ]  # fmt: skip
    assert {body["inquiry"] for body in refused} == {support}
    assert {body["email"] for body in refused} == {"2@example.com"}
    assert {body["from"] for body in refused} == {floor.people["business"].client.environ_base["REMOTE_ADDR"]}


def test_p23_the_list_holds_ones_own_types_alone(floor: Floor) -> None:
    with at(minutes=3):
        listed = {name: floor.people[name].get("/staff/inbox").text for name in PEOPLE}
    support, recruitment = map(str, floor.inquiries)
    assert {name: (support in text, recruitment in text) for name, text in listed.items()} == {
        "consultation": (True, True), "consultation, support": (True, False), "business": (False, False),
        "business, granted": (True, False),
        "privacy": (True, True), "consultation and privacy": (True, True), "support and privacy": (True, True),
    }  # fmt: skip


def test_p23_the_list_is_masked(floor: Floor) -> None:
    with at(minutes=3):
        text = floor.people["privacy"].get("/staff/inbox").text
    assert "김**" in text
    assert "s***@example.com" in text
    for item in ("김소라", "sora@", "02-1234", "소라상사", "제품 소개"):
        assert item not in text

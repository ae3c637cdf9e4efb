"""P23: every way into the staff pages × who asks × what stands there, in one table written by hand.

Whoever may not is answered as for what does not exist: the same status, page and headers, after the same work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from inquiries.rules.permissions import Role
from inquiries.services import inbox, records
from tests.cast import MINJI
from tests.promises.floor import GONE, ITEMS, PEOPLE, STATES, Answer, Floor, floor
from tests.promises.pages import desk

Short = int | str
Rows = Mapping[tuple[Short, ...], tuple[str, ...]]
SIGN_IN = "sign in"

STRANGERS = ("nobody", "revoked")
LAPSED = ("lapsed", "lapsed granted", "lapsed officer")
EVERYBODY = tuple(one for one in PEOPLE if one not in STRANGERS)
TRAINED = tuple(one for one in EVERYBODY if one not in LAPSED)
DESKS = ("consultation", "support", "recruitment", "support and privacy")
OFFICERS = ("privacy", "support and privacy", "lapsed officer")

#: Endpoint → answers → who is answered so; whoever is not named: 404. Of one inquiry, by its state:
#: own, other (type), granted, suspended, held (kept past its due date by a hold alone), gone (however it went).
INQUIRY: dict[str, Rows] = {
    "GET staff.inquiry": {
        (200, 200, 200, 200, 404, 404): ("consultation",),
        (200, 404, 200, 200, 404, 404): ("support",),
        (404, 200, 404, 404, 404, 404): ("recruitment",),
        (404, 404, 200, 200, 404, 404): ("granted",),
        (200, 200, 200, 200, 200, 404): ("privacy", "support and privacy"),
        (403, 403, 403, 403, 403, 403): LAPSED,
    },
    "POST staff.open_inquiry": {  # without a reason
        (200, 200, 200, 409, 404, 404): ("consultation",),
        (200, 404, 200, 409, 404, 404): ("support",),
        (404, 200, 404, 404, 404, 404): ("recruitment",),
        (404, 404, 422, 422, 404, 404): ("granted",),
        (422, 422, 422, 422, 422, 404): ("privacy",),
        (200, 422, 200, 409, 422, 404): ("support and privacy",),
        (403, 403, 403, 403, 403, 403): LAPSED,
    },
    "POST staff.open_inquiry with a reason": {
        (200, 200, 200, 409, 404, 404): ("consultation",),
        (200, 404, 200, 409, 404, 404): ("support",),
        (404, 200, 404, 404, 404, 404): ("recruitment",),
        (404, 404, 200, 409, 404, 404): ("granted",),
        (200, 200, 200, 409, 200, 404): ("privacy", "support and privacy"),
        (403, 403, 403, 403, 403, 403): LAPSED,
    },
    "GET staff.open_inquiry": {  # a reload leads back to the masked page, which decides
        (302, 302, 302, 302, 302, 302): TRAINED,
        (403, 403, 403, 403, 403, 403): LAPSED,
    },
    **{  # of what is suspended nothing is done, and that is said on the page to which it leads
        f"POST staff.{act}": {
            (303, 303, 303, 303, 404, 404): ("consultation",),
            (303, 404, 303, 303, 404, 404): ("support", "support and privacy"),
            (404, 303, 404, 404, 404, 404): ("recruitment",),
            (403, 403, 403, 403, 403, 403): ("lapsed",),
        }
        for act in ("answered", "close", "reopen")
    },
    **{  # nothing written: refused to who may, on a page of its own
        f"POST staff.{act}": {
            (422, 422, 422, 422, 404, 404): ("consultation",),
            (422, 404, 422, 422, 404, 404): ("support", "support and privacy"),
            (404, 422, 404, 404, 404, 404): ("recruitment",),
            (403, 403, 403, 403, 403, 403): ("lapsed",),
        }
        for act in ("reply", "note")
    },
    **{  # a reload leads back to the masked page, which decides
        f"GET staff.{act}": {
            (303, 303, 303, 303, 303, 303): DESKS,
            (403, 403, 403, 403, 403, 403): ("lapsed",),
        }
        for act in ("reply", "note")
    },
    "GET staff.guardian": {  # a reload leads back
        (302, 302, 302, 302, 302, 302): ("privacy", "support and privacy"),
        (403, 403, 403, 403, 403, 403): ("lapsed officer",),
    },
    "POST staff.guardian": {  # no guardian is waited for, which is said on the page to which it leads
        (303, 303, 303, 303, 303, 404): ("privacy", "support and privacy"),
        (403, 403, 403, 403, 403, 403): ("lapsed officer",),
    },
    **{
        f"GET staff.{form}": {
            (200, 200, 200, 200, 200, 404): ("privacy", "support and privacy"),
            (403, 403, 403, 403, 403, 403): ("lapsed officer",),
        }
        for form in ("hold", "move", "grant", "disclose")
    },
    **{  # nothing filled in; what is held cannot be moved
        f"POST staff.{form}": {
            (422, 422, 422, 422, held, 404): ("privacy", "support and privacy"),
            (403, 403, 403, 403, 403, 403): ("lapsed officer",),
        }
        for form, held in (("hold", 422), ("move", 409), ("grant", 422))
    },
    "POST staff.disclose": {  # of what is suspended nothing is disclosed
        (422, 422, 422, 303, 422, 404): ("privacy", "support and privacy"),
        (403, 403, 403, 403, 403, 403): ("lapsed officer",),
    },
}  # fmt: skip

#: The same of what else has a number, a name or a token: there is one, there is none.
NUMBERED: dict[str, Rows] = {
    **{f"GET staff.{name}": {(200, 404): OFFICERS} for name in ("run", "run_file", "person", "proof")},
    **{  # nothing filled in
        f"POST staff.{name}": {(422, 404): OFFICERS}
        for name in ("release", "change", "train", "invite_anew", "revoke")
    },
    **{  # no order to disclose has this number
        f"{method} staff.{name}": {(403, 403): ("lapsed officer",)}
        for method, name in (
            ("GET", "disclosure"),
            ("POST", "disclosure_approve"),
            ("POST", "disclosure_refuse"),
            ("POST", "disclosure_file"),
        )
    },
    "GET staff.disclosure_file": {
        (303, 303): ("privacy", "support and privacy"),
        (403, 403): ("lapsed officer",),
    },
    "POST staff.invite_again": {(200, 404): OFFICERS},
    "POST staff.cancel": {(422, 404): ("privacy", "support and privacy"), (403, 404): ("lapsed officer",)},
    **{  # what was given up is sent again or dropped; of another number nothing, and no more is said
        f"POST staff.{name}": {(303, 303): OFFICERS} for name in ("mail_again", "mail_drop")
    },
    "GET staff.archived": {(200, 404): ("privacy", "support and privacy"), (403, 403): ("lapsed officer",)},
    "GET staff.open_archived": {
        (302, 302): ("privacy", "support and privacy"),
        (403, 403): ("lapsed officer",),
    },
    "POST staff.open_archived": {  # without a reason
        (422, 404): ("privacy", "support and privacy"),
        (403, 403): ("lapsed officer",),
    },
    **{  # an inquiry of support, with nothing filled in; of a type that there is not
        f"{method} staff.enter": {
            (answer, 404): ("consultation", "support", "support and privacy"),
            (403, 403): ("lapsed",),
        }
        for method, answer in (("GET", 200), ("POST", 422))
    },
    **{  # one that waits until it is recorded who asks
        f"{method} staff.request{name}": {
            (answer, missing): ("privacy", "support and privacy"),
            (403, 403): ("lapsed officer",),
        }
        for method, name, answer, missing in (
            ("GET", "", 200, 404),
            ("POST", "_owner", 303, 404),
            ("POST", "_proof", 422, 404),
            ("POST", "_carry_out", 303, 404),
            ("POST", "_refuse", 422, 404),
            ("GET", "_copy", 302, 302),  # a reload leads back
            ("POST", "_copy", 303, 404),
            ("POST", "_given", 303, 404),
        )
    },
    "GET staff.enrol": {(200, 404): (*EVERYBODY, *STRANGERS)},
    "POST staff.enrol": {(422, 404): (*EVERYBODY, "revoked"), (400, 400): ("nobody",)},  # she saw no form
}

#: What is about nothing in particular; forms with nothing filled in.
PLAIN: dict[str, dict[Short, tuple[str, ...]]] = {
    "GET staff.inbox": {200: TRAINED, 403: LAPSED},
    "GET staff.entry_types": {200: DESKS, 403: ("lapsed",)},
    "GET staff.search": {200: (*DESKS, "privacy"), 403: ("lapsed", "lapsed officer")},
    "POST staff.search": {422: (*DESKS, "privacy"), 403: ("lapsed", "lapsed officer")},
    "GET staff.archive": {200: ("privacy", "support and privacy"), 403: ("lapsed officer",)},
    **{
        f"GET staff.{name}": {200: ("privacy", "support and privacy"), 403: ("lapsed officer",)}
        for name in ("requests", "requests_history")
    },
    **{
        f"{method} staff.new_request": {403: ("lapsed officer",)} for method in ("GET", "POST")
    },  # for no inquiry
    "GET staff.export": {200: ("privacy", "support and privacy"), 403: ("lapsed officer",)},
    "GET staff.provision": {200: ("privacy", "support and privacy"), 403: ("lapsed officer",)},
    "POST staff.export": {422: ("privacy", "support and privacy"), 403: ("lapsed officer",)},
    **{
        f"GET staff.{name}": {200: OFFICERS}
        for name in ("retention", "mail", "ledger", "review", "restore", "people", "invite", "register")
    },
    **{f"POST staff.{name}": {422: OFFICERS} for name in ("restore", "invite")},
    **{
        f"POST staff.{name}": {303: OFFICERS} for name in ("review", "start_seals")
    },  # nothing to sign or start
    **{  # everybody's own: what she signs in with, where she is signed in
        f"GET staff.{name}": {200: EVERYBODY}
        for name in ("account", "password", "app", "recovery_codes", "add_passkey", "confirm")
    },
    **{f"POST staff.{name}": {422: EVERYBODY} for name in ("password", "app", "add_passkey", "confirm")},
    "POST staff.recovery_codes": {200: EVERYBODY},  # new ones, shown once
    "POST staff.end_sessions": {},  # names no session
    "POST staff.remove_passkey": {},
    "POST staff.sign_out": {SIGN_IN: EVERYBODY},  # apart, below: whoever does it can ask nothing more
    "POST staff.passkey_options": {200: (*EVERYBODY, "revoked"), 400: ("nobody",)},
    "GET staff.home": {302: (*EVERYBODY, *STRANGERS)},
    "GET staff.sign_in": {200: STRANGERS, 302: EVERYBODY},
    "POST staff.sign_in": {422: (*EVERYBODY, "revoked"), 400: ("nobody",)},  # she saw no form
}

#: In the quick run these states of each inquiry, and another in turn: each pair of endpoint, person and state.
OFTEN = ("own", "other", "unknown")
SELDOM = tuple(state for state in STATES if state not in OFTEN)


@pytest.fixture(scope="module")
def here() -> Iterator[Floor]:
    with floor() as made:
        yield made


def expected(rows: Rows, person: str) -> tuple[Short, ...]:
    """What the table says; of whom it does not speak, that she may not."""
    said = [answers for answers, whom in rows.items() if person in whom]
    assert len(said) <= 1, f"{person} stands twice"
    (width,) = {len(answers) for answers in rows} or {1}
    return said[0] if said else (SIGN_IN if person in STRANGERS else 404,) * width


def alike(answers: list[Answer]) -> None:
    """Nobody can tell them apart, neither by what came back nor by the statements that it took."""
    for one in answers[1:]:
        assert one.page.splitlines() == answers[0].page.splitlines()
        assert one.work == answers[0].work, set(one.work) ^ set(answers[0].work)
        assert one == answers[0]


def states_of(endpoint: str, person: str, columns: tuple[Short, ...], *, whole: bool) -> tuple[str, ...]:
    if whole:
        return STATES
    everybody = (*PEOPLE, "nobody")
    turned = SELDOM[(list(INQUIRY).index(endpoint) + 3 * everybody.index(person)) % len(SELDOM)]
    if len(set(columns)) > 1:
        return (*OFTEN, turned)
    return (turned,) if person in STRANGERS else (turned, "unknown")


@pytest.mark.promise("P21")
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("endpoint", INQUIRY)
def test_p23_who_may_do_what_with_which_inquiry(here: Floor, endpoint: str, whole: bool) -> None:  # noqa: FBT001
    called, _, reason = endpoint.partition(" with a ")
    fields = {"reason": "a request of the person"} if reason else {}
    for person in (*PEOPLE, "nobody"):
        columns = expected(INQUIRY[endpoint], person)
        states = states_of(endpoint, person, columns, whole=whole)
        got = {state: here.ask(person, called, fields, inquiry_id=here.inquiries[state]) for state in states}
        should = {state: columns[-1] if state in GONE else columns[STATES.index(state)] for state in states}
        assert {state: one.short for state, one in got.items()} == should, person
        for refusal in (404, 403):
            alike([one for one in got.values() if one.status == refusal])


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("endpoint", NUMBERED)
def test_p23_who_may_do_what_with_what_else_has_a_number(
    here: Floor,
    endpoint: str,
    whole: bool,  # noqa: FBT001
) -> None:
    """In the quick run a third of those who may not ask, in turn, and for what there is alone."""
    _, _, name = endpoint.partition(" ")
    for turn, person in enumerate((*PEOPLE, "nobody"), list(NUMBERED).index(endpoint)):
        should = expected(NUMBERED[endpoint], person)
        if not (whole or should in NUMBERED[endpoint] or turn % 3 == 0):
            continue
        got = [here.ask(person, endpoint)]
        if whole or should in NUMBERED[endpoint]:
            got.append(here.ask(person, endpoint, **here.unknown(name)))
        assert tuple(one.short for one in got) == should[: len(got)], person
        if {one.status for one in got} == {404} and name != "staff.enter":  # which types there are is public
            alike(got)


@pytest.mark.parametrize("endpoint", [name for name in PLAIN if name != "POST staff.sign_out"])
def test_p23_who_may_see_what_is_about_no_inquiry(here: Floor, endpoint: str) -> None:
    rows: Rows = {(answer,): whom for answer, whom in PLAIN[endpoint].items()}
    for person in (*PEOPLE, "nobody"):
        assert (here.ask(person, endpoint).short,) == expected(rows, person), person


def test_p23_anybody_may_sign_out_for_herself(here: Floor) -> None:
    here.desks["leaving"] = desk(here.app, here.house, "leaving@example.com", Role.business)
    assert here.ask("leaving", "GET staff.inbox").short == 200
    for person in ("leaving", "leaving", "nobody"):
        assert here.ask(person, "POST staff.sign_out").short == SIGN_IN
        assert here.ask(person, "GET staff.inbox").short == SIGN_IN
    del here.desks["leaving"]


def test_p23_the_table_is_whole(here: Floor) -> None:
    """A new staff page that is not in the table fails here, and so does a row of a page that is no more."""
    asked_by = {endpoint: frozenset(rule.arguments) for endpoint, rule, _ in here.rules()}
    tables: dict[str, Callable[[frozenset[str]], bool]] = {
        "INQUIRY": lambda arguments: arguments == {"inquiry_id"},
        "NUMBERED": lambda arguments: bool(arguments) and "inquiry_id" not in arguments,
        "PLAIN": lambda arguments: not arguments,
    }
    for name, belongs in tables.items():
        written = {endpoint.partition(" with a ")[0] for endpoint in globals()[name]}
        assert written == {endpoint for endpoint, arguments in asked_by.items() if belongs(arguments)}, name
    rows: list[Mapping[Any, tuple[str, ...]]] = [*INQUIRY.values(), *NUMBERED.values(), *PLAIN.values()]
    named = {one for answers in rows for whom in answers.values() for one in whom}
    assert named <= {*PEOPLE, "nobody"}


def test_p23_what_is_refused_is_recorded_and_changes_nothing(here: Floor) -> None:
    """Each refusal names who, what and which inquiry (P25)."""
    own = here.inquiries["own"]
    before = [body for _, body in records.bodies(here.house, "access")]
    state = inbox.summary(here.house, MINJI, own).state
    for act in (
        "GET staff.inquiry",
        *(f"POST staff.{name}" for name in ("open_inquiry", "answered", "close", "reopen")),
    ):
        assert here.ask("business", act, inquiry_id=own).short == 404
    after = [body for _, body in records.bodies(here.house, "access")][len(before) :]
    assert inbox.summary(here.house, MINJI, own).state == state
    refused = [body for body in after if body["outcome"] == "refused"]
    assert [body["act"] for body in refused] == [
        "open_inquiry", "open_inquiry", "answer_inquiry", "close_inquiry", "reopen_inquiry",
    ]  # fmt: skip
    assert {body["inquiry"] for body in refused} == {own}
    assert {body["email"] for body in refused} == {f"{list(PEOPLE).index('business')}@example.com"}
    assert {body["from"] for body in refused} == {here.desk("business").client.environ_base["REMOTE_ADDR"]}


def test_p23_the_list_holds_what_is_ones_own_alone_and_masked(here: Floor) -> None:
    """What is suspended is listed without a word of it, and what a hold alone keeps not at all."""
    of_support = {"own", "granted", "suspended"}
    pages = {person: here.ask(person, "GET staff.inbox").page for person in PEOPLE}
    listed = {
        person: {state for state, number in here.inquiries.items() if re.search(rf"\b{number}\b", page)}
        for person, page in pages.items()
    }
    assert listed == {
        "consultation": {*of_support, "other"}, "support": of_support, "recruitment": {"other"},
        "business": set(), "granted": {"granted", "suspended"},
        "privacy": {*of_support, "other"}, "support and privacy": {*of_support, "other"},
        "lapsed": set(), "lapsed granted": set(), "lapsed officer": set(), "revoked": set(),
    }  # fmt: skip
    assert {item for item in ITEMS if item in pages["privacy"]} == {"김**", "s***@example.com"}
    assert pages["granted"].count("김**") == 1

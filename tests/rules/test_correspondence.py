"""What of the thread is shown to whom, and to which address an answer goes."""

from __future__ import annotations

import pytest

from inquiries.policy.loader import parse
from inquiries.rules.correspondence import HERS, Kind, address_of, shown_to
from inquiries.rules.permissions import ALL_TYPES, Role
from tests.policy.builders import changed, policy

ALL = {Kind.reply, Kind.answer, Kind.note}
MINJI = {Role.consultation: frozenset({"support"})}
BAE = {Role.business: frozenset[str]()}
OH = {Role.privacy: frozenset[str]()}
EVE: dict[Role, frozenset[str]] = {}


def test_her_own_page_shows_no_note() -> None:
    assert {Kind.reply, Kind.answer} == HERS


@pytest.mark.parametrize(
    ("roles", "inquiry_type", "shown"),
    [
        (MINJI, "support", ALL),
        (MINJI, "recruitment", HERS),
        ({Role.consultation: ALL_TYPES}, "recruitment", ALL),
        (BAE, "support", HERS),
        (OH, "support", ALL),
        (MINJI | OH, "recruitment", ALL),
        (EVE, "support", HERS),
    ],
)
def test_notes_are_shown_to_who_writes_them_and_to_the_officer(
    roles: dict[Role, frozenset[str]], inquiry_type: str, shown: set[Kind]
) -> None:
    assert shown_to(roles, inquiry_type) == shown


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ({}, None),
        ({"name": "김소라", "contact": "010-1234-5678"}, None),
        ({"name": "김소라", "email": "sora@example.com"}, "sora@example.com"),
        ({"second": "work@example.com"}, "work@example.com"),
        ({"second": "work@example.com", "email": "sora@example.com"}, "sora@example.com"),
    ],
)
def test_the_address_is_the_first_in_the_order_of_the_form(sent: dict[str, str], address: str | None) -> None:
    second = '[items.second]\nlabel = { ko = "다른 이메일", en = "Other e-mail" }\nkind = "email"\nmax_length = 254\n'
    with_two = parse(changed(("[items.content]", f"{second}\n[items.content]")))
    assert list(with_two.items) == [*list(policy().items)[:-1], "second", "content"]
    assert address_of(with_two, sent) == address

"""What is asked of a child, and what of her guardian; what is refused, in the very words (P07)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from inquiries.errors import FieldError, InvalidItems
from inquiries.policy.loader import parse
from inquiries.policy.model import Policy
from inquiries.rules.minors import CONTACT, NAME, NEEDED, ends, guardian_of, of
from tests.policy.builders import changed, policy

GUN = {NAME: "김건", CONTACT: "gun@example.com"}


def with_minors(*, allowed: bool = True) -> Policy:
    table = f"[minors]\nage = 15\nallowed = {str(allowed).lower()}\n"
    return parse(changed(("[items.name]", f"{table}\n[items.name]")))


def refuse(sent: Mapping[str, object], by: Policy | None = None) -> list[FieldError]:
    with pytest.raises(InvalidItems) as refused:
        guardian_of(by or with_minors(), sent)
    return list(refused.value.errors)


def test_the_fields_bear_names_that_no_item_can() -> None:
    assert (NEEDED, NAME, CONTACT) == ("guardian.needed", "guardian.name", "guardian.contact")


# -- where nobody is asked -------------------------------------------------------------------------


def test_a_policy_without_children_asks_nothing_and_takes_nothing() -> None:
    assert guardian_of(policy(), {}) == {}
    assert refuse({NEEDED: "no", CONTACT: ""}, policy()) == [
        FieldError(CONTACT, "undeclared"), FieldError(NEEDED, "undeclared")
    ]  # fmt: skip


def test_what_nobody_asked_is_named_in_part_alone() -> None:
    many: dict[str, object] = {f"{n:02}" + "x" * 39: "" for n in range(21)}
    assert refuse(many, policy()) == [FieldError(f"{n:02}" + "x" * 38, "undeclared") for n in range(20)]


# -- where she is ----------------------------------------------------------------------------------


@pytest.mark.promise("P07")
@pytest.mark.parametrize("answer", ["yes", True])
def test_of_a_child_the_guardian_is_kept(answer: object) -> None:
    assert guardian_of(with_minors(), GUN | {NEEDED: answer}) == GUN


@pytest.mark.promise("P07")
@pytest.mark.parametrize("answer", ["no", False])
def test_of_nobody_else_one_is(answer: object) -> None:
    assert guardian_of(with_minors(), {NEEDED: answer}) == {}
    assert guardian_of(with_minors(), {NEEDED: answer, NAME: "", CONTACT: ""}) == {}
    assert refuse({NEEDED: answer, CONTACT: GUN[CONTACT]}) == [FieldError(CONTACT, "not_needed")]
    assert refuse(GUN | {NEEDED: answer}) == [
        FieldError(NAME, "not_needed"),
        FieldError(CONTACT, "not_needed"),
    ]


@pytest.mark.promise("P07")
@pytest.mark.parametrize("sent", [{}, *({NEEDED: other} for other in (None, "", "YES", 1, 0, ["yes"]))])
def test_the_age_is_asked_and_any_other_answer_is_none(sent: dict[str, object]) -> None:
    assert refuse(sent) == refuse(GUN | sent) == [FieldError(NEEDED, "age_required", {"age": 15})]


@pytest.mark.promise("P07")
def test_where_no_child_may_write_none_does() -> None:
    adults = with_minors(allowed=False)
    assert refuse(GUN | {NEEDED: "yes"}, adults) == [FieldError(NEEDED, "too_young", {"age": 15})]
    assert guardian_of(adults, {NEEDED: "no"}) == {}


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (GUN | {NEEDED: "yes"}, []),
        (GUN | {NEEDED: "no"}, [FieldError(NAME, "not_needed"), FieldError(CONTACT, "not_needed")]),
        ({NEEDED: "yes"}, [FieldError(NAME, "required"), FieldError(CONTACT, "required")]),
        ({}, [FieldError(NEEDED, "age_required", {"age": 15})]),
    ],
)
def test_what_was_not_asked_is_refused_beside_every_other_fault(
    sent: dict[str, object], more: list[FieldError]
) -> None:
    assert refuse(sent | {"guardian.age" + "x" * 30: "9"}) == [
        FieldError("guardian.age" + "x" * 28, "undeclared"), *more
    ]  # fmt: skip


@pytest.mark.parametrize("contact", ["gun@example.com", "+62 812-3456-7890", "010-1234-5678"])
def test_she_is_reached_by_mail_or_by_telephone_as_it_is_dialled_at_home(contact: str) -> None:
    sent = GUN | {NEEDED: "yes", CONTACT: f" {contact} "}
    assert guardian_of(with_minors(), sent) == GUN | {CONTACT: contact}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({NAME: "\u200b"}, FieldError(NAME, "required")),
        ({NAME: 5}, FieldError(NAME, "not_text")),
        ({NAME: "김\n건"}, FieldError(NAME, "control_character")),
        ({NAME: "건" * 101}, FieldError(NAME, "too_long", {"max": 100})),
        ({CONTACT: ""}, FieldError(CONTACT, "required")),
        ({CONTACT: "next door"}, FieldError(CONTACT, "invalid_contact")),
        ({CONTACT: "x" * 255}, FieldError(CONTACT, "too_long", {"max": 254})),
        ({CONTACT: "x" * 254}, FieldError(CONTACT, "invalid_contact")),
    ],
)
def test_her_name_and_contact_are_judged_as_items_are(change: dict[str, object], fault: FieldError) -> None:
    assert refuse(GUN | {NEEDED: "yes"} | change) == [fault]


# -- until when, and what is hers ------------------------------------------------------------------


@pytest.mark.promise("P07")
def test_she_may_agree_for_five_days_of_the_calendar_there() -> None:
    received = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    assert ends(received, "Asia/Seoul") == datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
    assert ends(received, "Europe/Berlin") == datetime(2026, 4, 1, 11, 0, tzinfo=UTC)


def test_what_is_the_guardians_is_no_item() -> None:
    assert of(GUN | {"name": "김소라", "guardian": "x"}) == GUN
    assert of({"name": b"sealed"}) == {}

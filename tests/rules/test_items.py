from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from inquiries.errors import FieldError, InvalidItems, UnknownType
from inquiries.rules.items import (
    _EVERYDAY_EMAIL,
    Accepted,
    free_text,
    normal_email,
    normal_phone,
    text_or_fault,
    validate,
    validate_items,
)
from tests.policy.builders import policy

SORA = {"name": "김소라", "email": "sora@example.com", "content": "가격이 궁금합니다."}
AGREED = {"inquiry": True}


def accept(consents: Any = None, **items: Any) -> Accepted:
    return validate(policy(), "support", SORA | items, AGREED if consents is None else consents)


def refuse(consents: Any = None, **items: Any) -> tuple[FieldError, ...]:
    with pytest.raises(InvalidItems) as refused:
        accept(consents, **items)
    return refused.value.errors


def codes(consents: Any = None, **items: Any) -> dict[str, str]:
    return {error.field: error.code for error in refuse(consents, **items)}


# -- what is taken ---------------------------------------------------------------------------------


def test_declared_items_are_accepted_in_the_order_of_the_form() -> None:
    accepted = validate(
        policy(),
        "support",
        {**dict(reversed(SORA.items())), "contact": "010-1234-5678", "company": "한빛"},
        AGREED,
    )
    assert list(accepted.items) == ["name", "company", "contact", "email", "content"]
    assert accepted.consents == {"inquiry": True, "marketing": False}


def test_optional_items_may_be_absent_empty_or_blank() -> None:
    assert accept(company="", contact=" \u3000\t").items == SORA
    assert accept().items == SORA


def test_items_are_trimmed_and_composed_but_otherwise_kept_as_typed() -> None:
    jamo = unicodedata.normalize("NFD", "김소라")
    accepted = accept(name=f"  {jamo}\n", email=" Sora@Example.COM ", content="  하나\r\n둘\r셋\u2028넷\n\n")
    assert accepted.items["name"] == "김소라"
    assert accepted.items["email"] == "Sora@Example.COM"
    assert accepted.items["content"] == "하나\n둘\n셋\n넷"


@pytest.mark.parametrize(
    "text",
    [
        "tab\there",
        "😀 👩‍👩‍👧",
        "שלום\u200f",
        "XX\u200f",
        "العربية\u061c",
        "a\u00a0b",
        "한\u200b글",
        "日本語",
        "\U0001f1f0\U0001f1f7",
    ],
)
def test_what_people_really_type_is_taken(text: str) -> None:
    assert accept(content=text).items["content"] == text


def test_the_longest_content_is_taken_and_one_more_is_not() -> None:
    assert accept(content="가" * 10_000).items
    (error,) = refuse(content="가" * 10_001)
    assert (error.field, error.code, error.params) == ("content", "too_long", {"max": 10_000})


def test_the_length_is_counted_after_composing_and_trimming() -> None:
    jamo = unicodedata.normalize("NFD", "가" * 100)
    assert accept(name=jamo + " " * 50).items["name"] == "가" * 100


# -- what is not -----------------------------------------------------------------------------------


def test_every_fault_is_named_at_once_in_the_order_of_the_form() -> None:
    errors = refuse({"x": True}, name="", email="sora", content="\u202e", contact=5, department="sales")
    assert [(error.field, error.code) for error in errors] == [
        ("name", "required"),
        ("contact", "not_text"),
        ("email", "invalid_email"),
        ("content", "bidi_control"),
        ("consent.inquiry", "consent_required"),
        ("department", "undeclared"),
        ("consent.x", "undeclared"),
    ]


@pytest.mark.parametrize(
    "blank", ["", "  ", "\u3000", "\u200b", "\u3164", "\u2800\ufeff", "\u115f\u1160", "\u00ad"]
)
def test_a_required_item_with_nothing_to_see_is_missing(blank: str) -> None:
    assert codes(name=blank) == {"name": "required"}


def test_a_required_item_left_out_is_missing() -> None:
    with pytest.raises(InvalidItems) as refused:
        validate(policy(), "support", {}, AGREED)
    assert [(e.field, e.code) for e in refused.value.errors] == [
        ("name", "required"), ("email", "required"), ("content", "required")
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], ["김소라"], {"ko": "김소라"}, b"bytes"])
def test_what_is_not_text_is_refused(value: object) -> None:
    assert codes(name=value) == {"name": "not_text"}


CONTROLS = [*(chr(n) for n in range(32) if n not in (9, 10, 13)), "\x7f", "\x80", "\x85", "\x9f"]
SURROGATES = [chr(0xD800), chr(0xDFFF)]
NONCHARACTERS = ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"]


@pytest.mark.parametrize("bad", [*CONTROLS, *NONCHARACTERS, *SURROGATES])
def test_control_characters_surrogates_and_noncharacters_are_refused_everywhere(bad: str) -> None:
    assert codes(name=f"a{bad}b", content=f"a\n{bad}b") == {
        "name": "control_character",
        "content": "control_character",
    }


@pytest.mark.parametrize("bad", ["\t", "\n", "\r", "\u2028", "\u2029"])
def test_a_single_line_holds_no_tab_and_no_end_of_line(bad: str) -> None:
    assert codes(name=f"김{bad}소라", email=f"sora{bad}@example.com") == {
        "name": "control_character",
        "email": "control_character",
    }


@pytest.mark.parametrize("bad", [chr(n) for n in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))])
def test_bidirectional_overrides_are_refused(bad: str) -> None:
    assert codes(name=f"a{bad}b", content=f"a{bad}b") == {"name": "bidi_control", "content": "bidi_control"}


def test_undeclared_fields_are_named_safely_and_not_without_end() -> None:
    assert codes(**{"\u202e<b>\x00\n" + "x" * 100: "1"}) == {
        "\ufffd<b>\ufffd\ufffd" + "x" * 34: "undeclared",
    }
    assert len(refuse(**{f"field{n}": "1" for n in range(500)})) == 20


def test_an_item_of_another_type_is_undeclared() -> None:
    with pytest.raises(InvalidItems, match="name: undeclared"):
        validate(policy("clunix"), "newsletter", {"email": "sora@example.com", "name": "김소라"}, AGREED)


def test_an_unknown_type_is_unknown() -> None:
    with pytest.raises(UnknownType, match="complaint"):
        validate(policy(), "complaint", SORA, AGREED)


# -- a correction ----------------------------------------------------------------------------------


@pytest.mark.promise("P17")
def test_a_correction_is_judged_as_the_whole_of_the_items() -> None:
    corrected = validate_items(policy(), "support", {**SORA, "name": " 김소라 ", "contact": "010-1234-5678"})
    assert list(corrected.items()) == [
        ("name", "김소라"), ("contact", "010-1234-5678"), *list(SORA.items())[1:]
    ]  # fmt: skip


@pytest.mark.promise("P17")
def test_every_fault_of_a_correction_is_named_at_once() -> None:
    with pytest.raises(InvalidItems) as refused:
        validate_items(policy(), "support", SORA | {"name": "", "contact": "call me", "x": "1"})
    assert refused.value.errors == (
        FieldError("name", "required"), FieldError("contact", "invalid_phone"), FieldError("x", "undeclared")
    )  # fmt: skip


def test_a_correction_of_an_unknown_type_is_unknown() -> None:
    with pytest.raises(UnknownType, match=r"^complaint$"):
        validate_items(policy(), "complaint", SORA)


# -- texts that are no items -----------------------------------------------------------------------


def test_a_free_text_is_kept_as_a_long_item_would_be() -> None:
    assert free_text("reason", "  하나\r\n\t둘 ", 5) == "하나\n\t둘"


TEXT_FAULTS = [
    (5, FieldError("reason", "not_text")),
    ("\u200b", FieldError("reason", "required")),
    ("a\x00", FieldError("reason", "control_character")),
    ("가" * 6, FieldError("reason", "too_long", {"max": 5})),
]


@pytest.mark.parametrize(("value", "fault"), TEXT_FAULTS)
def test_a_free_text_that_is_none_is_refused(value: object, fault: FieldError) -> None:
    with pytest.raises(InvalidItems) as refused:
        free_text("reason", value, 5)
    assert refused.value.errors == (fault,)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(("value", "fault"), TEXT_FAULTS)
def test_among_other_fields_it_is_one_fault_more(value: object, fault: FieldError) -> None:
    before = FieldError("who", "required")
    faults = [before]
    assert text_or_fault(faults, "reason", value, 5) == ""
    assert faults == [before, fault]


def test_a_text_of_a_form_is_long_unless_it_is_said_to_be_a_line() -> None:
    faults: list[FieldError] = []
    assert text_or_fault(faults, "reason", "a\nb", 5) == "a\nb"
    assert text_or_fault(faults, "reason", "a b", 5, long=False) == "a b"
    assert not faults
    assert text_or_fault(faults, "reason", "a\nb", 5, long=False) == ""
    assert faults == [FieldError("reason", "control_character")]


# -- consents --------------------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, "yes"])
def test_yes_is_true_or_the_word_of_the_form(yes: object) -> None:
    assert accept({"inquiry": yes, "marketing": yes}).consents == {"inquiry": True, "marketing": True}


@pytest.mark.parametrize("consents", [{}, {"inquiry": False}])
def test_the_required_consent_is_required(consents: dict[str, Any]) -> None:
    assert codes(consents) == {"consent.inquiry": "consent_required"}


@pytest.mark.promise("P03")
@pytest.mark.parametrize("consents", [AGREED, AGREED | {"marketing": False}])
def test_the_optional_consent_is_no_condition(consents: dict[str, Any]) -> None:
    assert accept(consents).consents == {"inquiry": True, "marketing": False}


@pytest.mark.parametrize("answer", [1, 0, "on", "no", "", "YES", None, [], ["yes"], {}])
def test_any_other_answer_is_none(answer: object) -> None:
    assert codes({"inquiry": True, "marketing": answer}) == {"consent.marketing": "consent_invalid"}
    assert codes({"inquiry": answer}) == {"consent.inquiry": "consent_invalid"}


# -- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("sora@example.com", "sora@example.com"),
        ("Sora.Kim+news@Example.COM", "sora.kim+news@example.com"),
        ("소라@예시.한국", "소라@예시.한국"),
        ("o'hara@example.co.kr", "o'hara@example.co.kr"),
        ("sora@xn--9n2bp8q.xn--3e0b707e", "sora@예시.한국"),
    ],
)
def test_an_address_and_the_spelling_it_is_found_under(typed: str, normal: str) -> None:
    if "xn--" in typed:
        normal = str(validate_email(typed, check_deliverability=False).normalized).lower()
    assert normal_email(typed) == normal
    assert accept(email=typed).items


@pytest.mark.parametrize(
    "typed",
    ["sora", "sora@", "@example.com", "a@b", "a@b..com", "a..b@example.com", ".a@example.com", "a@-b.com",
     "a b@example.com", "a@example.com, b@example.com", "Sora <sora@example.com>", "a@localhost", "a@x.test",
     "a@example.com?subject=x", "a@[127.0.0.1]", "x" * 65 + "@example.com", "a@" + "b" * 64 + ".com",
     "a@" + "b." * 126 + "com", '"a b"@example.com'],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    assert normal_email(typed) is None
    assert "email" in codes(email=typed)


atoms = st.text(st.sampled_from("abZ09_+-.xn"), min_size=1, max_size=66)
domains = st.lists(
    st.one_of(
        st.text(st.sampled_from("abZ09-xn"), min_size=1, max_size=64),
        st.sampled_from(["com", "co", "kr", "test", "local", "xn--3e0b707e", "COM", "arpa", "c1"]),
    ),
    min_size=1,
    max_size=4,
)


@given(atoms, domains)
@example("a", ["ab--cd", "com"])
@example("a", ["1", "com"])
@example("a", ["sora", "home", "arpa"])
@example("a" * 64, ["b" * 63, "com"])
def test_the_everyday_form_agrees_with_email_validator(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}"
    try:
        expected = validate_email(address, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        expected = None
    assert normal_email(address) == expected


def test_the_everyday_form_is_taken_by_everyday_addresses() -> None:
    assert _EVERYDAY_EMAIL.fullmatch("sora.kim+news@mail.example.co.kr")


# -- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "region", "normal"),
    [
        ("010-1234-5678", "KR", "+821012345678"),
        ("010 1234 5678", "KR", "+821012345678"),
        ("01012345678", "KR", "+821012345678"),
        ("+82 10-1234-5678", "KR", "+821012345678"),
        ("+82 (0)10 1234 5678", "KR", "+821012345678"),
        ("(02) 123-4567", "KR", "+8221234567"),
        ("02-123-4567 ext. 3", "KR", "+8221234567"),
        ("02-123-4567 EXT. 3", "KR", "+8221234567"),
        ("031.123.4567", "KR", "+82311234567"),
        ("1588-1234", "KR", "+8215881234"),
        ("\uff10\uff11\uff10-1234-5678", "KR", "+821012345678"),
        ("+62 812-3456-7890", "KR", "+6281234567890"),
        ("0812-3456-7890", "ID", "+6281234567890"),
        ("+49 30 123456", None, "+4930123456"),
    ],
)
def test_a_number_and_the_spelling_it_is_found_under(typed: str, region: str | None, normal: str) -> None:
    assert normal_phone(typed, region) == normal


@pytest.mark.parametrize(
    "typed",
    ["", "112", "1234", "전화 주세요", "call 010-1234-5678", "010-1234-5678 evenings", "010-1234-56789012345",
     "++82 10 1234 5678", "tel:010-1234-5678", "010-1234-5678;ext=1;x=<b>", "-", "(", "+"],
)  # fmt: skip
def test_what_is_no_number_is_refused(typed: str) -> None:
    assert normal_phone(typed, "KR") is None
    if typed:
        assert codes(contact=typed) == {"contact": "invalid_phone"}


def test_a_korean_mobile_number_is_korean_only_where_korea_is_home() -> None:
    assert normal_phone("010-1234-5678", "ID") != "+821012345678"
    assert normal_phone("010-1234-5678", None) is None


def test_without_a_region_a_number_needs_its_country_code() -> None:
    assert normal_phone("030 123456", None) is None


@given(st.from_regex(r"010[- ]?[0-9]{4}[- ]?[0-9]{4}", fullmatch=True))
def test_a_korean_mobile_number_agrees_with_phonenumbers(typed: str) -> None:
    parsed = phonenumbers.parse(typed, "KR")
    assert phonenumbers.is_possible_number(parsed)
    expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    assert normal_phone(typed, "KR") == expected


# -- whatever comes --------------------------------------------------------------------------------

anything = st.one_of(
    st.text(st.characters(), max_size=60),
    st.none(),
    st.integers(),
    st.booleans(),
    st.lists(st.text(), max_size=2),
)


@given(
    st.dictionaries(
        st.one_of(st.sampled_from([*SORA, "contact", "company"]), st.text()), anything, max_size=6
    ),
    st.dictionaries(st.one_of(st.sampled_from(["inquiry", "marketing"]), st.text()), anything, max_size=3),
)
def test_whatever_comes_is_accepted_whole_or_refused_with_every_field(
    items: dict[str, object], consents: dict[str, object]
) -> None:
    try:
        accepted: Mapping[str, str] = validate(policy(), "support", items, consents).items
        errors: tuple[FieldError, ...] = ()
    except InvalidItems as refused:
        accepted, errors = {}, refused.errors
    assert bool(accepted) is not bool(errors)
    assert all(error.field.isprintable() and len(error.field) <= 48 for error in errors)
    for text in accepted.values():
        assert text == unicodedata.normalize("NFC", text).strip()
        assert text.encode()
        assert "\x00" not in text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_accepting_again_what_was_accepted_changes_nothing(text: str) -> None:
    try:
        once = accept(content=text).items["content"]
    except InvalidItems:
        return
    assert accept(content=once).items["content"] == once

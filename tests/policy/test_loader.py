from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from inquiries.errors import PolicyRefused
from inquiries.policy.loader import load, parse
from tests.policy.builders import POLICIES, changed, only_problem, policy, refusal, source


def test_a_file_is_loaded_with_its_text_and_digest() -> None:
    loaded = load(POLICIES / "default.toml")
    assert loaded.policy == policy()
    assert loaded.source == source()
    assert loaded.digest == sha256((POLICIES / "default.toml").read_bytes()).digest()


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes("controller = '예시'".encode("euc-kr"))
    with pytest.raises(PolicyRefused, match="not text in UTF-8"):
        load(file)


def test_what_is_not_toml_names_the_line() -> None:
    problem = only_problem("controller = \n")
    assert problem.path == "file"
    assert "line 1" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "path", "message", "promise"),
    [
        (
            'email = "privacy@example.com"\n',
            "",
            "officer.email",
            "is missing: people must know whom to ask",
            "P38",
        ),
        ('period = "1 year"\n', "", "types.introduction.period", "is missing: each inquiry type says", "P08"),
        ('period = "1 year"\n', "period = 365\n", "types.introduction.period", "must be a period", "P08"),
        (
            'period = "1 year"\n',
            'period = "0 days"\n',
            "types.introduction.period",
            "at least one day",
            "P08",
        ),
        (
            'period = "1 year"\n',
            'perod = "1 year"\n',
            "types.introduction.perod",
            'is "period" meant?',
            "P03",
        ),
        (
            '"1 year"\nafter_closing = "30 days"',
            '"1 year"\nafter_closing = "until withdrawn"',
            "types.introduction.after_closing",
            "an end of its own",
            "P09",
        ),
        ('period = "3 months"', 'period = "until withdrawn"', "visitor.period", "an end of its own", "P04"),
        (
            'items = ["address", "user_agent"]',
            'items = ["fingerprint"]',
            "visitor.items[0]",
            "'address'",
            "P04",
        ),
        ("required = true", 'required = "yes"', "purposes.inquiry.required", "must be true or false", "P03"),
        ('languages = ["ko", "en"]', 'languages = "ko"', "languages", "in square brackets", "P03"),
        ('languages = ["ko", "en"]', "languages = []", "languages", "must not be empty", "P03"),
        ('languages = ["ko", "en"]', 'languages = ["korean"]', "languages[0]", "two small letters", "P03"),
        ("max_length = 10000", "max_length = 10001", "items.content.max_length", "at most 10000", "P01"),
        ("max_length = 100\n", 'max_length = "100"\n', "items.name.max_length", "a whole number", "P01"),
        ("max_length = 100\n", "max_length = 0\n", "items.name.max_length", "at least 1", "P01"),
        ('"Asia/Seoul"', '"Seoul"', "time_zone", "IANA", "P08"),
        ('"Asia/Seoul"', '"../../etc/passwd"', "time_zone", "IANA", "P08"),
        (
            'jurisdiction = "KR"',
            'jurisdiction = "US"',
            "jurisdiction",
            "must be one of: 'KR', 'EU' or 'ID'",
            None,
        ),
        ('"privacy@example.com"', '"privacy"', "officer.email", "must be an e-mail address", "P38"),
        (
            '{ ko = "예시 주식회사", en = "Example Company" }',
            '"Example"',
            "controller",
            "must be a table",
            None,
        ),
        ('ko = "예시 주식회사"', 'ko = ""', "controller.ko", "must not be empty", None),
        ("[items.name]", "[items.Name]", "items.Name", "small letters", "P01"),
        ("https://www.kopico.go.kr", "javascript:alert(1)", "dispute_bodies[0].url", "https://", "P38"),
        (
            'phone = "118"',
            "phone = 118",
            "dispute_bodies[1].phone",
            "must be text, in quotation marks",
            "P38",
        ),
        ('review = "1 month"', 'review = "0 days"', "records.review", "at least one day", "P26"),
        ("opens_in_hour = 30", "opens_in_hour = 0", "records.unusual.opens_in_hour", "at least 1", "P25"),
        ("opens_in_day = 100", "opens_in_day = 2001", "records.unusual.opens_in_day", "at most 2000", "P25"),
        ('"22:00"', '"24:00"', "records.unusual.night_from", "a time of day", "P25"),
        ('"22:00"', "22", "records.unusual.night_from", "a time of day", "P25"),
        ('"1833-6972"', '"tel:<b>"', "dispute_bodies[0].phone", "must be a telephone number", "P38"),
    ],
)
def test_a_fault_of_shape_is_said_in_plain_words(
    old: str, new: str, path: str, message: str, promise: str | None
) -> None:
    problem = refusal(changed((old, new)))[0]
    assert problem.path == path
    assert message in problem.message
    assert problem.promise == promise


def test_no_message_speaks_pydantic_or_repeats_a_value() -> None:
    text = changed(
        ('email = "privacy@example.com"', 'email = "canary"'),
        ('period = "1 year"', 'period = "canary"'),
        ('kind = "text"', 'kind = "canary"'),
        ("max_length = 200", 'max_length = "canary"'),
        ('"Asia/Seoul"', '"canary"'),
    )
    problems = refusal(text)
    assert len(problems) == 5
    for problem in problems:
        assert "canary" not in problem.message
        assert "Input should" not in problem.message
        assert "valid" not in problem.message


def test_every_problem_is_named_at_once_in_the_order_of_the_file() -> None:
    text = changed(
        ('access = "2 years"', 'access = "6 months"'),
        ('required = ["name", "email", "content"]', 'required = ["name", "mail", "content"]'),
        ('items = ["name", "email"]', 'items = ["nickname"]'),
        ('en = "Example Company"', 'id = "Contoh"'),
    )
    assert [problem.path for problem in refusal(text)] == [
        "controller",
        "types.introduction.required[1]",
        "purposes.marketing.items[0]",
        "records.access",
    ]


def test_an_empty_file_names_all_that_it_lacks() -> None:
    assert [problem.path for problem in refusal("")] == [
        "controller", "jurisdiction", "time_zone", "languages", "officer", "items", "types", "purposes"
    ]  # fmt: skip


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        policy().time_zone = "UTC"  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy().types["other"] = policy().types["support"]  # type: ignore[index]
    with pytest.raises(TypeError):
        policy().controller.root["ko"] = "다른 회사"  # type: ignore[index]


def test_the_form_has_the_order_of_the_policy() -> None:
    support = policy().types["support"]
    assert support.items == ("name", "company", "contact", "email", "content")
    assert support.purposes == ("inquiry", "marketing")


def test_the_required_purpose_comes_first_wherever_it_stands() -> None:
    text = changed(("[purposes.inquiry]", "[purposes.later]"))
    head, inquiry = text.split("[purposes.later]")
    inquiry, rest = inquiry.split("[purposes.marketing]")
    moved = f"{head}[purposes.marketing]{rest}\n[purposes.inquiry]{inquiry}"
    assert parse(moved).types["support"].purposes == ("inquiry", "marketing")


def test_an_optional_purpose_is_offered_only_where_its_items_are_asked() -> None:
    text = changed(('required = ["name", "email", "content"]', 'required = ["email", "content"]'))
    changed_policy = parse(text)
    assert changed_policy.types["introduction"].purposes == ("inquiry",)
    assert changed_policy.types["support"].purposes == ("inquiry", "marketing")


def test_a_text_falls_back_to_the_language_written_first() -> None:
    label = policy().items["name"].label
    assert (label.text("en"), label.text("ko"), label.text("id")) == ("Name", "이름", "이름")


def test_a_language_falls_back_to_the_one_listed_first() -> None:
    assert [policy().language(wanted) for wanted in ("en", "fr", None)] == ["en", "ko", "ko"]

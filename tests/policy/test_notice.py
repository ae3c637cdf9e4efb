from __future__ import annotations

from hashlib import sha256
from string import Formatter

import pytest

from inquiries.errors import UnknownType
from inquiries.policy import notice
from inquiries.policy.loader import parse
from inquiries.policy.wording import LANGUAGES, phrases
from tests.policy.builders import changed, policy, source
from tests.policy.test_floors import PROCESSOR, RECIPIENT

EVERY = [
    (name, kind, language)
    for name in ("default", "jne-works", "clunix")
    for kind in policy(name).types
    for language in policy(name).languages
]


def value(made: notice.Notice, key: str) -> tuple[str, ...]:
    return next(row.lines for row in made.rows if row.key == key)


@pytest.mark.parametrize(("name", "kind", "language"), EVERY)
def test_a_notice_has_the_four_rows_of_the_law_each_with_words(name: str, kind: str, language: str) -> None:
    made = notice.make(policy(name), kind, language)
    tables = [made.rows, *(consent.rows for consent in made.consents if not consent.required)]
    for rows in tables:
        assert [row.key for row in rows] == ["purpose", "items", "period", "refusal"]
        assert all(row.label and row.value for row in rows)
    assert [consent.required for consent in made.consents] == sorted(
        (consent.required for consent in made.consents), reverse=True
    )
    assert "{" not in made.text


@pytest.mark.parametrize(("name", "kind", "language"), EVERY)
def test_the_text_holds_all_that_is_shown_and_the_digest_is_its_own(
    name: str, kind: str, language: str
) -> None:
    made = notice.make(policy(name), kind, language)
    assert made.digest == sha256(made.text.encode()).digest()
    assert made.title in made.text
    for consent in made.consents:
        assert consent.label in made.text
        assert all(row.label in made.text and row.value in made.text for row in consent.rows)
    assert all(row.label in made.text and row.value in made.text for row in made.rows)
    assert made == notice.make(policy(name), kind, language)


def test_the_korean_notice() -> None:
    made = notice.make(policy(), "introduction", "ko")
    assert made.title == "개인정보 수집·이용 안내: 도입 문의"
    assert [row.label for row in made.rows] == [
        "수집·이용 목적", "수집하는 항목", "보유·이용 기간", "동의를 거부할 권리와 불이익"
    ]  # fmt: skip
    assert value(made, "items") == (
        "필수: 이름, 이메일, 문의 내용",
        "선택: 회사명, 연락처",
        "자동 수집: 접속 IP 주소, 브라우저 정보",
    )
    assert value(made, "period") == (
        "접수일부터 1년",
        "문의 처리가 먼저 끝나면 종결일부터 30일 뒤에 파기합니다.",
        "다른 법령이 보존을 정한 경우에는 그 기간 동안 따로 보관합니다.",
        "자동 수집 항목: 접수일부터 3개월",
    )
    inquiry, marketing = made.consents
    assert (inquiry.purpose, inquiry.required, inquiry.rows) == ("inquiry", True, ())
    assert inquiry.label.startswith("(필수) ")
    assert (marketing.purpose, marketing.required) == ("marketing", False)
    assert marketing.label.startswith("(선택) ")
    assert [row.value for row in marketing.rows][1:3] == ["이름, 이메일", "동의일부터 6개월"]


def test_the_visitor_s_data_is_disclosed_with_purpose_items_and_period() -> None:
    made = notice.make(policy(), "support", "en")
    assert "Items collected automatically: Preventing and examining abuse" in value(made, "purpose")
    assert "Collected automatically: IP address, browser information" in value(made, "items")
    assert "Items collected automatically: 3 months from receipt" in value(made, "period")


def test_without_visitor_s_data_none_is_mentioned() -> None:
    made = notice.make(policy("clunix"), "support", "en")
    assert "automatically" not in made.text


def test_a_newsletter_is_kept_until_consent_is_withdrawn() -> None:
    assert value(notice.make(policy("clunix"), "newsletter", "ko"), "period")[0] == "동의를 철회하실 때까지"
    assert (
        value(notice.make(policy("clunix"), "newsletter", "en"), "period")[0]
        == "Until you withdraw your consent"
    )


def test_destroyed_at_closing_is_said_to_be_without_delay() -> None:
    text = changed(('after_closing = "30 days"', 'after_closing = "0 days"'))
    made = notice.make(parse(text), "introduction", "en")
    assert "If your inquiry is closed earlier, destroyed without delay." in value(made, "period")


def test_a_minimum_is_said() -> None:
    text = changed(('languages = ["ko", "en"]', 'languages = ["ko", "en"]\nminimum = "1 year"'))
    made = notice.make(parse(text), "introduction", "en")
    assert "Kept for at least 1 year from receipt, for legal proceedings." in value(made, "period")
    assert "closed earlier" not in " ".join(value(made, "period"))  # the whole year is the minimum


def test_what_closing_does_is_said_beside_a_shorter_minimum() -> None:
    text = changed(('languages = ["ko", "en"]', 'languages = ["ko", "en"]\nminimum = "6 months"'))
    made = notice.make(parse(text), "introduction", "en")
    said = " ".join(value(made, "period"))
    assert "closed earlier, destroyed 30 days after closing" in said
    assert "Kept for at least 6 months from receipt" in said


def test_an_unknown_type_has_no_notice_and_an_unknown_language_the_first() -> None:
    with pytest.raises(UnknownType):
        notice.make(policy(), "complaint", "ko")
    assert notice.make(policy(), "support", "fr") == notice.make(policy(), "support", "ko")


@pytest.mark.parametrize("name", ["default", "jne-works", "clunix"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_notice_says_everything_once(name: str, language: str) -> None:
    sections = notice.full(policy(name), language)
    ids = [section.id for section in sections]
    assert len(ids) == len(set(ids))
    assert {
        "purposes",
        "visitor",
        "destruction",
        "rights",
        "safety",
        "officer",
        "disputes",
        "changes",
    } <= set(ids)
    for section in sections:
        assert section.heading
        assert all(section.paragraphs)
        assert "{" not in "".join(section.paragraphs)
        if section.table:
            widths = {len(row) for row in section.table.rows}
            assert widths == {len(section.table.headers)}


def test_the_whole_notice_names_officer_deputy_and_bodies() -> None:
    tables = {section.id: section.table for section in notice.full(policy("clunix"), "en")}
    officers, bodies = tables["officer"], tables["disputes"]
    assert officers is not None
    assert bodies is not None
    assert [row[1] for row in officers.rows] == ["privacy@clunix.example.com", "business@clunix.example.com"]
    assert len(bodies.rows) == 2


def test_the_whole_notice_names_processors_recipients_and_their_basis() -> None:
    abroad = PROCESSOR.replace('"KR"', '"US"') + 'transfer_basis = "contract"\n' + RECIPIENT
    tables = {section.id: section.table for section in notice.full(parse(source() + abroad), "en")}
    processors, recipients = tables["processors"], tables["provision"]
    assert processors is not None
    assert recipients is not None
    assert processors.rows == (
        ("Mail company (US)", "Sending mail", "agreement\ntransfer abroad: necessary for a contract"),
    )
    assert recipients.rows == (("Partner (KR)", "Consulting", "Name", "1 year", "consent"),)
    authorities = tables["authorities"]
    assert authorities is not None
    assert [row[0] for row in authorities.rows] == ["Courts", "Investigative agencies"]


def test_a_consent_to_a_provision_says_beforehand_to_whom() -> None:
    """PIPA 17(2): recipient, purpose, items, period there, and the right to refuse."""
    given = notice.make(parse(source() + RECIPIENT), "support", "en")
    (marketing,) = (one for one in given.consents if one.purpose == "marketing")
    assert marketing.rows[-1].value == "Partner (KR): Consulting. Items: Name. Kept there for 1 year."
    assert marketing.rows[-1].value in given.text


def test_every_phrase_stands_in_every_language_with_the_same_figures() -> None:
    def figures(language: str) -> dict[str, set[str | None]]:
        return {
            name: {field for _, field, _, _ in Formatter().parse(said)} - {None}
            for name, said in phrases(language).items()
        }

    for language in LANGUAGES:
        assert figures(language) == figures("en")

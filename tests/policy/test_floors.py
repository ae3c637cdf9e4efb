"""A test per floor: a policy that goes below it is refused with the key path, the reason and the promise."""

from __future__ import annotations

import pytest

from inquiries.policy.loader import parse
from tests.policy.builders import changed, only_problem, refusal, source

PROCESSOR = """
[processors.mail]
name = { ko = "메일 회사", en = "Mail company" }
work = { ko = "메일 발송", en = "Sending mail" }
country = "KR"
contract_terms = ["purpose_only", "safeguards", "sub_processing", "damages"]
"""

RECIPIENT = """
[recipients.partner]
name = { ko = "협력사", en = "Partner" }
purpose = { ko = "상담", en = "Consulting" }
items = ["name"]
period = "1 year"
country = "KR"
basis = "consent"
consent = "marketing"
"""

PERIOD = 'period = "1 year"\nafter_closing = "30 days"'


@pytest.mark.parametrize(
    ("old", "new", "path", "reason", "promise"),
    [
        # the parameters of the ledger and of the deadlines
        ('access = "2 years"', 'access = "11 months"', "records.access", "at least 1 year", "P25"),
        ('access = "2 years"', 'access = "365 days"', "records.access", "at least 1 year", "P25"),
        ('rights = "3 years"', 'rights = "2 years"', "records.rights", "at least 3 years", "P24"),
        ('review = "1 month"', 'review = "4 months"', "records.review", "at most 3 months", "P26"),
        ('night_until = "06:00"', 'night_until = "22:00"',
         "records.unusual.night_until", "another time", "P25"),
        ('destruction = "5 days"', 'destruction = "6 days"', "deadlines.destruction", "most 5 days", "P10"),
        ('destruction = "5 days"', 'destruction = "4 days"',
         "deadlines.destruction", "must be at least 5 days: sweep, rotation", "P10"),
        ('destruction = "5 days"', 'destruction = "0 days"', "deadlines.destruction", "least 5 days", "P10"),
        ('requests = "10 days"', 'requests = "11 days"', "deadlines.requests", "at most 10 days", "P22"),
        ('breach = "3 days"', 'breach = "4 days"', "deadlines.breach", "at most 3 days", None),
        ('significant_changes = "30 days"', 'significant_changes = "6 days"',
         "deadlines.significant_changes", "at least 7 days", "P37"),
        ('training = "12 months"', 'training = "13 months"', "plan.training", "at most 1 year", "P27"),
        ('newcomers = "30 days"', 'newcomers = "31 days"', "plan.newcomers", "at most 30 days", "P27"),
        # what is collected
        ('required = ["name", "email", "content"]', "required = []",
         "types.introduction.required", "at least one item", "P01"),
        ('optional = ["company", "contact"]', 'optional = ["company", "department"]',
         "types.introduction.optional[1]", '"department" is no item', "P01"),
        ('optional = ["company", "contact"]', 'optional = ["company", "company"]',
         "types.introduction.optional[1]", "named twice", "P01"),
        ('optional = ["company", "contact"]', 'optional = ["name"]',
         "types.introduction.optional[0]", "required already", "P03"),
        ('items = ["address", "user_agent"]', 'items = ["address", "address"]',
         "visitor.items", "once", "P04"),
        ("[items.company]", "[items.language]", "items.language", "another name", "P01"),
        # consent
        ("required = true", "required = false", "purposes", "exactly one", "P03"),
        ('required = false\nitems = ["name", "email"]', "required = false\nitems = []",
         "purposes.marketing.items", "names the items", "P03"),
        ('refusal.ko = "동의를 거부하셔도', "#", "purposes.marketing.refusal", '"ko"', "P03"),
        ("[purposes.marketing]", "[purposes.visitor]", "purposes.visitor", "another name", "P02"),
        ('items = ["name", "email"]\nperiod = "6 months"', 'items = ["name", "email"]',
         "purposes.marketing.period", "period of its own", "P16"),
        ("required = true", 'required = true\nperiod = "1 year"',
         "purposes.inquiry.period", "each inquiry", "P03"),
        ('languages = ["ko", "en"]', 'languages = ["ko", "en", "en"]', "languages[2]", "twice", "P03"),
        # keeping
        (PERIOD, 'period = "20 days"\nafter_closing = "30 days"',
         "types.introduction.after_closing", "not be longer than the period, 20 days", "P09"),
        ('languages = ["ko", "en"]', 'languages = ["ko", "en"]\nminimum = "5 years"',
         "types.introduction.period", "minimum, 5 years", "P14"),
        # who answers for it
        ('phone = "118"\nurl = "https://privacy.kisa.or.kr"', "",
         "dispute_bodies[1]", "a phone or a url", "P38"),
        ('jurisdiction = "KR"', 'jurisdiction = "KR"\ncountry = "US"', "country", 'must be "KR"', "P36"),
        ('jurisdiction = "KR"', 'jurisdiction = "EU"', "country", "the EEA", "P36"),
    ],
)  # fmt: skip
def test_a_policy_below_a_floor_is_refused(
    old: str, new: str, path: str, reason: str, promise: str | None
) -> None:
    problem = refusal(changed((old, new)))[0]
    assert problem.path == path
    assert reason in problem.message
    assert problem.promise == promise


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('access = "2 years"', 'access = "12 months"'),
        ('access = "2 years"', 'access = "366 days"'),
        ('rights = "3 years"', 'rights = "36 months"'),
        ('destruction = "5 days"', 'destruction = "5 days"'),
        (PERIOD, 'period = "30 days"\nafter_closing = "30 days"'),
        (PERIOD, 'period = "1 year"\nafter_closing = "0 days"'),
        (PERIOD, 'period = "until withdrawn"'),
        ('languages = ["ko", "en"]', 'languages = ["ko", "en"]\nminimum = "1 year"'),
        ('jurisdiction = "KR"', 'jurisdiction = "EU"\ncountry = "DE"'),
    ],
)
def test_a_policy_on_its_floors_is_accepted(old: str, new: str) -> None:
    parse(changed((old, new)))


def test_korean_law_wants_dispute_bodies() -> None:
    head, rest = source().split("[[dispute_bodies]]", 1)
    items = rest[rest.index("[items.name]") :]
    problem = only_problem(head + items)
    assert (problem.path, problem.promise) == ("dispute_bodies", "P38")
    parse((head + items).replace('jurisdiction = "KR"', 'jurisdiction = "EU"\ncountry = "DE"'))


def test_indonesia_wants_requests_answered_within_72_hours() -> None:
    indonesian = ('jurisdiction = "KR"', 'jurisdiction = "ID"')
    problem = only_problem(changed(indonesian))
    assert (problem.path, problem.message) == ("deadlines.requests", "must be at most 3 days")
    parse(changed(indonesian, ('requests = "10 days"', 'requests = "3 days"')))


def test_every_text_stands_in_every_language() -> None:
    problem = only_problem(changed(('ko = "이름", en = "Name"', 'ko = "이름"')))
    assert problem.path == "items.name.label"
    assert problem.message == 'has no text in "en", one of the policy\'s languages'


def test_a_language_without_wording_is_refused() -> None:
    problems = refusal(
        source("jne-works").replace('languages = ["ko", "en"]', 'languages = ["ko", "en", "fr"]')
    )
    assert problems[0].path == "controller"
    assert ("languages[2]", "P03") in {(problem.path, problem.promise) for problem in problems}


def test_until_withdrawn_needs_an_address_for_the_way_out() -> None:
    text = changed(
        ('required = ["name", "email", "content"]', 'required = ["name", "content"]'),
        (PERIOD, 'period = "until withdrawn"'),
    )
    problem = only_problem(text)
    assert (problem.path, problem.promise) == ("types.introduction.period", "P15")


def test_a_second_required_purpose_is_a_condition_and_refused() -> None:
    text = changed(('required = false\nitems = ["name", "email"]\nperiod = "6 months"', "required = true"))
    problems = refusal(text)
    assert {(problem.path, problem.promise) for problem in problems} == {
        ("purposes", "P03"),
        ("purposes.marketing.refusal", "P03"),
    }


def test_an_optional_purpose_says_what_refusing_costs() -> None:
    text = "\n".join(
        line for line in source().splitlines() if "아무런 불이익" not in line and "all the same" not in line
    )
    problem = only_problem(text)
    assert (problem.path, problem.promise) == ("purposes.marketing.refusal", "P03")


def test_an_inquiry_type_says_what_refusing_costs() -> None:
    lines = source().splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("refusal.ko"))
    problem = only_problem("\n".join(lines[:first] + lines[first + 2 :]))
    assert (problem.path, problem.promise) == ("types.introduction.refusal", "P03")


def test_an_optional_purpose_that_no_form_can_offer_is_refused() -> None:
    fax = '[items.fax]\nlabel = { ko = "팩스", en = "Fax" }\nkind = "phone"\nmax_length = 40\n\n[items.name]'
    text = changed(("[items.name]", fax), ('items = ["name", "email"]', 'items = ["fax"]'))
    problem = only_problem(text)
    assert (problem.path, problem.promise) == ("purposes.marketing.items", "P02")


@pytest.mark.parametrize("term", ["purpose_only", "safeguards", "sub_processing", "damages"])
def test_a_processor_is_under_every_term_of_contract(term: str) -> None:
    parse(source() + PROCESSOR)
    text = source() + PROCESSOR.replace(f'"{term}", ', "").replace(f', "{term}"', "")
    problem = only_problem(text)
    assert (problem.path, problem.promise) == ("processors.mail.contract_terms", "P33")
    assert f'"{term}"' in problem.message


@pytest.mark.parametrize(
    ("table", "name"), [(PROCESSOR, "processors.mail"), (RECIPIENT, "recipients.partner")]
)
def test_a_transfer_abroad_needs_a_basis(table: str, name: str) -> None:
    abroad = source() + table.replace('"KR"', '"US"')
    problem = only_problem(abroad)
    assert (problem.path, problem.promise) == (f"{name}.transfer_basis", "P36")
    assert "a transfer to US" in problem.message
    parse(abroad + 'transfer_basis = "contract"\n')


def test_within_the_eea_no_transfer_is_abroad() -> None:
    european = changed(('jurisdiction = "KR"', 'jurisdiction = "EU"\ncountry = "DE"'))
    parse(european + PROCESSOR.replace('"KR"', '"FR"'))
    assert only_problem(european + PROCESSOR).path == "processors.mail.transfer_basis"


def test_a_recipient_has_a_basis_and_declared_items() -> None:
    parse(source() + RECIPIENT)
    problem = only_problem(source() + RECIPIENT.replace('basis = "consent"\n', ""))
    assert (problem.path, problem.promise) == ("recipients.partner.basis", "P34")
    problem = only_problem(source() + RECIPIENT.replace('items = ["name"]', "items = []"))
    assert (problem.path, problem.promise) == ("recipients.partner.items", "P34")
    problem = only_problem(source() + RECIPIENT.replace('items = ["name"]', 'items = ["title"]'))
    assert (problem.path, problem.promise) == ("recipients.partner.items[0]", "P01")


def test_a_statute_keeps_declared_items_only() -> None:
    text = source().replace("[statutes.tax]", '[statutes.tax]\nitems = ["salary"]')
    assert only_problem(text).path == "statutes.tax.items[0]"


def test_a_provision_on_consent_names_the_consent_and_that_consent_its_items() -> None:
    for consent in ("", 'consent = "inquiry"\n', 'consent = "unheard_of"\n'):
        problem = only_problem(source() + RECIPIENT.replace('consent = "marketing"\n', consent))
        assert (problem.path, problem.promise) == ("recipients.partner.consent", "P34")
    for changed_recipient in (
        RECIPIENT.replace('basis = "consent"', 'basis = "law"'),
        RECIPIENT.replace('items = ["name"]', 'items = ["name", "content"]'),
    ):
        problem = only_problem(source() + changed_recipient)
        assert (problem.path, problem.promise) == ("recipients.partner.consent", "P34")


def test_an_authority_names_its_statute_and_abroad_a_basis() -> None:
    authority = '[authorities.abroad]\nname = { ko = "법원", en = "Court" }\n'
    assert only_problem(source() + authority).path == "authorities.abroad.statute"
    authority += 'statute = { ko = "조약", en = "Treaty" }\ncountry = "US"\n'
    problem = only_problem(source() + authority)
    assert (problem.path, problem.promise) == ("authorities.abroad.transfer_basis", "P36")
    parse(source() + authority + 'transfer_basis = "law"\n')

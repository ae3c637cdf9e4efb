"""The policies that come with the product keep what their seeds say (the figures of PROMISES.md)."""

from __future__ import annotations

import re

import pytest

from inquiries.policy.period import Period
from tests.policy.builders import POLICIES, policy, source

YEAR = Period(years=1)


@pytest.mark.parametrize("name", sorted(file.stem for file in POLICIES.glob("*.toml")))
def test_every_profile_is_a_policy_without_real_people(name: str) -> None:
    assert policy(name).types
    addresses = re.findall(r"[\w.-]+@[\w.-]+", source(name))
    assert addresses
    assert all(address.endswith("example.com") for address in addresses)


def test_the_default_profile() -> None:
    default = policy()
    assert tuple(default.types) == ("introduction", "support", "affiliate", "recruitment")
    assert tuple(default.items) == ("name", "company", "contact", "email", "content")
    for kind in default.types.values():
        assert kind.required == ("name", "email", "content")
        assert kind.optional == ("company", "contact")
        assert (kind.period, kind.after_closing) == (YEAR, Period(days=30))
    marketing = default.purposes["marketing"]
    assert (marketing.required, marketing.items, marketing.period) == (
        False,
        ("name", "email"),
        Period(months=6),
    )
    assert default.visitor is not None
    assert (default.visitor.items, default.visitor.period) == (("address", "user_agent"), Period(months=3))
    assert (default.jurisdiction, default.home, default.time_zone) == ("KR", "KR", "Asia/Seoul")
    assert default.languages == ("ko", "en")
    assert default.officer.email == "privacy@example.com"
    assert (default.records.access, default.records.rights) == (Period(years=2), Period(years=3))
    assert default.items["content"].max_length == 10_000


def test_the_default_statutory_table_is_the_statutes() -> None:
    assert {name: str(statute.period) for name, statute in policy().statutes.items()} == {
        "contract": "5 years",
        "payment": "5 years",
        "complaint": "3 years",
        "advertising": "6 months",
        "tax": "5 years",
        "electronic_finance": "5 years",
        "identification": "6 months",
        "visitor_log": "3 months",
    }


def test_jne_works_has_one_form_that_ends_without_delay() -> None:
    jne = policy("jne-works")
    assert tuple(jne.types) == ("contact",)
    contact = jne.types["contact"]
    assert contact.items == ("name", "company", "contact", "email", "content")
    assert contact.after_closing == Period(days=5)
    assert contact.purposes == ("inquiry",)
    assert jne.visitor is not None


def test_clunix_has_a_newsletter_and_four_forms_of_one_year() -> None:
    clunix = policy("clunix")
    newsletter = clunix.types["newsletter"]
    assert newsletter.period.until_withdrawn
    assert newsletter.items == ("email",)
    periods = {name: kind.period for name, kind in clunix.types.items() if name != "newsletter"}
    assert periods == dict.fromkeys(("introduction", "support", "affiliate", "recruitment"), YEAR)
    assert clunix.deputy is not None
    assert str(clunix.statutes["payment"].period) == "3 years"
    assert (clunix.deadlines.changes, clunix.deadlines.significant_changes) == (
        Period(days=7),
        Period(days=30),
    )


def test_leje_has_one_form_that_ends_without_delay_and_a_table_of_its_own() -> None:
    leje = policy("leje")
    assert {name: (kind.period, kind.after_closing) for name, kind in leje.types.items()} == {
        "consultation": (YEAR, Period(days=5))
    }
    assert leje.visitor is not None
    assert leje.visitor.period == Period(months=3)
    assert {name: str(statute.period) for name, statute in leje.statutes.items()} == {
        "contract": "5 years",
        "payment": "5 years",
        "complaint": "3 years",
        "visitor_log": "3 months",
    }


def test_kt_nexr_keeps_each_type_a_year_and_marketing_six_months() -> None:
    nexr = policy("kt-nexr")
    asked = ("name", "contact", "email", "company", "department", "title")
    assert tuple(nexr.types) == ("service", "complaint")
    for kind in nexr.types.values():
        assert (kind.period, kind.after_closing) == (YEAR, Period(days=5))
        assert kind.required == (*asked, "content")
        assert kind.purposes == ("inquiry", "marketing")
    marketing = nexr.purposes["marketing"]
    assert (marketing.required, marketing.items, marketing.period) == (False, asked, Period(months=6))
    assert (nexr.deadlines.destruction, nexr.deadlines.changes) == (Period(days=5), Period(days=7))
    assert len(nexr.dispute_bodies) == 4


def test_tiki_jne_keeps_for_at_least_five_years_under_indonesian_law() -> None:
    tiki = policy("tiki-jne")
    assert (tiki.jurisdiction, tiki.home, tiki.time_zone) == ("ID", "ID", "Asia/Jakarta")
    assert tiki.minimum == Period(years=5)
    assert {name: kind.period for name, kind in tiki.types.items()} == {"customer": Period(years=5)}
    assert tiki.deadlines.requests == Period(days=3)

"""Search by exact address or number: masked, of one's own types, on record without what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inquiries.errors import InvalidFields, NotFound, TrainingLapsed
from inquiries.rules.permissions import Role
from inquiries.rules.training import Training
from inquiries.services import adoption, records, retention, rights, search
from inquiries.services.house import House
from inquiries.stores import keys
from tests.cast import BAE, MINJI, MINJI_SUPPORT, OH, send
from tests.moments import at
from tests.promises.traces import traces
from tests.staff import desk_of
from tests.web.site import site

pytestmark = pytest.mark.promise("P25")
GUN = {"name": "건", "email": "gun@example.com", "contact": "010-9999-0000"}


@pytest.fixture
def town(any_house_at_t0: House) -> Iterator[House]:
    """Sora wrote twice, under spellings of her own; Gun once."""
    with at():
        send(any_house_at_t0, type="support")
        send(
            any_house_at_t0,
            type="recruitment",
            items={"email": "Sora@Example.com", "contact": "+82 2-1234-5678"},
        )
        send(any_house_at_t0, type="support", items=GUN)
        adoption.adopt_pending(any_house_at_t0)
        yield any_house_at_t0


def found(house: House, typed: str, actor: Any = MINJI) -> list[str]:
    return [row.type for row in search.search(house, actor, typed).rows]


@pytest.mark.parametrize(
    ("typed", "types"),
    [
        ("sora@example.com", ["recruitment", "support"]), (" SORA@example.com ", ["recruitment", "support"]),
        ("02-1234-5678", ["recruitment", "support"]), ("+82 (2) 1234 5678", ["recruitment", "support"]),
        ("gun@example.com", ["support"]), ("010 9999 0000", ["support"]), ("nobody@example.com", []),
        ("010-1111-2222", []),
    ],
)  # fmt: skip
def test_whoever_wrote_is_found_however_it_was_spelled(town: House, typed: str, types: list[str]) -> None:
    assert found(town, typed) == types


def test_what_is_found_is_masked(town: House) -> None:
    (row,) = search.search(town, MINJI, GUN["email"]).rows
    assert (row.who, row.email) == ("건**", "g***@example.com")


def test_only_of_ones_own_types(town: House) -> None:
    assert found(town, "sora@example.com", MINJI_SUPPORT) == ["support"]
    assert found(town, "sora@example.com", OH) == ["recruitment", "support"]


@pytest.mark.parametrize("typed", ["", "  ", "sora", "@example.com", "김소라", "12", "sora@", "*" * 999])
def test_half_an_address_finds_nothing_and_asks_nothing(town: House, typed: str) -> None:
    with pytest.raises(InvalidFields, match="typed: neither"):
        search.search(town, MINJI, typed)
    assert list(records.bodies(town, "access")) == []


def test_it_is_on_record_before_it_is_shown_and_says_not_what_was_typed(town: House) -> None:
    rows = search.search(town, OH, "sora@example.com").rows
    search.search(town, OH, "zora@example.org")
    assert [body for _, body in records.bodies(town, "access")] == [
        {
            "act": "search", "outcome": "done", "staff": OH.staff_id, "email": OH.email,
            "detail": {"kind": "email", "rows": "2", "newest": str(rows[0].id), "oldest": str(rows[1].id)},
        },
        {
            "act": "search", "outcome": "done", "staff": OH.staff_id, "email": OH.email,
            "detail": {"kind": "email", "rows": "0"},
        },
    ]  # fmt: skip
    if town.ledger.sqlite:
        assert traces(town.settings.instance, {"typed": "zora@example.org"}) == []


def test_who_may_not_is_refused_on_record(town: House) -> None:
    with pytest.raises(NotFound):
        search.search(town, BAE, "sora@example.com")
    lapsed = replace(MINJI, training=Training(date(2026, 1, 1), recorded=True, lapsed=True, soon=False))
    with pytest.raises(TrainingLapsed):
        search.search(town, lapsed, "sora@example.com")
    assert [(body["act"], body["outcome"]) for _, body in records.bodies(town, "access")] == [
        ("search_inquiries", "refused")
    ] * 2


def test_what_is_due_or_destroyed_is_not_found(town: House) -> None:
    with at(366):
        assert found(town, "sora@example.com") == []
        town.memory.pop("clock", None)
        retention.sweep(town, confirm=True)
        with town.keys.read() as connection:
            assert connection.exec_driver_sql("SELECT email FROM tags").scalars().all() == []
        assert found(town, "sora@example.com") == []


def test_what_a_person_suspended_shows_itself_to_the_officer_alone(town: House) -> None:
    sora = send(town, items={"email": "other@example.com"})
    adoption.adopt_pending(town)
    rights.suspend(town, sora.receipt)
    assert found(town, "other@example.com", MINJI) == []
    (row,) = search.search(town, OH, "other@example.com").rows
    assert (row.suspended, row.who, row.email) == (True, "", "")


def test_of_very_many_the_newest_are_shown(town: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SHOWN", 1)
    some = search.search(town, MINJI, "sora@example.com")
    assert ([row.type for row in some.rows], some.more) == (["recruitment"], True)
    assert not search.search(town, MINJI, GUN["email"]).more


def test_a_tag_that_nobody_has_finds_nothing(town: House) -> None:
    with town.keys.read() as connection:
        assert keys.by_tag(connection, "email", b"\0" * 16) == []


def test_the_page_finds_and_keeps_nothing_of_it_in_an_address(tmp_path: Path) -> None:
    with site(tmp_path) as app:
        house: House = app.extensions["inquiries"]()
        send(house)
        adoption.adopt_pending(house)
        desk = desk_of(app, house, Role.consultation)
        assert 'href="/staff/search"' in desk.get("/staff/inbox").text
        assert desk.get("/staff/search?typed=sora@example.com").text.count("sora@") == 0
        page = desk.post("/staff/search", typed="sora@example.com")
        assert "김**" in page.text
        assert "김소라" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert "Nothing was found." in desk.post("/staff/search", typed="gun@example.com").text
        wrong = desk.post("/staff/search", typed="sora")
        assert wrong.status_code == 422
        assert "Please type a whole e-mail address" in wrong.text
        business = desk_of(app, house, Role.business)
        assert "/staff/search" not in business.get("/staff/inbox").text
        assert business.get("/staff/search").status_code == 404

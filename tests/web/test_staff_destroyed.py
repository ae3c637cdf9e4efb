"""What was destroyed of one inquiry, on the ledger page and as a file: for the officer alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from inquiries import clock, create_app
from inquiries.rules.permissions import Role
from inquiries.sealing import documents
from inquiries.services import archive, inbox, records, retention, rotation
from inquiries.services.house import House
from inquiries.stores.tombstones import Tombstone
from tests.cast import ITEMS, MINJI, OH, send
from tests.staff import Desk, desk_of
from tests.stones import bury
from tests.web.site import site

pytestmark = pytest.mark.promise("P11")


@dataclass
class Office:
    """Three years after two inquiries came: one expired, one was archived, both are destroyed. A third stands."""

    app: Flask
    house: House
    desk: Desk
    expired: int
    moved: int
    archived: int
    living: int

    def rows(self, number: int, query: str = "") -> list[str]:
        """The lines of the section, each in plain words."""
        page = self.desk.get(f"/staff/ledger?inquiry={number}{query}").text
        _, _, section = page.partition('<table class="list destroyed"')
        lines = re.findall(r"<tr role.*?</tr>", section.partition("</table>")[0], re.DOTALL)[1:]
        return [
            " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"</?a\b[^>]*>", "", line)).split()) for line in lines
        ]


def sweep(house: House) -> None:
    house.memory.pop("clock", None)
    assert not retention.sweep(house, confirm=True).failed


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    came = clock.now() - timedelta(days=3 * 366)
    with time_machine.travel(came, tick=True) as when, site(tmp_path_factory.mktemp("destroyed")) as app:
        house: House = app.extensions["inquiries"]()
        for _ in range(2):
            send(house)
        moved, expired = (row.id for row in inbox.page(house, MINJI).rows)
        archived = archive.order(house, OH, moved, statute="complaint", items=["name"], reason="a law")
        sweep(house)
        when.move_to(came + timedelta(days=3 * 366))
        sweep(house)
        send(house)
        (living,) = (row.id for row in inbox.page(house, MINJI).rows)
        yield Office(app, house, desk_of(app, house, Role.privacy), expired, moved, archived, living)


@pytest.mark.parametrize("query", ["", "&chain=destruction"])
def test_each_destroyed_group_has_a_row_with_reason_rule_lag_and_when_it_is_final(
    office: Office, query: str
) -> None:
    main, visitor = office.rows(office.expired, query)
    for row, label, rule in (
        (main, "The inquiry", "1 year after receipt (Version 1)"),
        (visitor, "The address and the browser it was sent from", "3 months after receipt (Version 1)"),
    ):
        assert row.startswith(f"{label} Technical support")
        assert re.search(r" no\. \d{10,}", row)
        assert f"its period ended {rule}" in row
        assert re.search(r" \d+ years? after it was due", row)
        assert "not yet, expected by" in row
    page = office.desk.get(f"/staff/ledger?inquiry={office.expired}{query}").text
    assert "if the keys go on being renewed daily" in page
    assert not [text for text in ITEMS.values() if text in page]


def test_the_archived_copy_is_found_from_either_number(office: Office) -> None:
    rows = office.rows(office.moved)
    assert [row.split(" Technical support")[0] for row in rows] == [
        "The inquiry", "The copy in the archive", "The address and the browser it was sent from"
    ]  # fmt: skip
    assert "moved to the archive" in rows[0]
    assert "period ended Consumer complaints and disputes: 3 years (Version 1)" in rows[1]
    assert f"no. {office.archived} " in rows[1]
    assert office.rows(office.archived) == rows
    for number in (office.moved, office.archived):
        page = office.desk.get(f"/staff/ledger?inquiry={number}&chain=destruction").text
        assert [page.count(f"period ended: {count}") for count in (3, 1)] == [1, 1]  # both intents are listed
        assert "moved to the archive: 1" in page


@pytest.mark.parametrize("given", ["living", 4711, ""])
def test_of_what_was_not_destroyed_there_is_no_section(office: Office, given: str | int) -> None:
    number = office.living if given == "living" else given
    page = office.desk.get(f"/staff/ledger?inquiry={number}")
    assert page.status_code == 200
    assert "What was destroyed" not in page.text
    if number:
        assert office.desk.get(f"/staff/ledger/destroyed/{number}.json").status_code == 404


def test_the_file_is_the_signed_proof_and_taking_it_is_on_record(office: Office) -> None:
    path = f"/staff/ledger/destroyed/{office.moved}.json"
    assert f'href="{path}"' in office.desk.get(f"/staff/ledger?inquiry={office.moved}").text
    answer = office.desk.get(path)
    assert answer.content_type == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="proof-of-destruction.json"'
    checked = documents.check(documents.read(answer.data), office.house.custody.verify_key)
    assert checked.ok
    assert {one["group"] for one in checked.proved} == {"main", "visitor", "archive"}
    _, last = list(records.bodies(office.house, "access"))[-1]
    assert (last["act"], last["inquiry"], last["email"]) == (
        "take_proof",
        office.moved,
        "privacy@example.com",
    )
    assert "take the proof of destruction" in office.desk.get("/staff/ledger?act=take_proof").text


@pytest.mark.promise("P23")
def test_others_get_neither_page_nor_file(office: Office) -> None:
    other = desk_of(office.app, office.house, Role.consultation)
    paths = (f"/staff/ledger?inquiry={office.moved}", f"/staff/ledger/destroyed/{office.moved}.json")
    for path in paths:
        answer = other.get(path)
        assert answer.status_code == 404
        assert "archive" not in answer.text
    assert [body["act"] for _, body in records.bodies(office.house, "access")][-2:] == ["see_ledger"] * 2


def test_where_the_public_pages_are_elsewhere_the_version_is_named_without_a_link(office: Office) -> None:
    settings = office.house.settings.model_copy(update={"surface": "staff"})
    desk = desk_of(create_app(settings, office.house), office.house, Role.privacy, Role.consultation)
    page = desk.get(f"/staff/ledger?inquiry={office.expired}")
    assert page.status_code == 200
    assert "1 year after receipt (Version 1)" in page.text


def test_an_intent_is_told_by_reasons_and_numbers(office: Office) -> None:
    page = office.desk.get("/staff/ledger?chain=destruction&act=intent").text
    told = re.findall(r'class="facts-line">\s*(.*?)\s*</span>', page, re.DOTALL)
    assert sorted(told) == [
        "its period ended: 3", "moved to the archive: 1", "the law&#39;s period ended: 1"
    ]  # fmt: skip


def test_once_it_is_final_it_says_since_when(office: Office) -> None:
    """The last of them: the keys are renewed."""
    rotation.rotate(office.house)
    with time_machine.travel(clock.now() + timedelta(hours=73), tick=True):
        office.desk = desk_of(office.app, office.house, Role.privacy, Role.business)
        for row in office.rows(office.expired):
            assert "not yet" not in row
        page = office.desk.get(f"/staff/ledger?inquiry={office.expired}").text
    assert "if the keys go on" not in page


def test_what_nobody_promised_names_no_version(office: Office) -> None:
    """What was left of an inquiry whose rows were lost: its key ends on its own day, under no rule (`orphan`)."""
    key, inquiry = 771_000_000_000_000_001, 771_000_000_000_000_000
    stone = Tombstone(key, inquiry, "main", "orphan", "", None, 0, "orphan", None, 1, clock.now())
    with office.house.keys.write() as connection:
        bury(connection, [stone])
    (row,) = office.rows(inquiry)
    assert "Version" not in row
    assert "/privacy/0" not in office.desk.get(f"/staff/ledger?inquiry={inquiry}").text

"""P02: what is read is read for a purpose that she agreed to, or a law; any other is refused, and on record."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

import inquiries
from inquiries.errors import InvalidExport, NotFound
from inquiries.rules.purposes import Use
from inquiries.services import exports, fulfilment, inbox, mail, purposes, receipt, records, replies, rights
from inquiries.services.house import House
from inquiries.stores.live import outbox
from inquiries.stores.live import written_tables as tables
from inquiries.stores.live.tables import consents
from tests.cast import ITEMS, MINJI, OH, send
from tests.moments import at
from tests.promises.pages import stored
from tests.services.test_exports import rows, wish

BOTH = {"inquiry": True, "marketing": True}


def refused(house: House) -> list[dict[str, Any]]:
    return [
        body
        for _, body in records.bodies(house, "access")
        if (body["act"], body["outcome"]) == ("use", "refused")
    ]


def only(house: House) -> int:
    (line,) = inbox.page(house, MINJI).rows
    return line.id


def take_back(house: House, purpose: str) -> None:
    """What no page does to the required consent, and a move from elsewhere could."""
    with house.live.write() as connection:
        connection.execute(update(consents).where(consents.c.purpose == purpose).values(given=False))


@pytest.mark.promise("P02")
def test_p02_a_marketing_export_leaves_out_everyone_who_agreed_to_the_inquiry_alone(house: House) -> None:
    with at():
        send(house, items={"name": "Inquiry alone"})
        send(house, items={"name": "Both"}, consents=BOTH)
        (row,) = rows(exports.export(house, OH, wish(purpose="marketing")))
        assert row["name"] == "Both"
        assert "content" not in row


@pytest.mark.promise("P02")
def test_p02_without_the_consent_nobody_reads_and_it_is_recorded_who_tried(house: House) -> None:
    with at():
        send(house)
        inquiry = only(house)
        inbox.open_inquiry(house, MINJI, inquiry, None)
        take_back(house, "inquiry")
        with pytest.raises(NotFound):
            inbox.open_inquiry(house, MINJI, inquiry, None)
        with pytest.raises(NotFound):
            replies.reply(house, MINJI, inquiry, "an answer")
        assert not inbox.summary(house, OH, inquiry).masked
        assert [(one["staff"], one["inquiry"], one["detail"]["use"]) for one in refused(house)] == [
            (MINJI.staff_id, inquiry, "answer"),
            (MINJI.staff_id, inquiry, "answer"),
            (OH.staff_id, inquiry, "answer"),
        ]
        (line,) = inbox.page(house, MINJI).rows
        assert (line.who, line.email) == ("", "")


@pytest.mark.promise("P02")
def test_p02_an_answer_is_mailed_for_the_purpose_that_it_answers(house: House) -> None:
    with at():
        send(house)
        inquiry = only(house)
        inbox.open_inquiry(house, MINJI, inquiry, None)
        replies.reply(house, MINJI, inquiry, "an answer")
        with house.live.read() as connection:
            row = outbox.by_id(connection, connection.execute(select(tables.outbox.c.id)).scalar_one())
        assert row is not None
        assert mail.opened(house, row).to == ITEMS["email"]
        take_back(house, "inquiry")
        with pytest.raises(NotFound):
            mail.opened(house, row)


@pytest.mark.promise("P02")
def test_p02_what_a_law_has_read_needs_no_consent(house: House) -> None:
    with at():
        send(house)
        inquiry = only(house)
        take_back(house, "inquiry")
        for use in (Use.archive, Use.hold, Use.rights):
            assert (inquiry, "main") in purposes.data_keys(house, use, [inquiry])
        assert not refused(house)


@pytest.mark.promise("P02")
def test_p02_withdrawal_ends_the_purpose_at_once_and_destroys_what_only_it_needed(house: House) -> None:
    with at():
        code = send(house, consents=BOTH).receipt
        inquiry = only(house)
        rights.withdraw(house, code, "marketing")
        with pytest.raises(InvalidExport):
            exports.export(house, OH, wish(purpose="marketing"))
        found = purposes.data_keys(house, Use.export, [inquiry], group="marketing", actor=OH)
        assert {group for _, group in found} == {"main"}
        assert [one["detail"]["group"] for one in refused(house)] == ["marketing"]
        fulfilment.carry_out(house)
        assert set(stored(house)) == {"main", "visitor"}
        assert receipt.look(house, code).items == ITEMS  # the inquiry itself lives on (P16)


@pytest.mark.promise("P02")
def test_p02_every_service_that_reads_comes_by_the_gate() -> None:
    """No other module asks for data keys: a new reader cannot forget to say what for."""
    home = Path(inquiries.__file__).parent
    outside = [
        path.name
        for path in sorted(home.rglob("*.py"))
        if "of_inquiries" in (text := path.read_text("utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr == "of_inquiries"
        and isinstance(node.value, ast.Name)
        and node.value.id == "keys"
        and (path.parent.name, path.name) not in {("services", "purposes.py"), ("services", "keys.py")}
    ]
    assert outside == []


@pytest.mark.promise("P02")
def test_p02_an_optional_purpose_has_copies_of_its_own_items_alone(house: House) -> None:
    """So that what is used for one purpose can never be more than she agreed to for it."""
    with at():
        send(house, consents={"inquiry": True, "marketing": True})
        assert stored(house)["marketing"] == {"name": "김소라", "email": "sora@example.com"}

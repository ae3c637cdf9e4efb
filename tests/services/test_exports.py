"""What leaves in an export, for whom, on which record, and who is left out; on both databases."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from sqlalchemy import update

from inquiries import clock
from inquiries.errors import InvalidExport, NotFound
from inquiries.rules.exporting import Format
from inquiries.sealing import openpgp
from inquiries.services import exports, inbox, inspection, receipt, records, rights
from inquiries.services.exports import Export, Wish
from inquiries.services.house import House
from inquiries.services.inspection import Asked
from inquiries.stores.live.tables import groups
from tests.cast import ITEMS, MINJI, OH, send

PHRASE = "correct horse battery staple"
BOTH = {"inquiry": True, "marketing": True}


def wish(**given: Any) -> Wish:
    return Wish(**({"purpose": "inquiry", "reason": "the yearly report", "passphrase": PHRASE} | given))


def rows(export: Export) -> list[dict[str, str]]:
    opened = pysequoia.decrypt(export.sealed, passwords=[PHRASE]).bytes or b""
    if export.name.endswith(".json.pgp"):
        return list(json.loads(opened)["inquiries"])
    return list(csv.DictReader(io.StringIO(opened.decode("utf-8-sig"), newline="")))


def faults(house: House, **given: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidExport) as refused:
        exports.export(house, OH, wish(**given))
    return {(one.field, one.code) for one in refused.value.errors}


def exported(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access") if body["act"] == "export"]


@pytest.mark.promise("P02")
def test_an_optional_purpose_takes_those_alone_who_agreed_and_its_items_alone(any_house: House) -> None:
    send(any_house)
    send(any_house, consents=BOTH, items={"name": "Agreed"})
    (row,) = rows(exports.export(any_house, OH, wish(purpose="marketing")))
    assert row["name"] == "Agreed"
    assert {"content", "company", "contact"}.isdisjoint(row)
    assert len(rows(exports.export(any_house, OH, wish()))) == 2


@pytest.mark.parametrize("form", Format)
def test_the_file_holds_what_was_sent_and_by_when_it_must_go(any_house: House, form: Format) -> None:
    due = send(any_house).due
    (row,) = rows(exports.export(any_house, OH, wish(form=form)))
    assert {name: row[name] for name in ITEMS} == ITEMS | {"contact": row["contact"]}
    assert due is not None
    assert row["delete_by"] == due.isoformat(timespec="seconds")


@pytest.mark.promise("P29")
def test_it_is_encrypted_to_its_holder_and_stands_in_clear_nowhere(house: House) -> None:
    owner = pysequoia.Tsk.generate("Oh <oh@example.com>")
    send(house, items={"content": "canary-of-the-export"})
    made = exports.export(
        house, OH, wish(passphrase="", certificate=str(owner.extract_certificate()), form=Format.json)
    )
    assert b"canary" not in made.sealed
    assert b"canary-of-the-export" in (pysequoia.decrypt(made.sealed, owner.decryptor()).bytes or b"")
    for file in Path(house.settings.instance).rglob("*"):
        assert not file.is_file() or b"canary-of-the-export" not in file.read_bytes()


@pytest.mark.promise("P25")
def test_it_is_recorded_with_whom_what_and_whose_and_each_person_is_told(any_house: House) -> None:
    code = send(any_house).receipt
    (listed,) = inbox.page(any_house, OH).rows
    made = exports.export(any_house, OH, wish(type="support"))
    (record,) = exported(any_house)
    assert record["reason"] == "the yearly report"
    assert record["staff"] == OH.staff_id
    assert record["detail"]["inquiries"].split() == [str(listed.id)]
    shown = inspection.page(any_house, OH, Asked(inquiry=listed.id)).lines
    assert [line.act for line in shown if line.act == "export"] == ["export"]
    assert "inquiries" not in shown[0].facts
    assert not inspection.page(any_house, OH, Asked(inquiry=listed.id // 10)).lines
    assert (record["detail"]["purpose"], record["detail"]["to"]) == ("inquiry", "passphrase")
    assert made.count == 1
    (told,) = receipt.look(any_house, code).openings
    assert told.exported
    assert told.reason == "the yearly report"


def test_without_a_record_nothing_leaves(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    send(house)

    def full(*_given: object, **_named: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "append", full)
    monkeypatch.setattr(records, "access", full)
    with pytest.raises(OSError, match="No space"):
        exports.export(house, OH, wish())


@pytest.mark.promise("P19")
@pytest.mark.promise("P21")
def test_what_is_suspended_deleted_withdrawn_or_due_is_not_in_it(any_house: House) -> None:
    send(any_house, consents=BOTH, items={"name": "Kept"})
    suspended = send(any_house, consents=BOTH).receipt
    rights.suspend(any_house, suspended)
    deleted = send(any_house, consents=BOTH).receipt
    rights.delete(any_house, deleted)
    withdrawn = send(any_house, consents=BOTH, items={"name": "Withdrew"}).receipt
    rights.withdraw(any_house, withdrawn, "marketing")
    assert [row["name"] for row in rows(exports.export(any_house, OH, wish(purpose="marketing")))] == ["Kept"]
    named = [row["name"] for row in rows(exports.export(any_house, OH, wish()))]
    assert named == ["Kept", "Withdrew"]
    with any_house.live.write() as connection:
        connection.execute(update(groups).values(due_at=clock.now()))
    assert faults(any_house) == {("purpose", "nothing")}


@pytest.mark.promise("P19")
def test_whoever_suspends_while_it_is_made_is_left_out(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(any_house, items={"name": "Stays"})
    code = send(any_house).receipt
    seal = openpgp.seal
    made: list[bytes] = []

    def meanwhile(content: bytes, recipient: openpgp.Recipient) -> bytes:
        if not made:
            rights.suspend(any_house, code)
        made.append(content)
        return seal(content, recipient)

    monkeypatch.setattr(openpgp, "seal", meanwhile)
    assert [row["name"] for row in rows(exports.export(any_house, OH, wish()))] == ["Stays"]
    assert len(made) == 2
    assert len(exported(any_house)) == 1


def test_a_day_allows_so_many_and_another_day_again(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(any_house)
    for left in reversed(range(exports.MOST_A_DAY)):
        exports.export(any_house, OH, wish())
        assert exports.left_today(any_house, OH) == left
    assert faults(any_house) == {("purpose", "enough")}
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert exports.export(any_house, OH, wish()).count == 1


def test_who_may_not_is_refused_as_for_what_does_not_exist_and_recorded(house: House) -> None:
    send(house)
    with pytest.raises(NotFound):
        exports.export(house, MINJI, wish())
    (record,) = exported(house)
    assert record["outcome"] == "refused"


def test_every_fault_is_said_at_its_field(house: House) -> None:
    send(house)
    today = clock.now().date()
    assert faults(house, purpose="", reason=" ", form="xls", type="x", passphrase="") == {
        ("purpose", "required"),
        ("reason", "required"),
        ("form", "required"),
        ("type", "unknown_type"),
        ("password", "nobody"),
    }
    assert faults(house, passphrase="short") == {("password", "too_short")}
    assert faults(house, certificate="nonsense", passphrase="") == {("certificate", "unreadable")}
    assert faults(house, certificate="nonsense") == {("certificate", "both")}
    assert faults(house, first=today, last=today - timedelta(days=1)) == {("last", "before_first")}
    assert faults(house, last=today - timedelta(days=2)) == {("purpose", "nothing")}


def test_more_than_fit_into_one_file_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 1)
    send(house)
    send(house)
    assert faults(house) == {("first", "too_many")}

"""P35: to an authority nothing goes without statute, document, the least items, and two people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pysequoia
import pytest

from inquiries import clock
from inquiries.errors import InvalidDisclosure, NotFound, Suspended, WrongState
from inquiries.rules.permissions import Role
from inquiries.rules.procedure import LIFE, Ordered, Stand
from inquiries.sealing import openpgp
from inquiries.services import disclosures, inbox, receipt, records, rights
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.cast import BAE, ITEMS, MINJI, OH, send
from tests.moments import T0, at
from tests.promises.pages import application, desk
from tests.promises.provided import providing

pytestmark = pytest.mark.promise("P35")

PHRASE = "correct horse battery staple"
SECOND = replace(OH, staff_id=204, email="han@example.com")
ORDER = Ordered(
    to="authorities.investigation",
    statute="Criminal Procedure Act, Article 215",
    document="2026-1234",
    dated=T0.date(),
    requester="Cybercrime unit",
    items=("name", "content"),
)


@pytest.fixture
def house(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    with providing(make_settings, tmp_path) as opened, at(1):
        yield opened


@pytest.fixture
def code(house: House) -> str:
    return send(house).receipt


@pytest.fixture
def inquiry(house: House, code: str) -> int:
    assert code
    return inbox.page(house, MINJI).rows[0].id


def acts(house: House) -> list[tuple[str, str]]:
    return [(body["act"], body["outcome"]) for _, body in records.bodies(house, "provision")]


def handed(house: House, number: int, actor: object = OH) -> str:
    """The file, opened by whoever has the passphrase."""
    made = disclosures.hand_over(house, actor, number, certificate="", passphrase=PHRASE)  # type: ignore[arg-type]
    return (pysequoia.decrypt(made.sealed, passwords=[PHRASE]).bytes or b"").decode()


def test_p35_after_the_second_persons_word_the_ticked_items_leave_once(
    house: House, code: str, inquiry: int
) -> None:
    number = disclosures.ask(house, OH, inquiry, ORDER)
    disclosures.approve(house, SECOND, number)
    text = handed(house, number)
    assert ITEMS["name"] in text
    assert ITEMS["content"] in text
    assert ITEMS["email"] not in text
    *_, (record, body) = records.bodies(house, "provision")
    assert body["act"] == "disclosure"
    assert (body["statute"], body["document"], body["dated"]) == (ORDER.statute, ORDER.document, "2026-03-02")
    assert (body["asked_by"], body["approved_by"], body["items"]) == (OH.email, SECOND.email, "name content")
    assert ITEMS["name"] not in json.dumps(list(records.bodies(house, "provision")), ensure_ascii=False)
    with pytest.raises(WrongState):
        handed(house, number)
    (opening,) = receipt.look(house, code).openings
    assert (opening.to, opening.reason) == ("수사기관", ORDER.statute)
    assert record


def test_p35_one_approver_is_none(house: House, inquiry: int) -> None:
    number = disclosures.ask(house, OH, inquiry, ORDER)
    with pytest.raises(WrongState):
        handed(house, number)
    with pytest.raises(InvalidDisclosure) as refused:
        disclosures.approve(house, OH, number)
    assert [(one.field, one.code) for one in refused.value.errors] == [("approve", "own")]
    assert acts(house) == [("disclosure_asked", "done"), ("disclosure_approved", "refused")]
    for actor in (MINJI, BAE):
        with pytest.raises(NotFound):
            disclosures.approve(house, actor, number)
    assert disclosures.order(house, OH, number).stand is Stand.asked


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"statute": " "}, ("statute", "required")),
        ({"document": ""}, ("document", "required")),
        ({"dated": None}, ("dated", "required")),
        ({"dated": date(2026, 3, 4)}, ("dated", "to_come")),
        ({"requester": ""}, ("requester", "required")),
        ({"items": ()}, ("items", "required")),
        ({"items": ("name", "title")}, ("items", "undeclared")),
        ({"to": "authorities.stranger"}, ("to", "unregistered")),
        ({"to": "recipients.partner"}, ("to", "unregistered")),
    ],
)
def test_p35_without_procedure_nothing_is_put_down(
    house: House, inquiry: int, changed: dict[str, object], fault: tuple[str, str]
) -> None:
    with pytest.raises(InvalidDisclosure) as refused:
        disclosures.ask(house, OH, inquiry, replace(ORDER, **changed))  # type: ignore[arg-type]
    assert [(one.field, one.code) for one in refused.value.errors] == [fault]
    assert acts(house) == ([("disclosure", "refused")] if fault[0] == "to" else [])


def test_p35_refused_or_lapsed_nothing_leaves(house: House, inquiry: int) -> None:
    number = disclosures.ask(house, OH, inquiry, ORDER)
    disclosures.approve(house, SECOND, number)
    disclosures.refuse(house, OH, number)
    later = disclosures.ask(house, OH, inquiry, ORDER)
    with pytest.raises(WrongState):
        handed(house, number)
    with at(1 + LIFE / timedelta(days=1), hours=1):
        assert disclosures.order(house, OH, later).stand is Stand.lapsed
        with pytest.raises(WrongState):
            disclosures.approve(house, SECOND, later)
    with pytest.raises(NotFound):
        disclosures.order(house, OH, number + 1)  # an approval is no order


def test_p35_what_she_suspended_or_deleted_is_not_disclosed(house: House, code: str, inquiry: int) -> None:
    number = disclosures.ask(house, OH, inquiry, ORDER)
    disclosures.approve(house, SECOND, number)
    rights.suspend(house, code)
    with pytest.raises(Suspended):
        handed(house, number)
    with pytest.raises(Suspended):
        disclosures.ask(house, OH, inquiry, ORDER)

    refused = [body for _, body in records.bodies(house, "access") if body["act"] == "provide"]
    assert [body["outcome"] for body in refused] == ["refused", "refused"]


def test_p35_of_two_who_hand_it_over_at_once_one_does(
    house: House, inquiry: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = disclosures.ask(house, OH, inquiry, ORDER)
    disclosures.approve(house, SECOND, number)
    real = openpgp.seal
    meanwhile: list[str] = []

    def seal(content: bytes, recipient: openpgp.Recipient) -> bytes:
        if not meanwhile:
            meanwhile.append("begun")
            meanwhile.append(handed(house, number, SECOND))
        return real(content, recipient)

    monkeypatch.setattr(openpgp, "seal", seal)
    with pytest.raises(WrongState):
        handed(house, number)
    assert ITEMS["name"] in meanwhile[1]
    assert acts(house).count(("disclosure", "done")) == 1


def test_p35_where_the_law_forbids_it_she_is_not_told(house: House, code: str, inquiry: int) -> None:
    number = disclosures.ask(house, OH, inquiry, replace(ORDER, quiet=True))
    disclosures.approve(house, SECOND, number)
    handed(house, number, SECOND)
    assert receipt.look(house, code).openings == ()


def test_p35_on_the_pages(house: House, inquiry: int) -> None:
    app = application(house)
    oh, han = (desk(app, house, email, Role.privacy) for email in ("oh@example.com", "han@example.com"))
    oh.get(f"/staff/inquiries/{inquiry}/disclose?lang=en")
    form = {
        "to": ORDER.to, "statute": ORDER.statute, "document": ORDER.document,
        "dated": clock.now().date().isoformat(), "requester": ORDER.requester,
    }  # fmt: skip
    missing = oh.post(f"/staff/inquiries/{inquiry}/disclose", **form)
    assert missing.status_code == 422
    assert 'id="error-items"' in missing.text
    assert ORDER.document in missing.text
    asked = oh.post(f"/staff/inquiries/{inquiry}/disclose", **form, items="email")
    where = asked.headers["Location"]
    assert f"{where}/approve" not in oh.get(where).text
    assert oh.post(f"{where}/approve").status_code == 422
    assert ORDER.document in han.get("/staff/provision").text
    assert f"{where}/approve" in han.get(where).text
    assert han.post(f"{where}/approve").status_code == 303
    assert oh.post(f"{where}/file").status_code == 422  # sealed for nobody
    answer = oh.post(f"{where}/file", password=PHRASE)
    assert answer.headers["Content-Disposition"].endswith(".csv.pgp")
    opened = (pysequoia.decrypt(answer.data, passwords=[PHRASE]).bytes or b"").decode()
    assert ITEMS["email"] in opened
    assert ITEMS["name"] not in opened
    assert oh.post(f"{where}/file", password=PHRASE).status_code == 303

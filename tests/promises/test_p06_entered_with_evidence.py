"""P06: what comes by telephone, on paper, by mail, fax or at an event is entered with the evidence of consent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.entry import Channel, Told
from inquiries.rules.permissions import Role
from inquiries.services import (
    entries,
    evidence,
    keys,
    mail,
    publishing,
    receipt,
    records,
)
from inquiries.services.house import House
from inquiries.stores.live import outbox
from inquiries.stores.live.tables import consents, groups, inquiries
from inquiries.stores.live.written_tables import outbox as mails
from tests.cast import BAE, ITEMS, MINJI_SUPPORT, OH, submission
from tests.moments import at
from tests.promises.pages import application, desk, stored
from tests.staff import Desk
from tests.web.site import code_of, errors_of, hidden

pytestmark = pytest.mark.promise("P06")

WHO, HOW = "Sora Kim herself", "the notice was read out to her; she said yes"


@pytest.fixture
def app(house: House) -> Iterator[Flask]:
    with at(1):
        yield application(house)


@pytest.fixture
def minji(app: Flask, house: House) -> Desk:
    member = desk(app, house, "minji@example.com", Role.consultation, types=("support",))
    member.get("/staff/inbox?lang=en")
    return member


def typed(house: House, **changed: str | None) -> dict[str, Any]:
    """What Minji types; `evidence_who` stands for evidence.who, None leaves one out."""
    zone = ZoneInfo(publishing.in_force(house).policy.time_zone)
    moment = (clock.now() - timedelta(minutes=5)).astimezone(zone)
    whole: dict[str, Any] = {
        **ITEMS, "consent.inquiry": "yes", "consent.marketing": "yes", "speaks": "ko", "evidence.channel": "phone",
        "evidence.who": WHO, "evidence.how": HOW, "evidence.at": moment.strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    whole |= {name.replace("_", ".", 1): text for name, text in changed.items()}
    return {name: text for name, text in whole.items() if text is not None}


def count(house: House) -> int:
    with house.live.read() as connection:
        return len(connection.execute(inquiries.select()).all())


def test_p06_without_evidence_it_is_refused_at_the_field_and_what_was_typed_is_kept(
    minji: Desk, house: House
) -> None:
    for missing in ("channel", "who", "how", "at"):
        page = minji.post(
            "/staff/enter/support", **typed(house, **{f"evidence_{missing}": "", "email": "no"})
        )
        assert page.status_code == 422
        assert set(errors_of(page)) == {f"evidence.{missing}", "email"}
        assert ITEMS["content"] in page.text
        assert (HOW in page.text) == (missing != "how")
    assert count(house) == 0


def test_p06_a_consent_to_another_notice_is_none(minji: Desk, house: House) -> None:
    page = minji.post("/staff/enter/support", **typed(house, evidence_at="2026-03-01T10:00"))
    assert set(errors_of(page)) == {"evidence.at"}
    page = minji.post("/staff/enter/support", **typed(house, consent_inquiry=None))
    assert set(errors_of(page)) == {"consent.inquiry"}
    assert minji.post("/staff/enter/support", **typed(house), _notice="9").status_code == 409
    assert count(house) == 0


def test_p06_it_is_received_as_by_the_form_and_opens_with_its_evidence(minji: Desk, house: House) -> None:
    answer = minji.post("/staff/enter/support", **typed(house))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = stored(house)
    assert found["main"] == ITEMS
    assert set(found) == {"main", "marketing"}  # of the visit nothing: it was nobody's browser but ours
    with house.live.read() as connection:
        row = connection.execute(inquiries.select()).one()
        agreed = connection.execute(consents.select()).all()
    assert {one.purpose for one in agreed if one.given} == {"inquiry", "marketing"}
    opened = minji.post(f"/staff/inquiries/{row.id}/open").text
    for text in (WHO, HOW, "minji@example.com", "by telephone"):
        assert text in opened
    hers = receipt.look(house, code_of(answer))
    assert hers.evidence is not None
    assert (hers.evidence.who, hers.evidence.how, hers.channel) == (WHO, HOW, "phone")


def test_p06_by_each_channel(minji: Desk, house: House) -> None:
    for channel in Channel:
        assert minji.post("/staff/enter/support", **typed(house, evidence_channel=channel)).status_code == 200
    with house.live.read() as connection:
        assert set(connection.scalars(inquiries.select().with_only_columns(inquiries.c.channel))) == set(
            Channel
        )


def test_p06_her_page_and_her_copy_say_what_was_noted(app: Flask, minji: Desk, house: House) -> None:
    code = code_of(minji.post("/staff/enter/support", **typed(house)))
    person = app.test_client()
    assert HOW in person.post("/receipt", data={"receipt": code}).text
    assert HOW in person.post("/receipt/copy", data={"receipt": code}).text
    file = person.post("/receipt/copy", data={"receipt": code, "format": "json"}).get_json()
    assert file["inquiry"]["channel"] == "phone"
    assert (file["inquiry"]["entered"]["who"], file["inquiry"]["entered"]["how"]) == (WHO, HOW)
    assert "minji" not in str(file)


def test_p06_the_evidence_is_sealed_with_what_rests_on_it_and_goes_with_it(minji: Desk, house: House) -> None:
    minji.post("/staff/enter/support", **typed(house))
    with house.live.read() as connection:
        rows = {row.name: row for row in connection.execute(groups.select())}
    found = keys.of_inquiries(house, [rows["main"].inquiry_id])
    for name, row in rows.items():
        key = found[row.inquiry_id, name]
        how = evidence.opened(key.dek, row.inquiry_id, name, row.evidence)
        assert how is not None
        assert how.who == WHO
    assert HOW.encode() not in b"".join(path.read_bytes() for path in house.settings.instance.rglob("*.db*"))


def test_p06_the_code_is_shown_once_and_in_no_mail_log_or_record(minji: Desk, house: House) -> None:
    form = minji.get("/staff/enter/support?speaks=ko")
    sent = typed(house) | {"_once": hidden(form, "_once"), "_notice": hidden(form, "_notice")}
    answer = minji.post("/staff/enter/support", **sent)
    code = code_of(answer)
    assert "<title>Entered" in answer.text
    assert '<section class="slip" lang="ko"' in answer.text
    assert ">접수번호<" in answer.text  # what is handed over is in her language
    assert code_of(minji.post("/staff/enter/support", **sent)) == code  # a second click stores nothing new
    assert minji.post("/staff/enter/support", **(sent | {"evidence.who": "Gun"})).status_code == 409
    assert count(house) == 1
    with house.live.read() as connection:
        (queued,) = connection.execute(mails.select()).all()
        row = outbox.by_id(connection, queued.id)
    assert row is not None
    letter = mail.opened(house, row)
    assert (letter.kind, letter.to, letter.language) == ("entered", ITEMS["email"], "ko")
    entered = [body for _, body in records.bodies(house, "access") if body["act"] == "enter_inquiry"]
    assert entered[0]["detail"] == {"type": "support", "channel": "phone"}
    for text in (code, WHO, HOW, ITEMS["email"]):
        assert text not in str(entered)
        assert text not in str(letter.facts)


def test_p06_only_the_types_of_ones_own_desk(app: Flask, minji: Desk, house: House) -> None:
    assert "/staff/enter/recruitment" not in minji.get("/staff/enter").text
    for path in ("/staff/enter/recruitment", "/staff/enter/unheard-of"):
        assert minji.post(path, **typed(house)).status_code == 404
    bae = desk(app, house, "bae@example.com", Role.business)
    oh = desk(app, house, "oh@example.com", Role.privacy)
    for other in (bae, oh):
        assert other.post("/staff/enter/support", **typed(house)).status_code == 404
    assert count(house) == 0


def test_p06_the_service_itself_asks_whose_desk_it_is(house: House) -> None:
    told = Told("phone", WHO, HOW, clock.now())
    with at(1):
        for actor, kind in ((MINJI_SUPPORT, "recruitment"), (BAE, "support"), (OH, "support")):
            with pytest.raises(NotFound):
                entries.enter(house, actor, submission(type=kind), told)
    assert count(house) == 0
    refused = [body["outcome"] for _, body in records.bodies(house, "access")]
    assert refused == ["refused"] * 3


def test_p06_it_stands_with_the_mail_that_tells_her_of_it(any_house: House) -> None:
    received = entries.enter(
        any_house, MINJI_SUPPORT, submission(type="support"), Told("phone", WHO, HOW, clock.now())
    )
    assert count(any_house) == 1
    with any_house.live.read() as connection:
        (queued,) = connection.execute(mails.select()).all()
    assert queued.inquiry_id == received.id


def test_p06_the_notice_is_read_to_her_in_her_language(minji: Desk) -> None:
    for spoken, heading in (("ko", "수집·이용 목적"), ("en", "Purpose of collection and use")):
        page = minji.get(f"/staff/enter/support?lang={'en' if spoken == 'ko' else 'ko'}&speaks={spoken}").text
        assert f'<th scope="row">{heading}</th>' in page

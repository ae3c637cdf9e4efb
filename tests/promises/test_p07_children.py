"""P07: a child's inquiry is refused, or unreadable until a legal guardian agrees, and destroyed in five days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from inquiries import clock
from inquiries.errors import InvalidExport, InvalidFields, NotFound, Suspended, WrongState
from inquiries.rules import minors
from inquiries.rules.permissions import Role
from inquiries.rules.purposes import Use
from inquiries.rules.requests import GUARDIAN, Channel, Identity, Kind
from inquiries.sealing import items, links
from inquiries.services import (
    adoption,
    archive,
    exports,
    fulfilment,
    guardians,
    hand_over,
    holds,
    inbox,
    keys,
    mail,
    on_behalf,
    outlook,
    publishing,
    purposes,
    receipt,
    records,
    replies,
    requests,
    retention,
    rights,
    search,
)
from inquiries.services.house import House
from inquiries.services.on_behalf import Entry, Proof
from inquiries.services.requests import Asked
from inquiries.settings import HOME, Settings
from inquiries.stores.key_tables import keys as key_rows
from inquiries.stores.live import claims, outbox
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.tables import groups, inquiries
from inquiries.stores.live.written_tables import outbox as mails
from tests import postgresql
from tests.cast import ITEMS, MINJI, OH, send
from tests.faults.scenarios import copy_database
from tests.moments import at, installed
from tests.promises.pages import application, desk
from tests.services.test_exports import rows, wish
from tests.services.test_proofs import put_back
from tests.web.site import code_of, errors_of, fields

CHILD = {"guardian.needed": "yes", "guardian.name": "김건", "guardian.contact": "gun@example.com"}
CLUNIX = HOME / "policies" / "clunix.toml"
MAIL = {"smtp_url": "smtp://127.0.0.1:2525", "mail_from": "forms@clunix.example.com"}


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """Clunix takes children's inquiries with the consent of a guardian."""
    with installed(make_settings, policy=CLUNIX, **MAIL) as opened:
        yield opened


@pytest.fixture
def refusing(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    policy = tmp_path / "policy.toml"
    policy.write_text(CLUNIX.read_text("utf-8").replace("allowed = true", "allowed = false"), "utf-8")
    with installed(make_settings, policy=policy) as opened:
        yield opened


@pytest.fixture
def house_on_postgresql(
    make_settings: Callable[..., Settings], postgres: Callable[[str], str]
) -> Iterator[House]:
    with installed(make_settings, policy=CLUNIX, **postgresql.emptied(postgres), **MAIL) as opened:
        yield opened


def write(house: House, guardian: Mapping[str, object] = CHILD, **given: Any) -> str:
    return send(house, guardian=guardian, **given).receipt


def agree(house: House, link: str) -> None:
    """The guardian, by her link."""
    assert application(house).test_client().post(link, data={"decision": "agree"}).status_code == 200


def agreed_in_the_last_second(house: House) -> str:
    """The code of a child's inquiry; nobody has come by since her guardian agreed."""
    with at():
        code = write(house)
        link = path(house)
    with at(5 - 1e-5):
        agree(house, link)
    return code


def word(house: House, inquiry: int) -> live_requests.NewRequest:
    """What somebody writes to the store who has the secret of a guardian's link, or of what it came from."""
    key = keys.of_inquiries(house, [inquiry])[inquiry, "main"]
    proving = links.proving_key(links.secret(key.dek, GUARDIAN, inquiry, "main"))
    asked = Asked(inquiry, Kind.confirm, channel=GUARDIAN)
    return requests.written(proving, asked, publishing.in_force(house).policy)


def only(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.execute(select(inquiries.c.id)).scalar_one())


def gone(house: House) -> bool:
    with house.live.read() as connection:
        return connection.execute(select(inquiries.c.id)).first() is None


def letter(house: House) -> mail.Letter:
    """The only one that waits."""
    guardians.invite(house)
    with house.live.read() as connection:
        row = outbox.by_id(connection, connection.execute(select(mails.c.id)).scalar_one())
    assert row is not None
    return mail.opened(house, row)


def path(house: House) -> str:
    return letter(house).facts["link"].removeprefix("http://127.0.0.1:8000")


def nobody_reads(house: House) -> None:
    """Staff see that something waits, and nothing that it says, whichever way they ask."""
    inquiry = only(house)
    for who in (MINJI, OH):
        (line,) = inbox.page(house, who).rows
        assert (line.who, line.email, line.guardian, line.suspended) == ("", "", True, True)
        summary = inbox.summary(house, who, inquiry)
        assert (dict(summary.masked), summary.suspended) == ({}, True)
        assert summary.guardian_until is not None
        with pytest.raises(Suspended):
            inbox.open_inquiry(house, who, inquiry, "I am curious")
    with pytest.raises(Suspended):
        replies.note(house, MINJI, inquiry, "a note")
    assert archive.choices(house, OH, inquiry) == ()
    with pytest.raises(NotFound):
        archive.order(house, OH, inquiry, statute="contract", items=["content"], reason="a contract")
    with pytest.raises(InvalidExport):
        exports.export(house, OH, wish())
    assert not search.search(house, MINJI, ITEMS["email"]).rows
    for use in (Use.answer, Use.notify, Use.export):
        assert not purposes.data_keys(house, use, [inquiry])


# -- refused by default --------------------------------------------------------------------------------


@pytest.mark.promise("P07")
def test_p07_by_default_a_child_is_refused_and_everybody_is_asked(refusing: House) -> None:
    with at():
        client = application(refusing).test_client()
        page = client.get("/inquiries/support?lang=en").text
        assert re.search(r'<input type="checkbox"\s+name="guardian.needed"\s+value="no"\s+required>', page)
        assert "guardian.name" not in page
        unasked = client.post("/inquiries/support", data=fields())
        assert set(errors_of(unasked)) == {"guardian.needed"}
        refused = client.post("/inquiries/support", data={**fields(), **CHILD, "language": "en"})
        assert refused.status_code == 422
        assert "only from people of 14 and older" in errors_of(refused)["guardian.needed"]
        assert gone(refusing)
        assert (
            client.post("/inquiries/support", data={**fields(), "guardian.needed": "no"}).status_code == 200
        )


@pytest.mark.promise("P07")
@pytest.mark.promise("P01")
def test_p07_whose_policy_does_not_ask_takes_no_such_field(make_settings: Callable[..., Settings]) -> None:
    with installed(make_settings) as house, at():
        client = application(house).test_client()
        assert "guardian" not in client.get("/inquiries/support").text
        assert client.post("/inquiries/support", data=fields()).status_code == 200
        answer = client.post("/inquiries/support", data={**fields(), "guardian.needed": "no"})
        assert errors_of(answer).keys() == {"guardian.needed"}
        sent = {"type": "support", "items": ITEMS, "consents": {"inquiry": True}}
        assert client.post("/api/inquiries", json=sent).status_code == 201
        assert client.post("/api/inquiries", json={**sent, "guardian": {"needed": False}}).status_code == 422


@pytest.mark.promise("P07")
def test_p07_name_and_contact_and_nothing_else(house: House) -> None:
    wrong: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"guardian.needed": ""}, {"guardian.needed": "age_required"}),
        ({"guardian.name": ""}, {"guardian.name": "required"}),
        ({"guardian.contact": "nowhere"}, {"guardian.contact": "invalid_contact"}),
        ({"guardian.contact": ""}, {"guardian.contact": "required"}),
        ({"guardian.needed": "no"}, {"guardian.name": "not_needed", "guardian.contact": "not_needed"}),
        ({"guardian.birthday": "2015"}, {"guardian.birthday": "undeclared"}),
    ]
    with at():
        client = application(house).test_client()
        for changed, code in wrong:
            answer = client.post("/inquiries/support", data={**fields(), **CHILD, **changed})
            assert answer.status_code == 422
            assert errors_of(answer).keys() == code.keys()
            assert "김소라" in answer.text
            given: dict[str, object] = {
                name.removeprefix("guardian."): text for name, text in {**CHILD, **changed}.items()
            }
            given["needed"] = {"yes": True, "no": False}.get(str(given["needed"]))
            sent = {"type": "support", "items": ITEMS, "consents": {"inquiry": True}, "guardian": given}
            problem = client.post("/api/inquiries", json=sent).get_json()
            assert {one["field"]: one["code"] for one in problem["errors"]} == code
        assert gone(house)


# -- unreadable until she agrees -----------------------------------------------------------------------


@pytest.mark.promise("P07")
def test_p07_unreadable_until_the_guardian_agrees_by_her_link(house: House) -> None:
    with at():
        client = application(house).test_client()
        page = client.post("/inquiries/support", data={**fields(), **CHILD})
        code, shown = code_of(page), page.text
        nobody_reads(house)
        assert "법정대리인" in shown
        view = receipt.look(house, code)
        assert view.guardian_until == view.due_at
        assert set(view.parts.values()) == {view.due_at}
        assert "법정대리인" in client.post("/receipt", data={"receipt": code, "language": "ko"}).text
        said = letter(house)
        assert said.to == "gun@example.com"
        assert not any(text in str(said.facts) for text in (*ITEMS.values(), "김건"))
        link = path(house)
        asked = client.get(f"{link}?lang=ko")
        assert asked.status_code == 200
        assert "기술/지원 문의" in asked.text
        assert not any(text in asked.text for text in (*ITEMS.values(), "김건", "gun@example.com"))
        nobody_reads(house)  # looking is not agreeing
        assert client.post(link, data={"decision": "agree"}).status_code == 200
        nobody_reads(house)  # and not before it is proved
        fulfilment.carry_out(house)
        opened = inbox.open_inquiry(house, MINJI, only(house), None)
        assert opened.items == ITEMS
        assert client.get(link).status_code == 404  # it works once
        view = receipt.look(house, code)
        assert view.guardian_until is None
        assert view.due_at is not None
        assert view.due_at - view.received_at == timedelta(days=365)
        client.post(link, data={"decision": "refuse"})
        fulfilment.carry_out(house)
    with at(6):
        retention.sweep(house)
        assert receipt.look(house, code).items == ITEMS


@pytest.mark.promise("P07")
def test_p07_destroyed_on_the_fifth_day_if_none_does(house: House) -> None:
    with at():
        write(house)
        adult = write(house, {"guardian.needed": "no"})
        with house.live.read() as connection:
            child = connection.execute(select(inquiries.c.id).order_by(inquiries.c.id).limit(1)).scalar_one()
        link = path(house)
    with at(4.99):
        retention.sweep(house)
        assert purposes.data_keys(house, Use.guardian, [child])
    with at(5.01):
        client = application(house).test_client()
        assert client.post(link, data={"decision": "agree"}).status_code == 404  # too late, swept or not
        fulfilment.carry_out(house)
        retention.sweep(house, confirm=True)  # the days went by at once
        assert receipt.look(house, adult).items == ITEMS
        assert not keys.of_inquiries(house, [child])
        with house.keys.read() as connection:
            reasons = set(connection.scalars(select(key_rows.c.reason).where(key_rows.c.inquiry_id == child)))
        assert reasons == {"no_guardian"}
        with house.live.read() as connection:
            assert not connection.execute(select(mails.c.id)).all()
            assert not connection.execute(select(groups.c.id).where(groups.c.inquiry_id == child)).all()


@pytest.mark.promise("P07")
def test_p07_who_agrees_in_the_last_second_is_heard_though_the_worker_comes_later(house: House) -> None:
    code = agreed_in_the_last_second(house)
    with at(5.01):
        assert retention.sweep(house, confirm=True).due == 0
        assert receipt.look(house, code).items == ITEMS
        assert receipt.look(house, code).guardian_until is None


@pytest.mark.promise("P07")
def test_p07_what_a_guardian_said_meanwhile_waits_for_the_worker(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has listened, and comes to destroy; in between she agrees, and her day passes."""
    code = agreed_in_the_last_second(house)
    with at(5.01):
        monkeypatch.setattr(fulfilment, "hear", lambda _: None)
        assert retention.sweep(house, confirm=True).destroyed == 0
        assert not inbox.page(house, OH).rows  # from its day on nobody reads it, until she is heard
        fulfilment.carry_out(house)
        assert retention.sweep(house, confirm=True).due == 0
        assert receipt.look(house, code).items == ITEMS


@pytest.mark.promise("P07")
def test_p07_a_sweep_that_cannot_listen_destroys_nothing_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = agreed_in_the_last_second(house)
    with at(5.01):
        with monkeypatch.context() as patched:
            patched.setattr(purposes, "data_keys", fails)
            swept = retention.sweep(house, confirm=True)
            assert (swept.due, swept.failed) == (1, 1)
            assert outlook.failed_last(house) == 1
        retention.sweep(house, confirm=True)
        assert receipt.look(house, code).items == ITEMS


@pytest.mark.promise("P07")
def test_p07_a_word_that_nothing_proves_keeps_it_for_some_days(house: House) -> None:
    with at():
        write(house)
        link = path(house)
    with at(1):
        agree(house, link)
        for database, table in ((house.keys, "keys"), (house.live, "envelopes")):
            with database.write() as connection:
                connection.exec_driver_sql(f"DELETE FROM {table}")
    with at(5.01):
        assert retention.sweep(house, confirm=True).destroyed == 0
    with at(6.01):
        retention.sweep(house, confirm=True)
        assert gone(house)


def fails(*_: object, **__: object) -> None:
    raise OperationalError("", {}, OSError())


@pytest.mark.promise("P07")
@pytest.mark.promise("P14")
def test_p07_what_was_said_under_a_hold_counts_though_the_hold_is_released(house: House) -> None:
    with at():
        code = write(house)
        link = path(house)
        until = clock.now() + timedelta(days=30)
        placed = holds.place(house, OH, only(house), reason="a claim", basis="a law", until=until)
    with at(10):
        agree(house, link)
    with at(10.01):
        holds.release(house, OH, placed, "settled")
        assert retention.sweep(house, confirm=True).due == 0
        assert receipt.look(house, code).items == ITEMS


@pytest.mark.promise("P07")
def test_p07_nothing_that_the_sweep_has_comes_back_by_a_guardians_word(house: House) -> None:
    """Whoever broke into the public surface and saw the link's secret may say that she agreed in time."""
    with at():
        write(house, address="192.0.2.1")
        child = only(house)
        row = word(house, child)
    with at(5.01):
        with house.live.write() as connection:
            main = live.group_ids(connection, child)["main"]
            claims.claim(connection, [main], claims.NO_GUARDIAN, clock.now())
            live_requests.add(connection, row)
        fulfilment.carry_out(house)
        with house.live.read() as connection:
            assert max(connection.scalars(select(groups.c.due_at))) < clock.now()
        retention.sweep(house, confirm=True)
        assert gone(house)


@pytest.mark.promise("P07")
def test_p07_an_agreement_outlives_a_restore_of_what_did_not_know_it(house: House, tmp_path: Path) -> None:
    with at():
        code = write(house)
        link = path(house)
        copy = copy_database(house.settings.instance / "live.db", tmp_path / "live.db")
    with at(1):
        agree(house, link)
        fulfilment.carry_out(house)
    with at(7):
        again = put_back(house, copy)
        retention.sweep(again, confirm=True)
        assert receipt.look(again, code).items == ITEMS
        assert receipt.look(again, code).guardian_until is None
        again.close()


@pytest.mark.promise("P07")
def test_p07_the_guardian_who_refuses_has_it_destroyed(house: House) -> None:
    with at():
        write(house)
        client = application(house).test_client()
        assert client.post(path(house), data={"decision": "refuse"}).status_code == 200
        fulfilment.carry_out(house)
        assert gone(house)


@pytest.mark.promise("P07")
def test_p07_a_link_that_was_made_up_agrees_to_nothing(house: House) -> None:
    with at():
        write(house)
        number, secret = links.read(path(house).rpartition("/")[2])
        client = application(house).test_client()
        unknown = client.get(f"/guardian/{links.token(number + 1, secret)}")
        assert unknown.status_code == 404
        client.post(f"/guardian/{links.token(number, bytes(16))}", data={"decision": "agree"})
        fulfilment.carry_out(house)
        nobody_reads(house)
        policy = publishing.in_force(house).policy
        key = keys.of_inquiries(house, [only(house)])[only(house), "main"]
        for channel, dek in (
            (GUARDIAN, key.dek),
            (Channel.receipt, key.dek),
            (Channel.receipt, links.proving_key(secret)),
        ):
            row = requests.written(dek, Asked(only(house), Kind.confirm, channel=channel), policy)
            with house.live.write() as connection:
                live_requests.add(connection, row)
        fulfilment.carry_out(house)  # not even the child's own code
        nobody_reads(house)


@pytest.mark.promise("P07")
def test_p07_nobody_was_waited_for_and_nothing_is_lengthened(house: House) -> None:
    """Who has an inquiry's key cannot put its day back by a confirmation that nobody asked for."""
    with at():
        code = write(house, {"guardian.needed": "no"})
        inquiry = only(house)
        inbox.open_inquiry(house, MINJI, inquiry, None)
        inbox.close(house, MINJI, inquiry)
        due = receipt.look(house, code).due_at
        with house.live.write() as connection:
            live_requests.add(connection, word(house, inquiry))
        fulfilment.carry_out(house)
        assert receipt.look(house, code).due_at == due


@pytest.mark.promise("P07")
@pytest.mark.promise("P17")
def test_p07_the_child_has_her_rights_meanwhile(house: House) -> None:
    with at():
        code = write(house)
        rights.correct(house, code, {"name": "김소라니"})
        fulfilment.carry_out(house)
        assert receipt.look(house, code).items["name"] == "김소라니"
        assert guardians.show(house, OH, only(house)).contact == "gun@example.com"  # kept through it
        nobody_reads(house)
        rights.delete(house, code)
        fulfilment.carry_out(house)
        assert gone(house)


# -- she telephones ------------------------------------------------------------------------------------


@pytest.mark.promise("P07")
@pytest.mark.promise("P25")
def test_p07_the_officer_asks_and_enters_the_consent_with_its_evidence(house: House) -> None:
    with at():
        code = write(house, {**CHILD, "guardian.contact": "02-1234-5678"})
        assert guardians.invite(house) == 0  # there is nowhere to write to
        inquiry = only(house)
        found = guardians.show(house, OH, inquiry)
        assert (found.name, found.contact) == ("김건", "02-1234-5678")
        for act in (lambda: guardians.show(house, MINJI, inquiry),
                    lambda: guardians.enter(house, MINJI, inquiry, "phone", "she said so")):  # fmt: skip
            with pytest.raises(NotFound):
                act()
        for how, evidence in (("phone", ""), ("", "she said so"), ("pigeon", "she said so")):
            with pytest.raises(InvalidFields):
                guardians.enter(house, OH, inquiry, how, evidence)
        nobody_reads(house)
        guardians.enter(house, OH, inquiry, "phone", "Called back on the number of the family register.")
        opened = inbox.open_inquiry(house, MINJI, inquiry, None)
        assert opened.items == ITEMS
        assert [entry.text for entry in opened.thread] == [
            "Called back on the number of the family register."
        ]
        with pytest.raises(WrongState):
            guardians.enter(house, OH, inquiry, "phone", "again")
        acts = [
            (body["act"], body.get("staff"), body["outcome"]) for _, body in records.bodies(house, "access")
        ]
        assert ("look_guardian", OH.staff_id, "done") in acts
        assert ("enter_guardian", OH.staff_id, "done") in acts
        assert ("handle_requests", MINJI.staff_id, "refused") in acts
        due = receipt.look(house, code).due_at
        assert due is not None
        assert due > clock.now() + timedelta(days=300)


@pytest.mark.promise("P07")
def test_p07_the_officers_page_shows_whom_to_ask_and_nothing_of_the_inquiry(house: House) -> None:
    with at():
        write(house)
        app = application(house)
        oh = desk(app, house, "oh.desk@example.com", Role.privacy)
        inquiry = only(house)
        masked = oh.client.get(f"/staff/inquiries/{inquiry}?lang=en").text
        assert "Waits for a legal guardian" in masked
        assert "waits for a guardian" in oh.client.get("/staff/inbox?lang=en").text
        shown = oh.post(f"/staff/inquiries/{inquiry}/guardian")
        assert "gun@example.com" in shown.text
        assert not any(text in shown.text for text in ITEMS.values())
        wrong = oh.post(f"/staff/inquiries/{inquiry}/guardian", enter="yes", evidence="she said so")
        assert wrong.status_code == 422
        assert "she said so" in wrong.text
        done = oh.post(f"/staff/inquiries/{inquiry}/guardian", enter="yes", how="paper", evidence="A letter.")
        assert done.status_code == 303
        assert inbox.open_inquiry(house, MINJI, inquiry, None).items == ITEMS


# -- what is kept --------------------------------------------------------------------------------------


@pytest.mark.promise("P07")
@pytest.mark.promise("P29")
def test_p07_the_guardian_is_sealed_shown_to_her_and_in_no_export(house: House) -> None:
    with at():
        code = write(house)
        adoption.adopt_pending(house)
        for file in Path(house.settings.instance).rglob("*"):
            assert not file.is_file() or "김건".encode() not in file.read_bytes()
        client = application(house).test_client()
        for page in (
            client.post("/receipt/copy", data={"receipt": code}),
            client.post("/receipt/copy", data={"receipt": code, "format": "json"}),
        ):
            assert "gun@example.com" in page.text
        client.post(path(house), data={"decision": "agree"})
        fulfilment.carry_out(house)
        key = keys.of_inquiries(house, [only(house)])[only(house), "main"]
        with house.live.read() as connection:
            sealed = connection.execute(select(groups.c.sealed).where(groups.c.name == "main")).scalar_one()
        assert minors.of(items.open_items(key.dek, key.inquiry_id, "main", items.unpack(sealed))) == {
            "guardian.name": "김건", "guardian.contact": "gun@example.com"
        }  # fmt: skip
        (row,) = rows(exports.export(house, OH, wish()))
        assert not [name for name in row if name.startswith("guardian")]


@pytest.mark.promise("P03")
@pytest.mark.promise("P07")
def test_p07_the_notice_says_so(house: House) -> None:
    with at():
        client = application(house).test_client()
        assert "법정대리인의 이름과 연락처" in client.get("/privacy?lang=ko").text
        page = client.get("/inquiries/support?lang=ko").text
        assert "만 14세 미만인 경우: 법정대리인이 동의하지 않으면 5일 뒤에 파기합니다." in page


@pytest.mark.slow
@pytest.mark.promise("P07")
@pytest.mark.parametrize(
    "story",
    [
        test_p07_unreadable_until_the_guardian_agrees_by_her_link,
        test_p07_destroyed_on_the_fifth_day_if_none_does,
        test_p07_the_officer_asks_and_enters_the_consent_with_its_evidence,
    ],
)
def test_p07_on_postgresql(house_on_postgresql: House, story: Callable[[House], None]) -> None:
    story(house_on_postgresql)


@pytest.mark.promise("P18")
def test_p07_no_copy_is_handed_over_before_a_guardian_agrees(house: House) -> None:
    with at():
        write(house)
        entry = Entry(Kind.copy, Channel.phone, evidence="a call", proof=Proof(Identity.callback))
        (made,) = on_behalf.enter(house, OH, [only(house)], entry)
        fulfilment.carry_out(house)
        with pytest.raises(WrongState):
            hand_over.copy(house, OH, made, notes=True)
        guardians.enter(house, OH, only(house), guardians.WAYS[0], "a call back")
        assert ITEMS.items() <= hand_over.copy(house, OH, made, notes=True).parts[0].items.items()

"""P15: what is kept until withdrawn ends with one click on a link, for the address, and stays ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from inquiries.errors import InvalidExport
from inquiries.rules.purposes import Use
from inquiries.rules.requests import GUARDIAN, UNSUBSCRIBE, Because, Channel, Kind, State
from inquiries.sealing import links
from inquiries.services import (
    adoption,
    certificates,
    exports,
    fulfilment,
    guardians,
    holds,
    inbox,
    linking,
    publishing,
    purposes,
    receipt,
    records,
    requests,
    retention,
    rights,
    unsubscribing,
)
from inquiries.services.house import House
from inquiries.services.intake import Received
from inquiries.services.requests import Asked
from inquiries.settings import HOME, Settings
from inquiries.stores.key_tables import suppressions
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.tables import groups, inquiries
from inquiries.stores.live.tables import requests as request_table
from tests import postgresql
from tests.cast import MINJI, OH, send
from tests.faults.scenarios import copy_database
from tests.moments import T0, at, installed
from tests.promises.pages import application
from tests.services.test_exports import rows, wish
from tests.services.test_proofs import put_back

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SORA = "sora@example.com"
OLD_ENOUGH = {"guardian.needed": "no"}


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Iterator[House]:
    """Clunix: its policy declares the newsletter, and nothing but the policy does."""
    with installed(make_settings, policy=HOME / "policies" / "clunix.toml") as opened:
        yield opened


@pytest.fixture
def house_on_postgresql(
    make_settings: Callable[..., Settings], postgres: Callable[[str], str]
) -> Iterator[House]:
    with installed(
        make_settings, policy=HOME / "policies" / "clunix.toml", **postgresql.emptied(postgres)
    ) as opened:
        yield opened


@pytest.fixture
def house_by_default(make_settings: Callable[..., Settings]) -> Iterator[House]:
    with installed(make_settings) as opened:
        yield opened


def subscribe(house: House, email: str = SORA) -> str:
    return subscribed(house, email).receipt


def subscribed(house: House, email: str = SORA, guardian: Mapping[str, object] = OLD_ENOUGH) -> Received:
    others = dict.fromkeys(("name", "company", "contact", "content"))
    return send(house, type="newsletter", items={"email": email, **others}, guardian=guardian)


def exported(house: House, **given: Any) -> list[dict[str, str]]:
    return rows(exports.export(house, OH, wish(type="newsletter", **given)))


def nothing_to_export(house: House, **given: Any) -> bool:
    try:
        exports.export(house, OH, wish(**({"type": "newsletter"} | given)))
    except InvalidExport as refused:
        return [one.code for one in refused.errors] == ["nothing"]
    return False


def path(link: str) -> str:
    return link.removeprefix("http://127.0.0.1:8000")


def click(client: FlaskClient, link: str) -> TestResponse:
    return client.post(path(link), data=ONE_CLICK)


def standing(house: House) -> int:
    with house.live.read() as connection:
        return len(connection.execute(select(inquiries.c.id)).all())


@pytest.mark.promise("P15")
def test_p15_from_the_form_to_the_link_to_the_end(house: House) -> None:
    with at():
        client = application(house).test_client()
        page = client.post(
            "/inquiries/newsletter",
            data={"email": SORA, "consent.inquiry": "yes", "language": "en", "guardian.needed": "no"},
        )
        assert page.status_code == 200
        (line,) = inbox.page(house, MINJI).rows
        assert (line.type, line.due_at) == ("newsletter", None)
        (row,) = exported(house)
        assert (row["email"], row["delete_by"]) == (SORA, "")
    with at(3 * 365):
        client = application(house).test_client()
        shown = client.get(path(row["unsubscribe"]))
        assert shown.status_code == 200
        assert shown.text.count("<button") == 1
        assert SORA not in shown.text
        assert len(exported(house)) == 1  # looking ends nothing
        assert click(client, row["unsubscribe"]).status_code == 200
        assert nothing_to_export(house)  # before the worker has come to it
        fulfilment.carry_out(house)
        assert standing(house) == 0
        assert nothing_to_export(house)
        with house.keys.read() as connection:
            assert SORA.encode() not in bytes(str(connection.execute(suppressions.select()).all()), "utf-8")


@pytest.mark.promise("P15")
def test_p15_the_button_of_the_page_is_all_that_it_takes(house: House) -> None:
    with at():
        subscribe(house)
        (row,) = exported(house)
        client = application(house).test_client()
        assert (
            client.post(path(row["unsubscribe"]), data={"other": "x"}).text.count("<button") == 1
        )  # asked again
        fulfilment.carry_out(house)
        assert standing(house) == 1
        both = {**ONE_CLICK, "language": "ko"}  # what the page's form holds
        answer = client.post(path(row["unsubscribe"]), data=both, content_type="multipart/form-data")
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        fulfilment.carry_out(house)
        assert standing(house) == 0


@pytest.mark.promise("P15")
def test_p15_every_token_is_answered_alike(house: House) -> None:
    with at():
        subscribe(house)
        inquiry = send(house, type="support", guardian=OLD_ENOUGH)
        (row,) = exported(house)
        token = row["unsubscribe"].rpartition("/")[2]
        number, secret = links.read(token)
        client = application(house).test_client()
        with house.live.read() as connection:
            ids = {
                row[0]: row[1]
                for row in connection.execute(select(inquiries.c.type, groups.c.id).join(groups))
            }
        tokens = [
            links.token(number + 1, secret),
            links.token(number, bytes(16)),
            links.token(ids["support"], secret),
            token[:-1],
            token + "=",
            "x",
            "%00",
            token,
        ]
        looked = {client.get(f"/unsubscribe/{one}").text.replace(one, "") for one in tokens[:3] + tokens[-1:]}
        assert len(looked) == 1
        answers = [click(client, f"/unsubscribe/{one}") for one in tokens]
        assert {(one.status_code, one.text) for one in answers} == {(200, answers[0].text)}
        with house.live.read() as connection:  # of what is no mailing nothing is even asked
            asked = set(connection.scalars(select(request_table.c.inquiry_id)))
        assert asked == {int(row["inquiry"])}
        fulfilment.carry_out(house)
        assert standing(house) == 1  # hers is gone, by her own; the other stands
        assert receipt.look(house, inquiry.receipt).items
        assert click(client, f"/unsubscribe/{token}").text == answers[0].text  # it died with the row


@pytest.mark.promise("P15")
@pytest.mark.promise("P21")
def test_p15_a_made_up_token_ends_nothing_and_stands_in_nobodys_way(house: House) -> None:
    with at():
        subscribe(house)
        (row,) = exported(house)
        number, _ = links.read(row["unsubscribe"].rpartition("/")[2])
        client = application(house).test_client()
        click(client, f"/unsubscribe/{links.token(number, bytes(16))}")
        assert click(client, row["unsubscribe"]).status_code == 200
        click(client, row["unsubscribe"])
        with house.live.read() as connection:
            assert len(connection.execute(request_table.select()).all()) == 2  # a second click is the first
        fulfilment.carry_out(house)
        assert standing(house) == 0
        states = [body["act"] for _, body in records.bodies(house, "requests")]
        assert states == ["refused", "asked", "done"]


@pytest.mark.promise("P15")
def test_p15_the_link_proves_nothing_but_its_own_request(house: House) -> None:
    """Whoever has it and can write to the database, such as a public process that was broken into."""
    with at():
        subscribe(house)
        (row,) = exported(house)
        _, secret = links.read(row["unsubscribe"].rpartition("/")[2])
        inquiry = int(row["inquiry"])
        policy = publishing.in_force(house).policy
        others = [(Kind.suspend, ""), (Kind.resume, ""), (Kind.copy, ""), (Kind.correct, "email"),
                  (Kind.delete, "email"), (Kind.withdraw, "inquiry")]  # fmt: skip
        for (kind, subject), channel in product(others, (UNSUBSCRIBE, Channel.receipt)):
            asked = Asked(inquiry, kind, subject, channel=channel)
            written = requests.written(links.proving_key(secret), asked, policy)
            with house.live.write() as connection:
                live_requests.add(connection, written)
            fulfilment.carry_out(house)
            with house.live.read() as connection:
                found = live_requests.by_id(connection, written.id)
            assert found is not None
            assert found.state == State.refused
            assert found.because == (Because.invalid if channel == UNSUBSCRIBE else Because.unproved)
        assert len(exported(house)) == 1


@pytest.mark.promise("P15")
def test_p15_it_holds_for_the_address_until_she_agrees_anew(house: House) -> None:
    with at():
        subscribe(house)
        subscribe(house, "SORA@Example.com")
        subscribe(house, "gun@example.com")
        link = next(row["unsubscribe"] for row in exported(house) if row["email"] == SORA)
        client = application(house).test_client()
        click(client, link)
        fulfilment.carry_out(house)
        assert [row["email"] for row in exported(house)] == ["gun@example.com"]
        fulfilment.carry_out(house)
        assert standing(house) == 1  # her second subscription went, too
    with at(1):
        subscribe(house)
        assert {row["email"] for row in exported(house)} == {SORA, "gun@example.com"}
        lifted = [
            body for _, body in records.bodies(house, "operation") if body["act"] == "suppression_lifted"
        ]
        assert [body["scope"] for body in lifted] == ["main newsletter"]
        with house.keys.read() as connection:
            assert connection.execute(suppressions.select()).all() == []


@pytest.mark.promise("P15")
def test_p15_what_was_agreed_to_before_stays_out_also_where_it_is_found_only_later(house: House) -> None:
    """A row whose key was not adopted when she unsubscribed has no tag to be found by."""
    with at():
        subscribe(house)
        (row,) = exported(house)
        subscribe(house)  # not adopted yet
        click(application(house).test_client(), row["unsubscribe"])
        fulfilment.carry_out(house)
        assert standing(house) == 1
        assert nothing_to_export(house)


@pytest.mark.promise("P15")
def test_p15_a_hold_keeps_the_row_and_nothing_of_it_is_used(house: House) -> None:
    with at():
        subscribe(house)
        (row,) = exported(house)
        holds.place(
            house, OH, int(row["inquiry"]), reason="a suit", basis="Civil Act", until=T0 + timedelta(days=9)
        )
        click(application(house).test_client(), row["unsubscribe"])
        fulfilment.carry_out(house)
        assert standing(house) == 1
        assert nothing_to_export(house)
    with at(10):
        fulfilment.carry_out_waiting(house)
        assert standing(house) == 0


@pytest.mark.promise("P15")
@pytest.mark.promise("P02")
def test_p15_an_optional_purpose_has_its_own_link_and_the_inquiry_lives_on(
    make_settings: Callable[..., Settings],
) -> None:
    with installed(make_settings) as house, at():
        code = send(house, consents={"inquiry": True, "marketing": True}).receipt
        twice = send(house, consents={"inquiry": True, "marketing": True}).receipt
        link, _ = (row["unsubscribe"] for row in rows(exports.export(house, OH, wish(purpose="marketing"))))
        assert "unsubscribe" not in rows(exports.export(house, OH, wish()))[0]
        click(application(house).test_client(), link)
        for _ in range(2):
            fulfilment.carry_out(house)
        assert nothing_to_export(house, purpose="marketing", type=None)
        for one in (code, twice):
            view = receipt.look(house, one)
            assert view.items
            assert not view.suspended
            assert [consent.holds for consent in view.consents] == [True, False]


BOTH = {"inquiry": True, "marketing": True}


def token(house: House, inquiry: int, group: str) -> str:
    key = purposes.data_keys(house, Use.rights, [inquiry])[inquiry, group]
    return linking.address(house, key, UNSUBSCRIBE).rpartition("/")[2]


def holds_still(house: House, code: str) -> bool:
    (marketing,) = (one for one in receipt.look(house, code).consents if one.purpose == "marketing")
    return marketing.holds


@pytest.mark.promise("P15")
def test_p15_what_was_agreed_to_after_the_click_goes_on(house_by_default: House) -> None:
    """The worker comes later than she agrees anew; what came before the click ends."""
    house = house_by_default
    with at(hours=1):
        first = send(house, consents=BOTH)
    with at(hours=2):
        second = send(house, consents=BOTH)
        clicked = token(house, second.id, "marketing")
        adoption.adopt_pending(house)
    with at(hours=3):
        unsubscribing.unsubscribe(house, clicked)
    with at(hours=4):
        anew = send(house, consents=BOTH)
        adoption.adopt_pending(house)
    for hours in (5, 6):
        with at(hours=hours):
            fulfilment.carry_out(house)
    with at(hours=7):
        assert [holds_still(house, one.receipt) for one in (first, second, anew)] == [False, False, True]


@pytest.mark.promise("P15")
@pytest.mark.parametrize("first", ["sweep", "deletion"])
def test_p15_a_click_is_heeded_before_its_key_ends(house_by_default: House, first: str) -> None:
    """Its day comes, or she has it deleted as well: the address is heard before nobody knows it any more."""
    house = house_by_default
    with at(hours=1):
        clicked = send(house, consents=BOTH)
    with at(hours=2):
        other = send(house, consents=BOTH)
        adoption.adopt_pending(house)
        link = token(house, clicked.id, "marketing")
    marketing_ends = datetime(2026, 9, 2, 10, 30, tzinfo=UTC)
    with time_machine.travel(marketing_ends - timedelta(minutes=1)):
        if first == "deletion":
            rights.delete(house, clicked.receipt)
        unsubscribing.unsubscribe(house, link)
    with time_machine.travel(marketing_ends + timedelta(minutes=1)):
        if first == "sweep":
            assert retention.sweep(house, confirm=True).destroyed > 0
        fulfilment.carry_out(house)
        assert not holds_still(house, other.receipt)


@pytest.mark.promise("P15")
def test_p15_a_click_is_heeded_also_where_the_officer_is_faster(house_by_default: House) -> None:
    """She has the one request carried out before the worker comes by: it is for the address all the same."""
    house = house_by_default
    with at(hours=1):
        other = send(house, consents=BOTH)
    with at(hours=2):
        clicked = send(house, consents=BOTH)
        adoption.adopt_pending(house)
        unsubscribing.unsubscribe(house, token(house, clicked.id, "marketing"))
        with house.live.read() as connection:
            (asked,) = live_requests.of_inquiry(connection, clicked.id)
    with at(hours=3):
        assert fulfilment.carry_out_one(house, asked.id)
        fulfilment.carry_out(house)
        assert [holds_still(house, one.receipt) for one in (clicked, other)] == [False, False]
        acts = [body["act"] for _, body in records.bodies(house, "requests") if body["id"] == asked.id]
        assert acts == ["asked", "done"]


@pytest.mark.promise("P07")
@pytest.mark.promise("P15")
def test_p15_what_a_guardian_agrees_to_before_the_worker_hears_the_click_ends_with_the_rest(
    house: House,
) -> None:
    """The child's five days are over by then; it stands by her guardian's word, and is of the same address."""
    with at(hours=1):
        asked = {"guardian.needed": "yes", "guardian.name": "김건", "guardian.contact": "gun@example.com"}
        child, adult = subscribed(house, guardian=asked), subscribed(house)
        adoption.adopt_pending(house)
        clicked = token(house, adult.id, "main")
        key = purposes.data_keys(house, Use.guardian, [child.id])[child.id, "main"]
    with at(hours=2):
        unsubscribing.unsubscribe(house, clicked)
    with at(5):
        assert guardians.decide(house, linking.address(house, key, GUARDIAN).rpartition("/")[2], agrees=True)
    with at(5.1):
        fulfilment.carry_out(house)
        fulfilment.carry_out(house)
        assert standing(house) == 0
        reasons = {part.stone.reason for part in certificates.for_receipt(house, child.receipt).parts}
        assert reasons == {"deleted_on_request"}


@pytest.mark.promise("P15")
def test_p15_a_click_that_comes_back_with_a_copy_is_still_hers(
    house_by_default: House, tmp_path: Path
) -> None:
    """The copy was made before the worker proved it, and the key that proves it has ended: the ledger knows."""
    house = house_by_default
    with at(hours=1):
        sent = send(house, consents=BOTH)
        adoption.adopt_pending(house)
        unsubscribing.unsubscribe(house, token(house, sent.id, "marketing"))
    with at(hours=2):
        copy_database(house.settings.instance / "live.db", tmp_path / "live.db")
        fulfilment.carry_out(house)
        assert not holds_still(house, sent.receipt)
    with at(hours=3), closing(put_back(house, tmp_path / "live.db")) as again:
        fulfilment.carry_out(again)
        assert not holds_still(again, sent.receipt)
        with again.live.read() as connection:
            (asked,) = live_requests.of_inquiry(connection, sent.id)
        assert asked.state == State.done


@pytest.mark.promise("P15")
def test_p15_the_form_and_the_receipt_say_that_it_is_kept_until_she_withdraws(house: House) -> None:
    with at():
        client = application(house).test_client()
        assert "동의를 철회하실 때까지" in client.get("/inquiries/newsletter?lang=ko").text
        code = subscribe(house)
        page = client.post("/receipt", data={"receipt": code, "language": "en"}).text
        assert "when you withdraw your consent" in page
        assert client.post("/receipt/delete", data={"receipt": code, "confirm": "yes"}).status_code == 202
        fulfilment.carry_out(house)
        assert standing(house) == 0


@pytest.mark.slow
@pytest.mark.promise("P15")
@pytest.mark.parametrize(
    "story",
    [
        test_p15_from_the_form_to_the_link_to_the_end,
        test_p15_it_holds_for_the_address_until_she_agrees_anew,
        test_p15_a_made_up_token_ends_nothing_and_stands_in_nobodys_way,
    ],
)
def test_p15_on_postgresql(house_on_postgresql: House, story: Callable[[House], None]) -> None:
    story(house_on_postgresql)

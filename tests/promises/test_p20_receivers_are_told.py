"""P20: whoever was given something is told of its correction or deletion: once, with proof, without content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inquiries.errors import JobBusy
from inquiries.rules.exporting import Format
from inquiries.services import (
    delivery,
    destruction,
    disclosures,
    exports,
    fulfilment,
    inbox,
    mail,
    publishing,
    records,
    rights,
)
from inquiries.services.exports import Wish
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.live import outbox
from inquiries.stores.live.written_tables import outbox as mails
from tests.cast import ITEMS, MINJI, OH, send
from tests.moments import at
from tests.promises.provided import providing
from tests.promises.test_p35_disclosed_by_procedure import ORDER, PHRASE, SECOND, handed
from tests.relay import SENDER, relay

pytestmark = pytest.mark.promise("P20")

PARTNER = "privacy@partner.example"
NEW = "sora.kim@example.com"


@pytest.fixture
def house(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    with providing(make_settings, tmp_path) as opened, at(1):
        yield opened


@pytest.fixture
def any_house(
    make_settings: Callable[..., Settings], store_urls: dict[str, str], tmp_path: Path
) -> Iterator[House]:
    """Once on SQLite and once on PostgreSQL."""
    with providing(make_settings, tmp_path, **store_urls) as opened, at(1):
        yield opened


@pytest.fixture
def code(house: House) -> str:
    return handed_on(house)


def handed_on(house: House) -> str:
    """Her inquiry: e-mail given to the partner, name and content to the insurer, who has no address."""
    receipt = send(house, consents={"inquiry": True, "marketing": True}).receipt
    for purpose, to in (("marketing", "recipients.partner"), ("inquiry", "recipients.insurer")):
        for _ in range(2):  # given twice, told once
            exports.export(house, OH, Wish(purpose, to, form=Format.json, reason="agreed", passphrase=PHRASE))
    return receipt


def queued(house: House) -> list[tuple[str, str, str]]:
    """(kind, to whom, which items) of what waits for those who were given something."""
    with house.live.read() as connection:
        ids = [row.id for row in connection.execute(mails.select())]
        rows = [outbox.by_id(connection, one) for one in ids]
    letters = [mail.opened(house, row) for row in rows if row and row.kind.startswith("given_")]
    return [(one.kind.removeprefix("given_"), one.to, one.facts["items"]) for one in letters]


def officer_of(house: House) -> str:
    """Whoever tells those who have no address."""
    return str(publishing.in_force(house).policy.officer.email)


def told(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "provision") if body["act"] == "told"]


def test_p20_a_correction_is_told_to_whoever_has_the_item(house: House, code: str) -> None:
    rights.correct(house, code, {"email": NEW})
    for _ in range(2):
        fulfilment.carry_out(house)
    assert queued(house) == [("corrected", PARTNER, "이메일")]
    rights.correct(house, code, {"name": "김소라나"})
    fulfilment.carry_out(house)
    assert queued(house)[1:] == [("corrected", officer_of(house), "이름")]  # the insurer has no address


def test_p20_a_withdrawal_is_told_to_whom_that_consent_had_it_given(house: House, code: str) -> None:
    rights.withdraw(house, code, "marketing")
    fulfilment.carry_out(house)
    assert queued(house) == [("deleted", PARTNER, "이메일")]
    rights.delete(house, code)
    fulfilment.carry_out(house)
    assert queued(house)[1:] == [("deleted", officer_of(house), "이름, 문의 내용")]  # the partner was told


def test_p20_an_authority_is_told_as_well(house: House) -> None:
    code = send(house).receipt
    number = disclosures.ask(house, OH, inbox.page(house, MINJI).rows[0].id, ORDER)
    disclosures.approve(house, SECOND, number)
    handed(house, number)
    rights.delete(house, code)
    fulfilment.carry_out(house)
    assert queued(house) == [("deleted", officer_of(house), "이름, 문의 내용")]


def test_p20_whoever_was_given_nothing_is_told_nothing(house: House, code: str) -> None:
    other = send(house).receipt
    rights.delete(house, other)
    fulfilment.carry_out(house)
    assert queued(house) == []
    assert code


def test_p20_a_crash_after_the_claim_tells_nobody_twice(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = any_house
    code = handed_on(house)

    def killed(*_given: object) -> int:
        raise JobBusy("a sweep is at work")

    rights.delete(house, code)
    with monkeypatch.context() as patched:
        patched.setattr(destruction, "destroy_claimed", killed)
        fulfilment.carry_out(house)
    assert len(queued(house)) == 2
    fulfilment.carry_out(house)
    assert len(queued(house)) == 2
    assert inbox.page(house, MINJI).rows == ()


def test_p20_it_is_tried_until_the_relay_takes_it_and_that_is_the_proof(
    house: House, code: str, make_settings: Callable[..., Settings]
) -> None:
    rights.delete(house, code)
    fulfilment.carry_out(house)
    with relay() as post:
        post.takes = ["defer", "defer"]
        settings = make_settings(smtp_url=post.url, mail_from=SENDER, policy=house.settings.policy)
        with_mail = replace(house, settings=settings)
        delivery.send_waiting(with_mail)
        assert told(house) == []
        with at(1, hours=2):
            assert delivery.send_waiting(with_mail) == 2
            assert delivery.send_waiting(with_mail) == 0
    assert sorted((body["to"], body["kind"]) for body in told(house)) == [
        ("recipients.insurer", "given_deleted"),
        ("recipients.partner", "given_deleted"),
    ]
    (number,) = {body["inquiry"] for body in told(house)}
    for message in post.mail:
        text = message.get_content()
        assert str(number) in text
        assert not any(value in message.as_string() + text for value in (*ITEMS.values(), code))
    assert {message["To"] for message in post.mail} == {PARTNER, officer_of(house)}

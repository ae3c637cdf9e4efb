"""P33, P34, P36: what leaves goes to whoever the notice names, on the basis it names, and on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pysequoia
import pytest

from inquiries.errors import InvalidExport, NotRegistered, PolicyRefused, UnsafeSetting
from inquiries.policy import notice
from inquiries.rules.exporting import Format
from inquiries.rules.permissions import Role
from inquiries.services import delivery, exports, installation, provision, publishing, receipt, records
from inquiries.services.exports import Wish
from inquiries.services.house import House
from inquiries.services.provision import Way
from inquiries.settings import Settings
from tests.cast import ITEMS, OH, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.promises.provided import REGISTER, policy_with, providing
from tests.relay import SENDER

PHRASE = "correct horse battery staple"


@pytest.fixture
def house(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    with providing(make_settings, tmp_path) as opened, at(1):
        yield opened


def wish(**given: object) -> Wish:
    whole = {
        "purpose": "marketing",
        "form": Format.json,
        "reason": "the agreed provision",
        "passphrase": PHRASE,
    }
    return Wish(**(whole | given))  # type: ignore[arg-type]


def left(house: House) -> list[dict[str, object]]:
    """What the register has on record."""
    return [body for _, body in records.bodies(house, "provision")]


def export(house: House, **given: object) -> list[dict[str, str]]:
    """The rows of the file, opened by whoever has the passphrase."""
    made = exports.export(house, OH, wish(**given))
    opened = pysequoia.decrypt(made.sealed, passwords=[PHRASE]).bytes or b""
    rows: list[dict[str, str]] = json.loads(opened)["inquiries"]
    return rows


@pytest.mark.promise("P34")
def test_p34_a_third_party_gets_the_items_of_the_notice_of_those_who_agreed(house: House) -> None:
    send(house, type="affiliate")
    code = send(house, consents={"inquiry": True, "marketing": True}).receipt
    (row,) = export(house, to="recipients.partner")
    assert row["email"] == ITEMS["email"]
    assert not set(row) & (set(ITEMS) - {"email"})  # what the notice does not name does not leave
    (body,) = left(house)
    assert (body["act"], body["outcome"], body["to"], body["country"]) == (
        "export",
        "done",
        "recipients.partner",
        "US",
    )
    assert (body["basis"], body["transfer_basis"], body["items"]) == ("consent", "consent", "email")
    assert body["inquiries"] == f" {row['inquiry']} "
    assert ITEMS["email"] not in json.dumps(body)
    assert [one.to for one in receipt.look(house, code).openings] == ["협력사"]  # she is told


@pytest.mark.promise("P34")
@pytest.mark.parametrize(
    ("purpose", "to", "why"),
    [
        ("inquiry", "recipients.partner", "basis"),  # they agreed to it with another purpose
        ("marketing", "recipients.stranger", "unregistered"),
        ("marketing", "authorities.courts", "unregistered"),  # not by this way
    ],
)
def test_p34_without_basis_or_entry_it_is_refused_and_recorded(
    house: House, purpose: str, to: str, why: str
) -> None:
    send(house, consents={"inquiry": True, "marketing": True})
    for _ in range(2):
        with pytest.raises(InvalidExport) as refused:
            exports.export(house, OH, wish(purpose=purpose, to=to))
        assert [(one.field, one.code) for one in refused.value.errors] == [("to", why)]
    assert [(body["outcome"], body["to"], body["because"]) for body in left(house)] == [
        ("refused", to, why)
    ] * 2


@pytest.mark.promise("P34")
def test_p34_our_own_file_and_a_processor_need_no_consent_to_a_provision(house: House) -> None:
    send(house)
    (row,) = export(house, purpose="inquiry")
    assert left(house) == []
    assert export(house, purpose="inquiry", to="processors.newsletter") == [row]
    assert [body["to"] for body in left(house)] == ["processors.newsletter"]
    (lawful,) = export(house, purpose="inquiry", to="recipients.insurer")
    assert set(lawful) & set(ITEMS) == {"name", "content"}


@pytest.mark.promise("P33")
def test_p33_mail_goes_by_a_registered_relay_or_not_at_all(
    house: House, make_settings: Callable[..., Settings]
) -> None:
    def with_relay(host: str) -> House:
        settings = make_settings(
            smtp_url=f"smtps://{host}", mail_from=SENDER, base_url="https://forms.example.com",
            policy=house.settings.policy,
        )  # fmt: skip
        return replace(house, settings=settings, memory=dict(house.memory))

    allowed = provision.relay(with_relay("MAIL.agency.example"))
    assert allowed is not None
    stranger = with_relay("mail.stranger.example")
    for _ in range(3):  # the worker comes by every second
        with pytest.raises(UnsafeSetting, match="INQUIRIES_SMTP_URL"):
            delivery.send_waiting(stranger)
    (body,) = left(house)
    assert (body["act"], body["outcome"], body["to"]) == ("mail", "refused", "mail.stranger.example")
    with pytest.raises(UnsafeSetting, match="P33"):
        installation.opened(stranger.settings)


@pytest.mark.promise("P33")
@pytest.mark.promise("P36")
def test_p33_p36_the_notice_and_the_officer_read_the_register(house: House) -> None:
    policy = publishing.in_force(house).policy
    tables = {one.id: one.table for one in notice.full(policy, "en")}
    said = {name: str(tables[name]) for name in ("processors", "provision", "authorities")}
    oh = desk(application(house), house, "officer@example.com", Role.privacy)
    page = oh.get("/staff/provision?lang=en").text
    for sort, name in (
        ("processors", "Mailing agency"), ("provision", "Partner"), ("provision", "Insurer"), ("authorities", "Courts")
    ):  # fmt: skip
        assert name in said[sort]
        assert name in page
    assert "Partner (US)" in said["provision"]
    assert "transfer abroad: consent" in said["provision"]


@pytest.mark.promise("P36")
@pytest.mark.parametrize(
    "line", ['transfer_basis = "consent"\n', 'consent = "marketing"\n', 'country = "US"\n']
)
def test_p36_without_country_or_basis_nothing_starts(
    make_settings: Callable[..., Settings], tmp_path: Path, line: str
) -> None:
    policy = policy_with(tmp_path, REGISTER.replace(line, "", 1))
    with pytest.raises(PolicyRefused, match=r"recipients\.partner"):
        installation.install(make_settings(policy=policy))


@pytest.mark.promise("P34")
def test_p34_the_gate_knows_ways_and_tables_apart(house: House) -> None:
    assert provision.gate(house, Way.disclosure, "authorities.courts").key == "authorities.courts"
    for way, to in (
        (Way.disclosure, "recipients.partner"),
        (Way.export, "mail.agency.example"),
        (Way.mail, "processors.newsletter"),
    ):
        with pytest.raises(NotRegistered):
            provision.gate(house, way, to, consent="marketing", actor=OH)

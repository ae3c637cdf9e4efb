"""P08, P09, P16: each type's period in calendar years, brought forward by closing; each consent's own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from inquiries.errors import NotFound
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import adoption, inbox, keys, receipt, retention
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.settings import HOME, Settings
from inquiries.stores.live.tables import groups
from tests.cast import ITEMS, MINJI, send
from tests.moments import T0, at, installed

SEOUL = ZoneInfo("Asia/Seoul")
DESK = Actor(1, "desk@example.com", {Role.consultation: ALL_TYPES})
MOMENT = timedelta(seconds=2)  # the clock goes on while a test runs

PROFILES = {
    name: tomllib.loads((HOME / "policies" / f"{name}.toml").read_text(encoding="utf-8"))
    for name in ("default", "jne-works", "clunix", "leje", "kt-nexr", "tiki-jne")
}
YEARLY = [
    (profile, kind)
    for profile, policy in PROFILES.items()
    for kind, declared in policy["types"].items()
    if declared["period"] == "1 year"
]
CLOSING = [
    (profile, kind, int(policy["types"][kind].get("after_closing", "30 days").split()[0]))
    for profile, policy in PROFILES.items()
    for kind in policy["types"]
    if policy["types"][kind]["period"] != "until withdrawn" and "minimum" not in policy
]


def asked(profile: str, kind: str) -> dict[str, str | None]:
    """What the form of this type takes, filled in."""
    declared = PROFILES[profile]["types"][kind]
    wanted = [*declared["required"], *declared.get("optional", ())]
    given = ITEMS | {"department": "총무부", "title": "과장"}
    return {name: given[name] if name in wanted else None for name in {*ITEMS, *wanted}}


def dues(house: House) -> dict[str, datetime | None]:
    with house.live.read() as connection:
        return {row.name: row.due_at for row in connection.execute(groups.select())}


def only(house: House) -> int:
    (row,) = inbox.page(house, MINJI).rows
    return row.id


#: Local time in Seoul, where it is already tomorrow: a leap day, and a year that holds one.
RECEIVED = {
    datetime(2028, 2, 29, 0, 30, tzinfo=SEOUL): datetime(2029, 2, 28, 0, 30, tzinfo=SEOUL),
    datetime(2027, 6, 15, 0, 30, tzinfo=SEOUL): datetime(2028, 6, 15, 0, 30, tzinfo=SEOUL),
}


@pytest.mark.promise("P08")
@pytest.mark.parametrize("received", RECEIVED, ids=["leap day", "leap year"])
@pytest.mark.parametrize(("profile", "kind"), YEARLY)
def test_p08_one_calendar_year_in_the_policys_time_zone(
    make_settings: Callable[..., Settings], profile: str, kind: str, received: datetime
) -> None:
    due = RECEIVED[received]
    with installed(make_settings, policy=HOME / "policies" / f"{profile}.toml") as house:
        with time_machine.travel(received, tick=False):
            code = send(house, type=kind, items=asked(profile, kind)).receipt
            assert receipt.look(house, code).due_at == due
        with time_machine.travel(due - timedelta(seconds=1), tick=False):
            assert receipt.look(house, code).items["email"] == ITEMS["email"]
            retention.sweep(house, confirm=True)
            assert receipt.look(house, code).items["email"] == ITEMS["email"]
        with time_machine.travel(due, tick=False):
            with pytest.raises(NotFound):
                receipt.look(house, code)
            assert retention.sweep(house, confirm=True).destroyed == 1
            assert dues(house) == {}


@pytest.mark.promise("P08")
def test_p08_the_default_keeps_each_of_its_four_types_a_year() -> None:
    assert [kind for profile, kind in YEARLY if profile == "default"] == [
        "introduction", "support", "affiliate", "recruitment",
    ]  # fmt: skip
    assert ("jne-works", "contact") in YEARLY
    assert len([kind for profile, kind in YEARLY if profile == "clunix"]) == 4
    assert ("leje", "consultation") in YEARLY
    assert [kind for profile, kind in YEARLY if profile == "kt-nexr"] == ["service", "complaint"]


@pytest.mark.promise("P15")
def test_p15_a_newsletter_is_kept_until_withdrawn(make_settings: Callable[..., Settings]) -> None:
    with installed(make_settings, policy=HOME / "policies" / "clunix.toml") as house:
        with at():
            items = dict.fromkeys(("name", "company", "contact", "content"))
            received = send(house, type="newsletter", items=items)
            assert received.due is None
        with at(9000):
            assert retention.sweep(house, confirm=True).destroyed == 0
            assert receipt.look(house, received.receipt).due_at is None


@pytest.mark.promise("P09")
@pytest.mark.parametrize(("profile", "kind", "days"), CLOSING)
def test_p09_closed_means_due_after_the_declared_days(
    make_settings: Callable[..., Settings], profile: str, kind: str, days: int
) -> None:
    with installed(make_settings, policy=HOME / "policies" / f"{profile}.toml") as house:
        with at():
            code = send(house, type=kind, items=asked(profile, kind)).receipt
            inquiry = only(house)
            inbox.open_inquiry(house, DESK, inquiry, None)
        with at(10):
            inbox.close(house, DESK, inquiry)
            due = dues(house)["main"]
            assert due is not None
            assert abs(due - (T0 + timedelta(days=10 + days))) < MOMENT
        with at(10 + days, minutes=-1):
            assert receipt.look(house, code).state == "closed"
        with at(10 + days, minutes=1):
            with pytest.raises(NotFound):
                receipt.look(house, code)
            assert retention.sweep(house, confirm=True).destroyed == 1


@pytest.mark.promise("P14")
def test_p14_tiki_jne_keeps_for_five_years_also_what_was_closed(
    make_settings: Callable[..., Settings],
) -> None:
    jakarta = ZoneInfo("Asia/Jakarta")
    received, due = datetime(2028, 2, 29, 0, 30, tzinfo=jakarta), datetime(2033, 2, 28, 0, 30, tzinfo=jakarta)
    with installed(make_settings, policy=HOME / "policies" / "tiki-jne.toml") as house:
        with time_machine.travel(received, tick=False):
            items = asked("tiki-jne", "customer")
            code = send(house, type="customer", items=items, language="en").receipt
            inquiry = only(house)
            inbox.open_inquiry(house, DESK, inquiry, None)
            inbox.close(house, DESK, inquiry)
            assert receipt.look(house, code).due_at == due
        with time_machine.travel(due - timedelta(seconds=1), tick=False):
            retention.sweep(house, confirm=True)
            assert receipt.look(house, code).items["email"] == ITEMS["email"]
        with time_machine.travel(due, tick=False):
            assert retention.sweep(house, confirm=True).destroyed == 1
            assert dues(house) == {}


@pytest.mark.promise("P09")
def test_p09_closing_never_puts_it_back_and_reopening_gives_the_promised_day(any_house: House) -> None:
    with at():
        promised = send(any_house).due
        inquiry = only(any_house)
        inbox.open_inquiry(any_house, MINJI, inquiry, None)
    with at(350):
        inbox.close(any_house, MINJI, inquiry)
        assert dues(any_house)["main"] == promised  # 30 days later would be beyond the year
        inbox.reopen(any_house, MINJI, inquiry)
        assert dues(any_house)["main"] == promised
    with at(200):
        inbox.close(any_house, MINJI, inquiry)
        brought = dues(any_house)["main"]
        assert brought is not None
        assert promised is not None
        assert brought < promised
        inbox.reopen(any_house, MINJI, inquiry)
        assert dues(any_house)["main"] == promised


@pytest.mark.promise("P16")
def test_p16_marketing_ends_while_the_inquiry_lives_on(any_house: House) -> None:
    with at():
        code = send(any_house, consents={"inquiry": True, "marketing": True}).receipt
        adoption.adopt_pending(any_house)
    end = T0.replace(month=9)  # six calendar months
    with at((end - T0).days, minutes=-1):
        assert retention.sweep(any_house, confirm=True).destroyed == 1  # the visitor's data alone
        assert set(dues(any_house)) == {"main", "marketing"}
    with at((end - T0).days, minutes=1):
        assert retention.sweep(any_house, confirm=True).destroyed == 1
        assert set(dues(any_house)) == {"main"}
        assert set(keys.of_inquiries(any_house, [only(any_house)])) == {(only(any_house), "main")}
        assert receipt.look(any_house, code).items["email"] == ITEMS["email"]


@pytest.mark.promise("P16")
def test_p16_the_inquiry_ends_while_marketing_lives_on(any_house: House) -> None:
    with at():
        code = send(any_house, consents={"inquiry": True, "marketing": True}).receipt
        inquiry = only(any_house)
        inbox.open_inquiry(any_house, MINJI, inquiry, None)
        inbox.close(any_house, MINJI, inquiry)
    with at(31):
        assert retention.sweep(any_house, confirm=True).destroyed == 1
        assert set(dues(any_house)) == {"marketing", "visitor"}
        with pytest.raises(NotFound):
            receipt.look(any_house, code)
        assert inbox.page(any_house, MINJI).rows == ()
        assert set(keys.of_inquiries(any_house, [inquiry])) == {(inquiry, "marketing"), (inquiry, "visitor")}
    with at(190):
        assert retention.sweep(any_house, confirm=True).destroyed == 2
        with any_house.live.read() as connection:  # the shell goes with the last group
            for table in ("inquiries", "inquiry_groups", "consents", "envelopes"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0, table

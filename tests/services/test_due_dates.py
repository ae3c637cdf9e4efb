"""Due dates under several policies: the earliest promise counts, whichever version made it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inquiries.errors import ClockSuspect
from inquiries.services import (
    adoption,
    archive,
    due_dates,
    holds,
    inbox,
    outlook,
    publishing,
    receipt,
    records,
    retention,
)
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.breaking import claim_all
from tests.cast import MINJI, OH, send
from tests.moments import T0, at, installed

SOURCE = (Path(__file__).parents[2] / "policies" / "default.toml").read_text(encoding="utf-8")
BOTH = {"inquiry": True, "marketing": True}
MINUTE = timedelta(minutes=1)
PLACES = (
    ("support", "types.support", "period"),
    ("support_closing", "types.support", "after_closing"),
    ("marketing", "purposes.marketing", "period"),
    ("visitor", "visitor", "period"),
)


@pytest.fixture
def any_house_at_t0(
    make_settings: Callable[..., Settings], store_urls: dict[str, str], tmp_path: Path
) -> Iterator[House]:
    (tmp_path / "policy.toml").write_text(SOURCE, encoding="utf-8")
    with installed(make_settings, policy=tmp_path / "policy.toml", **store_urls) as house:
        yield house


@pytest.fixture
def house_at_t0(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    (tmp_path / "policy.toml").write_text(SOURCE, encoding="utf-8")
    with installed(make_settings, policy=tmp_path / "policy.toml") as house:
        yield house


def written(**changed: str) -> str:
    """The default policy with other periods: of the type `support`, of `marketing`, of the visit, after closing."""
    source = SOURCE
    for name, section, key in PLACES:
        if name in changed:
            head, rest = source.split(f"\n[{section}]\n", 1)
            rest = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{changed[name]}"', rest, count=1)
            source = f"{head}\n[{section}]\n{rest}"
    if "minimum" in changed:
        source = f'minimum = "{changed["minimum"]}"\n{source}'
    return source


def publish(house: House, **changed: str) -> int:
    """Publish it as of now, as in development an edited file is."""
    house.settings.policy.write_text(written(**changed), encoding="utf-8")
    house.memory.pop("publishing", None)  # as after the second for which a process believes what it read
    published = publishing.in_force(house).version
    assert publishing.source_in_force(house) == written(**changed), "the policy was refused"
    return published


def dues(house: House) -> dict[str, datetime | None]:
    query = "SELECT name, due_at FROM inquiry_groups"
    with house.live.read() as connection:
        rows = connection.exec_driver_sql(query).all()
    epoch = datetime(1970, 1, 1, tzinfo=T0.tzinfo)
    return {name: None if due is None else epoch + timedelta(microseconds=due) for name, due in rows}


def days(due: datetime | None) -> int:
    """Days since T0, the minutes left out."""
    assert due is not None
    return round((due - T0) / timedelta(days=1))


def only(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT id FROM inquiries").scalar_one())


def stones(house: House) -> list[Any]:
    query = "SELECT group_name, reason, rule FROM keys WHERE destroyed_at IS NOT NULL ORDER BY group_name"
    with house.keys.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


# -- a shorter later policy ------------------------------------------------------------------------


def test_a_shorter_later_policy_brings_every_group_nearer(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
    with at(10):
        publish(house, support="100 days", marketing="50 days", visitor="20 days")
        assert due_dates.shorten(house) == 3
        assert due_dates.shorten(house) == 0
        assert {name: days(due) for name, due in dues(house).items()} == {
            "main": 100, "marketing": 50, "visitor": 20,
        }  # fmt: skip
        recorded = records.latest(house, "operation", "shorten")
        assert recorded is not None
        assert recorded[1] == {"act": "shorten", "version": 2, "groups": 3}
    with at(101):
        assert retention.sweep(house, confirm=True).destroyed == 3
    assert stones(house) == [
        ("main", "expired", "period 100 days (version 2)"),
        ("marketing", "expired", "purpose marketing 50 days (version 2)"),
        ("visitor", "expired", "visitor 20 days (version 2)"),
    ]


def test_a_longer_later_policy_changes_nothing(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        promised = send(house, consents=BOTH).due
    with at(10):
        publish(house, support="2 years", marketing="8 months", visitor="4 months")
        assert due_dates.shorten(house) == 0
        assert dues(house)["main"] == promised
        inbox.open_inquiry(house, MINJI, only(house), None)
        inbox.close(house, MINJI, only(house))
        inbox.reopen(house, MINJI, only(house))
        assert dues(house)["main"] == promised


def test_the_shortest_of_three_counts_also_when_the_newest_is_longer(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
    with at(1):
        publish(house, support="100 days")
    with at(2):
        publish(house, support="2 years")
        assert due_dates.shorten(house) == 1
        assert days(dues(house)["main"]) == 100


def test_closing_and_reopening_keep_to_the_earliest_promise(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
    with at(10):
        publish(house, support="100 days", support_closing="7 days")
        inbox.open_inquiry(house, MINJI, only(house), None)
        inbox.close(house, MINJI, only(house))
        assert days(dues(house)["main"]) == 17
        inbox.reopen(house, MINJI, only(house))
        assert days(dues(house)["main"]) == 100  # not the year of its own version


def test_what_was_closed_before_comes_nearer_too(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
        inbox.open_inquiry(house, MINJI, only(house), None)
        inbox.close(house, MINJI, only(house))
        assert days(dues(house)["main"]) == 30
    with at(5):
        publish(house, support_closing="10 days")
        assert due_dates.shorten(house) == 1
        assert days(dues(house)["main"]) == 10
    with at(11):
        assert retention.sweep(house, confirm=True).destroyed == 1
    assert stones(house) == [("main", "closed", "after_closing 10 days (version 2)")]


def test_the_next_sweep_applies_it_and_asks_when_it_makes_much_due(any_house_at_t0: House) -> None:
    """A mistyped policy must not destroy everything by itself."""
    house = any_house_at_t0
    with at(hours=1):
        for _ in range(25):
            send(house, address=None, user_agent=None)
        retention.sweep(house, confirm=True)
    with at(60):
        publish(house, support="50 days")
        house.memory.pop("clock", None)
        with pytest.raises(ClockSuspect, match="forecast"):
            retention.sweep(house)
        assert retention.sweep(house, confirm=True).destroyed == 25


def test_it_is_walked_in_batches_and_again_by_every_process(
    any_house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live store that was put back has its old dates again."""
    house = any_house_at_t0
    monkeypatch.setattr(due_dates, "BATCH", 2)
    with at(hours=1):
        for _ in range(5):
            send(house, address=None, user_agent=None)
        before = dues(house)["main"]
    with at(10):
        publish(house, support="100 days")
        assert due_dates.shorten(house) == 5
    with at(11):
        assert due_dates.shorten(house) == 0
        assert house.memory["shortened"] == 2
        with house.live.write() as connection:
            assert before is not None
            moment = int(before.timestamp() * 1_000_000)
            connection.exec_driver_sql(f"UPDATE inquiry_groups SET due_at = {moment}")
        assert due_dates.shorten(house) == 0  # this process has seen to it
        del house.memory["shortened"]  # a new one has not
        assert due_dates.shorten(house) == 5


def test_a_claimed_group_is_not_moved(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
        claim_all(house)
    with at(10):
        publish(house, support="100 days")
        assert due_dates.shorten(house) == 0


# -- the minimum ---------------------------------------------------------------------------------


@pytest.mark.promise("P14")
def test_closing_does_not_go_below_the_minimum(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        publish(house, support="2 years", minimum="6 months")
    with at(hours=1):
        code = send(house, address=None, user_agent=None).receipt
        inbox.open_inquiry(house, MINJI, only(house), None)
        inbox.close(house, MINJI, only(house))
        due = dues(house)["main"]
        assert due is not None
        assert due.date() == date(2026, 9, 2)
    with at(183):
        assert retention.sweep(house, confirm=True).destroyed == 0
        assert receipt.look(house, code).state == "closed"
    with at(185):
        assert retention.sweep(house, confirm=True).destroyed == 1
    assert stones(house) == [("main", "closed", "minimum 6 months")]


# -- what is to come -----------------------------------------------------------------------------


def test_the_forecast_counts_by_day_in_the_policys_time_zone(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)  # visitor 2 June, marketing 2 September, main 2 March 2027
        send(house, type="affiliate", address=None, user_agent=None)
    with at(180):
        seen = outlook.forecast(house, 30)
    assert (seen.overdue, seen.held, seen.archived) == (1, 0, 0)
    assert seen.by_day == ((date(2026, 9, 2), "support", 1),)
    with at(340):
        assert outlook.forecast(house, 30).by_day == (
            (date(2027, 3, 2), "affiliate", 1),
            (date(2027, 3, 2), "support", 1),
        )
        assert outlook.forecast(house, 2).by_day == ()


def test_the_day_is_that_of_the_wall_clock_where_it_is_promised(house_at_t0: House) -> None:
    """19:30 UTC is 4:30 of the next day in Seoul."""
    with at(hours=10):
        send(house_at_t0, address=None, user_agent=None)
    with at(364):
        seen = outlook.forecast(house_at_t0, 10)
    assert seen.by_day == ((date(2027, 3, 3), "support", 1),)
    assert seen.first == (T0 + timedelta(days=364)).astimezone(ZoneInfo("Asia/Seoul")).date()


def test_what_is_held_stands_in_the_forecast_on_the_day_its_hold_ends(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
        until = T0 + timedelta(days=370)
        holds.place(house, OH, only(house), reason="a claim", basis="a law", until=until)
    with at(360):
        seen = outlook.forecast(house, 30)
        assert (seen.held, seen.by_day) == (1, ((date(2027, 3, 7), "support", 1),))
        assert outlook.forecast(house, 8).by_day == ()  # its due date alone would be within
        assert outlook.of(house).held == 1


def test_what_is_archived_stands_in_the_forecast_on_its_statutes_day(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, address=None, user_agent=None)
        moved = only(house)
        archive.order(house, OH, moved, statute="advertising", items=["name"], reason="a law")  # 6 months
        assert outlook.forecast(house, 30).archived == 0  # of what these days bring
    with at(170):
        send(house, address=None, user_agent=None)
        seen = outlook.forecast(house, 30)
        assert (seen.archived, seen.by_day) == (1, ((date(2026, 9, 2), "support", 1),))
        shown = outlook.of(house)
        assert (shown.held, shown.archived) == (0, 1)
        assert sum(week.counts.get("support", 0) for week in shown.by_week) == 1


def test_the_outlook_shows_weeks_figures_and_the_last_runs(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
        adoption.adopt_pending(house)
        retention.sweep(house, confirm=True)
        seen = outlook.of(house)
        assert [week.start for week in seen.by_week[:2]] == [date(2026, 3, 2), date(2026, 3, 9)]
        assert len(seen.by_week) == 26
        assert (
            sum(sum(week.counts.values()) for week in seen.by_week) == 1
        )  # the visitor's, within half a year
        assert (seen.due, seen.held, seen.archived, seen.alarm) == (0, 0, 0, False)
        assert seen.limit == timedelta(days=5)
    with at(100):
        seen = outlook.of(house)
        assert (seen.due, seen.alarm, seen.overdue > timedelta(hours=72)) == (1, True, True)
        retention.sweep(house, confirm=True)
        seen = outlook.of(house)
        assert (seen.due, seen.alarm, seen.failed_last) == (0, False, 0)
    assert [run.destroyed for run in seen.runs] == [1, 0]
    assert seen.runs[0].record > seen.runs[1].record
    assert abs(seen.runs[0].at - T0 - timedelta(days=100)) < MINUTE


def test_the_outlook_says_what_the_last_run_could_not_destroy(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
    with at(400):
        _rename(house, "keys", "keys_away")
        assert retention.sweep(house, confirm=True).failed == 2
        assert outlook.of(house).failed_last == 2
        _rename(house, "keys_away", "keys")
        assert retention.sweep(house, confirm=True).failed == 0
        assert outlook.of(house).failed_last == 0


def _rename(house: House, before: str, after: str) -> None:
    with house.keys.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")


# -- keys without rows -----------------------------------------------------------------------------


def test_a_key_keeps_the_day_promised_at_receipt(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
        inbox.open_inquiry(house, MINJI, only(house), None)
        promised = dues(house)
        inbox.close(house, MINJI, only(house))
        with house.keys.read() as connection:
            rows = connection.exec_driver_sql("SELECT group_name, due_at FROM keys").all()
    moments = {
        name: None if due is None else int(due.timestamp() * 1_000_000) for name, due in promised.items()
    }
    assert {name: due for name, due in rows} == moments  # noqa: C416 - rows are no pairs to the type checker


def test_keys_past_their_day_without_a_row_are_destroyed(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house, consents=BOTH)
        adoption.adopt_pending(house)
        with house.live.write() as connection:  # as an older copy of the live store has it
            for table in ("inquiry_groups", "consents", "envelopes", "inquiries"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
    with at(99):
        assert retention.sweep(house, confirm=True).destroyed == 1
    assert stones(house) == [("visitor", "orphan", "orphan")]
    with at(99, hours=2):
        assert retention.sweep(house, confirm=True).destroyed == 0
    with at(400):
        assert retention.sweep(house, confirm=True).destroyed == 2


def test_not_while_a_restore_waits_to_be_confirmed(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        adoption.adopt_pending(house)
        with house.live.write() as connection:
            for table in ("inquiry_groups", "consents", "envelopes", "inquiries"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
    with at(400):
        with house.keys.write() as connection:
            connection.exec_driver_sql("UPDATE progress SET restored_at = 1")
        assert retention.sweep(house, confirm=True).destroyed == 0
        with house.keys.write() as connection:
            connection.exec_driver_sql("UPDATE progress SET restored_at = NULL")
    with at(402):
        assert retention.sweep(house, confirm=True).destroyed == 2

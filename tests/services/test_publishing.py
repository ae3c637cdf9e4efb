"""A policy is published as it was read, kept for good, and in force from its day on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from inquiries import clock
from inquiries.errors import NotFound, NotInitialised
from inquiries.policy import loader, notice
from inquiries.services import installation, published, publishing, receipt, records, recovery
from inquiries.services.house import House, create_house, open_house
from inquiries.settings import Settings
from inquiries.stores.live.tables import notices, policies
from tests.breaking import broken
from tests.cast import ITEMS, send


def loaded(house: House, old: str = "", new: str = "") -> loader.LoadedPolicy:
    """The policy of this house with something replaced."""
    source = house.settings.policy.read_text("utf-8").replace(old, new)
    path = house.settings.instance / "other.toml"
    path.write_text(source, "utf-8")
    return loader.load(path)


def versions(house: House) -> list[int]:
    with house.live.read() as connection:
        return list(connection.scalars(select(policies.c.version).order_by(policies.c.version)))


@pytest.fixture
def own(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    """A house in development whose policy file can be edited."""
    policy = Path(shutil.copy(make_settings().policy, tmp_path / "policy.toml"))
    house = installation.install(make_settings(policy=policy)).house
    yield house
    house.close()


def edit(house: House, old: str, new: str) -> None:
    path = house.settings.policy
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    wait(house)


def wait(house: House) -> None:
    """A second passes."""
    published.memory(house).read_at -= 2


def test_the_first_one_is_in_force_at_once_with_a_notice_for_each_type_and_language(any_house: House) -> None:
    published = publishing.in_force(any_house)
    assert published.version == 1
    with any_house.live.read() as connection:
        made = connection.execute(select(notices)).all()
    expected = {(name, code) for name in published.policy.types for code in published.policy.languages}
    assert {(one.type, one.language) for one in made} == expected
    for one in made:
        again = notice.make(published.policy, one.type, one.language)
        assert (one.text, one.digest) == (again.text, again.digest)
    assert publishing.source_in_force(any_house) == any_house.settings.policy.read_text("utf-8")


def test_publishing_the_same_again_changes_nothing(any_house: House) -> None:
    assert publishing.publish(any_house, loaded(any_house)).version == 1
    assert versions(any_house) == [1]


def test_a_number_is_never_given_twice_though_publishing_was_cut_short(any_house: House) -> None:
    """What dies between record and commit leaves a gap; what a restored store forgot is on record."""
    house = any_house
    with broken(house.live, "notices"), pytest.raises(SQLAlchemyError):
        publishing.publish(house, loaded(house, '"1 year"', '"2 years"'))
    assert versions(house) == [1]
    assert publishing.publish(house, loaded(house, '"1 year"', '"3 years"')).version == 3
    with house.live.write() as connection:  # a copy from before is put back
        connection.exec_driver_sql("DELETE FROM notices WHERE policy_version = 3")
        connection.exec_driver_sql("DELETE FROM policies WHERE version = 3")
    assert publishing.publish(house, loaded(house, '"1 year"', '"9 months"')).version == 4


def test_each_change_is_a_version_on_record(any_house: House) -> None:
    changed = publishing.publish(any_house, loaded(any_house, '"1 year"', '"2 years"'))
    back = publishing.publish(any_house, loaded(any_house))
    assert (changed.version, back.version, versions(any_house)) == (2, 3, [1, 2, 3])
    published = [body for _, body in records.bodies(any_house, "operation") if body["act"] == "publish"]
    assert [body["version"] for body in published] == [1, 2, 3]
    assert str(publishing.version(any_house, 2).policy.types["support"].period) == "2 years"
    assert str(publishing.version(any_house, 1).policy.types["support"].period) == "1 year"


def test_two_at_once_publish_one_version(house: House, make_settings: Callable[..., Settings]) -> None:
    policy = loaded(house, '"1 year"', '"2 years"')
    houses = [open_house(make_settings()) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda one: publishing.publish(one, policy).version, houses))
    finally:
        for one in houses:
            one.close()
    assert made == [2] * 4
    assert versions(house) == [1, 2]


def test_an_unknown_version_is_not_found(any_house: House) -> None:
    for number in (0, 2, -1, 10**6):
        with pytest.raises(NotFound):
            publishing.version(any_house, number)


def test_a_version_is_in_force_from_its_day_on(any_house: House) -> None:
    start = clock.now()
    with any_house.live.write() as connection:
        source = any_house.settings.policy.read_text("utf-8")
        announced = {"version": 2, "source": source, "digest": b"\1" * 32, "published_at": start}
        connection.execute(insert(policies).values(**announced, effective_at=start + timedelta(days=7)))
    for days, version in ((0, 1), (6.9, 1), (7.1, 2)):
        with time_machine.travel(start + timedelta(days=days), tick=True):
            wait(any_house)
            with any_house.live.read():
                assert _in_force_without_editing(any_house) == version


def _in_force_without_editing(house: House) -> int:
    published.memory(house).file_seen = _seen(house.settings.policy)
    return publishing.in_force(house).version


def _seen(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def test_without_a_policy_nothing_is_in_force(make_settings: Callable[..., Settings]) -> None:
    house = create_house(make_settings(base_url="https://forms.example.com"))
    try:
        with pytest.raises(NotInitialised):
            publishing.in_force(house)
    finally:
        house.close()


def test_a_restored_live_store_does_not_give_a_number_twice(house: House) -> None:
    """Version 2 was shown to people: after `live` was put back from before, the next one is 3."""
    publishing.publish(house, loaded(house, '"1 year"', '"2 years"'))
    with house.live.write() as connection:
        connection.execute(notices.delete().where(notices.c.policy_version == 2))
        connection.execute(policies.delete().where(policies.c.version == 2))
    house.memory.clear()
    assert publishing.publish(house, loaded(house, '"1 year"', '"3 years"')).version == 3


def test_a_start_publishes_again_what_a_restored_live_store_has_forgotten(house: House) -> None:
    """Archived rows and due dates rest on it, and the public was told: the same text, day and notices."""
    first = publishing.publish(house, loaded(house, '"1 year"', '"2 years"'))
    second = publishing.publish(house, loaded(house, '"1 year"', '"3 years"'))
    with house.live.read() as connection:
        before = connection.execute(select(policies).where(policies.c.version > 1)).all()
        told = connection.execute(select(notices).where(notices.c.policy_version > 1)).all()
    with house.live.write() as connection:
        connection.execute(notices.delete().where(notices.c.policy_version > 1))
        connection.execute(policies.delete().where(policies.c.version > 1))
    house.memory.clear()
    assert publishing.in_force(house).version == 1
    assert recovery.start(house) is not None
    assert [publishing.version(house, n).policy for n in (2, 3)] == [first.policy, second.policy]
    with house.live.read() as connection:
        assert connection.execute(select(policies).where(policies.c.version > 1)).all() == before
        assert connection.execute(select(notices).where(notices.c.policy_version > 1)).all() == told
    assert publishing.remember(house) == 0


def test_a_version_recorded_without_its_text_is_left_out(house: House) -> None:
    records.append(house, "operation", {"act": "publish", "version": 2, "digest": "00"})
    assert publishing.remember(house) == 0
    assert versions(house) == [1]


def test_what_was_sent_under_a_version_stays_under_it(own: House) -> None:
    with time_machine.travel(datetime(2030, 5, 1, tzinfo=UTC), tick=True):
        wait(own)
        first = send(own)
        edit(own, '"1 year"', '"2 years"')
        second = send(own)
        assert (first.notice_version, second.notice_version) == (1, 2)
        assert first.due is not None
        assert second.due is not None
        assert (first.due.year, second.due.year) == (2031, 2032)
        view = receipt.look(own, first.receipt)
        assert (view.policy_version, view.due_at) == (1, first.due)


# -- editing while developing ------------------------------------------------------------------------


def test_an_edited_policy_is_published_within_a_second(own: House) -> None:
    edit(own, '"1 year"', '"2 years"')
    assert publishing.in_force(own).version == 2
    wait(own)
    assert publishing.in_force(own).version == 2


def test_a_broken_edit_leaves_in_force_what_was_published_and_is_said_once(own: House) -> None:
    whole = own.settings.policy.read_text("utf-8")
    edit(own, 'period = "1 year"', 'period = "soon"')
    with capture_logs() as logged:
        for _ in range(3):
            assert publishing.in_force(own).version == 1
            wait(own)
        assert send(own).notice_version == 1
    (said,) = (one for one in logged if one["event"] == "policy.refused")
    assert [problem.partition(":")[0] for problem in said["problems"]] == [
        f"types.{name}.period" for name in ("introduction", "support", "affiliate", "recruitment")
    ]
    own.settings.policy.write_text(whole.replace('"1 year"', '"2 years"'), "utf-8")
    wait(own)
    assert publishing.in_force(own).version == 2


def test_a_policy_file_that_is_gone_leaves_in_force_what_was_published(own: House) -> None:
    own.settings.policy.unlink()
    wait(own)
    assert publishing.in_force(own).version == 1
    assert send(own).notice_version == 1


def test_elsewhere_an_edited_file_is_not_published(
    own: House, make_settings: Callable[..., Settings]
) -> None:
    """Outside development a change is announced first (P37)."""
    house = open_house(make_settings(policy=own.settings.policy, base_url="https://forms.example.com"))
    try:
        assert publishing.in_force(house).version == 1
        edit(house, '"1 year"', '"2 years"')
        assert publishing.in_force(house).version == 1
        assert receipt.look(house, send(house).receipt).items == ITEMS
    finally:
        house.close()

"""What happens to inquiries when a key is lost, a host is late, a store was put back or the clock jumped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import ClockSuspect, IntakeClosed, NotFound, SignInRefused, UnsafeSetting
from inquiries.rules.permissions import Role
from inquiries.services import (
    epochs,
    inbox,
    installation,
    people,
    readiness,
    receipt,
    retention,
    rotation,
)
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from tests.cast import MINJI, send
from tests.staff import enrol

Make = Callable[..., Settings]


@pytest.fixture
def elsewhere(house: House, make_settings: Make, tmp_path: Path) -> Iterator[House]:
    """Another host of the same installation, with a keyring of its own: the public surface's."""
    keyring = tmp_path / "elsewhere"
    keyring.mkdir()
    for name in ("CACHEDIR.TAG", "secret.key", "verify.key", "surface-00000001.key"):
        shutil.copy(house.custody.keyring.directory / name, keyring / name)
    urls = {f"{store}_url": str(getattr(house, store).url) for store in ("live", "keys", "archive", "ledger")}
    opened = open_house(make_settings(keyring=keyring, surface="public", **urls))
    yield opened
    opened.close()


def surface_files(house: House) -> list[str]:
    return house.custody.keyring.names("surface-")


# -- lost keys -----------------------------------------------------------------------------------


def test_without_its_surface_key_an_inquiry_lives_on_and_only_its_receipt_is_lost(
    house: House, make_settings: Make
) -> None:
    received = send(house)
    inquiry = inbox.page(house, MINJI).rows[0].id
    for name in surface_files(house):
        (house.custody.keyring.directory / name).unlink()
    again = installation.install(make_settings()).house
    rotation.rotate(again)  # asks for no confirmation: nothing is lost that could be shown
    assert inbox.open_inquiry(again, MINJI, inquiry, None).items["name"] == "김소라"
    with pytest.raises(NotFound):
        receipt.look(again, received.receipt)
    assert receipt.look(again, send(again).receipt).state == "received"
    again.close()


def test_a_host_without_a_surface_key_takes_nothing(elsewhere: House) -> None:
    for name in surface_files(elsewhere):
        (elsewhere.custody.keyring.directory / name).unlink()
    with pytest.raises(IntakeClosed, match="surface key"):
        send(elsewhere)
    assert surface_files(elsewhere) == []


@pytest.mark.parametrize("name", ["tag.key", "secret.key"])
def test_a_lost_key_is_not_made_anew(house: House, make_settings: Make, name: str) -> None:
    (house.custody.keyring.directory / name).unlink()
    with pytest.raises(UnsafeSetting, match=name):
        installation.install(make_settings())


# -- other hosts ---------------------------------------------------------------------------------


def test_every_host_erases_what_was_retired(house: House, elsewhere: House) -> None:
    code = send(elsewhere).receipt
    rotation.rotate(house)
    rotation.rotate(house)
    elsewhere.memory.clear()  # it looks once a second
    epochs.current(elsewhere)
    assert surface_files(elsewhere) == surface_files(house) == ["surface-00000003.key"]
    assert receipt.look(elsewhere, code).items["name"] == "김소라"
    send(elsewhere)


def test_but_not_while_the_stores_disagree(house: House, elsewhere: House) -> None:
    """The keys store was put back and still stands under the epoch that live calls retired."""
    rotation.rotate(house)
    with house.keys.write() as connection:
        connection.exec_driver_sql("UPDATE epochs SET state = 'open' WHERE number = 1")
    elsewhere.memory.clear()  # it looks once a second
    epochs.current(elsewhere)
    assert "surface-00000001.key" in surface_files(elsewhere)


# -- a store that was put back -------------------------------------------------------------------


def test_who_was_revoked_stays_revoked(house: House, make_settings: Make, tmp_path: Path) -> None:
    enrol(house, "oh@example.com", Role.privacy)
    minji = enrol(house, "minji@example.com", Role.consultation)
    assert minji.sign_in(house).actor.email == "minji@example.com"
    house.live.scour("staff")  # everything into the one file
    assert house.live.path is not None
    shutil.copy(house.live.path, tmp_path / "copy.db")
    (row,) = (one for one in people.everyone(house) if one.email == "minji@example.com")
    people.revoke(house, staff_id=row.id, by=None, reason="she left")
    house.live.close()
    for leftover in house.live.path.parent.glob("live.db-*"):
        leftover.unlink()
    shutil.copy(tmp_path / "copy.db", house.live.path)
    again = installation.install(make_settings()).house
    assert [one.revoked for one in people.everyone(again) if one.email == "minji@example.com"] == [True]
    with time_machine.travel(clock.now() + timedelta(minutes=2)), pytest.raises(SignInRefused):
        minji.sign_in(again)
    with again.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar() == 0
    again.close()


# -- the clock -----------------------------------------------------------------------------------


def test_a_jump_ahead_is_over_once_confirmed(house: House) -> None:
    send(house)
    now = clock.now()
    with time_machine.travel(now + timedelta(days=30)):
        rotation.rotate(house)
        retention.sweep(house, confirm=True)
    with time_machine.travel(now + timedelta(hours=1)):
        with pytest.raises(ClockSuspect):
            retention.sweep(house)
        assert rotation.is_due(house)
        checks = {check.name: check.ok for check in readiness.checks(house)}
        assert checks["epoch"] is False
        retention.sweep(house, confirm=True)
        rotation.rotate(house)
    with time_machine.travel(now + timedelta(hours=2)):
        retention.sweep(house)
        assert not rotation.is_due(house)
        assert all(check.ok for check in readiness.checks(house))

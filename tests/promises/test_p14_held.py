"""P14: kept at least as long as the policy's minimum, and as long as a legal hold runs; afterwards destroyed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inquiries.errors import InvalidHold, NotFound
from inquiries.services import holds, inbox, receipt, retention
from inquiries.services.house import House
from inquiries.settings import HOME, Settings
from inquiries.stores.live.tables import groups
from tests.cast import MINJI, OH, send
from tests.moments import T0, at, installed

YEAR = 365


def only(house: House) -> int:
    with house.live.read() as connection:
        (found,) = set(connection.scalars(groups.select().with_only_columns(groups.c.inquiry_id)))
    return int(found)


def hold(house: House, until: datetime) -> int:
    return holds.place(house, OH, only(house), reason="a lawsuit", basis="Civil Procedure Act", until=until)


def left(house: House) -> int:
    """Groups that stand after a sweep."""
    assert retention.sweep(house, confirm=True).failed == 0
    with house.live.read() as connection:
        return len(connection.execute(groups.select()).all())


@pytest.mark.promise("P14")
def test_p14_a_held_inquiry_survives_the_sweep_and_its_end_date_lets_it_go(any_house: House) -> None:
    with at():
        code = send(any_house).receipt
        hold(any_house, T0 + timedelta(days=2 * YEAR))
    with at(YEAR, hours=1):
        assert left(any_house) == 2
        assert receipt.look(any_house, code).held_until == T0 + timedelta(days=2 * YEAR)
    with at(2 * YEAR, minutes=-1):
        assert left(any_house) == 2
    with at(2 * YEAR, minutes=1):
        assert left(any_house) == 0
        with pytest.raises(NotFound):
            receipt.look(any_house, code)


@pytest.mark.promise("P14")
def test_p14_its_release_lets_it_go(any_house: House) -> None:
    with at():
        send(any_house)
        placed = hold(any_house, T0 + timedelta(days=2 * YEAR))
    with at(YEAR, hours=1):
        assert left(any_house) == 2
        holds.release(any_house, OH, placed, "the lawsuit is settled")
        assert left(any_house) == 0


@pytest.mark.promise("P14")
def test_p14_without_reason_basis_or_end_there_is_no_hold(any_house: House) -> None:
    with at():
        send(any_house)
        with pytest.raises(InvalidHold) as refused:
            holds.place(any_house, OH, only(any_house), reason="", basis=" ", until=None)
        assert [one.field for one in refused.value.errors] == ["reason", "basis", "until"]
    with at(YEAR, hours=1):
        assert left(any_house) == 0


@pytest.mark.promise("P14")
def test_p14_what_is_closed_early_stays_for_the_minimum(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    source = (HOME / "policies" / "default.toml").read_text(encoding="utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'minimum = "6 months"\n{source}', encoding="utf-8")
    with installed(make_settings, policy=policy) as house:
        with at():
            send(house, address=None, user_agent=None)
            inbox.open_inquiry(house, MINJI, only(house), None)
            inbox.close(house, MINJI, only(house))
        end = T0.replace(month=9)
        with at((end - T0).days, minutes=-1):
            assert left(house) == 1  # 30 days after closing it would have gone
        with at((end - T0).days, minutes=1):
            assert left(house) == 0

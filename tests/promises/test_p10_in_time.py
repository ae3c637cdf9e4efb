"""P10: destroyed within five days of becoming due; long before that the readiness turns red."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inquiries import clock
from inquiries.policy import floors, loader, pace
from inquiries.policy.period import Period
from inquiries.services import readiness, retention, rotation
from inquiries.services.house import House
from inquiries.settings import HOME
from inquiries.worker import SWEEP_EVERY, Worker
from tests.cast import send
from tests.moments import at
from tests.promises.pages import application

LIMIT = timedelta(days=5)
YEAR = 365


def sweep_check(house: House) -> readiness.Check:
    (check,) = (one for one in readiness.checks(house) if one.name == "sweep")
    return check


def test_p10_the_sweep_comes_hourly_and_finality_within_the_limit(house: House) -> None:
    assert SWEEP_EVERY <= 3600
    assert [turn.every for turn in Worker(house).turns if turn.name == "sweep"] == [SWEEP_EVERY]
    longest = rotation.INTERVAL + rotation.KEY_BACKUPS_LIVE + timedelta(seconds=SWEEP_EVERY)
    assert longest < LIMIT


@pytest.mark.parametrize(("sweeps", "least"), [(1, 5), (0, 4), (25, 6)])
def test_p10_no_policy_promises_what_sweep_rotation_and_key_backups_cannot_keep(
    monkeypatch: pytest.MonkeyPatch, sweeps: int, least: int
) -> None:
    hourly = timedelta(seconds=SWEEP_EVERY)
    assert hourly + rotation.INTERVAL + rotation.KEY_BACKUPS_LIVE == pace.FINAL_WITHIN
    monkeypatch.setattr(pace, "FINAL_WITHIN", pace.FINAL_WITHIN + (sweeps - 1) * hourly)
    hours = pace.FINAL_WITHIN // timedelta(hours=1)
    policy = loader.load(HOME / "policies" / "default.toml").policy
    for days in range(7):
        deadlines = policy.deadlines.model_copy(update={"destruction": Period(days=days)})
        found = floors.check(policy.model_copy(update={"deadlines": deadlines}))
        short = [(one.path, one.promise) for one in found if f"at least {least} days" in one.message]
        assert short == [("deadlines.destruction", "P10")] * (days * 24 < hours), days
        assert all(f"take {hours} hours" in one.message for one in found if "at least" in one.message)


def test_p10_the_worker_destroys_what_is_due_by_itself(any_house: House) -> None:
    with at():
        send(any_house)
    with at(YEAR, hours=1):
        Worker(any_house).step()
        assert retention.count_due(any_house, clock.now()) == 0


@pytest.mark.parametrize(("hours", "ok"), [(1, True), (71, True), (73, False), (119, False)])
def test_p10_readiness_turns_red_after_72_hours(any_house: House, hours: int, *, ok: bool) -> None:
    with at():
        send(any_house)
    with at(93):
        retention.sweep(any_house, confirm=True)  # the visitor's data, which are due earlier
    with at(YEAR, hours=hours):  # and no worker since
        assert sweep_check(any_house).ok is ok
        assert timedelta(hours=72) < LIMIT


def test_p10_readiness_says_so_over_http(house: House) -> None:
    with at():
        send(house)
        client = application(house).test_client()
        assert client.get("/readyz").json["checks"]["worker"]["ok"] is False  # type: ignore[index]
        retention.sweep(house)
        assert client.get("/readyz").status_code == 200
    with at(hours=3):  # no sweep since: the worker has stopped
        assert client.get("/readyz").json["checks"]["worker"]["ok"] is False  # type: ignore[index]
    with at(YEAR, hours=100):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json["status"] == "not_ready"
        assert answer.json["checks"]["sweep"]["ok"] is False


def test_p10_the_lag_is_measured(any_house: House) -> None:
    with at():
        send(any_house)
    with at(93):
        retention.sweep(any_house, confirm=True)
    with at(YEAR, hours=30):
        swept = retention.sweep(any_house, confirm=True)
    assert swept.destroyed == 1
    assert abs(swept.max_lag_seconds - 30 * 3600) < 60

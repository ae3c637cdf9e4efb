"""P10: the worker stands still; long before day 5 readiness, metrics and pages say so, for archived rows too."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from inquiries.rules.permissions import Role
from inquiries.services import archive, metrics, outlook, retention
from inquiries.services.house import House
from inquiries.worker import Worker
from tests.cast import OH, send
from tests.moments import at
from tests.promises.pages import application, desk


def archived_until(house: House) -> datetime:
    """An inquiry came, was moved to the archive, and nothing else is due; gives the day on which its time ends."""
    with at():
        send(house, address=None, user_agent=None)
        with house.live.read() as connection:
            inquiry = connection.exec_driver_sql("SELECT id FROM inquiries").scalar_one()
        order = {"statute": "advertising", "items": ["name"], "reason": "an advertisement was disputed"}
        moved = archive.order(house, OH, inquiry, **order)  # type: ignore[arg-type]
        return next(line for line in archive.page(house, OH, None).rows if line.id == moved).due_at


@pytest.mark.parametrize(("hours", "late"), [(1, False), (71, False), (73, True), (119, True)])
def test_p10_what_is_archived_and_overdue_is_seen_in_time(house: House, hours: int, *, late: bool) -> None:
    due = archived_until(house)
    with time_machine.travel(due + timedelta(hours=hours), tick=True):
        app = application(house)
        answer = app.test_client().get("/readyz")
        check = answer.json["checks"]["sweep"]  # type: ignore[index]
        assert check == {"ok": not late, "detail": f"oldest due {hours} h ago; alarm at 72 h, limit 5 days"}
        if late:
            assert answer.status_code == 503
        families = text_string_to_metric_families(metrics.exposition(house).decode())
        seen = {one.name: one.value for family in families for one in family.samples if not one.labels}
        assert seen["inquiries_due"] == 1
        assert 0 <= seen["inquiries_overdue_seconds"] - hours * 3600 < 60
        officer = desk(app, house, "privacy@example.com", Role.privacy)
        assert ("not keeping its promise" in officer.get("/staff/retention?lang=en").text) is late


def test_p10_the_alarm_ends_with_the_destruction(house: House) -> None:
    due = archived_until(house)
    with time_machine.travel(due + timedelta(hours=100), tick=True):
        assert outlook.longest_overdue(house) > outlook.ALARM_AFTER
        retention.sweep(house, confirm=True)
        Worker(house).step()
        checks = application(house).test_client().get("/readyz").json["checks"]  # type: ignore[index]
        assert checks["sweep"] == {"ok": True, "detail": "nothing is overdue"}
        assert checks["worker"]["ok"]

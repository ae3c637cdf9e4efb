"""What staff type into forms and addresses: numbers and days beyond reckoning, and characters nobody sees."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from inquiries.rules.permissions import Role
from inquiries.services import register_view
from inquiries.services.house import House
from tests.cast import send
from tests.promises.pages import application
from tests.staff import actor_of, desk_of, enrol

HUGE = "9" * 30
HOLD = {"basis": "PIPA 21", "reason": "a claim", "until": "2027-01-01"}
EXPORT = {
    "purpose": "inquiry", "form": "csv", "reason": "a list", "password": "correct horse battery staple",
}  # fmt: skip


@pytest.mark.slow
def test_none_of_it_is_a_failure_on_postgresql(any_house: House) -> None:
    fails_nowhere(any_house)


def test_none_of_it_is_a_failure(house: House) -> None:
    fails_nowhere(house)


def fails_nowhere(house: House) -> None:
    desk = desk_of(application(house), house, Role.privacy)
    bae = str(actor_of(house, enrol(house, "bae@example.com", Role.business)).staff_id)
    send(house)
    with house.live.read() as connection:
        inquiry = connection.exec_driver_sql("SELECT id FROM inquiries").scalar_one()
    grant = {"person": bae, "until": "2026-12-01", "reason": "a report"}
    looked_at = (f"ledger?act=%00&person={HUGE}&first=0001-01-01", f"people/register?person={HUGE}&act=%00")
    for path in looked_at:
        assert desk.get(f"/staff/{path}").status_code == 200, path
    for path, given in (
        ("export", EXPORT | {"first": "0001-01-01", "last": "9999-12-31"}),
        (f"inquiries/{inquiry}/hold", HOLD | {"basis": "PIPA\x00 21", "reason": "a\x00b"}),
        (f"inquiries/{inquiry}/hold", HOLD | {"until": "9999-12-31"}),
        (f"inquiries/{inquiry}/grant", grant | {"person": HUGE}),
        (f"inquiries/{inquiry}/grant", grant | {"until": "9999-12-31"}),
        ("ledger/review", {"up_to": HUGE, "remark": "a\x00b"}),
    ):
        assert desk.post(f"/staff/{path}", **given).status_code in {200, 303, 422}, (path, given)


@pytest.mark.promise("P24")
def test_no_reason_turns_the_register_around(house: House) -> None:
    desk = desk_of(application(house), house, Role.privacy)
    desk.get("/staff/people/invite")
    reason = "\u202eevihcra eht\x00\x07 of\u200b him"
    desk.post("/staff/people/invite", email="b@example.com", role="business", reason=reason, show="1")
    assert register_view.page(house).rows[0].reason == "evihcra eht of him"


@pytest.mark.promise("P32")
def test_what_honest_browsers_never_send_is_logged_without_what_it_was(house: House) -> None:
    client = application(house).test_client()
    with capture_logs() as logs:
        client.post("/receipt", data={"receipt": "x"}, headers={"Origin": "https://eve.example"})
        client.post("/receipt", data=b"receipt=%zz", content_type="application/x-www-form-urlencoded")
    said = [(one["event"], one["status"], one["endpoint"]) for one in logs]
    assert said == [("refused", 403, "subject.receipt"), ("refused", 400, "subject.receipt")]
    assert "eve.example" not in str(logs)

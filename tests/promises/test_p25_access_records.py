"""P25: who read what, when, from where and why stands in the ledger before anything is shown, and long enough."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inquiries import clock
from inquiries.errors import NotFound, ReasonRequired
from inquiries.policy import loader
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import inbox, people, publishing, records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import ledger
from tests.cast import BAE, MINJI, MINJI_SUPPORT, OH, send
from tests.moments import T0, at
from tests.promises.pages import application, desk


def accesses(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access")]


# -- what is recorded --------------------------------------------------------------------------------


def test_p25_list_look_open_act_and_refusal_are_recorded(any_house: House) -> None:
    with at():
        send(any_house, type="recruitment")
        (row,) = inbox.page(any_house, OH, type="recruitment").rows
        inbox.summary(any_house, OH, row.id)
        inbox.open_inquiry(any_house, OH, row.id, "  a request\n of the person ")
        with pytest.raises(ReasonRequired):
            inbox.open_inquiry(any_house, OH, row.id, " ")
        inbox.open_inquiry(any_house, MINJI, row.id, None)
        inbox.answered(any_house, MINJI, row.id)
        for stranger in (MINJI_SUPPORT, BAE):
            with pytest.raises(NotFound):
                inbox.open_inquiry(any_house, stranger, row.id, "curiosity")
        with pytest.raises(NotFound):
            inbox.close(any_house, OH, row.id)
    of_row = {"inquiry": row.id}
    by_oh = {"staff": OH.staff_id, "email": OH.email}
    by_minji = {"staff": MINJI.staff_id, "email": MINJI.email}
    whose = {"newest": str(row.id), "oldest": str(row.id)}

    def as_role(name: str) -> dict[str, str]:
        return {"type": "recruitment", "role": name}

    done, refused = {"outcome": "done"}, {"outcome": "refused"}
    assert accesses(any_house) == [
        {"act": "list", **by_oh, **done, "detail": {"type": "recruitment", "rows": "1"} | whose},
        {"act": "look", **by_oh, **of_row, **done},
        {
            "act": "open",
            **by_oh,
            **of_row,
            **done,
            "reason": "a request of the person",
            "detail": as_role("privacy"),
        },
        {"act": "open", **by_minji, **of_row, **done, "detail": as_role("consultation")},
        {"act": "answer", **by_minji, **of_row, **done},
        {"act": "open_inquiry", "staff": 102, "email": MINJI_SUPPORT.email, **of_row, **refused},
        {"act": "open_inquiry", "staff": 103, "email": BAE.email, **of_row, **refused},
        {"act": "close_inquiry", **by_oh, **of_row, **refused},
    ]
    with any_house.ledger.read() as connection:
        moments = [entry.at for entry in ledger.read_all(connection, "access")]
    assert all(timedelta(0) <= moment - T0 < timedelta(minutes=5) for moment in moments)


def test_p25_opening_beside_ones_own_types_says_so(house: House) -> None:
    both = Actor(
        105, "jung@example.com", {Role.consultation: frozenset({"support"}), Role.privacy: ALL_TYPES}
    )
    with at():
        for kind in ("support", "recruitment"):
            send(house, type=kind)
        for row in inbox.page(house, both).rows:
            inbox.open_inquiry(house, both, row.id, "a request")
    assert [body["detail"] for body in accesses(house) if body["act"] == "open"] == [
        {"type": "recruitment", "role": "privacy", "other_type": "yes"}, {"type": "support", "role": "consultation"},
    ]  # fmt: skip


def test_p25_signing_in_and_its_failures_are_recorded_with_the_address(house: House) -> None:
    with at():
        app = application(house)
        member = desk(app, house, "minji@example.com", Role.consultation)
        member.get("/staff/inbox")
        outsider = desk(app, house, "eve@example.com", Role.business)
        outsider.get("/staff/sign-in")
        outsider.client.delete_cookie("inquiries")
        outsider.get("/staff/sign-in")
        outsider.post("/staff/sign-in", email="minji@example.com", password="wrong", code="123456")
        outsider.post("/staff/sign-in", email="nobody@example.com", password="wrong", code="123456")
        found = [body for body in accesses(house) if body["act"] == "sign_in"]
        listed = [body for body in accesses(house) if body["act"] == "list"]
    assert [(body["outcome"], body["detail"]) for body in found[-2:]] == [
        ("refused", {"why": "password", "staff": str(people.everyone(house)[1].id)}),
        ("refused", {"why": "unknown"}),
    ]
    assert {body["from"] for body in found} == {"192.0.2.1", "127.0.0.1"}
    assert {body["from"] for body in listed} == {"127.0.0.1"}
    assert "nobody@example.com" not in json.dumps(accesses(house))  # people type passwords there


@pytest.mark.parametrize(("promised", "kept", "gone"), [("2 years", 730, 732), ("1 year", 364, 366)])
def test_p25_records_are_kept_as_long_as_the_policy_says_and_their_spine_for_ever(
    any_house: House, tmp_path: Path, promised: str, kept: int, gone: int
) -> None:
    source = loader.load(any_house.settings.policy).source
    (tmp_path / "policy.toml").write_text(source.replace('access = "2 years"', f'access = "{promised}"'))
    with at():
        publishing.publish(any_house, loader.load(tmp_path / "policy.toml"))
        any_house.memory.pop("publishing", None)  # believed for a second
        records.access(any_house, act="look", actor=OH, subject=1)
    for day, standing in ((kept, 1), (gone, 0)):
        with at(day):
            records.prune(any_house, clock.now())
            assert len(accesses(any_house)) == standing
            verdict = records.verify(any_house)
            assert verdict.ok
            assert verdict.heads["access"][0] == 1


def test_p25_what_a_policy_says_later_changes_no_record_that_stands(house: House, tmp_path: Path) -> None:
    source = loader.load(house.settings.policy).source
    (tmp_path / "policy.toml").write_text(source.replace('access = "2 years"', 'access = "1 year"'))
    with at():
        records.access(house, act="look", actor=OH, subject=1)
        publishing.publish(house, loader.load(tmp_path / "policy.toml"))
    with at(400):
        assert records.prune(house, clock.now()) == 0
        assert len(accesses(house)) == 1

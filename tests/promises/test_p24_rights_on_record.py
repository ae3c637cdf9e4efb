"""P24: access rights are granted and cancelled on record; a leaver's sessions end at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from inquiries.errors import SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import people, records
from inquiries.services.house import House
from inquiries.stores.live.tables import sessions
from tests.cast import OH, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.staff import enrol


def rights(house: House) -> list[dict[str, object]]:
    return [body for _, body in records.bodies(house, "rights")]


def test_p24_a_revoked_persons_live_session_fails_on_its_next_request(any_house: House) -> None:
    with at():
        send(any_house)
        member = desk(application(any_house), any_house, "minji@example.com", Role.consultation)
        assert member.get("/staff/inbox").status_code == 200
        (row,) = (one for one in people.everyone(any_house) if one.email == "minji@example.com")
        people.revoke(any_house, staff_id=row.id, by=OH)
        answer = member.get("/staff/inbox")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/sign-in")
        assert "김**" not in answer.text
        with any_house.live.read() as connection:
            # what is left is the one of asking to sign in
            assert list(connection.scalars(select(sessions.c.staff_id))) == [None]


def test_p24_nor_does_she_sign_in_again(any_house: House) -> None:
    with at():
        minji = enrol(any_house, "minji@example.com", Role.consultation)
        (row,) = (one for one in people.everyone(any_house) if one.email == "minji@example.com")
        people.revoke(any_house, staff_id=row.id, by=OH)
        with pytest.raises(SignInRefused):
            minji.sign_in(any_house)


def test_p24_granting_and_cancelling_are_recorded(any_house: House) -> None:
    with at():
        before = len(rights(any_house))
        token = people.invite(
            any_house, email="Bae@example.com", roles=[Role.consultation], by=OH, types=["support"]
        )
        (row,) = (one for one in people.everyone(any_house) if one.email == "bae@example.com")
        people.revoke(any_house, staff_id=row.id, by=OH)
        invited, revoked = rights(any_house)[before:]
    assert (invited["act"], invited["by"], invited["staff"]) == ("invite", OH.staff_id, row.id)
    assert invited["detail"] == {"email": "bae@example.com", "roles": ["consultation"], "types": ["support"]}
    assert (revoked["act"], revoked["by"], revoked["staff"]) == ("revoke", OH.staff_id, row.id)
    assert token not in str(rights(any_house))


def test_p24_no_right_without_its_record(house: House) -> None:
    """The ledger cannot be written: nobody is invited, nobody is revoked."""
    with at():
        enrol(house, "minji@example.com", Role.consultation)
        with house.ledger.write() as connection:
            connection.exec_driver_sql("ALTER TABLE bodies RENAME TO away")
        for change in (
            lambda: people.invite(house, email="eve@example.com", roles=[Role.privacy], by=None),
            lambda: people.revoke(house, staff_id=people.everyone(house)[0].id, by=OH),
        ):
            with pytest.raises(Exception, match="bodies"):
                change()
        assert [(one.email, one.revoked) for one in people.everyone(house)] == [
            ("minji@example.com", False), ("privacy@example.com", False),
        ]  # fmt: skip


def test_p24_rights_records_are_kept_three_years() -> None:
    assert records.PERIODS["rights"].days >= 3 * 365

"""Inquiries in the live store: what may be shown of them, and in which order their parts come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import delete

from inquiries.rules.requests import Kind
from inquiries.stores.database import Database
from inquiries.stores.live import claims, guardians, holds, listing, requests
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.tables import groups
from tests.stores.test_requests import asked

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=9), NOW - timedelta(seconds=1)
WISHES = ("none", "suspended", "child", "child of a guardian who agreed")
STANDS = ("stands", "for good", "due", "held", "claimed", "shell alone")


def shell(one: int) -> live.NewInquiry:
    return live.NewInquiry(one, "support", "received", "form", "ko", 1, NOW, one.to_bytes(16))


@pytest.mark.parametrize("held", [False, True])
def test_a_look_is_what_each_question_answers(live_store: Database, *, held: bool) -> None:
    cases = {10 * n: case for n, case in enumerate(product(WISHES, STANDS), start=1)}
    with live_store.write() as connection:
        for one, (wish, stand) in cases.items():
            due_at = {"for good": None, "due": BEFORE, "held": BEFORE}.get(stand, LATER)
            live.add(connection, [shell(one)], [live.NewGroup(one + 1, one, "main", due_at, b"")], [])
            if wish == "suspended":
                requests.add(connection, asked(one, Kind.suspend, one))
            elif wish != "none":
                guardians.add(connection, [guardians.NewGuardian(one, NOW, LATER)])
            if "agreed" in wish:
                guardians.confirm(connection, one, NOW, "link", None)
            if stand == "held":
                holds.place(connection, holds.HoldRow(one, one, "basis", b"", 1, NOW, LATER))
            elif stand == "claimed":
                claims.claim(connection, [one + 1], "expired", NOW)
            elif stand == "shell alone":
                connection.execute(delete(groups).where(groups.c.inquiry_id == one))
    with live_store.read() as connection:
        seen = listing.look(connection, [*cases, 9_999], NOW, held=held)
        usable = live.usable(connection, list(cases), NOW, held=held)
        suspended = requests.suspended(connection, list(cases))
        waiting = guardians.waiting(connection, list(cases))
    assert seen.keys() == cases.keys()
    for one, case in cases.items():
        expected = (one in usable, one in suspended, waiting.get(one), False)
        assert seen[one] == expected, case
    readable = {"stands", "for good"} | ({"held"} if held else set())
    open_to_all = product(("none", "child of a guardian who agreed"), readable)
    assert {cases[one] for one in usable} == set(open_to_all)


def test_groups_come_as_they_were_made_and_consents_by_name_also_when_they_were_changed(
    live_store: Database,
) -> None:
    """PostgreSQL, when it reads a table through, meets a row that was changed last."""
    names, purposes = ("main", "marketing", "visitor"), ("inquiry", "marketing")
    with live_store.write() as connection:
        live.add(
            connection,
            [shell(10)],
            [live.NewGroup(11 + n, 10, name, LATER, b"") for n, name in enumerate(names)],
            [live.Consent(10, name, True, 1, bytes(32), True, "ko", NOW) for name in purposes],
        )
    with live_store.write() as connection:
        live.replace_sealed(connection, 11, b"corrected")
        live.withdraw(connection, 10, "inquiry", NOW)
    with live_store.read() as connection:
        if not live_store.sqlite:
            for way in ("indexscan", "bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        assert tuple(one.name for one in live.groups_of(connection, 10, NOW)) == names
        assert tuple(one.purpose for one in live.consents_of(connection, 10)) == purposes

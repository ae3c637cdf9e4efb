"""What may be shown of inquiries, in one look: the same as each question by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import delete

from inquiries.rules.requests import Kind
from inquiries.stores import migrate
from inquiries.stores.database import Database
from inquiries.stores.live import claims, guardians, holds, listing, requests
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.tables import groups
from tests.stores.test_requests import asked

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=9), NOW - timedelta(seconds=1)
WISHES = ("none", "suspended", "child", "child of a guardian who agreed")
STANDS = ("stands", "for good", "due", "held", "claimed", "shell alone")


@pytest.mark.parametrize("held", [False, True])
def test_a_look_is_what_each_question_answers(
    store_urls: dict[str, str], tmp_path: Path, *, held: bool
) -> None:
    database = Database("live", store_urls.get("live_url", f"sqlite:///{tmp_path}/live.db"), tmp_path)
    migrate.upgrade(database)
    cases = {10 * n: case for n, case in enumerate(product(WISHES, STANDS), start=1)}
    with database.write() as connection:
        for one, (wish, stand) in cases.items():
            due_at = {"for good": None, "due": BEFORE, "held": BEFORE}.get(stand, LATER)
            shell = live.NewInquiry(one, "support", "received", "form", "ko", 1, NOW, one.to_bytes(16))
            live.add(connection, [shell], [live.NewGroup(one + 1, one, "main", due_at, b"")], [])
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
    with database.read() as connection:
        seen = listing.look(connection, [*cases, 9_999], NOW, held=held)
        usable = live.usable(connection, list(cases), NOW, held=held)
        suspended = requests.suspended(connection, list(cases))
        waiting = guardians.waiting(connection, list(cases))
    database.close()
    assert seen.keys() == cases.keys()
    for one, case in cases.items():
        expected = (one in usable, one in suspended, waiting.get(one), False)
        assert seen[one] == expected, case
    readable = {"stands", "for good"} | ({"held"} if held else set())
    open_to_all = product(("none", "child of a guardian who agreed"), readable)
    assert {cases[one] for one in usable} == set(open_to_all)

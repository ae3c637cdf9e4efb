"""P25: where the access cannot be recorded, nothing of what anybody wrote is shown, and nothing is done.

The ledger itself refuses; every way into the staff pages is asked, with what would make it show something.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inquiries.services.house import House
from inquiries.stores.live.tables import inquiries
from tests.promises.floor import ITEMS, Answer, Floor, floor
from tests.staff import PASSWORD

REASON = {"reason": "a request of the person"}
EXPORT = {"purpose": "inquiry", "form": "csv", "password": PASSWORD, **REASON}

#: Who asks, of which inquiry where the page is of one, and what is sent: each shows or does something.
#: Ways in that are not named here are asked by the officer with nothing filled in.
GIVEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GET staff.inquiry": ("granted", "granted", {}),
    "POST staff.open_inquiry": ("granted", "granted", REASON),
    "POST staff.search": ("support", "own", {"typed": "sora@example.com"}),
    "POST staff.answered": ("support", "own", {}),
    "POST staff.close": ("support", "own", {}),
    "POST staff.reply": ("support", "own", {"text": "thank you"}),
    "POST staff.note": ("support", "own", {"text": "a note"}),
    "POST staff.open_archived": ("privacy", "own", REASON),
    "POST staff.export": ("privacy", "own", EXPORT),
}
OFFICER: tuple[str, str, dict[str, Any]] = ("support and privacy", "own", {})

#: What shows something of an inquiry, whether masked or in clear, once it can be recorded.
SHOWN = {
    "GET staff.inbox", "GET staff.inquiry", "POST staff.open_inquiry", "POST staff.search",
    "GET staff.retention", "POST staff.release", "POST staff.open_archived",
}  # fmt: skip


@pytest.fixture(scope="module")
def here() -> Iterator[Floor]:
    with floor() as made:
        yield made


@contextmanager
def refusing(house: House) -> Iterator[None]:
    """The ledger takes no record."""
    with house.ledger.write() as ledger:
        ledger.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON bodies BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    yield
    with house.ledger.write() as ledger:
        ledger.exec_driver_sql("DROP TRIGGER full")


def asked(here: Floor) -> dict[str, Answer]:
    """What each way in is answered."""
    answers = {}
    for endpoint, rule, _ in here.rules():
        person, state, fields = GIVEN.get(endpoint, OFFICER)
        given = {"inquiry_id": here.inquiries[state]} if "inquiry_id" in rule.arguments else {}
        if endpoint != "POST staff.sign_out":  # who goes asks nothing more
            answers[endpoint] = here.ask(person, endpoint, fields, **given)
    return answers


def shows(answer: Answer) -> bool:
    return any(item in answer.page for item in ITEMS)


def test_p25_nothing_is_shown_and_nothing_done_that_is_not_on_record(here: Floor) -> None:
    def standing() -> list[Any]:
        with here.house.live.read() as live:
            return [tuple(row) for row in live.execute(inquiries.select().order_by(inquiries.c.id))]

    before = standing()
    with refusing(here.house):
        unrecorded = asked(here)
    assert standing() == before
    recorded = asked(here)
    assert {name for name, one in recorded.items() if shows(one)} == SHOWN
    for name, one in unrecorded.items():
        assert not shows(one), name
        assert one.status >= 500 or name not in {*SHOWN, *GIVEN}, (name, one.status)
        assert "octet-stream" not in dict(one.headers)["Content-Type"], name

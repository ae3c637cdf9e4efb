"""What the killed processes do where a person asks for her rights; every function runs in a child of the zygote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from inquiries.errors import NotFound
from inquiries.services import (
    adoption,
    certificates,
    fulfilment,
    inbox,
    installation,
    receipt,
    retention,
    rights,
)
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from tests.cast import MINJI
from tests.faults import invariants
from tests.faults.scenarios import START, WITH_MARKETING, dying, receive, settings_of, tell, told

MOMENT = START + timedelta(hours=1)
CORRECTED = "corrected: 김소라나"


def prepare(directory: str) -> None:
    """An inquiry for each right; the one that is to be deleted is not adopted yet."""
    here = Path(directory)
    with time_machine.travel(START):
        house = installation.install(settings_of(here)).house
        for content in ("correct", "withdraw", "suspend", "resume"):
            receive(house, here, content, consents=WITH_MARKETING)
        rights.suspend(house, code_of(here, "resume"))
        fulfilment.carry_out(house)
        adoption.adopt_pending(house)
        receive(house, here, "delete", consents=WITH_MARKETING)
        house.close()


def act(directory: str, fatal: int) -> None:
    """She asks, is told that it is received, and the worker carries it out: dead at failpoint number `fatal`."""
    with dying(directory, fatal, MOMENT) as here:
        house = open_house(settings_of(here))
        for right, ask in _ASKS.items():
            ask(house, code_of(here, right))
            tell(here, act="asked", right=right)
        fulfilment.carry_out(house)
        house.close()


def check(directory: str) -> None:
    """Start again: what she was told holds at once, the worker finishes it, and nothing is half done."""
    here = Path(directory)
    with started_again(settings_of(here)) as house:
        asked = {note["right"] for note in told(here) if note["act"] == "asked"}
        for right in asked - {"resume", "withdraw"}:
            done = right == "correct" and _is_corrected(house, here)
            assert done or _suspended(house, here, right), right
        fulfilment.carry_out(house)
        for right in asked:
            _CHECKS[right](house, here, code_of(here, right))


@contextmanager
def started_again(settings: Settings) -> Iterator[House]:
    """A minute later: all is well before what is done here, and after it."""
    with time_machine.travel(MOMENT + timedelta(minutes=1)):
        house = installation.install(settings).house
        assert not invariants.operations(house, "restore"), "a crash taken for a restored backup"
        invariants.whole(house)
        yield house
        invariants.whole(house)
        assert retention.sweep(house).due == 0
        house.close()


def code_of(here: Path, content: str) -> str:
    (code,) = [note["receipt"] for note in told(here) if note.get("content") == content]
    return str(code)


def _is_corrected(house: House, here: Path) -> bool:
    return receipt.look(house, code_of(here, "correct")).items["content"] == CORRECTED


def _suspended(house: House, here: Path, right: str) -> bool:
    """Whether staff see nothing of it: it is suspended, or gone."""
    try:
        received_at = receipt.look(house, code_of(here, right)).received_at
    except NotFound:
        return True
    (row,) = [one for one in inbox.page(house, MINJI).rows if one.received_at == received_at]
    return row.suspended


def _deleted(house: House, _here: Path, code: str) -> None:
    with pytest.raises(NotFound):
        receipt.look(house, code)
    found = certificates.for_receipt(house, code)
    assert {part.stone.reason for part in found.parts} == {"deleted_on_request"}
    assert (len(found.parts), found.remaining) == (3, ())


def _corrected(house: House, here: Path, code: str) -> None:
    assert receipt.look(house, code).items["content"] == CORRECTED
    assert not _suspended(house, here, "correct")


def _withdrawn(house: House, _here: Path, code: str) -> None:
    view = receipt.look(house, code)
    assert set(view.parts) == {"main", "visitor"}
    assert [one.holds for one in view.consents] == [True, False]
    (part,) = certificates.for_receipt(house, code).parts
    assert (part.stone.group, part.stone.reason) == ("marketing", "withdrawn")


def _is_suspended(house: House, here: Path, code: str) -> None:
    assert receipt.look(house, code).suspended
    assert _suspended(house, here, "suspend")


def _resumed(house: House, here: Path, code: str) -> None:
    assert not receipt.look(house, code).suspended
    assert not _suspended(house, here, "resume")


_ASKS: Mapping[str, Callable[[House, str], object]] = {
    "delete": rights.delete,
    "correct": lambda house, code: rights.correct(house, code, {"content": CORRECTED}),
    "withdraw": lambda house, code: rights.withdraw(house, code, "marketing"),
    "suspend": rights.suspend,
    "resume": rights.resume,
}
_CHECKS: Mapping[str, Callable[[House, Path, str], None]] = {
    "delete": _deleted,
    "correct": _corrected,
    "withdraw": _withdrawn,
    "suspend": _is_suspended,
    "resume": _resumed,
}

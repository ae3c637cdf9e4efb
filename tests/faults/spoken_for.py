"""What the killed processes do where somebody speaks for a person: who takes her call, her guardian, the officer.

Every function runs in a child of the zygote; `asked` has what a person asks for herself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from inquiries.errors import InvalidFields, NotFound, WrongState
from inquiries.rules.entry import Told
from inquiries.rules.requests import GUARDIAN, UNSUBSCRIBE, Kind, State
from inquiries.services import (
    adoption,
    certificates,
    entries,
    fulfilment,
    guardians,
    hand_over,
    inbox,
    installation,
    keys,
    linking,
    on_behalf,
    receipt,
    records,
    unsubscribing,
)
from inquiries.services.house import House, open_house
from inquiries.settings import HOME, Settings
from inquiries.stores.key_tables import suppressions
from tests.asking import entry, row_of, state_of
from tests.cast import MINJI, OH, send, submission
from tests.faults.asked import MOMENT, started_again
from tests.faults.scenarios import START, dying, settings_of, tell, told

CHILD = {"guardian.needed": "yes", "guardian.name": "김건", "guardian.contact": "gun@example.com"}
OLD_ENOUGH = {"guardian.needed": "no"}
ADDRESS_ALONE = {"email": "sora@example.com", **dict.fromkeys(("name", "company", "contact", "content"))}
EVIDENCE = "a letter of this morning"


def prepare(directory: str) -> None:
    """An inquiry for each act, adopted, and the links that were sent; Clunix takes children's, and has a newsletter."""
    here = Path(directory)
    with time_machine.travel(START):
        house = installation.install(_settings(here)).house
        for content in ("agreed", "refused", "agreed by telephone"):
            _received(house, here, content, items={"content": content}, guardian=CHILD)
        for content in ("subscribed", "subscribed again"):
            _received(house, here, content, type="newsletter", items=ADDRESS_ALONE, guardian=OLD_ENOUGH)
        for content in ("handed over", "deleted by letter"):
            _received(house, here, content, items={"content": content}, guardian=OLD_ENOUGH)
        adoption.adopt_pending(house)
        for content, channel in (("agreed", GUARDIAN), ("refused", GUARDIAN), ("subscribed", UNSUBSCRIBE)):
            number = _of(here, content)["inquiry"]
            link = linking.address(house, keys.of_inquiries(house, [number])[number, "main"], channel)
            tell(here, act="link", content=content, token=link.rpartition("/")[2])
        (copy,) = on_behalf.enter(house, OH, [_of(here, "handed over")["inquiry"]], entry(Kind.copy))
        tell(here, act="entered", request=copy)
        fulfilment.carry_out(house)
        house.close()


def act(directory: str, fatal: int) -> None:
    """Each speaks, is answered, and the worker carries it out: dead at failpoint number `fatal`."""
    with dying(directory, fatal, MOMENT) as here:
        house = open_house(_settings(here))
        for what, speak in _ACTS.items():
            speak(house, here)
            tell(here, act="answered", what=what)
        fulfilment.carry_out(house)
        house.close()


def check(directory: str) -> None:
    """Start again: who was not answered does it again, the worker finishes, and all is done once."""
    here = Path(directory)
    with started_again(_settings(here)) as house:
        answered = {note["what"] for note in told(here) if note["act"] == "answered"}
        assert "hand over" not in answered or state_of(house, _request(here)) == State.done
        for what, speak in _ACTS.items():
            if what not in answered:
                with suppress(WrongState, InvalidFields):  # it is done, and only the answer was lost
                    speak(house, here)
        fulfilment.carry_out(house)
        for holds in _CHECKS:
            holds(house, here)


# -- what they say -------------------------------------------------------------------------------------


def _enter(house: House, here: Path) -> None:
    """Minji enters what came by telephone, and is given the code."""
    how = Told("phone", "Sora Kim herself", "the notice was read out to her", MOMENT)
    sent = submission(items={"content": "by telephone"}, once=b"3" * 16)
    received = entries.enter(house, MINJI, sent, how)
    tell(here, act="receipt", content="by telephone", receipt=received.receipt, inquiry=received.id)


def _decide(content: str, *, agrees: bool) -> Callable[[House, Path], None]:
    def decide(house: House, here: Path) -> None:
        assert guardians.decide(house, _token(here, content), agrees=agrees)

    return decide


def _enter_guardian(house: House, here: Path) -> None:
    guardians.enter(house, OH, _of(here, "agreed by telephone")["inquiry"], "phone", EVIDENCE)


def _unsubscribe(house: House, here: Path) -> None:
    unsubscribing.unsubscribe(house, _token(here, "subscribed"))


def _enter_letter(house: House, here: Path) -> None:
    number = _of(here, "deleted by letter")["inquiry"]
    with suppress(NotFound):  # done already
        on_behalf.enter(house, OH, [number], entry(Kind.delete))


def _hand_over(house: House, here: Path) -> None:
    found = hand_over.copy(house, OH, _request(here), notes=True)
    assert found.parts[0].items["content"] == "handed over"
    hand_over.handed_over(house, OH, _request(here))


_ACTS: Mapping[str, Callable[[House, Path], None]] = {
    "enter": _enter,
    "agree": _decide("agreed", agrees=True),
    "refuse": _decide("refused", agrees=False),
    "enter guardian": _enter_guardian,
    "unsubscribe": _unsubscribe,
    "enter letter": _enter_letter,
    "hand over": _hand_over,
}


# -- what follows from it ------------------------------------------------------------------------------


def _entered_once_and_on_record(house: House, here: Path) -> None:
    found = [row.id for row in inbox.page(house, MINJI, type="support").rows]
    contents = [inbox.open_inquiry(house, MINJI, number, None).items["content"] for number in found]
    assert contents.count("by telephone") == 1
    number, code = (_of(here, "by telephone")[name] for name in ("inquiry", "receipt"))
    assert receipt.look(house, code).items["content"] == "by telephone"
    bodies = [body for _, body in records.bodies(house, "access") if body["act"] == "enter_inquiry"]
    assert {body["inquiry"] for body in bodies} == {number}


def _children_are_heard(house: House, here: Path) -> None:
    """Whose guardian agreed is read, and kept as promised; whose refused is destroyed."""
    for content in ("agreed", "agreed by telephone"):
        one = _of(here, content)
        assert inbox.open_inquiry(house, MINJI, one["inquiry"], None).items["content"] == content
        due = receipt.look(house, one["receipt"]).parts["main"]
        assert due is not None
        assert due > START + timedelta(days=300)
    (said,) = inbox.open_inquiry(house, MINJI, _of(here, "agreed by telephone")["inquiry"], None).thread
    assert EVIDENCE in said.text
    _gone(house, here, "refused")


def _unsubscribed(house: House, here: Path) -> None:
    """Both of the address are gone, and it is known."""
    for content in ("subscribed", "subscribed again"):
        _gone(house, here, content)
    with house.keys.read() as connection:
        assert len(connection.execute(suppressions.select()).all()) == 1


def _deleted(house: House, here: Path) -> None:
    _gone(house, here, "deleted by letter")


def _handed_over(house: House, here: Path) -> None:
    row = row_of(house, _request(here))
    assert row is not None
    assert row.state == State.done
    seen = receipt.look(house, _of(here, "handed over")["receipt"]).openings
    assert sum(one.copied for one in seen) in (1, 2)


def _gone(house: House, here: Path, content: str) -> None:
    code = _of(here, content)["receipt"]
    with pytest.raises(NotFound):
        receipt.look(house, code)
    assert certificates.for_receipt(house, code).remaining == ()


_CHECKS = (_entered_once_and_on_record, _children_are_heard, _unsubscribed, _deleted, _handed_over)


# -- what was told -------------------------------------------------------------------------------------


def _settings(here: Path) -> Settings:
    return settings_of(here, policy=str(HOME / "policies" / "clunix.toml"))


def _received(house: House, here: Path, content: str, **given: Any) -> None:
    received = send(house, **given)
    tell(here, act="receipt", content=content, receipt=received.receipt, inquiry=received.id)


def _of(here: Path, content: str) -> dict[str, Any]:
    """Code and number of what was received."""
    return [note for note in told(here) if note["act"] == "receipt" and note["content"] == content][-1]


def _token(here: Path, content: str) -> str:
    return str(
        next(note["token"] for note in told(here) if note["act"] == "link" and note["content"] == content)
    )


def _request(here: Path) -> int:
    return int(next(note["request"] for note in told(here) if note["act"] == "entered"))

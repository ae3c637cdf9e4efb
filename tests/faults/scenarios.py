"""What the killed processes do: for each scenario an instance made ready, and the act that is cut short.

Every function here runs in a child of the zygote, with JSON for arguments. What the outside world was told is
appended to a file as it is told: only that must hold.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from inquiries import clock
from inquiries import settings as settings_module
from inquiries.rules.permissions import Role
from inquiries.rules.retention import MAIN
from inquiries.services import (
    adoption,
    archive,
    archive_moves,
    delivery,
    destruction,
    enrolment,
    grants,
    installation,
    mail,
    people,
    records,
    retention,
    rewrapping,
    roles,
    root_rotation,
    rotation,
    second_factor,
    training,
)
from inquiries.services import keys as data_keys
from inquiries.services.actor import Actor
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.worker import Worker
from tests import staff, warm
from tests.cast import OH, send
from tests.faults.failpoints import arm
from tests.relay import SENDER, Relay, relay

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: The visitor's data is due after 3 months, the marketing copies after 6, an inquiry after 12.
VISITOR_DUE = START + timedelta(days=100)
ALL_DUE = START + timedelta(days=400, hours=1)
WITH_MARKETING = {"inquiry": True, "marketing": True}
YEAR = timedelta(days=400)  # after which an inquiry of the default policy is due
PASSWORD = "a sentence that Oh can remember"


@dataclass(frozen=True)
class Scenario:
    """`prepare` makes the instance at START; `act` is what dies, at `moment`."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    moment: datetime = START + timedelta(days=1)
    confirm: bool = False  # a store was put back: the officer must confirm


def settings_of(directory: Path, **given: str) -> Settings:
    return settings_module.load(instance=directory / "instance", **given)


def tell(directory: Path, **what: Any) -> None:
    """Note what the outside world now relies on."""
    with (directory / "told").open("a", encoding="utf-8") as told:
        told.write(json.dumps(what) + "\n")


def told(directory: Path) -> list[dict[str, Any]]:
    """What the outside world relies on."""
    path = directory / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def receive(house: House, directory: Path, content: str, once: bytes | None = None, **given: Any) -> str:
    """Sora sends this, and is told her receipt."""
    received = send(house, items={"content": content}, once=once, **given)
    told_once = once and once.hex()
    tell(directory, act="receipt", receipt=received.receipt, content=content, once=told_once, given=given)
    return received.receipt


def enrol_officer(house: House, directory: Path) -> None:
    token = people.first_enrolment(house)
    assert token is not None
    tell(directory, act="invited", token=token)
    enrol_with(house, directory, token)


def enrol_with(house: House, directory: Path, token: str) -> None:
    secret = second_factor.new_secret()
    code = second_factor._totp(secret).generate(int(clock.now().timestamp())).decode()
    enrolled = enrolment.enrol(house, token=token, password=PASSWORD, totp_secret=secret, code=code)
    tell(directory, act="enrolled", secret=second_factor.spelled(secret))
    tell(directory, act="seal", key=enrolled.seal_key)


def small_batches() -> None:
    """Several commits where there would be one."""
    adoption.BATCH = rewrapping.BATCH = 2
    destruction.BATCH = 4


# -- made ready ----------------------------------------------------------------------------------


def nothing(directory: Path) -> None:
    directory.mkdir(exist_ok=True)


def _installed(directory: Path) -> House:
    nothing(directory)
    return installation.install(settings_of(directory)).house


def installed(directory: Path) -> None:
    _installed(directory).close()


def with_an_officer(directory: Path) -> None:
    house = _installed(directory)
    receive(house, directory, "before")
    enrol_officer(house, directory)
    house.close()


def with_staff(directory: Path) -> None:
    """The officer, and two of the business role."""
    with_an_officer(directory)
    house = open_house(settings_of(directory))
    for name in ("bae", "minji"):
        member = staff.enrol(house, f"{name}@example.com", Role.business)
        tell(directory, act="member", email=member.email, secret=member.secret.hex())
    house.close()


def with_unadopted(directory: Path) -> None:
    house = _installed(directory)
    enrol_officer(house, directory)
    for number in range(4):
        receive(house, directory, f"unadopted {number}", consents={"inquiry": True, "marketing": number == 0})
    house.close()


def with_due(directory: Path) -> None:
    """Whole inquiries that are due, such of which only the visitor's data is, adopted and not, and a fresh one."""
    house = _installed(directory)
    enrol_officer(house, directory)
    with time_machine.travel(ALL_DUE - timedelta(days=400)):
        for number in range(2):
            receive(house, directory, f"all due, adopted {number}", consents=WITH_MARKETING)
        adoption.adopt_pending(house)
        receive(house, directory, "all due, not adopted", consents=WITH_MARKETING)
    with time_machine.travel(ALL_DUE - timedelta(days=100)):
        receive(house, directory, "visitor due, not adopted")
        receive(house, directory, "visitor due", once=b"0" * 16)
        adoption.adopt(house, _inquiries(house)[-1:])
    with time_machine.travel(ALL_DUE - timedelta(hours=2)):
        receive(house, directory, "fresh")
    house.close()


def with_destroyed(directory: Path) -> None:
    """A day after a sweep, before the rotation that makes it final."""
    with_due(directory)
    house = open_house(settings_of(directory))
    with time_machine.travel(ALL_DUE):
        assert retention.sweep(house).destroyed == 11
        adoption.adopt(house, _inquiries(house)[:1])
    house.close()


def with_all_put_back(directory: Path) -> None:
    """Live from before a destruction and a rotation; keys and keyring older still, laid over the present."""
    with_due(directory)
    instance = directory / "instance"
    copy_of_keys = copy_tree(instance / "keyring", directory / "keyring.copy")
    house = open_house(settings_of(directory))
    with time_machine.travel(ALL_DUE):
        adoption.adopt_pending(house)
        copy_of_live = copy_database(instance / "live.db", directory / "live.copy")
        assert retention.sweep(house).destroyed == 11
        rotation.rotate(house)
    house.close()
    put_back_database(copy_of_live, instance / "live.db")
    put_back_tree(copy_of_keys, instance / "keyring")


def with_ordinary(directory: Path) -> None:
    """What stays, and two inquiries that will be archived, one of them not adopted."""
    house = _installed(directory)
    enrol_officer(house, directory)
    receive(house, directory, "stays")
    receive(house, directory, "archived 0", consents=WITH_MARKETING)
    adoption.adopt_pending(house)
    receive(house, directory, "archived 1")
    house.close()


def with_archived(directory: Path) -> None:
    """Archived rows whose statute's period has ended, one with a key that moved on, and one that stays."""
    with_ordinary(directory)
    house = open_house(settings_of(directory))
    for number in range(2):
        receive(house, directory, f"all due, archived {number}")
        _order(house, directory, "visitor_log", _inquiries(house)[-1])
    rotation.rotate(house)
    receive(house, directory, "all due, archived 2")
    _order(house, directory, "visitor_log", _inquiries(house)[-1])
    _order(house, directory, "contract", _inquiries(house)[1])
    house.close()


def with_mail(directory: Path) -> None:
    """Messages of an inquiry and with keys of their own, adopted and not, one of them long past its end."""
    house = _installed(directory)
    enrol_officer(house, directory)
    receive(house, directory, "told by mail")
    (inquiry,) = _inquiries(house)
    _queue(house, directory, None)
    adoption.adopt_pending(house)
    with time_machine.travel(START + timedelta(hours=20)):
        _queue(house, directory, inquiry)
        _queue(house, directory, None)
        adoption.adopt_pending(house)
        _queue(house, directory, None)
    house.close()


def _queue(house: House, directory: Path, inquiry: int | None) -> None:
    key = None if inquiry is None else data_keys.of_inquiries(house, [inquiry])[inquiry, MAIN]
    with house.live.write() as connection:
        given = {"kind": mail.Kind.replied, "to": "sora@example.com", "language": "ko"}
        made = mail.queue(house, connection, key=key, **given)  # type: ignore[arg-type]
    tell(directory, act="mail", id=f"{made:x}", at=clock.now().isoformat())


def _order(house: House, directory: Path, statute: str, inquiry: int) -> None:
    """Oh moves an inquiry to the archive, and sees that it is done."""
    archive_id = archive.order(house, OH, inquiry, statute=statute, items=["content"], reason="kept by law")
    tell(directory, act="archived", archive=archive_id)


def _inquiries(house: House) -> list[int]:
    with house.live.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT id FROM inquiries ORDER BY id")]


# -- copies --------------------------------------------------------------------------------------


def copy_database(source: Path, copy: Path) -> Path:
    """As `sqlite3 .backup` makes it, with whoever writes meanwhile."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(copy)) as other:
        one.backup(other)
    return copy


def put_back_database(copy: Path, target: Path) -> None:
    """As an operator does who has stopped everything."""
    for left in (target, target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")):
        left.unlink(missing_ok=True)
    shutil.copy(copy, target)


def copy_tree(keyring: Path, copy: Path) -> Path:
    """The pair of keys and keyring: the database by its backup, the files as they are."""
    copy.mkdir()
    for file in keyring.iterdir():
        if not file.name.startswith((".lock", "keys.db")):
            shutil.copy(file, copy)
    if (keyring / "keys.db").exists():
        copy_database(keyring / "keys.db", copy / "keys.db")
    return copy


def put_back_files(copy: Path, keyring: Path, *, over: bool = True) -> None:
    """Lay the keyring's files over the present ones, or in their place; a copy that is not there leaves none."""
    for file in keyring.iterdir():
        if not over and not file.name.startswith("keys.db"):
            file.unlink()
    for file in copy.iterdir() if copy.exists() else ():
        if file.name != "keys.db":
            shutil.copy(file, keyring)


def put_back_tree(copy: Path, keyring: Path, *, over: bool = True) -> None:
    """The pair of keys and keyring."""
    put_back_files(copy, keyring, over=over)
    put_back_database(copy / "keys.db", keyring / "keys.db")


# -- cut short -----------------------------------------------------------------------------------


def install(directory: Path) -> None:
    installation.install(settings_of(directory)).house.close()


def send_three(directory: Path) -> None:
    house = open_house(settings_of(directory))
    receive(house, directory, "plain")
    receive(house, directory, "with everything", once=b"1" * 16, consents=WITH_MARKETING)
    receive(house, directory, "again", once=b"2" * 16)
    house.close()


def send_together(directory: Path) -> None:
    """Several threads, which may share commits."""
    house = open_house(settings_of(directory))

    def many(thread: int) -> None:
        for number in range(2):
            receive(house, directory, f"{thread}-{number}", once=bytes([thread, number]) * 8)

    threads = [threading.Thread(target=many, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.close()


def adopt(directory: Path) -> None:
    house = open_house(settings_of(directory))
    adoption.adopt_pending(house)
    house.close()


def sweep(directory: Path) -> None:
    house = open_house(settings_of(directory))
    retention.sweep(house)
    house.close()


def move(directory: Path) -> None:
    """Two moves, one of them of what was not adopted."""
    house = open_house(settings_of(directory))
    inquiries = _inquiries(house)[-2:]
    for inquiry in inquiries:
        _order(house, directory, "contract", inquiry)
    archive_moves.carry_out(house)
    house.close()


def send_mail(directory: Path) -> None:
    """To a relay of this process, which notes what it takes before it says so."""
    state = Relay(directory / "arrived")
    with relay(state):
        given = {"smtp_url": state.url, "mail_from": SENDER}
        house = open_house(settings_of(directory, **given))
        delivery.send_waiting(house)
        retention.sweep(house)
        house.close()


def rotate(directory: Path) -> None:
    house = open_house(settings_of(directory))
    rotation.rotate(house)
    house.close()


def rotate_root(directory: Path) -> None:
    house = open_house(settings_of(directory))
    root_rotation.rotate(house)
    house.close()


def seal(directory: Path) -> None:
    """As the worker goes on with what the first officer's enrolment started."""
    house = open_house(settings_of(directory))
    for number in range(3):
        records.access(house, act="look", subject=number)
        records.seal(house)
    house.close()


def enrol(directory: Path) -> None:
    house = open_house(settings_of(directory))
    enrol_officer(house, directory)
    house.close()


def work(directory: Path) -> None:
    """One step of the worker does everything: adopt, sweep, rotate, seal."""
    house = open_house(settings_of(directory))
    Worker(house).step()
    house.close()


def change_rights(directory: Path) -> None:
    """An officer's day: she invites, changes, grants, cancels and takes away; the operator records her training."""
    house = open_house(settings_of(directory))
    ids = {one.email.partition("@")[0]: one.id for one in people.everyone(house)}
    (oh,) = (
        Actor(one.id, one.email, one.roles) for one in people.everyone(house) if Role.privacy in one.roles
    )
    for note in [note for note in told(directory) if note["act"] == "member"]:
        signed_in = staff.Member(note["email"], bytes.fromhex(note["secret"]), ()).sign_in(house)
        tell(directory, act="session", email=note["email"], token=signed_in.token.hex())
    by: dict[str, Any] = {"reason": "her day", "by": oh}
    until = clock.now() + timedelta(days=3)

    def done(act: str, who: int) -> None:
        tell(directory, act="right", done=act, staff=who)

    people.invite(house, email="gun@example.com", roles=[Role.business], **by)
    gun = people.member(house, email="gun@example.com").id
    done("invite", gun)
    inquiry = _inquiries(house)[0]
    for name in ("bae", "minji", "bae"):
        grant = grants.grant(house, staff_id=ids[name], inquiry_id=inquiry, until=until, **by)
        done("grant", ids[name])
    grants.cancel(house, grant_id=grant, **by)
    done("cancel", ids["bae"])
    grants.grant(house, staff_id=ids["bae"], inquiry_id=inquiry, until=until, **by)
    roles.change(house, staff_id=ids["minji"], roles=[Role.consultation], types=["support"], **by)
    done("change", ids["minji"])
    roles.train(house, staff_id=oh.staff_id, on=training.today(house), by=None, break_glass="she is alone")
    done("training", oh.staff_id)
    people.revoke(house, staff_id=ids["bae"], **by)
    done("revoke", ids["bae"])
    house.close()


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("install", nothing, install),
        Scenario("intake", with_an_officer, send_three),
        Scenario("intake_together", with_an_officer, send_together),
        Scenario("adoption", with_unadopted, adopt),
        Scenario("sweep", with_due, sweep, ALL_DUE),
        Scenario("archive", with_ordinary, move),
        Scenario("archive_sweep", with_archived, sweep, VISITOR_DUE),
        Scenario("mail", with_mail, send_mail, START + timedelta(hours=49)),
        Scenario("rotation", with_destroyed, rotate, ALL_DUE + timedelta(hours=1)),
        Scenario("root_rotation", with_an_officer, rotate_root),
        Scenario("enrolment", installed, enrol),
        Scenario("rights", with_staff, change_rights),
        Scenario("seal", with_an_officer, seal),
        Scenario("worker", with_due, work, ALL_DUE),
        Scenario("recovery", with_all_put_back, install, ALL_DUE + timedelta(hours=1), confirm=True),
    )
}


# -- what the parent calls -----------------------------------------------------------------------


def prepare(name: str, directory: str) -> None:
    """Make the scenario's instance ready."""
    with time_machine.travel(START):
        SCENARIOS[name].prepare(Path(directory))


def act(name: str, directory: str, fatal: int) -> None:
    """Do it, and die at failpoint number `fatal`."""
    scenario = SCENARIOS[name]
    with dying(directory, fatal, scenario.moment) as here:
        scenario.act(here)


@contextmanager
def dying(directory: str, fatal: int, moment: datetime) -> Iterator[Path]:
    """What is done here ends at failpoint number `fatal`; if it lives, how many there were is written down."""
    here = Path(directory)
    small_batches()
    points = arm(here / "instance" / "keyring", fatal, here / "died")
    with time_machine.travel(moment):
        yield here
    (here / "lived").write_text(str(points.reached))
    os._exit(0)


def warm_up() -> None:
    """Do once, before the forks, what every child would else do for itself: import, compile, parse."""
    for module in ("tests.faults.restart", "tests.faults.together"):
        importlib.import_module(module)
    warm.warm_up()
    restart = importlib.import_module("tests.faults.restart").restart
    with tempfile.TemporaryDirectory() as directory:
        prepare("sweep", directory)
        restart("sweep", directory)
    gc.collect()
    gc.freeze()  # a child does not copy pages only to count what lives in them

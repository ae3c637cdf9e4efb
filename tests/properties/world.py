"""What a life of the house needs beside it: a model of what must be true, and copies that are put back."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from inquiries import clock
from inquiries import settings as settings_module
from inquiries.policy import loader
from inquiries.policy.model import Policy
from inquiries.rules import retention as rules
from inquiries.rules.requests import SUSPENDING, Channel, Kind
from inquiries.services import adoption, destruction, rewrapping
from inquiries.services.house import House, open_house
from tests import moments, prepared
from tests.faults import scenarios
from tests.properties.policies import SOURCE

MEMORY = Path("/dev/shm")  # commits need not wait for a disk here; tests/faults kills processes on one


# -- the model -------------------------------------------------------------------------------------


@dataclass
class Archived:
    """What must be true of an archived inquiry."""

    id: int
    inquiry_id: int
    items: dict[str, str]
    due: datetime


@dataclass
class Ask:
    """What she asked once; `number` tells which of the requests of this life."""

    number: int
    kind: Kind
    texts: dict[str, str] = field(default_factory=dict)  # of a correction
    group: str = "main"  # whose key proves it
    channel: Channel = Channel.receipt
    at: datetime | None = None  # by a link: what came before it ends; whether a guardian was in time
    noted: bool = False  # proved, and in the ledger
    pending: bool = True
    waits: bool = False  # for the end of a hold
    refused: bool = False
    lost: bool = False  # a correction whose text went with a store that was put back
    suspends: bool = False

    def __post_init__(self) -> None:
        self.suspends = self.kind in SUSPENDING


@dataclass
class Known:
    """What must be true of one inquiry."""

    code: str
    type: str
    items: dict[str, str]
    received_at: datetime
    version: int
    id: int = 0
    due: dict[str, datetime | None] = field(default_factory=dict)  # of each group that is not destroyed
    guardian_until: datetime | None = None  # a child's, while no guardian has agreed
    state: str = "received"
    closed_at: datetime | None = None
    holds: dict[int, datetime] = field(default_factory=dict)  # until when
    late: dict[str, datetime] = field(default_factory=dict)  # groups due when it was held, and when that was
    released: list[tuple[datetime, datetime]] = field(default_factory=list)  # (when, until when it had run)
    asks: list[Ask] = field(default_factory=list)
    agreed: bool = False  # to marketing

    def settle(self, which: Callable[[Ask], bool]) -> None:
        """Of these requests nothing remains to be done, and nothing is suspended by them."""
        for one in filter(which, self.asks):
            one.pending = one.suspends = one.lost = False

    @property
    def suspended(self) -> bool:
        """Whether nothing of it may be used."""
        return self.guardian_until is not None or any(one.suspends for one in self.asks)

    @property
    def deleting(self) -> bool:
        """Whether her wish that it be deleted is not carried out yet."""
        return any(one.kind is Kind.delete and one.pending for one in self.asks)

    @property
    def withdrawn(self) -> bool:
        """Whether she has taken back her consent to marketing, and it is proved, or its key still proves it."""
        asks = [one for one in self.asks if one.kind is Kind.withdraw and not one.refused]
        return any(one.noted or one.group in self.readable for one in asks)

    @property
    def corrected(self) -> dict[str, str]:
        """What pending corrections will write."""
        texts: dict[str, str] = {}
        for one in self.asks:
            if one.kind is Kind.correct and one.pending and not one.lost:
                texts |= one.texts
        return texts

    @property
    def resumable(self) -> bool:
        """Whether there is a suspension that she has not taken back."""
        ending = max((a.number for a in self.asks if a.kind is Kind.resume and a.pending), default=0)
        begun = [one for one in self.asks if one.kind is Kind.suspend or one.lost]
        return any(one.suspends and one.number > ending for one in begun)

    @property
    def held_until(self) -> datetime | None:
        """When the last of the holds ends that run."""
        return max((end for end in self.holds.values() if end > clock.now()), default=None)

    def stood(self, at: datetime) -> bool:
        """Whether its receipt found it then, by what is known of it now."""
        held = any(at < until for until in self.holds.values())
        held = held or any(at < min(ends) for ends in self.released)
        return "main" in self.due and (held or self.due["main"] is None or at < self.due["main"])

    @property
    def listed(self) -> bool:
        """Whether it is there for those who work on it."""
        return "main" in self.due and not over(self.due["main"])

    @property
    def standing(self) -> bool:
        """Whether its receipt finds it."""
        return "main" in self.due and (self.listed or self.held_until is not None)

    @property
    def readable(self) -> dict[str, datetime | None]:
        """The groups that may still be read."""
        ended = self.ended()
        return {name: due for name, due in self.due.items() if name not in ended}

    def waits_since(self, name: str) -> datetime:
        """From when on a sweep would have destroyed this group, which has ended."""
        due = self.due[name]
        assert due is not None
        ends = [*self.holds.values(), *(when for when, _ in self.released)]
        return max([due, *(end for end in ends if end <= self.late.get(name, clock.now()))])

    def ended(self) -> list[str]:
        """The groups that a sweep destroys now."""
        held = self.held_until is not None
        return [name for name, due in self.due.items() if name in self.late or (over(due) and not held)]


def over(due: datetime | None) -> bool:
    """Whether it has come; what has no day goes on."""
    return due is not None and due <= clock.now()


@dataclass
class Model:
    """What must be true of the house."""

    known: list[Known] = field(default_factory=list)
    archived: list[Archived] = field(default_factory=list)
    policies: dict[int, Policy] = field(default_factory=dict)  # by version, those published

    @property
    def policy(self) -> Policy:
        """The one in force."""
        return self.policies[max(self.policies)]

    def promised(self, one: Known, group: str) -> datetime | None:
        """The earliest of what every version since the receipt gives; plain arithmetic over all of them."""
        found = [one.guardian_until]
        for version, policy in self.policies.items():
            kind = policy.types[one.type]
            if version < one.version:
                continue
            if group == "main":
                found.append(rules.due_at(one.received_at, kind.period, policy.time_zone))
                if one.closed_at is not None and not kind.period.until_withdrawn:
                    found.append(rules.due_at(one.closed_at, kind.after_closing, policy.time_zone))
                continue
            period = policy.visitor.period if group == "visitor" else policy.purposes[group].period  # type: ignore[union-attr]
            assert period is not None
            found.append(rules.due_at(one.received_at, period, policy.time_zone))
        return min((moment for moment in found if moment is not None), default=None)

    def date(self) -> None:
        """Every group's due date anew; what is claimed keeps its own."""
        for one in self.known:
            one.due = {
                group: due if group in one.late else self.promised(one, group)
                for group, due in one.due.items()
            }

    def kept(self) -> Model:
        """As it is now, whatever happens to it from here on."""
        return Model(copy.deepcopy(self.known), copy.deepcopy(self.archived), dict(self.policies))

    def moments(self) -> list[datetime]:
        """Everything that is to end."""
        ends = [moment for one in self.known for moment in (*one.due.values(), *one.holds.values())]
        ends += [one.due for one in self.archived]
        return sorted({moment for moment in ends if moment is not None and moment > clock.now()})


# -- the house -------------------------------------------------------------------------------------


class World:
    """One house in a directory of its own, with copies of its earlier states."""

    def __init__(self) -> None:
        self.exits = ExitStack()
        where = MEMORY if MEMORY.is_dir() else None
        made = tempfile.TemporaryDirectory(prefix="inquiries-life-", dir=where, ignore_cleanup_errors=True)
        self.directory = Path(self.exits.enter_context(made))
        shutil.copytree(prepared.template(moments.INSTALLED, SOURCE), self.directory / "instance")
        self.policy = self.directory / "policy.toml"
        self.policy.write_text(SOURCE, encoding="utf-8")
        self.settings = settings_module.load(instance=self.directory / "instance", policy=self.policy)
        self.house = open_house(self.settings)
        self.model = Model(policies={1: loader.parse(SOURCE)})
        self.copies: list[Copy] = []
        self.numbers = count()  # of copies
        self.sent, self.asked = 0, 1  # numbers of what comes next
        self.ledger: dict[int, list[Ask]] = {}  # inquiry → her requests that the ledger knows
        self.gone: set[tuple[int, str]] = set()  # (inquiry or archive id, group): destroyed, for good
        self.lost: set[int] = set()  # inquiry and archive ids that nothing opened any more at some time
        self.moved: Counter[int] = (
            Counter()
        )  # archive id → how often it was made, each time with a key of its own

    def take_small_batches(self) -> None:
        """Several commits where there would be one, until this life ends."""
        patch = self.exits.enter_context(pytest.MonkeyPatch.context())
        for owner, size in ((adoption, 2), (rewrapping, 2), (destruction, 4)):
            patch.setattr(owner, "BATCH", size)
        patch.setattr(destruction, "SQLITE", destruction.Portions(claimed=1, removed=1))
        for name in ("BURIED_TOGETHER", "CHECKPOINT_AFTER"):
            patch.setattr(destruction, name, 1)

    def next_once(self) -> bytes:
        """A nonce that no form of this life had."""
        self.sent += 1
        return self.sent.to_bytes(16)

    def open_again(self) -> House:
        """As a new process finds it."""
        self.house.close()
        self.house = open_house(self.settings)
        return self.house

    def close(self) -> None:
        self.house.close()
        self.exits.close()

    def copy(self) -> None:
        """Copies of every store, and of what was true then."""
        place = self.directory / f"copy-{next(self.numbers)}"
        place.mkdir()
        instance = self.settings.instance
        for store in ("live", "archive"):
            scenarios.copy_database(instance / f"{store}.db", place / f"{store}.db")
        scenarios.copy_tree(instance / "keyring", place / "keyring")
        self.copies.append(Copy(place, clock.now(), self.model.kept()))

    def put_back(self, older: Copy, store: str) -> None:
        """As an operator does who has stopped everything; the keyring is laid over the present one."""
        instance = self.settings.instance
        if store == "keys":
            scenarios.put_back_tree(older.place / "keyring", instance / "keyring")
        else:
            scenarios.put_back_database(older.place / f"{store}.db", instance / f"{store}.db")

    def find_what_is_lost(self) -> None:
        """What neither a key that stands opens, nor an envelope of an epoch whose secret is left.

        Read from the files, while nothing runs.
        """
        instance, keyring = self.settings.instance, self.settings.keyring_path
        secrets = {int(file.stem.removeprefix("epoch-")) for file in keyring.glob("epoch-*.secret")}
        keyed = rows(
            keyring / "keys.db", "SELECT id, inquiry_id, group_name FROM keys WHERE wrap IS NOT NULL"
        )
        sealed = rows(instance / "live.db", "SELECT inquiry_id, epoch FROM envelopes")
        moved = rows(instance / "archive.db", "SELECT id, epoch FROM archived WHERE envelope IS NOT NULL")
        opened = {one for one, epoch in (*sealed, *moved) if epoch in secrets}
        opened |= {inquiry for _, inquiry, group in keyed if group == "main"}
        opened |= {one for one, _, _ in keyed if self.moved[one] == 1}
        standing = {one.id for one in self.model.known if "main" in one.due}
        standing |= {one.id for one in self.model.archived}
        self.lost |= standing - opened


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a file says that nobody has open."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@dataclass
class Copy:
    """Where a copy lies, when it was made, what was true then."""

    place: Path
    at: datetime
    model: Model

    @property
    def age(self) -> timedelta:
        return clock.now() - self.at

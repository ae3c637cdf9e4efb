"""The house: settings, stores and keyring of one installation, handed to every service; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from inquiries.errors import NotInitialised
from inquiries.services.custody import Custody
from inquiries.settings import Settings
from inquiries.stores import migrate
from inquiries.stores.database import Database

T = TypeVar("T")


@dataclass(frozen=True)
class House:
    """Open once per process; `memory` holds what services cache of the published policy and epochs."""

    settings: Settings
    live: Database
    keys: Database
    archive: Database
    ledger: Database
    custody: Custody
    memory: dict[str, object] = field(default_factory=dict)

    @property
    def databases(self) -> tuple[Database, ...]:
        """Every store that this process reaches: the public surface none but live and keys."""
        if self.settings.surface == "public":
            return self.live, self.keys
        return self.live, self.keys, self.archive, self.ledger

    def recall(self, name: str, first: Callable[[], T]) -> T:
        """What a service of this process remembers under its own name; `first` makes it at the first call."""
        found = self.memory.get(name)
        return cast("T", self.memory.setdefault(name, first()) if found is None else found)

    def close(self) -> None:
        """Give every connection back."""
        for database in self.databases:
            database.close()


def create_house(settings: Settings) -> House:
    """Make what is missing of instance, keyring and stores, bring their tables up to date, open them."""
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    house = _assemble(settings)
    house.custody.create()
    house.custody.check_roots()
    for database in house.databases:
        migrate.upgrade(database)
    return house


def open_house(settings: Settings) -> House:
    """Open what `create_house` made; makes nothing.

    Raises:
        NotInitialised: nothing was made here, or its tables are of another version.
        UnsafeSetting: the archive's root key is the live one's.
    """
    house = _assemble(settings)
    if not house.custody.keyring.exists:
        raise NotInitialised(f"{settings.keyring_path} holds no keyring; run `flask --app app init`")
    house.custody.check_roots()
    for database in house.databases:
        if database.path is not None and not database.path.exists():
            raise NotInitialised(f"{database.name}: no database; run `flask --app app init`")
        if migrate.current(database) != migrate.head(database.name):
            raise NotInitialised(f"{database.name}: tables of another version; run `flask --app app init`")
    return house


def _assemble(settings: Settings) -> House:
    locks = settings.instance
    return House(
        settings=settings,
        live=Database("live", settings.store_url("live"), locks),
        keys=Database("keys", settings.store_url("keys"), locks),
        archive=Database("archive", settings.store_url("archive"), locks),
        ledger=Database("ledger", settings.store_url("ledger"), locks),
        custody=Custody(settings),
    )

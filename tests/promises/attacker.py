"""Someone who holds copies of everything and tries every key on everything; P11 is that it does not help.

She knows the formats, has every store as it ever was, the root key, the secret key, receipt codes, and
whatever stands in the keyrings that she is given.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inquiries.errors import SealBroken
from inquiries.sealing import archive, envelope, epochs, items, primitives, receipts
from inquiries.services.house import House

#: (inquiry, place, sealed) of what a main key seals besides the items.
WRITTEN = (
    "SELECT inquiry_id, kind || '-' || id || '-' || coalesce(written_by, 0), sealed FROM thread",
    "SELECT inquiry_id, 'mail-' || id, sealed FROM outbox WHERE inquiry_id IS NOT NULL",
)
STEPS_AHEAD = 5  # how far she evolves a surface key


def copy_of(house: House, name: str) -> Path:
    """The whole instance as it stands now: databases with their write-ahead logs, keyring, everything."""
    place = house.settings.instance.parent / "copies" / name
    shutil.copytree(house.settings.instance, place)
    return place


@dataclass
class Attacker:
    """Give her copies and codes, then ask what she reads."""

    codes: list[str] = field(default_factory=list)
    secrets: set[bytes] = field(default_factory=set)  # S_e
    surfaces: set[bytes] = field(default_factory=set)  # P_e
    sealed: set[tuple[int, str, bytes]] = field(default_factory=set)  # inquiry, group, packed items
    envelopes: set[tuple[int, bytes]] = field(default_factory=set)
    wraps: set[tuple[int, int, int, str, bytes | None, bytes | None]] = field(default_factory=set)
    archived: set[tuple[int, str, bytes, bytes | None]] = field(
        default_factory=set
    )  # id, statute, items, envelope
    archives: set[bytes] = field(default_factory=set)  # the archive's secret

    def take_stores(self, *copies: Path) -> None:
        """Every sealed item, envelope and wrap of these copies."""
        self.take_live(*copies)
        self.take_keys(*copies)

    def take_live(self, *copies: Path) -> None:
        """Every sealed item and envelope of live and archive, whose backups may be of any age."""
        for copy in copies:
            self.sealed |= set(_rows(copy / "live.db", "SELECT inquiry_id, name, sealed FROM inquiry_groups"))
            for query in WRITTEN:
                rows = _rows(copy / "live.db", query)
                self.sealed |= {(one, "main", items.pack({place: blob})) for one, place, blob in rows}
            self.envelopes |= set(_rows(copy / "live.db", "SELECT inquiry_id, sealed FROM envelopes"))
            query = "SELECT id, statute, sealed, envelope FROM archived"
            self.archived |= set(_rows(copy / "archive.db", query))

    def take_keys(self, *copies: Path) -> None:
        """Every wrap of these copies."""
        for copy in copies:
            columns = "id, inquiry_id, epoch, group_name, wrap, receipt_wrap"
            self.wraps |= set(_rows(copy / "keyring" / "keys.db", f"SELECT {columns} FROM keys"))

    def take_keyring(self, *copies: Path) -> None:
        """Every epoch secret and surface key of these copies; she has the root key."""
        for copy in copies:
            keyring = copy / "keyring"
            root = (keyring / "root.key").read_bytes()
            for file in keyring.glob("epoch-*.secret"):
                bound = primitives.bind("inquiries keyring", file.name)
                self.secrets.add(primitives.open_sealed(root, file.read_bytes(), bound))
            for file in keyring.glob("surface-*.key"):
                number, key = int(file.stem[8:]), file.read_bytes()
                self.surfaces.add(key)
                for later in range(number + 1, number + 1 + STEPS_AHEAD):
                    key = epochs.evolve(key, later)
                    self.surfaces.add(key)

    def take_archive_keyring(self, copy: Path) -> None:
        """The archive's private key; she has its root too."""
        place = copy / "archive-keyring"
        bound = primitives.bind("inquiries archive keyring", "archive.key")
        root = (place / "root.key").read_bytes()
        self.archives.add(primitives.open_sealed(root, (place / "archive.key").read_bytes(), bound))

    def reads(self) -> dict[int, set[str]]:
        """Inquiry id → every text of it that opens with any key she can come by."""
        keys = set(self._data_keys())
        found: dict[int, set[str]] = {}
        for inquiry_id, group, packed in self.sealed:
            blobs = items.unpack(packed)
            for key in keys:
                with suppress(SealBroken):
                    opened = items.open_items(key, inquiry_id, group, blobs)
                    found.setdefault(inquiry_id, set()).update(opened.values())
        for archive_id, statute, packed, sealed in self.archived:
            for key in self._archive_keys(archive_id, statute, sealed):
                with suppress(SealBroken):
                    opened = archive.open_items(key, archive_id, statute, packed)
                    found.setdefault(archive_id, set()).update(opened.values())
        return found

    def _archive_keys(self, archive_id: int, statute: str, sealed: bytes | None) -> Iterator[bytes]:
        wrapped: set[bytes] = set()
        for secret in self._every():
            if sealed is not None:
                with suppress(SealBroken):
                    wrapped.add(archive.open_envelope(secret, archive_id, sealed))
            for key_id, _, epoch, _, wrap, _ in self.wraps:
                if key_id == archive_id and wrap is not None:
                    with suppress(SealBroken):
                        wrapped.add(epochs.unwrap_archive_key(secret.kek, epoch, key_id, wrap))
        for one in wrapped:
            for private in self.archives:
                with suppress(SealBroken):
                    yield archive.unwrap_key(archive.ArchiveSecret(private), archive_id, statute, one)

    def _every(self) -> list[epochs.EpochSecret]:
        numbers = range(1, 1 + max((row[2] or 0 for row in self.wraps), default=0) + STEPS_AHEAD)
        return [epochs.EpochSecret(number, secret) for number in numbers for secret in self.secrets]

    def _data_keys(self) -> Iterator[bytes]:
        every = self._every()
        yield from self._from_envelopes(every)
        for key_id, inquiry_id, epoch, group, wrap, receipt_wrap in self.wraps:
            for secret in every:
                if wrap is not None and epoch is not None:
                    with suppress(SealBroken):
                        yield epochs.unwrap_data_key(secret.kek, epoch, key_id, wrap)
            for surface in self.surfaces:
                if receipt_wrap is not None and epoch is not None:
                    with suppress(SealBroken):
                        bare = epochs.uncover(surface, epoch, key_id, receipt_wrap)
                        yield from self._by_receipt([(inquiry_id, group, bare)])

    def _from_envelopes(self, every: Iterable[epochs.EpochSecret]) -> Iterator[bytes]:
        for inquiry_id, blob in self.envelopes:
            number = int.from_bytes(blob[1:9])
            for surface in self.surfaces:
                with suppress(SealBroken):
                    wraps = envelope.receipt_wraps(
                        blob=blob, epoch=number, surface_key=surface, inquiry_id=inquiry_id
                    )
                    yield from self._by_receipt([(inquiry_id, group, wrap) for group, _, wrap in wraps])
                for secret in every:
                    if secret.number == number:
                        with suppress(SealBroken):
                            opened = envelope.Opener(secret, surface).open(blob, inquiry_id)
                            yield from (group.dek for group in opened)

    def _by_receipt(self, wraps: Iterable[tuple[int, str, bytes]]) -> Iterator[bytes]:
        for inquiry_id, group, wrap in wraps:
            for code in self.codes:
                with suppress(SealBroken):
                    yield receipts.unwrap_with_receipt(code, inquiry_id, group, wrap)


def _rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()

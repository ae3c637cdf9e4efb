"""What could still be brought back, from which copy and until when; and which destructions are final.

Reads only. What it says of copies outside the installation rests on their promised lives (DESIGN §2, §3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from inquiries import clock
from inquiries.services.house import House
from inquiries.services.rotation import INTERVAL, KEY_BACKUPS_LIVE
from inquiries.stores import keys, tombstones
from inquiries.stores.live import epochs as live_epochs

_HOURS = KEY_BACKUPS_LIVE // timedelta(hours=1)


@dataclass(frozen=True)
class Destructions:
    """So many destroyed groups; `moment` is since when, or by when, all of them are final."""

    count: int = 0
    moment: datetime | None = None


@dataclass(frozen=True)
class Copy:
    """A store, kind of file or kind of backup, and what it could still give; `until` None: without an end."""

    name: str
    recovers: str
    until: datetime | None = None


@dataclass(frozen=True)
class KeysStatus:
    """Where the destructions stand, and every copy."""

    epoch: int | None
    rotation_due: datetime
    restored_at: datetime | None
    final: Destructions
    waiting_for_backups: Destructions
    waiting_for_rotation: Destructions
    copies: tuple[Copy, ...]


def status(house: House) -> KeysStatus:
    """Where the destructions stand now."""
    now = clock.now()
    with house.live.read() as connection:
        newest = live_epochs.newest(connection)
    with house.keys.read() as connection:
        epoch = keys.open_epoch(connection)
        progress = keys.how_far(connection)
        buried = tombstones.by_epoch(connection)
        scoured = tombstones.scoured(connection, [one[0] for one in buried if one[0] is not None])
    rotation_due = now if newest is None else max(now, newest.at + INTERVAL)
    final, backups, rotation = Destructions(), Destructions(), Destructions()
    archived = 0
    for number, count, of_archive, destroyed in buried:
        ended = None if number is None else scoured.get(number)
        if ended is None:
            rotation = _more(rotation, count, rotation_due + KEY_BACKUPS_LIVE)
            archived += of_archive
        elif now < (since := max(ended, destroyed) + KEY_BACKUPS_LIVE):
            backups = _more(backups, count, since)
        else:
            final = _more(final, count, since)
    last = max((one.moment for one in (backups, rotation) if one.moment), default=None)
    return KeysStatus(
        epoch=epoch,
        rotation_due=rotation_due,
        restored_at=progress.restored_at,
        final=final,
        waiting_for_backups=backups,
        waiting_for_rotation=rotation,
        copies=(
            *_stores(backups.count + rotation.count, rotation.count, archived, rotation_due, last),
            *(() if house.keys.sqlite else (_log(backups.count + rotation.count, last),)),
            *_keyring(house, rotation_due),
        ),
    )


def _more(before: Destructions, count: int, moment: datetime) -> Destructions:
    return Destructions(before.count + count, max(before.moment or moment, moment))


def _stores(
    young: int, unrotated: int, archived: int, rotation_due: datetime, last: datetime | None
) -> Iterable[Copy]:
    """`young`: destroyed and not final; of them `unrotated`, of these the archive's."""
    of_live = unrotated - archived
    yield Copy(
        "live, and its copies of any age",
        "what is not destroyed, with the keys store and the keyring of today; "
        f"destroyed: {of_live} groups, if the keys store's old pages are read, too",
        rotation_due if of_live else None,
    )
    yield Copy(
        "keys",
        f"destroyed: {unrotated} groups, from old pages and its log, with the keyring and a copy of live or "
        "archive",
        rotation_due if unrotated else None,
    )
    yield Copy(
        f"backups of keys and keyring ({_HOURS} h)",
        f"destroyed: at most {young} groups, with the root key and a copy of live or archive",
        last,
    )
    yield Copy(
        "archive, and its copies of any age",
        "what is archived and not destroyed, with keys, keyring and the archive's own root key; "
        f"destroyed: {archived} groups, if the keys store's old pages are read, too",
        rotation_due if archived else None,
    )
    yield Copy("ledger", "nothing: it holds no key, and names no data subject")


def _log(young: int, last: datetime | None) -> Copy:
    """What PostgreSQL keeps of the keys store's changes, and no rotation reaches (docs/destruction.md)."""
    return Copy(
        f"keys: write-ahead log (pg_wal), and archives of it ({_HOURS} h)",
        f"destroyed: tags of at most {young} groups, with tag.key and a guessed address, until the segments "
        "are removed; and old wraps of ended epochs, worth nothing without an old keyring",
        last,
    )


def _keyring(house: House, rotation_due: datetime) -> Iterable[Copy]:
    custody = house.custody
    for name, numbers, opens in (
        ("epoch-*.secret", custody.secret_epochs(), "keys and envelopes of"),
        ("surface-*.key", custody.surface_epochs(), "the outer layer of envelopes and receipts of"),
    ):
        if numbers:
            which = ", ".join(map(str, numbers))
            yield Copy(f"keyring: {name}", f"{opens} epoch {which}, where a copy of them lies", rotation_due)
    for name, opens in _FILES:
        if custody.keyring.read(name) is not None:
            yield Copy(f"keyring: {name}", opens)
    for name, opens in _ARCHIVE_FILES:
        if custody.archive.keyring.read(name) is not None:
            yield Copy(f"archive keyring: {name}", opens)


_FILES = (
    ("root.key", "opens the other files of the keyring; by itself no inquiry"),
    ("root.key.next", "opens what a change of the root key has re-wrapped; `keys rotate-root` finishes it"),
    ("secret.key", "no inquiry: a receipt code only from what was sent and its nonce"),
    ("tag.key", "with the keys store: whether a guessed address has a living inquiry, or unsubscribed"),
    ("signing.key", "no inquiry: it signs"),
    ("seal.key", "no inquiry: it seals the ledger"),
    ("verify.key", "nothing: it is public"),
    ("archive.pub", "nothing: it is public"),
)
_ARCHIVE_FILES = (
    ("root.key", "opens archive.key"),
    ("root.key.next", "opens archive.key once re-wrapped; `keys rotate-root --archive` finishes it"),
    ("archive.key", "with keys, keyring and its root key: what is archived and not destroyed"),
)

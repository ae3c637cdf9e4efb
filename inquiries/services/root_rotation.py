"""Another root key in place of the present one, the keyring's or the archive's, while everything goes on.

Afterwards nothing in the keyring opens under the old one; it matters then only for backups of the keyring,
until they expire. No inquiry is touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import structlog

from inquiries.errors import KeyUnavailable, UnsafeSetting
from inquiries.services import archive_custody, records
from inquiries.services.house import House

log = structlog.get_logger()


def rotate(
    house: House,
    new: bytes | None = None,
    *,
    archive: bool = False,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> int:
    """Wrap every file of the keyring under a new root key; returns how many.

    Cut short, the next call or start goes on.

    `new` is needed where the root key is given from outside, and only there. `told` hears how far it is:
    (files looked at, of how many).

    Raises:
        KeyUnavailable: this process does not hold the root key.
        UnsafeSetting: the new root key is missing, not needed, the present one, or that of the other keyring.
    """
    custody = house.custody
    custody.must_hold_root()
    mine, other = custody.root_key, custody.archive.root_key
    if archive:
        mine, other = other, mine
    if mine.present is None:
        raise KeyUnavailable("the archive's root key is not here")
    if mine.given is not None and new is None:
        raise UnsafeSetting("--new-root-file", "is needed: the present root key is given from outside")
    if mine.given is None and new is not None:
        raise UnsafeSetting("--new-root-file", "is not needed: the keyring makes its own root key")
    new = new or os.urandom(32)
    if new in {mine.present, other.present}:
        raise UnsafeSetting("--new-root-file", "holds a root key that is in use now")
    with mine.keyring.lock():
        mine.keyring.sweep_drafts()
        mine.begin(new)
        moved = mine.finish(archive_custody.WRAPPED if archive else custody.wrapped_files(), told)
    records.append(house, "operation", {"act": "rotate_root", "archive": archive, "files": moved})
    log.info("root.rotated", archive=archive, files=moved)
    return moved

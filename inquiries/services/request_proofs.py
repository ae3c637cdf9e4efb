"""Proves what was asked by the key of what it is about, and enters it in the ledger; carries nothing out.

While that key stands: whatever destroys a key has what was asked under it proved before. Else who asked last
would be taken for an intruder, and a consent that was withdrawn would go on.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog

from inquiries import clock
from inquiries.rules import requests as rules
from inquiries.rules.purposes import Use
from inquiries.rules.requests import Because, State
from inquiries.services import purposes, request_records, requests
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.stores import keys as key_store
from inquiries.stores.live import requests as live
from inquiries.stores.live.requests import RequestRow

log = structlog.get_logger()


def prove(house: House, row: RequestRow, key: DataKey | None) -> bool:
    """Whether it is proved, and noted from now on; refused when it never will be."""
    if not rules.well_formed(row.kind, row.subject, row.channel, row.group_name):
        refuse(house, row, Because.invalid)
        return False
    if key is None:
        if _has_no_key(house, row):
            refuse(house, row, Because.unproved)
        return False  # or its key is on its way
    if not requests.is_proved(key.dek, row):
        refuse(house, row, Because.unproved)
        return False
    request_records.asked(house, row)
    with house.live.write() as connection:
        live.note(connection, row.id, clock.now())
    return True


def prove_before_the_end(house: House, inquiry_ids: Collection[int]) -> None:
    """What nobody has looked at yet, of inquiries whose groups are claimed, so that no more is asked."""
    with house.live.read() as connection:
        rows = live.unnoted(connection, inquiry_ids)
    found = purposes.data_keys(house, Use.rights, sorted({row.inquiry_id for row in rows}))
    for row in rows:
        prove(house, row, found.get((row.inquiry_id, row.group_name)))


def refuse(house: House, row: RequestRow, because: Because) -> None:
    """Who wrote it does not hold the inquiry's key, or has got round the form: an intruder, most likely."""
    log.error("request.refused", request=row.id, inquiry=row.inquiry_id, because=because)
    request_records.refused(house, row, because)
    with house.live.write() as connection:
        live.settle(connection, row.id, State.refused, clock.now(), because)


def _has_no_key(house: House, row: RequestRow) -> bool:
    """Whether its group's key was destroyed, or never was: all of an inquiry are adopted at once.

    Else whoever can insert a request could suspend any inquiry for good, by naming a group that is none.
    """
    with house.keys.read() as connection:
        rows = key_store.of_inquiries(connection, [row.inquiry_id])
    return bool(rows) and all(one.destroyed for one in rows if one.group == row.group_name)

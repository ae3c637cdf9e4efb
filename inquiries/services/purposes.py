"""The one gate by which readers get data keys: each says what for, and no consent, no key (P02).

What is refused here is put on record. Whether this person may read at all was decided before.
"""

from __future__ import annotations

from collections.abc import Sequence

from inquiries.errors import NotFound
from inquiries.rules.purposes import BY_LAW, Use, covers
from inquiries.rules.retention import MAIN
from inquiries.services import keys, records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.stores.live import agreed


def data_keys(
    house: House, use: Use, inquiry_ids: Sequence[int], *, group: str = MAIN, actor: Actor | None = None
) -> dict[tuple[int, str], DataKey]:
    """(inquiry id, group) → living key, of those groups that this use may read; others are absent.

    `group` is the one that the caller is after: where it may not be read, that is recorded as refused.
    """
    found = keys.of_inquiries(house, inquiry_ids) if inquiry_ids else {}
    if use in BY_LAW or not found:
        return found
    with house.live.read() as connection:
        consents = agreed.purposes(connection, inquiry_ids)
    for inquiry_id in inquiry_ids:
        mine = consents.get(inquiry_id, frozenset())
        if (inquiry_id, group) in found and not covers(use, group, mine):
            detail = {"use": use.value, "group": group}
            records.access(
                house, act="use", actor=actor, subject=inquiry_id, outcome="refused", detail=detail
            )
    return {
        (inquiry_id, name): key
        for (inquiry_id, name), key in found.items()
        if covers(use, name, consents.get(inquiry_id, frozenset()))
    }


def main_key(house: House, use: Use, inquiry_id: int, actor: Actor | None = None) -> DataKey:
    """The key of an inquiry's main group, for this use. Raises NotFound."""
    key = data_keys(house, use, [inquiry_id], actor=actor).get((inquiry_id, MAIN))
    if key is None:
        raise NotFound("no key opens it")
    return key

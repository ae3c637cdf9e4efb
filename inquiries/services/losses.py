"""What cannot be opened any more: as the last look found it, and as the officer accepted it; opens nothing.

A loss is a group (or member of staff) with neither a tombstone nor a key that anything opens, or an archived
row that is gone while its key lives. Both lists stand in the ledger: "unopenable" says what a look found,
"confirm_loss" what an officer accepted, or the operator in her place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from inquiries.services import records
from inquiries.services.actor import Actor
from inquiries.services.house import House

log = structlog.get_logger()


def found(house: House) -> Mapping[int, int]:
    """Group → inquiry (or staff → staff) of every loss that the last look found, accepted or not."""
    record = records.latest(house, "operation", "unopenable")
    return {} if record is None else {int(group): int(inquiry) for group, inquiry in record[1]["groups"]}


def note(house: House, lost: Mapping[int, int], *, looked: bool = False) -> None:
    """Record what a look found where it differs from the last, or, with `looked`, in any case."""
    if lost == found(house) and not looked:
        return
    inquiries = sorted(set(lost.values()))
    if inquiries:
        log.error("losses.found", inquiries=inquiries)
    records.append(house, "operation", {"act": "unopenable", "groups": sorted(lost.items())})


def confirmed(house: House) -> frozenset[int]:
    """Ids of inquiries and groups of which the officer has accepted that they do not open."""
    record = records.latest(house, "operation", "confirm_loss")
    return frozenset() if record is None else frozenset([*record[1]["inquiries"], *record[1]["keys"]])


def waiting(house: House) -> tuple[int, ...]:
    """Inquiries and staff with a loss that nobody has accepted."""
    accepted = confirmed(house)
    return tuple(sorted({inquiry for group, inquiry in found(house).items() if group not in accepted}))


def confirm(
    house: House,
    *,
    inquiries: Collection[int],
    keys: Collection[int],
    by: Actor | None = None,
    reason: str | None = None,
    break_glass: str | None = None,
) -> None:
    """Record that what the last look found, and these, are accepted; so is what was accepted before.

    `reason`: the officer's, with `by`; `break_glass`: the operator's, who accepts it in her place.
    """
    before, seen = confirmed(house), found(house)
    body: dict[str, object] = {
        "act": "confirm_loss",
        "inquiries": sorted({*inquiries, *seen.values(), *before}),
        "keys": sorted({*keys, *seen}),
    }
    if by is not None:
        body |= {"staff": by.staff_id, "email": by.email}
    if reason is not None:
        body["reason"] = reason
    if break_glass is not None:
        body["break_glass"] = break_glass
    records.append(house, "operation", body)

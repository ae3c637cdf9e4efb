"""What the ledger keeps of requests: that they were asked and how they ended; and replays it after a restore.

No item and no name stands in a record: ids, kinds, names of purposes and items. What a correction says is
not there either: where it went with a store that was put back, the person is told and asked again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from inquiries import clock
from inquiries.rules.requests import ENTERED, Authority, Because, Identity, Kind, State
from inquiries.services import records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores import ledger_pages
from inquiries.stores.live import inquiries
from inquiries.stores.live import requests as live
from inquiries.stores.types import from_microseconds, to_microseconds

BATCH = 500
_MOMENTS = ("asked_at", "target_at", "limit_at")


def about(row: live.RequestRow) -> dict[str, str]:
    """How the record of an act on a request names it."""
    return {"request": str(row.id), "kind": row.kind}


def asked(house: House, row: live.RequestRow) -> None:
    """Record a request that was proved, with all that it takes to make its row again but what it says."""
    body: dict[str, Any] = {"act": "asked"}
    for field in fields(live.NewRequest):
        value = getattr(row, field.name)
        body[field.name] = to_microseconds(value) if isinstance(value, datetime) else value
    body |= {"sealed": row.sealed is not None, "proof": row.proof.hex()}
    records.append(house, "requests", body)


def waits(house: House, row: live.RequestRow, because: Because, until: datetime) -> None:
    """Record that it cannot be carried out by itself, why, and until when."""
    _ended(house, row, {"act": "waits", "because": because, "until": to_microseconds(until)})


def done(house: House, row: live.RequestRow) -> None:
    """Record that it was carried out."""
    _ended(house, row, {"act": "done"})


def is_done(house: House, row: live.RequestRow) -> bool:
    """Whether that is recorded."""
    return _is_recorded(house, row, "done")


def proved(
    house: House, row: live.RequestRow, actor: Actor, identity: Identity, authority: Authority | None
) -> None:
    """Record who saw that who asked is who she says, and how: the proof of what staff entered (P18)."""
    how = {"identity": identity, "authority": authority}
    _ended(house, row, {"act": "proved", "staff": actor.staff_id, "email": actor.email, **how})


def is_proved(house: House, row: live.RequestRow) -> bool:
    """Whether that is recorded. Nobody who writes to the live store alone can make it so."""
    return _is_recorded(house, row, "proved")


def _is_recorded(house: House, row: live.RequestRow, act: str) -> bool:
    with house.ledger.read() as connection:
        wanted = ledger_pages.Wanted("requests", act=act)
        return bool(ledger_pages.holding(connection, wanted, f'"id":{row.id},'))


def refused(house: House, row: live.RequestRow, because: str) -> None:
    """Record that it was refused; `because` names nobody and quotes nothing."""
    _ended(house, row, {"act": "refused", "because": because})


def _ended(house: House, row: live.RequestRow, body: Mapping[str, object]) -> None:
    known = {"id": row.id, "inquiry_id": row.inquiry_id, "kind": row.kind, "channel": row.channel}
    records.append(house, "requests", {**body, **known})


# -- after a restore -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """The requests that were made again, and the inquiries whose corrections were lost with their texts."""

    made: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()


def replay(house: House) -> Replayed:
    """Make again the requests that the ledger knows, of inquiries that stand, and live does not.

    They are open again, and carried out once more; what was refused stays refused, a copy that was given is
    not given again. A correction suspends and waits for the person to send it again: nobody else has it.
    """
    missing: dict[int, dict[str, Any]] = {}
    refused: dict[int, str] = {}
    proved: set[int] = set()
    for body in (body for _, body in records.bodies(house, "requests")):
        if body["act"] == "asked":
            missing[body["id"]] = body
        elif body["act"] == "done" and body["kind"] == Kind.copy:
            missing.pop(body["id"], None)
        elif body["act"] == "proved":
            proved.add(body["id"])
        elif body["act"] == "refused":
            refused[body["id"]] = body["because"]
    ids, made = sorted(missing), []
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        owners = [missing[one]["inquiry_id"] for one in some]
        with house.live.read() as connection:
            known = live.known(connection, some)
            shells = inquiries.shells(connection, owners)
            unnoted = [row.id for row in live.unnoted(connection, owners) if row.id in missing]
        lost = [missing[one] for one in some if one not in known and missing[one]["inquiry_id"] in shells]
        if lost or unnoted:
            with house.live.write() as connection:
                for one in unnoted:  # it came back from before it was proved; its key may have ended since
                    live.note(connection, one, clock.now())
                made += [_make(connection, body, refused.get(body["id"]), proved) for body in lost]
    texts = (missing[one] for one in made if missing[one]["sealed"] and one not in refused)
    return Replayed(tuple(made), tuple(sorted({body["inquiry_id"] for body in texts})))


def _make(
    connection: Connection, body: Mapping[str, Any], refused: str | None, proved: Collection[int]
) -> int:
    row = _row(body)
    if row.channel not in ENTERED or row.id in proved:
        live.add(connection, row)
    else:
        live.add_unproved(connection, row, None)
    now = clock.now()
    live.note(connection, row.id, now)  # it was proved when it was recorded; its key may have ended since
    if refused is not None:
        live.settle(connection, row.id, State.refused, now, Because(refused))
    elif body["sealed"]:  # of what is not proved yet, too: it is entered anew
        live.wait(connection, row.id, Because.lost, None)
    return row.id


def _row(body: Mapping[str, Any]) -> live.NewRequest:
    values = {field.name: body[field.name] for field in fields(live.NewRequest)}
    moments = {name: from_microseconds(body[name]) for name in _MOMENTS}
    return live.NewRequest(**(values | moments | {"sealed": None, "proof": bytes.fromhex(body["proof"])}))

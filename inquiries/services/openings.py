"""When an inquiry was opened, told to the person herself: in which role, when, and why; never by whom (P17).

The entry is sealed under the inquiry's own key in the transaction of the opening, so that her receipt opens
it on the public surface, which reads no ledger. Who it was stands in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from inquiries.errors import SealBroken
from inquiries.rules import disclosure
from inquiries.rules.permissions import Role
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services.ids import random_id
from inquiries.stores.live import openings as live

SHOWN = 50


@dataclass(frozen=True)
class OpeningView:
    """One opening; `reason` is as it was given, None where none was needed, or, unless `told`, kept back.

    `exported`: into a file with others; `copied`: for a copy that was asked for.
    """

    at: datetime
    role: str
    reason: str | None
    told: bool
    exported: bool = False
    to: str = ""  # who was given it, where it was for somebody else
    copied: bool = False


def written(
    dek: bytes,
    inquiry_id: int,
    role: Role,
    reason: str | None,
    at: datetime,
    *,
    act: str | None = None,
    to: str = "",
) -> live.OpeningRow:
    """The entry of an opening, to be added in its own transaction; `act`: export, or copy."""
    opening_id = random_id()
    said: dict[str, str] = {"role": role.value}
    if reason:
        said["reason"] = reason if disclosure.harmless(reason) else ""
    if act is not None:
        said["act"] = act
    if to:
        said["to"] = to
    text = json.dumps(said, ensure_ascii=False)
    return live.OpeningRow(
        opening_id, inquiry_id, at, items.seal_item(dek, inquiry_id, MAIN, _item(opening_id), text)
    )


def shown(dek: bytes, rows: list[live.OpeningRow]) -> Iterator[OpeningView]:
    """The entries in clear, as she sees them."""
    for row in rows:
        with suppress(SealBroken):
            said = json.loads(items.open_item(dek, row.inquiry_id, MAIN, _item(row.id), row.sealed))
            reason = said.get("reason")
            act, to = said.get("act"), said.get("to", "")
            yield OpeningView(
                row.at, said["role"], reason or None, reason != "", act == "export", to, act == "copy"
            )


def _item(opening_id: int) -> str:
    return f"opening-{opening_id}"

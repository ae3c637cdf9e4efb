"""What the officer enters for somebody who asks by telephone or in writing, and how it stands then."""

from __future__ import annotations

from typing import Any

from inquiries.rules.requests import Channel, Identity, Kind
from inquiries.services import inbox, on_behalf, records
from inquiries.services.house import House
from inquiries.services.on_behalf import Entry, Proof
from inquiries.stores.live import requests as live_requests
from tests.cast import MINJI, OH

SEEN = Proof(Identity.callback)
BOTH = {"inquiry": True, "marketing": True}


def number_of(house: House) -> int:
    (row,) = inbox.page(house, MINJI).rows
    return row.id


def entry(kind: Kind, **given: Any) -> Entry:
    whole: dict[str, Any] = {"channel": Channel.phone, "evidence": "전화, 오늘 오전", "proof": SEEN} | given
    return Entry(kind, **whole)


def enter(house: House, kind: Kind, **given: Any) -> int:
    (made,) = on_behalf.enter(house, OH, [number_of(house)], entry(kind, **given))
    return made


def row_of(house: House, request_id: int) -> live_requests.RequestRow | None:
    with house.live.read() as connection:
        return live_requests.by_id(connection, request_id)


def state_of(house: House, request_id: int) -> str | None:
    row = row_of(house, request_id)
    return None if row is None else row.state


def suspended(house: House) -> bool:
    with house.live.read() as connection:
        return bool(live_requests.suspended(connection, [number_of(house)]))


def recorded(house: House) -> list[str]:
    return [body["act"] for _, body in records.bodies(house, "requests")]

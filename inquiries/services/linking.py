"""Requests that a link proves (`sealing/links.py`): its token, and the row that who follows it has inserted.

Runs on the public surface, which cannot tell a token from one that was made up: the worker can.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from inquiries.sealing import links
from inquiries.services import publishing, requests
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.requests import Asked
from inquiries.stores.live import requests as live


def secret(key: DataKey, channel: str) -> bytes:
    """What makes this group's token of a channel."""
    return links.secret(key.dek, channel, key.inquiry_id, key.group)


def address(house: House, key: DataKey, channel: str) -> str:
    """The link of a channel for whoever this group is of."""
    return f"{house.settings.origin}/{channel}/{links.token(key.id, secret(key, channel))}"


def ask(house: House, asked: Asked, secret: bytes) -> None:
    """Insert the request, unless the same was asked under this very link; what was destroyed asks nothing."""
    key = links.proving_key(secret)
    row = requests.written(key, asked, publishing.in_force(house).policy)
    with suppress(IntegrityError), house.live.write() as connection:
        before = live.of_inquiry(connection, asked.inquiry_id)
        if not any(_same(one, row) and requests.proved_by(key, one) for one in before):
            live.add(connection, row)


def _same(one: live.RequestRow, row: live.NewRequest) -> bool:
    return (one.channel, one.kind, one.group_name) == (row.channel, row.kind, row.group_name)

"""Three inquiries that end, each in its own way, and one that stays; with every secret they ever had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from inquiries import clock
from inquiries.sealing import archive as archive_sealing
from inquiries.sealing import items
from inquiries.services import (
    adoption,
    archive,
    archive_keys,
    holds,
    inbox,
    keys,
    replies,
    retention,
    rotation,
    thread,
)
from inquiries.services.house import House
from inquiries.stores import archive as archive_store
from tests.cast import MINJI, OH, send
from tests.moments import at
from tests.promises.attacker import WRITTEN

CANARY = "까나리아 Zq7-Quondam"  # stands in every item of those that end
STAYS = "머무는새 Wv3-Remanet"
BOTH = {"inquiry": True, "marketing": True}
WHY = "required by the case of this test"


@dataclass
class Lives:
    """`gone`: name → bytes that must have vanished. `stays`: the same of what lives on. `sealed`: by inquiry."""

    house: House
    ids: dict[str, int] = field(default_factory=dict)  # ended | archived | held | stays → inquiry
    codes: dict[str, str] = field(default_factory=dict)
    moved: int = 0  # archive id
    gone: dict[str, bytes] = field(default_factory=dict)
    stays: dict[str, bytes] = field(default_factory=dict)
    sealed: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)  # (group, packed items)


def live(house: House, between: Callable[[str], object] = lambda _moment: None) -> Lives:
    """From the first day to the rotation after the last end; `between` is called at named moments."""
    lives = Lives(house)
    with at(0):
        for name in ("ended", "archived", "held"):
            _send(lives, name, CANARY)
        between("sent")
        adoption.adopt_pending(house)
        _note(lives)
        between("adopted")
    with at(1):
        rotation.rotate(house)
        _write(lives)
        _note(lives)
    with at(10):
        order = {"statute": "advertising", "items": ["name", "content"], "reason": WHY}
        lives.moved = archive.order(house, OH, lives.ids["archived"], **order)  # type: ignore[arg-type]
        until = clock.now() + timedelta(days=390)
        hold = holds.place(house, OH, lives.ids["held"], reason=CANARY, basis="a law", until=until)
        _note(lives)
        between("moved and held")
    with at(300):
        _send(lives, "stays", STAYS)
        adoption.adopt_pending(house)
        retention.sweep(house, confirm=True)  # visitor, marketing, and what was archived
        rotation.rotate(house)
        _note(lives)
        between("archived one ended")
    with at(370):
        retention.sweep(house, confirm=True)  # the first; the held one stays
        rotation.rotate(house)
        _note(lives)
        holds.release(house, OH, hold, WHY)
        between("released")
    with at(371):
        between("before the last sweep")
        retention.sweep(house, confirm=True)
        between("destroyed")
        rotation.rotate(house)
        between("rotated")
    return lives


def _send(lives: Lives, name: str, text: str) -> None:
    items = {
        "name": f"{text} 1",
        "contact": f"02-5550-10{len(lives.ids):02}",
        "email": f"zq7-{name}@example.com",
        "content": f"{text} 2",
    }
    lives.codes[name] = send(lives.house, items=items, consents=BOTH, user_agent=f"{text} 3").receipt
    with lives.house.live.read() as connection:
        lives.ids[name] = connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one()


def _write(lives: Lives) -> None:
    """Of each that ends something is written to and fro, and a mail of it waits."""
    for name, inquiry in lives.ids.items():
        inbox.open_inquiry(lives.house, MINJI, inquiry, None)
        replies.reply(lives.house, MINJI, inquiry, f"{CANARY} reply to {name}")
        replies.note(lives.house, MINJI, inquiry, f"{CANARY} note")
        thread.answer(lives.house, lives.codes[name], f"{CANARY} answer")
        thread.take_in(lives.house)
        with lives.house.live.read() as connection:
            found = [row for query in WRITTEN for row in connection.exec_driver_sql(query).fetchall()]
        rows = [("main", items.pack({place: bytes(blob)})) for one, place, blob in found if one == inquiry]
        assert len(rows) == 4
        lives.sealed.setdefault(inquiry, []).extend(rows)


def _note(lives: Lives) -> None:
    """Write down whatever opens or names them now."""
    house = lives.house
    for name, inquiry in lives.ids.items():
        kept = lives.stays if name == "stays" else lives.gone
        for (_, group), key in keys.of_inquiries(house, [inquiry]).items():
            kept[f"key of {name}/{group}"] = key.dek
        wraps_and_tags(lives, kept, name, inquiry)
        with house.live.read() as connection:
            query = f"SELECT name, sealed FROM inquiry_groups WHERE inquiry_id = {inquiry}"
            found = [(row[0], bytes(row[1])) for row in connection.exec_driver_sql(query)]
        lives.sealed.setdefault(inquiry, []).extend(found)
    number = max(house.custody.secret_epochs())
    secret, surface = house.custody.epoch_secret(number).secret, house.custody.surface_key(number)
    lives.gone |= {f"secret of epoch {number}": secret, f"surface key of epoch {number}": surface}
    with house.archive.read() as connection:
        for row in archive_store.by_ids(connection, [lives.moved]):
            wrapped = archive_keys.of(house, row.id)
            opened = archive_sealing.unwrap_key(house.custody.archive.secret, row.id, row.statute, wrapped)
            lives.gone |= {"key of the archived row": opened, "its wrap": wrapped}
            wraps_and_tags(lives, lives.gone, "archived row", row.id)


def wraps_and_tags(lives: Lives, kept: dict[str, bytes], name: str, inquiry: int) -> None:
    columns = "group_name, epoch, wrap, receipt_wrap, email, phone"
    query = f"SELECT {columns} FROM keys LEFT JOIN tags ON key_id = id WHERE inquiry_id = {inquiry} AND destroyed_at IS NULL"
    with lives.house.keys.read() as connection:
        for group, epoch, *found in connection.exec_driver_sql(query):
            for what, value in zip(columns.split(", ")[2:], found, strict=True):
                if value is not None:
                    kept[f"{what} of {name}/{group} in epoch {epoch}"] = bytes(value)

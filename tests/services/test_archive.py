"""Moves to the archive, and opening what is there, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from inquiries.errors import ArchiveClosed, Held, InvalidArchival, NotFound, ReasonRequired
from inquiries.services import archive, archive_keys, archive_moves, holds, inbox, receipt, records, retention, rotation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.stores import archive as store
from inquiries.stores import keys as key_store
from inquiries.stores.live import archivals
from tests.cast import BAE, MINJI, OH, send
from tests.moments import T0, at, installed

Make = Callable[..., Settings]
WHY = "소비자 분쟁이 접수되어 법정 보존이 필요합니다"


@pytest.fixture
def house_at_t0(make_settings: Make, store_urls: dict[str, str]) -> Iterator[House]:
    with installed(make_settings, **store_urls) as house, at():
        yield house


def sent(house: House, **given: Any) -> tuple[int, str]:
    """(inquiry id, receipt code) of what Sora sends."""
    code = send(house, **given).receipt
    return inbox.page(house, MINJI).rows[0].id, code


def move(house: House, inquiry: int, **given: Any) -> int:
    order: dict[str, Any] = {"statute": "complaint", "items": ["name", "content"], "reason": WHY}
    return archive.order(house, OH, inquiry, **(order | given))


def rows(house: House) -> list[store.ArchivedRow]:
    with house.archive.read() as connection:
        return store.by_ids(connection, store.ids_after(connection, 0, 100))


def accesses(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access")]


# -- moving --------------------------------------------------------------------------------------


def test_a_move_keeps_the_ticked_items_alone_and_the_inquiry_is_gone(house_at_t0: House) -> None:
    house = house_at_t0
    inquiry, code = sent(house)
    other, _ = sent(house, items={"content": "stays"})
    archive_id = move(house, inquiry)
    opened = archive.open_archived(house, OH, archive_id, WHY)
    assert opened.items == {"name": "김소라", "content": "제품 소개 자료를 받고 싶습니다."}
    assert opened.line.inquiry_id == inquiry
    assert opened.line.statute == "complaint"
    assert opened.line.due_at - opened.line.archived_at == timedelta(days=3 * 365 + 1)  # 2028 is a leap year
    assert [row.id for row in inbox.page(house, MINJI).rows] == [other]
    for actor in (MINJI, OH):
        with pytest.raises(NotFound):
            inbox.open_inquiry(house, actor, inquiry, WHY)
    with pytest.raises(NotFound):
        receipt.look(house, code)

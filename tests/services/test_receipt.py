"""What the receipt opens: her own inquiry, wherever its key has got to; nothing else, for nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, update

from inquiries import clock
from inquiries.errors import NotFound, ReceiptMalformed
from inquiries.sealing import receipts
from inquiries.services import adoption, inbox, receipt, retention, rotation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.stores import key_tables, tombstones
from inquiries.stores.live.tables import envelopes, groups
from tests.breaking import claim_all
from tests.cast import ITEMS, MINJI, send
from tests.stones import bury


def test_it_opens_before_and_after_adoption_and_rotation(any_house: House) -> None:
    code = send(any_house).receipt
    assert receipt.look(any_house, code).items == ITEMS
    assert adoption.adopt_pending(any_house).adopted == 1
    assert receipt.look(any_house, code).items == ITEMS
    for _ in range(3):
        rotation.rotate(any_house)
        assert receipt.look(any_house, code).items == ITEMS


def test_it_shows_what_she_sent_in_the_order_of_the_form(house_at_t0: House) -> None:
    house = house_at_t0
    shuffled = dict(reversed(ITEMS.items()))
    with time_machine.travel(datetime(2027, 5, 5, 18, 30, tzinfo=UTC), tick=False):
        code = send(house, items=shuffled, consents={"marketing": True, "inquiry": True}).receipt
        view = receipt.look(house, code)
    assert list(view.items.items()) == list(ITEMS.items())
    assert (view.type, view.state, view.policy_version) == ("support", "received", 1)
    assert view.received_at.isoformat() == "2027-05-06T03:30:00+09:00"
    assert view.due_at is not None
    assert view.due_at.isoformat() == "2028-05-06T03:30:00+09:00"
    assert {one.purpose: one.given for one in view.consents} == {"inquiry": True, "marketing": True}
    assert {one.recorded_at for one in view.consents} == {view.received_at}


def test_it_follows_the_state(house: House) -> None:
    code = send(house).receipt
    (row,) = inbox.page(house, MINJI).rows
    seen = [receipt.look(house, code).state]
    inbox.open_inquiry(house, MINJI, row.id, None)
    seen.append(receipt.look(house, code).state)
    inbox.answered(house, MINJI, row.id)
    seen.append(receipt.look(house, code).state)
    before = receipt.look(house, code).due_at
    inbox.close(house, MINJI, row.id)
    closed = receipt.look(house, code)
    assert [*seen, closed.state] == ["received", "open", "answered", "closed"]
    assert closed.due_at is not None
    assert before is not None
    assert closed.due_at < before


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code.lower(),
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", ""),
        lambda code: f"  {code}\n",
        lambda code: code.replace("-", "–"),
        lambda code: code.replace("0", "O").replace("1", "I"),
        lambda code: code.replace("0", "o").replace("1", "l"),
    ],
)
def test_it_is_read_as_people_type_it(house: House, typed: Callable[[str], str]) -> None:
    assert receipt.look(house, typed(send(house).receipt)).items == ITEMS


@pytest.mark.parametrize(
    "typed", ["", "x", "00000-00000-00000-00000-0000", "가" * 25, "U" * 25, "0" * 10_000, "\0"]
)
def test_what_cannot_be_a_code_is_nothing(house: House, typed: str) -> None:
    with pytest.raises(ReceiptMalformed) as refused:
        receipt.look(house, typed)
    assert (refused.value.status, refused.value.code) == (NotFound.status, NotFound.code)


def test_a_code_opens_its_own_inquiry_alone(any_house: House) -> None:
    hers = send(any_house, items={"name": "김소라"}).receipt
    his = send(any_house, items={"name": "이건"}).receipt
    assert receipt.look(any_house, hers).items["name"] == "김소라"
    assert receipt.look(any_house, his).items["name"] == "이건"
    with pytest.raises(NotFound):
        receipt.look(any_house, receipts.random_code())


@pytest.mark.parametrize("adopted", [False, True])
def test_from_the_due_moment_on_it_opens_nothing(any_house: House, *, adopted: bool) -> None:
    received = send(any_house)
    assert received.due is not None
    if adopted:
        adoption.adopt_pending(any_house)
    with time_machine.travel(received.due - timedelta(seconds=1), tick=False):
        assert receipt.look(any_house, received.receipt).items == ITEMS
    with time_machine.travel(received.due, tick=False), pytest.raises(NotFound):
        receipt.look(any_house, received.receipt)


def test_from_the_claim_on_it_opens_nothing(house: House) -> None:
    """A sweep that was killed after its claim: what it claimed is not shown again, whatever the clock says."""
    code = send(house).receipt
    claim_all(house)
    with pytest.raises(NotFound):
        receipt.look(house, code)


def test_a_tombstone_wins_over_rows_that_are_still_there(house: House) -> None:
    code = send(house).receipt
    with house.live.read() as connection:
        rows = connection.execute(select(groups)).all()
    stones = [
        tombstones.Tombstone(
            row.id, row.inquiry_id, row.name, "expired", "support", None, 1, None, None, 1, clock.now()
        )
        for row in rows
    ]
    with house.keys.write() as connection:
        bury(connection, stones)
    with pytest.raises(NotFound):
        receipt.look(house, code)


def test_the_sweep_ends_it(any_house: House) -> None:
    received = send(any_house)
    assert received.due is not None
    with time_machine.travel(received.due + timedelta(hours=1), tick=True):
        assert retention.sweep(any_house, confirm=True).destroyed == 2
    with pytest.raises(NotFound):
        receipt.look(any_house, received.receipt)


def test_an_envelope_moved_from_another_inquiry_opens_nothing(house: House) -> None:
    hers, his = send(house).receipt, send(house).receipt
    with house.live.write() as connection:
        first, second = connection.execute(select(envelopes).order_by(envelopes.c.inquiry_id)).all()
        moved = update(envelopes).where(envelopes.c.inquiry_id == second.inquiry_id)
        connection.execute(moved.values(sealed=first.sealed))
    assert receipt.look(house, hers).items == ITEMS
    for code in (his, receipts.random_code()):
        with pytest.raises(NotFound):
            receipt.look(house, code)


def test_a_wrap_moved_from_another_inquiry_opens_nothing(house: House) -> None:
    hers, his = send(house).receipt, send(house).receipt
    adoption.adopt_pending(house)
    table = key_tables.keys
    with house.keys.write() as connection:
        rows = connection.execute(
            select(table).where(table.c.group_name == "main").order_by(table.c.id)
        ).all()
        moved = update(table).where(table.c.id == rows[1].id)
        connection.execute(moved.values(receipt_wrap=rows[0].receipt_wrap))
    assert receipt.look(house, hers).items == ITEMS
    with pytest.raises(NotFound):
        receipt.look(house, his)


def test_an_envelope_that_is_gone_opens_nothing(house: House) -> None:
    code = send(house).receipt
    with house.live.write() as connection:
        connection.execute(envelopes.delete())
    with pytest.raises(NotFound):
        receipt.look(house, code)


def test_it_opens_at_every_moment_of_a_rotation(house: House) -> None:
    """Rows and surface keys are replaced under her feet; she never sees that."""
    codes = [send(house).receipt for _ in range(3)]
    adoption.adopt_pending(house)
    codes.append(send(house).receipt)
    failures: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                for code in codes:
                    assert receipt.look(house, code).items == ITEMS
        except BaseException as failed:  # noqa: BLE001 - told below
            failures.append(failed)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            rotation.rotate(house)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.fixture
def elsewhere(house: House, make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[House]:
    """A host of the public surface: its keyring holds the secret, the verify key and a surface key, no more."""
    place = tmp_path / "elsewhere"
    (place / "keyring").mkdir(parents=True)
    for path in house.settings.keyring_path.iterdir():
        if path.name in {"secret.key", "verify.key", "CACHEDIR.TAG"} or path.name.startswith("surface-"):
            (place / "keyring" / path.name).write_bytes(path.read_bytes())
    urls = {
        f"{store}_url": house.settings.store_url(store) for store in ("live", "keys", "archive", "ledger")
    }
    opened = open_house(make_settings(instance=place, surface="public", **urls))
    yield opened
    opened.close()


def test_a_host_with_surface_keys_alone_receives_and_shows(house: House, elsewhere: House) -> None:
    code = send(elsewhere).receipt
    assert receipt.look(elsewhere, code).items == ITEMS
    adoption.adopt_pending(house)
    for _ in range(3):
        rotation.rotate(house)
        assert receipt.look(elsewhere, code).items == ITEMS
        elsewhere.memory.clear()
        later = send(elsewhere).receipt
        assert receipt.look(house, later).items == ITEMS

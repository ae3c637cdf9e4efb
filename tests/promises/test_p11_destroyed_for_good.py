"""P11: what was destroyed stays destroyed: for the software at once, for anybody after the next rotation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from inquiries.errors import InquiriesError, NotFound
from inquiries.services import adoption, inbox, installation, keys, receipt, records, retention, rotation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.worker import Worker
from tests.cast import MINJI, OH, send
from tests.moments import at
from tests.promises.attacker import Attacker, copy_of

GONE = {"name": "박사라진", "email": "gone@example.com", "content": "이 글은 사라집니다. This goes."}
STAYS = {"name": "이남은", "email": "stays@example.com", "content": "이 글은 남습니다. This stays."}
CONSENTS = {"inquiry": True, "marketing": True}


def only_id(house: House) -> int:
    (row,) = inbox.page(house, MINJI).rows
    return row.id


@dataclass
class Story:
    """One inquiry came, was copied at every turn, was destroyed, and a rotation passed; another one lives."""

    house: House
    gone: int
    gone_code: str
    stays: int
    stays_code: str
    copies: list[Path]  # in the order of time, up to the destruction
    swept: Path  # destroyed, not yet rotated
    present: Path  # rotated


@pytest.fixture
def story(house: House) -> Iterator[Story]:
    copies = []
    with at(0):
        rotation.rotate(house)  # its own epoch, so that what was sealed to it can be told apart
        gone_code = send(house, items=GONE, consents=CONSENTS).receipt
        copies.append(copy_of(house, "1 not adopted"))
        adoption.adopt_pending(house)
        copies.append(copy_of(house, "2 adopted"))
        gone = only_id(house)
        inbox.open_inquiry(house, MINJI, gone, None)
    with at(1):
        rotation.rotate(house)
        copies.append(copy_of(house, "3 rotated"))
    with at(300):
        stays_code = send(house, items=STAYS, consents=CONSENTS).receipt
        copies.append(copy_of(house, "4 another, not adopted"))
        adoption.adopt_pending(house)
        stays = inbox.page(house, MINJI).rows[0].id
        copies.append(copy_of(house, "5 another"))
    with at(366):
        retention.sweep(house, confirm=True)
        swept = copy_of(house, "6 swept")
        rotation.rotate(house)
        present = copy_of(house, "7 rotated")
        yield Story(house, gone, gone_code, stays, stays_code, copies, swept, present)


def attacker(story: Story, keyrings: list[Path]) -> Attacker:
    """With every store as it ever was, both receipts, and these keyrings."""
    made = Attacker([story.gone_code, story.stays_code])
    made.take_stores(*story.copies, story.swept, story.present)
    made.take_keyring(*keyrings)
    return made


def test_p11_after_rotation_no_copy_of_anything_opens_it(story: Story) -> None:
    read = attacker(story, [story.present]).reads()
    assert set(read) == {story.stays}
    assert set(STAYS.values()) <= read[story.stays]  # from copies of any age: the search does search


def test_p11_no_wrap_of_it_is_left_in_any_file(story: Story) -> None:
    """Pages, free pages, write-ahead logs: the bytes of its wraps are nowhere; those of its copies are found."""
    before = Attacker()
    before.take_stores(*story.copies)
    wraps = {wrap for row in before.wraps if row[1] == story.gone for wrap in row[4:] if wrap}
    assert len(wraps) >= 9  # three groups, before and after a rotation, and what the receipt opens
    assert not [wrap for wrap in wraps if _stands(story.present, wrap)]
    assert all(_stands(story.present.parent, wrap) for wrap in wraps)


def test_p11_retired_secrets_are_overwritten_where_they_lay(house: House, tmp_path: Path) -> None:
    """A second name for each file shows what became of its bytes after the first was unlinked."""
    names = ("epoch-00000001.secret", "surface-00000001.key")
    before = {}
    for name in names:
        before[name] = (house.settings.keyring_path / name).read_bytes()
        os.link(house.settings.keyring_path / name, tmp_path / name)
    with at():
        rotation.rotate(house)
    for name in names:
        assert not (house.settings.keyring_path / name).exists()
        after = (tmp_path / name).read_bytes()
        assert len(after) == len(before[name])
        assert not any(before[name][i : i + 8] in after for i in range(0, len(after) - 8, 8))


def test_p11_nothing_leads_back_to_the_person(story: Story) -> None:
    with story.house.keys.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT wrap, receipt_wrap, email, phone FROM keys LEFT JOIN tags ON key_id = id WHERE inquiry_id = ?",
            (story.gone,),
        ).all()
    assert [tuple(row) for row in rows] == [(None, None, None, None)] * 3


# -- that the attack can succeed: without what is promised, each of its ways leads to the text ---------


def test_the_attack_succeeds_with_retired_secrets(story: Story) -> None:
    read = attacker(story, [*story.copies, story.present]).reads()
    assert set(GONE.values()) <= read[story.gone]


@pytest.mark.parametrize("way", ["envelope", "wrap", "receipt in the envelope", "receipt in its row"])
def test_the_attack_succeeds_on_each_way(story: Story, way: str) -> None:
    made = attacker(story, [story.copies[0], story.copies[1]])
    if way in {"envelope", "receipt in the envelope"}:
        made.wraps.clear()
    else:
        made.envelopes.clear()
    if way.startswith("receipt"):
        made.secrets.clear()
    else:
        made.codes.clear()
    assert set(GONE.values()) <= made.reads()[story.gone]


def test_the_attack_succeeds_until_the_rotation(story: Story) -> None:
    """The limit that docs/security.md admits, and the reason why rotation follows within a day."""
    read = attacker(story, [story.swept]).reads()
    assert set(GONE.values()) <= read[story.gone]


def test_a_living_inquiry_opens_from_any_copy_of_live(story: Story) -> None:
    """Finality is not loss: the oldest backup of `live` opens with the present keys and keyring."""
    made = Attacker()
    made.take_stores(story.copies[3])  # not adopted then
    made.wraps.clear()
    made.envelopes.clear()
    keyed = Attacker()
    keyed.take_stores(story.present)
    made.wraps = keyed.wraps
    made.take_keyring(story.present)
    assert set(STAYS.values()) <= made.reads()[story.stays]


def test_p11_a_public_host_erases_its_retired_surface_keys(
    house: House, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """With its old file, a receipt and an old backup of `live`, the destroyed would open again."""
    place = tmp_path / "elsewhere"
    (place / "keyring").mkdir(parents=True)
    for name in ("secret.key", "verify.key", "CACHEDIR.TAG", "surface-00000001.key"):
        shutil.copy(house.settings.keyring_path / name, place / "keyring" / name)
    urls = {
        f"{store}_url": house.settings.store_url(store) for store in ("live", "keys", "archive", "ledger")
    }
    elsewhere = open_house(make_settings(instance=place, surface="public", **urls))
    held = tmp_path / "held"
    os.link(place / "keyring" / "surface-00000001.key", held)
    before = held.read_bytes()
    try:
        with at(minutes=1):
            code = send(elsewhere).receipt
            rotation.rotate(house)
            for _ in range(2):
                elsewhere.memory.clear()  # a second passes
                assert receipt.look(elsewhere, code).items["name"] == "김소라"
                send(elsewhere)
        assert sorted(path.name for path in (place / "keyring").glob("surface-*")) == ["surface-00000002.key"]
        assert held.read_bytes() != before  # overwritten where it lay
    finally:
        elsewhere.close()


# -- the software itself -----------------------------------------------------------------------------


def ways_to_open(house: House, inquiry_id: int, code: str) -> list[str]:
    """Each way of the software that still opens it."""
    ways: dict[str, Callable[[], object]] = {
        "receipt": lambda: receipt.look(house, code),
        "look": lambda: any(inbox.summary(house, MINJI, inquiry_id).masked.values()),
        "open": lambda: inbox.open_inquiry(house, MINJI, inquiry_id, None),
        "open by the officer": lambda: inbox.open_inquiry(house, OH, inquiry_id, "verification"),
        "list": lambda: any(row.who for row in inbox.page(house, MINJI).rows if row.id == inquiry_id),
        "keys": lambda: keys.of_inquiries(house, [inquiry_id]),
    }
    return [name for name, way in ways.items() if opens(way)]


def opens(way: Callable[[], object]) -> bool:
    try:
        return bool(way())
    except NotFound:
        return False


def test_p11_no_part_of_the_software_opens_what_was_destroyed(house: House) -> None:
    with at(0):
        code = send(house, items=GONE, consents=CONSENTS).receipt
        gone = only_id(house)
        assert len(ways_to_open(house, gone, code)) == 6
    with at(366):
        assert ways_to_open(house, gone, code) == ["keys"]  # due: refused before any sweep
        assert retention.sweep(house, confirm=True).destroyed == 3
        assert ways_to_open(house, gone, code) == []


@pytest.mark.parametrize("adopted", [True, False], ids=["adopted", "never adopted"])
def test_p11_nor_with_an_older_copy_of_live_put_back(house: House, *, adopted: bool) -> None:
    """The copy is from before the closing: there it is due only in a year, and nothing says that it is gone."""
    with at(0):
        code = send(house, items=GONE, consents=CONSENTS).receipt
        if adopted:
            gone = only_id(house)
            inbox.open_inquiry(house, MINJI, gone, None)
            copy = copy_of(house, "before closing")
            inbox.close(house, MINJI, gone)
        else:
            copy = copy_of(house, "before closing")
            gone = _bring_forward(house)
    with at(200):
        assert retention.sweep(house, confirm=True).destroyed == 3
        house.close()
        for name in ("live.db-wal", "live.db-shm"):
            (house.settings.instance / name).unlink(missing_ok=True)
        for path in copy.glob("live.db*"):
            shutil.copy(path, house.settings.instance / path.name)
        back = open_house(house.settings)
        try:
            assert ways_to_open(back, gone, code) == []
            Worker(back).step()  # adopts, sweeps, rotates when due
            assert ways_to_open(back, gone, code) == []
        finally:
            back.close()
        started = installation.install(house.settings)
        try:
            assert ways_to_open(started.house, gone, code) == []
            assert inbox.page(started.house, MINJI).rows == ()
            _rotate_as_the_officer_would(started.house)
            assert ways_to_open(started.house, gone, code) == []
            assert records.verify(started.house).ok
        finally:
            started.house.close()


def _bring_forward(house: House) -> int:
    """Make it due as closing would, without anybody opening (and so adopting) it."""
    with house.live.write() as connection:
        connection.exec_driver_sql("UPDATE inquiry_groups SET due_at = due_at - 300 * 86400 * 1000000")
        found = connection.exec_driver_sql("SELECT id FROM inquiries").scalar_one()
    return int(found)


def _rotate_as_the_officer_would(house: House) -> None:
    try:
        rotation.rotate(house)
    except InquiriesError:
        rotation.rotate(house, break_glass="the officer is away")


def _stands(directory: Path, wrap: bytes) -> bool:
    return any(wrap in path.read_bytes() for path in directory.rglob("*") if path.is_file())

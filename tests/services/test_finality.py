"""What the status of the keys says: which destructions are final, and what could be brought back until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inquiries import clock
from inquiries.services import adoption, archive, finality, inbox, records, retention, rotation
from inquiries.services.house import House
from tests.cast import MINJI, OH, send
from tests.moments import at


def counts(house: House) -> tuple[int, int, int]:
    now = finality.status(house)
    return now.final.count, now.waiting_for_backups.count, now.waiting_for_rotation.count


def copies(house: House) -> dict[str, finality.Copy]:
    return {copy.name: copy for copy in finality.status(house).copies}


def sweep(house: House) -> None:
    house.memory.pop("clock", None)
    assert not retention.sweep(house, confirm=True).failed


@pytest.mark.promise("P11")
def test_a_destruction_waits_for_rotation_then_for_the_backups_then_it_is_final(
    any_house_at_t0: House,
) -> None:
    house = any_house_at_t0
    with at():
        send(house)
        adoption.adopt_pending(house)
        assert counts(house) == (0, 0, 0)
    with at(days=400):
        sweep(house)
        assert counts(house) == (0, 0, 2)
        now = finality.status(house)
        assert now.waiting_for_rotation.moment == now.rotation_due + timedelta(hours=72)
        rotation.rotate(house)
        assert counts(house) == (0, 2, 0)
        by = finality.status(house).waiting_for_backups.moment
        assert by is not None
        assert timedelta(hours=71.9) < by - clock.now() < timedelta(hours=72)
    with at(days=404):
        assert counts(house) == (2, 0, 0)
        assert finality.status(house).final.moment == by


def test_each_copy_says_what_it_could_give_and_until_when(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        send(house)
        adoption.adopt_pending(house)
    with at(days=400):
        sweep(house)
        now = finality.status(house)
        before = {copy.name: copy for copy in now.copies}
        backups = before["backups of keys and keyring (72 h)"]
        assert "at most 2 groups" in backups.recovers
        assert backups.until == now.waiting_for_rotation.moment
        assert before["live, and its copies of any age"].until is not None
        rotation.rotate(house)
        after = copies(house)
        assert "destroyed: 0 groups" in after["live, and its copies of any age"].recovers
        assert after["live, and its copies of any age"].until is None
        assert after["keys"].until is None
        assert after["backups of keys and keyring (72 h)"].until is not None
    with at(days=404):
        assert copies(house)["backups of keys and keyring (72 h)"].until is None


ARCHIVE = "archive, and its copies of any age"


def test_what_was_destroyed_in_the_archive_is_in_its_own_copies_until_the_rotation(
    any_house_at_t0: House,
) -> None:
    house = any_house_at_t0
    with at():
        send(house)
        inquiry = inbox.page(house, MINJI).rows[0].id
        archive.order(house, OH, inquiry, statute="advertising", items=["name"], reason="the law")
        assert "destroyed: 0 groups" in copies(house)[ARCHIVE].recovers
        assert copies(house)[ARCHIVE].until is None
        assert copies(house)["live, and its copies of any age"].until is not None
    with at(days=100):  # the visitor's data
        sweep(house)
        rotation.rotate(house)
    with at(days=200):  # the statute's six months
        sweep(house)
        now = finality.status(house)
        found = {copy.name: copy for copy in now.copies}
        assert (now.waiting_for_rotation.count, found[ARCHIVE].until) == (1, now.rotation_due)
        assert "what is archived and not destroyed" in found[ARCHIVE].recovers
        assert "destroyed: 1 groups" in found[ARCHIVE].recovers
        assert "destroyed: 0 groups" in found["live, and its copies of any age"].recovers
        assert found["live, and its copies of any age"].until is None
        assert "destroyed: 1 groups" in found["keys"].recovers
        rotation.rotate(house)
        assert "destroyed: 0 groups" in copies(house)[ARCHIVE].recovers
        assert copies(house)[ARCHIVE].until is None


def test_postgresql_s_log_of_the_keys_is_a_copy_of_its_own(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        send(house)
    with at(days=400):
        sweep(house)
        rotation.rotate(house)
        now = finality.status(house)
        logs = [copy for copy in now.copies if "pg_wal" in copy.name]
        assert len(logs) == (0 if house.keys.sqlite else 1)
        for log in logs:
            assert "tags of at most 2 groups" in log.recovers
            assert log.until == now.waiting_for_backups.moment
    with at(days=404):
        assert [copy.until for copy in finality.status(house).copies if "pg_wal" in copy.name] in ([], [None])


def test_the_tag_key_tells_who_unsubscribed_too(any_house_at_t0: House) -> None:
    with at():
        assert "unsubscribed" in copies(any_house_at_t0)["keyring: tag.key"].recovers


def test_every_file_of_the_keyring_is_named(any_house_at_t0: House) -> None:
    with at():
        records.start_sealing(any_house_at_t0)
        named = copies(any_house_at_t0)
        directory = any_house_at_t0.custody.keyring.directory
        kinds = ("epoch-", "surface-", "keys.db", "CACHEDIR", ".lock")
        files = [f.name for f in directory.iterdir() if not f.name.startswith(kinds)]
        assert {f"keyring: {name}" for name in files} <= set(named)
        assert {"keyring: epoch-*.secret", "keyring: surface-*.key"} <= set(named)
        assert {"archive keyring: root.key", "archive keyring: archive.key"} <= set(named)

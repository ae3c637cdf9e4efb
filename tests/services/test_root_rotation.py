"""Another root key: cut short anywhere, meanwhile in use elsewhere, and afterwards nothing opens under the old one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inquiries.errors import KeyUnavailable, SealBroken, UnsafeSetting
from inquiries.sealing import primitives
from inquiries.services import adoption, inbox, installation, receipt, records, root_rotation, rotation
from inquiries.services.custody import Custody
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.stores.keyring import Keyring
from tests.cast import MINJI, send

NEW = bytes(range(32))


class Killed(BaseException):
    """No handler of the product catches this."""


def cut_short_after(count: int) -> Callable[[int, int], None]:
    def told(done: int, _of: int) -> None:
        if done == count:
            raise Killed

    return told


def opens_under(root: bytes, directory: Path, use: str = "inquiries keyring") -> list[str]:
    """The names of all files that open under this root key."""
    found = []
    for file in directory.iterdir():
        if file.is_file() and not file.name.startswith(("keys.db", ".lock")):
            try:
                primitives.open_sealed(root, file.read_bytes(), primitives.bind(use, file.name))
            except SealBroken:
                continue
            found.append(file.name)
    return sorted(found)


def everything_opens(house: House, code: str) -> None:
    """As by a process that has opened nothing yet, and by this one."""
    for each in (house, open_house(house.settings)):
        assert receipt.look(each, code).items["name"] == "김소라"
        (row,) = inbox.page(each, MINJI, type=None, state=None).rows
        assert inbox.open_inquiry(each, MINJI, row.id, None).items["name"] == "김소라"
        assert each.custody.seal_key() is not None
        assert records.seal(each)
        assert each.custody.archive.secret.public_key == each.custody.archive.public_key
        if each is not house:
            each.close()


@pytest.fixture
def filled(house: House) -> tuple[House, str]:
    records.start_sealing(house)
    code = send(house).receipt
    adoption.adopt_pending(house)
    return house, code


def test_afterwards_everything_opens_and_nothing_under_the_old_root(filled: tuple[House, str]) -> None:
    house, code = filled
    directory, old = house.custody.keyring.directory, house.custody.root
    before = opens_under(old, directory)
    assert before == ["epoch-00000001.secret", "seal.key", "signing.key", "tag.key"]
    told: list[tuple[int, int]] = []
    assert root_rotation.rotate(house, told=lambda done, of: told.append((done, of))) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert opens_under(old, directory) == []
    assert opens_under(house.custody.root, directory) == before
    assert not (directory / "root.key.next").exists()
    assert old not in b"".join(file.read_bytes() for file in directory.iterdir() if file.is_file())
    everything_opens(house, code)
    rotation.rotate(house)
    everything_opens(house, code)
    (body,) = [body for _, body in records.bodies(house, "operation") if body["act"] == "rotate_root"]
    assert body == {"act": "rotate_root", "archive": False, "files": 4}


@pytest.mark.parametrize("files", [1, 2, 3, 4])
def test_cut_short_all_goes_on_and_the_next_call_finishes(filled: tuple[House, str], files: int) -> None:
    house, code = filled
    directory, old = house.custody.keyring.directory, house.custody.root
    with pytest.raises(Killed):
        root_rotation.rotate(house, told=cut_short_after(files))
    assert len(opens_under(old, directory)) == 5 - files  # with root.key.next
    everything_opens(house, code)
    rotation.rotate(house)  # a new epoch's secret is wrapped under the next root key at once
    everything_opens(house, code)
    following = (directory / "root.key.next").read_bytes()
    root_rotation.rotate(house)
    assert (
        primitives.open_sealed(old, following, primitives.bind("inquiries keyring", "root.key.next"))
        == house.custody.root
    ), "another one than was begun with"
    assert opens_under(old, directory) == []
    everything_opens(house, code)


def test_cut_short_the_next_start_finishes(filled: tuple[House, str]) -> None:
    house, code = filled
    directory, old = house.custody.keyring.directory, house.custody.root
    with pytest.raises(Killed):
        root_rotation.rotate(house, told=cut_short_after(2))
    again = installation.install(house.settings).house
    assert opens_under(old, directory) == []
    assert not (directory / "root.key.next").exists()
    everything_opens(again, code)
    everything_opens(house, code)
    again.close()


def test_other_processes_go_on_while_root_keys_change(filled: tuple[House, str]) -> None:
    house, code = filled
    failed: list[BaseException] = []
    done = threading.Event()

    def use() -> None:
        try:
            while not done.is_set():
                other = Custody(house.settings)  # a process that has opened nothing yet
                assert other.tag_key == house.custody.tag_key
                assert other.seal_key() is not None
                other.set_seal_key(1, NEW)
                other.add_epoch(1)
        except BaseException as fault:  # noqa: BLE001 - the test tells it
            failed.append(fault)

    users = [threading.Thread(target=use) for _ in range(2)]
    for user in users:
        user.start()
    for _ in range(15):
        root_rotation.rotate(house)
    done.set()
    for user in users:
        user.join()
    assert not failed
    everything_opens(house, code)


class Overwritten(Keyring):
    """Each of the first looks reads a file that was replaced, and overwritten, after it was found."""

    looks = 3

    def read(self, name: str) -> bytes | None:
        found = super().read(name)
        if name == "seal.key" and found is not None and self.looks:
            self.looks -= 1
            return os.urandom(len(found))
        return found


def test_a_file_that_is_overwritten_under_the_reader_is_read_again(filled: tuple[House, str]) -> None:
    house, _ = filled
    other = Custody(house.settings)
    keyring = other.root_key.keyring = Overwritten(house.settings.keyring_path)
    assert other.seal_key() == house.custody.seal_key()
    assert keyring.looks == 0


# -- given from outside ---------------------------------------------------------------------------------


@pytest.fixture
def outside(make_settings: Callable[..., Settings], tmp_path: Path) -> Callable[..., Settings]:
    """Settings with the named root keys in files of their own."""

    def make(**roots: bytes) -> Settings:
        given: dict[str, Any] = {}
        for name, root in roots.items():
            given[f"{name}_file"] = tmp_path / f"{name}-{root[:4].hex()}"
            given[f"{name}_file"].write_text(root.hex())
        return make_settings(**given)

    return make


def test_a_root_key_from_outside_stays_good_until_a_start_with_the_new_one(
    outside: Callable[..., Settings],
) -> None:
    old = os.urandom(32)
    house = installation.install(outside(root_key=old)).house
    records.start_sealing(house)
    code = send(house).receipt
    adoption.adopt_pending(house)
    directory = house.custody.keyring.directory
    with pytest.raises(Killed):
        root_rotation.rotate(house, NEW, told=cut_short_after(2))
    everything_opens(house, code)
    with pytest.raises(UnsafeSetting, match="begun with"):
        root_rotation.rotate(house, os.urandom(32))
    with pytest.raises(UnsafeSetting, match="is not the root key"):  # too early
        installation.install(outside(root_key=NEW))
    assert root_rotation.rotate(house, NEW) == 2
    assert opens_under(old, directory) == ["root.key.next"]
    everything_opens(house, code)
    started = installation.install(outside(root_key=NEW)).house
    assert opens_under(old, directory) == []
    everything_opens(started, code)
    assert house.custody.seal_key() is not None  # what still runs with the old one goes on
    rotation.rotate(house)
    everything_opens(started, code)
    with pytest.raises(UnsafeSetting, match="is not the root key"):
        installation.install(outside(root_key=old))
    for each in (house, started):
        each.close()


def test_the_new_root_key_is_asked_for_and_looked_at(
    outside: Callable[..., Settings],
) -> None:
    old = os.urandom(32)
    house = installation.install(outside(root_key=old)).house
    with pytest.raises(UnsafeSetting, match="is needed"):
        root_rotation.rotate(house)
    for used in (old, house.custody.archive.root_key.present):
        with pytest.raises(UnsafeSetting, match="in use"):
            root_rotation.rotate(house, used)
    with pytest.raises(UnsafeSetting, match="not needed"):
        root_rotation.rotate(house, NEW, archive=True)
    house.close()
    public = open_house(outside(root_key=old).model_copy(update={"surface": "public"}))
    with pytest.raises(KeyUnavailable):
        root_rotation.rotate(public, NEW)
    public.close()


# -- the archive's ---------------------------------------------------------------------------------------


def test_the_archives_root_key_changes_by_itself(filled: tuple[House, str]) -> None:
    house, code = filled
    directory, ring = house.custody.archive.keyring.directory, house.custody.keyring.directory
    use, old, live = "inquiries archive keyring", house.custody.archive.root_key.present, house.custody.root
    assert old is not None
    assert opens_under(old, directory, use) == ["archive.key"]
    assert root_rotation.rotate(house, archive=True) == 1
    assert opens_under(old, directory, use) == []
    assert not (directory / "root.key.next").exists()
    assert opens_under(live, ring) != []
    everything_opens(house, code)


def test_the_archives_cut_short_is_finished_by_the_next_start(filled: tuple[House, str]) -> None:
    house, code = filled
    directory, old = house.custody.archive.keyring.directory, house.custody.archive.root_key.present
    with pytest.raises(Killed):
        root_rotation.rotate(house, archive=True, told=cut_short_after(1))
    everything_opens(house, code)
    installation.install(house.settings).house.close()
    assert (directory / "root.key").read_bytes() != old
    assert not (directory / "root.key.next").exists()
    everything_opens(house, code)

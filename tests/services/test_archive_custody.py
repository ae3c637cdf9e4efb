"""The archive's private key has a root of its own, and who lacks it works on without."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inquiries.errors import KeyUnavailable, UnsafeSetting
from inquiries.sealing import archive
from inquiries.services import installation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from tests.cast import send

Make = Callable[..., Settings]
KEY, OTHER = "ab" * 32, "cd" * 32


def opens(house: House) -> bool:
    """Whether what is sealed to the public half opens with the private one."""
    custody = house.custody.archive
    wrapped = archive.wrap_key(custody.public_key, 1, "contract", bytes(32))
    return archive.unwrap_key(custody.secret, 1, "contract", wrapped) == bytes(32)


def test_the_first_start_makes_a_pair_under_a_root_of_its_own(house: House, make_settings: Make) -> None:
    assert opens(house)
    directory = house.custody.archive.keyring.directory
    assert directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in directory.iterdir()) == [".lock", "archive.key", "root.key"]
    assert [path.stat().st_mode & 0o777 for path in directory.iterdir()] == [0o600] * 3
    assert (directory / "root.key").read_bytes() != house.custody.root
    public = house.custody.archive.public_key
    reopened = installation.install(make_settings()).house
    assert reopened.custody.archive.public_key == public
    assert opens(reopened)
    reopened.close()


def test_the_archives_keys_may_go_into_ordinary_backups(house: House) -> None:
    assert not (house.custody.archive.keyring.directory / "CACHEDIR.TAG").exists()


def test_no_root_of_the_archive_is_made_where_one_is_given(make_settings: Make) -> None:
    house = installation.install(make_settings(archive_root_key=KEY)).house
    assert opens(house)
    assert not (house.custody.archive.keyring.directory / "root.key").exists()
    house.close()


def test_a_process_without_the_private_half_seals_and_cannot_open(house: House, make_settings: Make) -> None:
    shutil.rmtree(house.custody.archive.keyring.directory)
    for other in (installation.install(make_settings()).house, open_house(make_settings())):
        send(other)
        assert other.custody.archive.public_key == house.custody.archive.public_key
        with pytest.raises(KeyUnavailable):
            _ = other.custody.archive.secret
        assert not other.custody.archive.keyring.directory.exists()
        other.close()


def test_a_process_without_the_archives_root_seals_and_cannot_open(make_settings: Make) -> None:
    first = installation.install(make_settings(archive_root_key=KEY)).house
    other = installation.install(make_settings()).house
    assert other.custody.archive.public_key == first.custody.archive.public_key
    with pytest.raises(KeyUnavailable):
        _ = other.custody.archive.secret
    first.close()
    other.close()


def test_a_public_surface_opens_nothing_even_where_the_files_lie(house: House, make_settings: Make) -> None:
    public = open_house(make_settings(surface="public"))
    assert public.custody.archive.public_key == house.custody.archive.public_key
    with pytest.raises(KeyUnavailable):
        _ = public.custody.archive.secret
    public.close()


def test_a_lost_public_half_comes_back_from_the_private_one(house: House, make_settings: Make) -> None:
    public = house.custody.archive.public_key
    (house.custody.keyring.directory / "archive.pub").unlink()
    opened = open_house(make_settings())
    with pytest.raises(KeyUnavailable, match="init"):
        _ = opened.custody.archive.public_key
    opened.close()
    made_again = installation.install(make_settings()).house
    assert made_again.custody.archive.public_key == public
    made_again.close()


# -- refused -------------------------------------------------------------------------------------


def refused(make_settings: Make, **given: object) -> str:
    keys = set()
    for start in (lambda settings: installation.install(settings).house, open_house):
        with pytest.raises(UnsafeSetting) as failed:
            start(make_settings(**given))
        keys.add(failed.value.key)
    (key,) = keys
    return key


def test_the_start_is_refused_when_the_live_root_is_given_to_the_archive(
    house: House, make_settings: Make
) -> None:
    assert refused(make_settings, archive_root_key=house.custody.root.hex()) == "INQUIRIES_ARCHIVE_ROOT_KEY"


def test_the_start_is_refused_when_the_live_roots_file_lies_in_the_archives_keyring(
    house: House, make_settings: Make
) -> None:
    live = house.custody.keyring.directory / "root.key"
    shutil.copy(live, house.custody.archive.keyring.directory / "root.key")
    assert refused(make_settings) == "INQUIRIES_ARCHIVE_ROOT_KEY"


def test_the_start_is_refused_when_the_archives_root_is_given_as_the_live_one(make_settings: Make) -> None:
    installation.install(make_settings(root_key=KEY, archive_root_key=OTHER)).house.close()
    directory = make_settings().archive_keyring_path
    (directory / "root.key").write_bytes(bytes.fromhex(KEY))
    assert refused(make_settings, root_key=KEY) == "INQUIRIES_ARCHIVE_ROOT_KEY"


def test_the_start_is_refused_when_one_file_is_named_for_both(make_settings: Make, tmp_path: Path) -> None:
    file = tmp_path / "root"
    file.write_text(KEY, encoding="ascii")
    with pytest.raises(UnsafeSetting, match="ARCHIVE_ROOT_KEY"):
        make_settings(root_key_file=file, archive_root_key_file=file)


@pytest.mark.usefixtures("house")
def test_the_start_is_refused_with_another_root_than_the_archives_key_has(
    make_settings: Make,
) -> None:
    assert refused(make_settings, archive_root_key=OTHER) == "INQUIRIES_ARCHIVE_ROOT_KEY_FILE"


def test_the_start_is_refused_with_the_public_half_of_another_archive(
    house: House, make_settings: Make
) -> None:
    other = archive.ArchiveSecret(bytes(range(32))).public_key
    (house.custody.keyring.directory / "archive.pub").write_bytes(other)
    assert refused(make_settings) == "INQUIRIES_KEYRING"

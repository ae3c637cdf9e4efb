"""The keyring's files: whole or not at all, nobody else's to read, overwritten before they go."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inquiries.stores.keyring import Keyring

SECRET = b"the secret of an epoch, 32 bytes"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    made = Keyring(tmp_path / "keyring")
    made.create()
    return made


def test_made_for_its_owner_alone(keyring: Keyring) -> None:
    keyring.write("epoch", SECRET)
    with keyring.lock():
        pass
    assert keyring.directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in keyring.directory.iterdir()} == {0o600}


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "keyring").mkdir(mode=0o755)
    Keyring(tmp_path / "keyring").create()
    assert (tmp_path / "keyring").stat().st_mode & 0o777 == 0o700


def test_backup_programs_leave_it_out(keyring: Keyring) -> None:
    """https://bford.info/cachedir/: the file begins with exactly these 43 bytes."""
    tag = (keyring.directory / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_creating_again_keeps_what_is_there(keyring: Keyring) -> None:
    keyring.write("epoch", SECRET)
    keyring.create()
    assert keyring.read("epoch") == SECRET
    assert keyring.exists


def test_what_is_not_there_reads_as_none(keyring: Keyring) -> None:
    assert keyring.read("epoch") is None
    keyring.erase("epoch")


def test_names_in_order(keyring: Keyring) -> None:
    for name in ("epoch-2", "epoch-1", "surface-1"):
        keyring.write(name, SECRET)
    assert keyring.names("epoch-") == ["epoch-1", "epoch-2"]


def test_a_write_counts_when_file_and_directory_are_synced(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _watched(keyring, monkeypatch)
    keyring.write("epoch", SECRET)
    assert done == ["write .epoch.new", "fsync .epoch.new", "replace .epoch.new", "fsync ."]


def test_an_erased_file_is_overwritten_and_synced_before_it_goes(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.write("epoch", SECRET)
    done = _watched(keyring, monkeypatch)
    with (keyring.directory / "epoch").open("rb") as still_open:
        keyring.erase("epoch")
        assert len(left := still_open.read()) == len(SECRET)
        assert left != SECRET
    assert keyring.read("epoch") is None
    assert keyring.names("") == [".lock", "CACHEDIR.TAG"]
    last = [step.split()[0] for step in done]
    assert last.index("write") < last.index("unlink")
    assert "fsync" in last[last.index("write") : last.index("unlink")]
    assert done[-1] == "fsync ."


def test_a_replaced_file_is_overwritten_where_it_lay(keyring: Keyring) -> None:
    keyring.write("seal.key", SECRET)
    with (keyring.directory / "seal.key").open("rb") as still_open:
        keyring.replace("seal.key", b"the next seal key")
        assert len(left := still_open.read()) == len(SECRET)
        assert left != SECRET
    assert keyring.read("seal.key") == b"the next seal key"
    keyring.replace("new.key", SECRET)  # nothing stood there
    assert keyring.read("new.key") == SECRET


def test_a_replacement_that_fails_leaves_what_stood_there(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.write("seal.key", SECRET)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        keyring.replace("seal.key", b"the next seal key")
    monkeypatch.undo()
    assert keyring.read("seal.key") == SECRET
    keyring.sweep_drafts()
    assert keyring.names(".") == [".lock"]


def test_drafts_are_swept(keyring: Keyring) -> None:
    draft = keyring.directory / ".epoch.new"
    draft.write_bytes(SECRET)
    with draft.open("rb") as still_open:
        keyring.sweep_drafts()
        assert still_open.read() != SECRET
    assert not draft.exists()


def test_one_process_at_a_time_changes_it(keyring: Keyring) -> None:
    entered, left = threading.Event(), threading.Event()

    def change() -> None:
        with Keyring(keyring.directory).lock():
            entered.set()
        left.set()

    with keyring.lock():
        other = threading.Thread(target=change)
        other.start()
        assert not entered.wait(0.2)
    assert left.wait(10)
    other.join()


def _watched(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the keyring's files from here on, step by step."""
    done: list[str] = []
    names: dict[int, str] = {}

    def watch(name: str, described: Callable[..., str]) -> None:
        real = getattr(os, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            if name == "open":
                names[result] = os.path.relpath(args[0], keyring.directory)
            else:
                done.append(f"{name} {described(*args)}")
            return result

        monkeypatch.setattr(os, name, watched)

    def of_path(path: Any, *_: Any) -> str:
        return os.path.relpath(path, keyring.directory)

    def of_descriptor(descriptor: int, *_: Any) -> str:
        return names[descriptor]

    watch("open", of_path)
    for name in ("write", "fsync"):
        watch(name, of_descriptor)
    for name in ("replace", "rename", "unlink"):
        watch(name, of_path)
    return done

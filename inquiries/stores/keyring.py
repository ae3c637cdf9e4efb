"""The keyring directory: small secret files, replaced atomically, erased by overwriting; no cryptography.

What the bytes mean and under which key they are wrapped is `services/custody.py`'s matter. Directory
0700, files 0600, each write fsynced with its directory before it counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inquiries.stores.locks import flocked, open_lock

#: Backup programs that honour the tag leave this directory out; its own backups live at most 3 days.
CACHEDIR_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Keyring of Inquiries: keep out of ordinary backups. See docs/operate.md.\n"
)


class Keyring:
    """Named byte strings on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def exists(self) -> bool:
        """Whether a keyring was made here."""
        return (self.directory / "CACHEDIR.TAG").exists()

    def create(self) -> None:
        """Make the directory and tag it; harmless when it exists."""
        self.make_directory()
        with self.lock():
            if not self.exists:
                self.write("CACHEDIR.TAG", CACHEDIR_TAG.encode())

    def make_directory(self) -> None:
        """Make the directory alone, untagged: ordinary backups may take it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)

    def read(self, name: str) -> bytes | None:
        """The named file's bytes, or None when there is none."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put the bytes under the name, whole or not at all; durable on return."""
        path, draft = self.directory / name, self.directory / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
        self._sync_directory()

    def replace(self, name: str, data: bytes) -> None:
        """`write`, then overwrite the bytes that stood under the name before, where they lie."""
        with self._overwriting(name):
            self.write(name, data)

    def erase(self, name: str) -> None:
        """Overwrite the file's bytes where they lie and unlink it; harmless when it is gone.

        It loses its name first: nobody reads half of a secret under it. A crash leaves a draft to sweep.
        """
        draft = f".{name.strip('.')}.new" if not name.startswith(".") else name
        if draft != name:
            try:
                (self.directory / name).rename(self.directory / draft)
            except FileNotFoundError:
                return
            self._sync_directory()
        with self._overwriting(draft) as present:
            pass
        if present:
            (self.directory / draft).unlink(missing_ok=True)
            self._sync_directory()

    @contextmanager
    def _overwriting(self, name: str) -> Iterator[bool]:
        """Overwrite, after the block, the file that stood under the name before; False when there was none.

        Overwriting reaches the blocks that the file system shows us. What a copy-on-write file system or
        a flash translation layer keeps beside is a limit said in docs/security.md.
        """
        try:
            descriptor = os.open(self.directory / name, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        try:
            yield True
            os.write(descriptor, os.urandom(os.fstat(descriptor).st_size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def names(self, prefix: str) -> list[str]:
        """The names of the files that begin so, sorted."""
        return sorted(path.name for path in self.directory.glob(f"{prefix}*"))

    def sweep_drafts(self) -> None:
        """Erase what a killed `write` left half written; only under `lock`."""
        for path in self.directory.glob(".*.new"):
            self.erase(path.name)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time changes the keyring."""
        descriptor = open_lock(self.directory / ".lock")
        try:
            with flocked(descriptor):
                yield
        finally:
            os.close(descriptor)

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

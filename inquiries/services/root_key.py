"""A root key and the files wrapped under it, also while another one takes its place.

    root.key        raw        absent when the root key is given from outside
    root.key.next   wrapped    the next root key, under the present one: there while it takes its place

At any moment each wrapped file opens under exactly one of the two, so that whoever holds the present root key
opens them all: a process that goes on meanwhile, and one that starts after a crash in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from inquiries.errors import KeyUnavailable, SealBroken, UnsafeSetting
from inquiries.sealing import primitives
from inquiries.stores.keyring import Keyring

ROOT, NEXT = "root.key", "root.key.next"


class RootKey:
    """`use` names the keyring in what is bound to its files; `given` is a root key from outside."""

    def __init__(self, keyring: Keyring, given: bytes | None, use: str) -> None:
        self.keyring = keyring
        self.given = given
        self._use = use
        self._taken_over: bytes | None = None  # what took the place of the one that is given

    @property
    def present(self) -> bytes | None:
        """The root key; None where it is not."""
        return self.given or self.keyring.read(ROOT)

    # -- wrapping --------------------------------------------------------------------------------

    def wrapped(self, name: str, secret: bytes) -> bytes:
        """The secret for a file of this name, under the newest root key; call it under the keyring's lock."""
        return self._seal([*self._roots()][-1], name, secret)

    def opened(self, name: str) -> bytes | None:
        """What the file of this name holds; None when there is none.

        Raises:
            KeyUnavailable: the root key is not here.
            SealBroken: the file is not wrapped under it.
        """
        before = None
        while (wrapped := self.keyring.read(name)) is not None:
            for root in self._roots():
                if (secret := self._open(root, name, wrapped)) is not None:
                    return secret
            # Between a look at the file and one at the root both may have been replaced; and a file that is
            # replaced is overwritten while we read it. Only one that stays as it is does not open.
            if wrapped == before:
                raise SealBroken(f"{name} is not wrapped under this root key")
            before = wrapped
        return None

    def _roots(self) -> Iterator[bytes]:
        """The present root key, and after it whichever takes its place."""
        present = self.present
        if present is None:
            raise KeyUnavailable("the root key is not here")
        yield present
        if self.given is not None and self._taken_over is not None:
            yield self._taken_over
        following = self._following(present)
        if following is not None:
            self._taken_over = following
            yield following

    def _following(self, present: bytes) -> bytes | None:
        """The next root key, if there is one that the present one leads to."""
        wrapped = self.keyring.read(NEXT)
        if wrapped is None:
            return None
        found = self._open(present, NEXT, wrapped)
        if found is None and self._taken_over is not None:
            found = self._open(self._taken_over, NEXT, wrapped)
        return found

    def _seal(self, root: bytes, name: str, secret: bytes) -> bytes:
        return primitives.seal(root, secret, primitives.bind(self._use, name))

    def _open(self, root: bytes, name: str, wrapped: bytes) -> bytes | None:
        try:
            return primitives.open_sealed(root, wrapped, primitives.bind(self._use, name))
        except SealBroken:
            return None

    # -- taking its place: all of it under the keyring's lock --------------------------------------

    def begin(self, new: bytes) -> None:
        """Make the next root key durable; one whose taking over was begun goes on instead.

        Raises:
            UnsafeSetting: another one than `new` was begun with, and it came from outside.
        """
        present = self.present
        if present is None:
            raise KeyUnavailable("the root key is not here")
        following = self._following(present)
        if following is None:
            self.keyring.write(NEXT, self._seal(present, NEXT, new))
        elif self.given is not None and following != new:
            raise UnsafeSetting("--new-root-file", "is not the root key that was begun with; give that one")

    def finish(self, names: Sequence[str], told: Callable[[int, int], None] = lambda _done, _of: None) -> int:
        """Bring every named file under the next root key, then let it take the place; repeatable.

        The last of `names` is the one by which a start finds out whether its root key is the right one.
        Returns how many files were re-wrapped. A root key from outside stays good beside the next one, until
        a process starts that is given the next one: it then finds `root.key.next` of no use, and erases it.

        Raises:
            SealBroken: a file is wrapped under neither.
        """
        present = self.present
        if present is None or self.keyring.read(NEXT) is None:
            return 0
        following = self._following(present)
        if following is None:  # it has taken the place already
            if all(self.opened(name) is not None for name in names):
                self.keyring.erase(NEXT)
            return 0
        moved = 0
        for place, name in enumerate(names, 1):
            moved += self._move(name, present, following)
            told(place, len(names))
        if self.given is None:
            self.keyring.replace(ROOT, following)
            self.keyring.erase(NEXT)
        return moved

    def _move(self, name: str, present: bytes, following: bytes) -> bool:
        wrapped = self.keyring.read(name)
        if wrapped is None or self._open(following, name, wrapped) is not None:
            return False
        secret = self._open(present, name, wrapped)
        if secret is None:
            raise SealBroken(f"{name} is not wrapped under this root key")
        self.keyring.replace(name, self._seal(following, name, secret))
        return True

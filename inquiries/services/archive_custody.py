"""The archive's key pair: the public half for every process, the private half where its own root is.

    keyring/archive.pub            raw        HPKE public key: whoever archives seals to it
    archive-keyring/root.key       raw        the archive's root; absent when it is given from outside
    archive-keyring/archive.key    wrapped    the secret of the private half, under that root

Only whoever opens needs the private half; a worker or a public host does its work without (P12, DESIGN §3).
"""

from __future__ import annotations

import os

from inquiries.errors import KeyUnavailable, SealBroken, UnsafeSetting
from inquiries.sealing import archive
from inquiries.sealing.primitives import new_key
from inquiries.services.root_key import NEXT, ROOT, RootKey
from inquiries.settings import Settings
from inquiries.stores.keyring import Keyring

_PUBLIC, _PRIVATE = "archive.pub", "archive.key"
WRAPPED = (_PRIVATE,)  # all that the archive's root key wraps


class ArchiveCustody:
    """Reads when asked, and keeps nothing: it is asked seldom."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self.keyring = Keyring(settings.archive_keyring_path)
        self._public = keyring
        self.root_key = RootKey(self.keyring, settings.given_archive_root_key, "inquiries archive keyring")
        self._may_open = settings.surface != "public"

    def create(self) -> None:
        """Make the pair at the first start; where a public half stands it was made, here or elsewhere."""
        if self._may_open and self.keyring.read(NEXT) is not None:
            with self.keyring.lock():
                self.root_key.finish(WRAPPED)
        if self._public.read(_PUBLIC) is not None:
            return
        if self.keyring.read(_PRIVATE) is None:
            self.keyring.make_directory()
            with self.keyring.lock():
                self.keyring.sweep_drafts()
                if self.root_key.present is None:
                    self.keyring.write(ROOT, os.urandom(32))
                self.keyring.write(_PRIVATE, self.root_key.wrapped(_PRIVATE, new_key()))
        self._public.write(_PUBLIC, self.secret.public_key)

    def check(self, live_root: bytes | None) -> None:
        """Refuse what would let one key open both the inbox and the archive.

        Raises:
            UnsafeSetting: both roots are the same, or the archive's is not the one that wrapped its key.
        """
        root = self.root_key.present if self._may_open else None
        if root is None:
            return
        if root == live_root:
            raise UnsafeSetting(
                "INQUIRIES_ARCHIVE_ROOT_KEY",
                "is the root key of the keyring; the archive needs its own (P12)",
            )
        if self._public.read(_PUBLIC) is None or self.keyring.read(_PRIVATE) is None:
            return
        try:
            whole = self.secret.public_key == self.public_key
        except SealBroken:
            raise UnsafeSetting(
                "INQUIRIES_ARCHIVE_ROOT_KEY_FILE",
                "is not the root key that the archive's key is wrapped under",
            ) from None
        if not whole:
            raise UnsafeSetting(
                "INQUIRIES_KEYRING", "holds the archive.pub of another archive; give its own back"
            )

    @property
    def can_seal(self) -> bool:
        """Whether the public half is here."""
        return self._public.read(_PUBLIC) is not None

    @property
    def public_key(self) -> bytes:
        """What to seal to.

        Raises:
            KeyUnavailable: the keyring has lost it, or was made before there was an archive.
        """
        public_key = self._public.read(_PUBLIC)
        if public_key is None:
            raise KeyUnavailable("the keyring holds no archive.pub; `flask --app app init` makes it")
        return public_key

    @property
    def secret(self) -> archive.ArchiveSecret:
        """What opens the archive, not kept in memory.

        Raises:
            KeyUnavailable: the private half or its root is not here, as in a worker or on a public host.
            SealBroken: the root given is not the one that wrapped it.
        """
        secret = self.root_key.opened(_PRIVATE) if self._may_open else None
        if secret is None:
            raise KeyUnavailable("the archive's private key is not here")
        return archive.ArchiveSecret(secret)

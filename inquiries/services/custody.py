"""The keys that this process may hold: opens and writes the keyring's files, and drops what was retired.

The public surface holds the secret key, the verify key and surface keys; everything else is wrapped
under the root key, which it does not have (DESIGN §3).

    secret.key              raw        receipts, `_once`, cookies of the public surface
    verify.key              raw        Ed25519 public key, verifies epoch records
    surface-<epoch>.key     raw        P_e
    root.key                raw        wraps what follows; absent when it is given from outside
    root.key.next           wrapped    the next root key, while it takes the place (`root_key.py`)
    signing.key tag.key     wrapped    Ed25519 seed; key of the blind index
    epoch-<epoch>.secret    wrapped    S_e
    seal.key                wrapped    index u64 ‖ the ledger's present seal key

The archive's pair is `archive_custody.py`'s.
"""

from __future__ import annotations

import os
import threading

from inquiries.errors import KeyUnavailable, SealBroken, UnsafeSetting
from inquiries.sealing import epochs, primitives
from inquiries.services.archive_custody import ArchiveCustody
from inquiries.services.root_key import RootKey
from inquiries.settings import Settings
from inquiries.stores.keyring import Keyring


class Custody:
    """Reads lazily, caches what is in use, forgets what is retired."""

    def __init__(self, settings: Settings) -> None:
        self.keyring = Keyring(settings.keyring_path)
        self.archive = ArchiveCustody(settings, self.keyring)
        self.root_key = RootKey(self.keyring, settings.given_root_key, "inquiries keyring")
        self._given_secret = settings.secret_key
        self._holds_root = settings.surface != "public"
        self._mutex = threading.Lock()
        self._secrets: dict[int, epochs.EpochSecret] = {}
        self._surface: dict[int, bytes] = {}
        self._fixed: dict[str, bytes] = {}

    # -- making ----------------------------------------------------------------------------------

    def create(self) -> None:
        """Make whatever is missing of a first keyring; never replaces a file that stands."""
        self.keyring.create()
        with self.keyring.lock():
            self.keyring.sweep_drafts()
            if self.root_key.present is None:
                self._refuse_second_root()
                self.keyring.write("root.key", os.urandom(32))
            self._refuse_lost_keys()
            if self._given_secret is None and self.keyring.read("secret.key") is None:
                self.keyring.write("secret.key", os.urandom(32))
            if self.keyring.read("tag.key") is None:
                self.keyring.write("tag.key", self._wrapped("tag.key", os.urandom(32)))
            if self.keyring.read("signing.key") is None:
                self.keyring.write("signing.key", self._wrapped("signing.key", os.urandom(32)))
            verify_key = self._public_half()
            self.root_key.finish(self.wrapped_files())
            if self.keyring.read("verify.key") != verify_key:
                self.keyring.write("verify.key", verify_key)
            self.archive.create()

    def check_roots(self) -> None:
        """At every start, after `create`. Raises UnsafeSetting when the archive's root is the live one's."""
        if self._holds_root:
            self.archive.check(self.root_key.present)

    def _public_half(self) -> bytes:
        try:
            return epochs.verify_key_of(self.signing_seed)
        except SealBroken:
            raise UnsafeSetting(
                "INQUIRIES_ROOT_KEY_FILE", "is not the root key that the keyring is wrapped under"
            ) from None

    def _refuse_second_root(self) -> None:
        wrapped = ("signing.key", "tag.key", "seal.key")
        if self.secret_epochs() or any(self.keyring.read(name) for name in wrapped):
            raise UnsafeSetting(
                "INQUIRIES_ROOT_KEY_FILE",
                "the keyring is wrapped under a root key that is not here; give it back",
            )

    def _refuse_lost_keys(self) -> None:
        """A tag key or secret key made anew would silently find nothing of what was sent before.

        `signing.key` is written after both: where it stands, they stood.
        """
        if self.keyring.read("signing.key") is None:
            return
        needed = ["tag.key"] if self._given_secret is not None else ["tag.key", "secret.key"]
        for name in needed:
            if self.keyring.read(name) is None:
                raise UnsafeSetting(
                    "INQUIRIES_KEYRING", f"has lost its {name}; give it back from the keyring's backup"
                )

    def add_epoch(self, number: int) -> epochs.EpochSecret:
        """Make S_e durable if it is not there, and P_e with it; returns the secret.

        The line of surface keys begins here, on a holder of the root, and nowhere else; it begins again
        where every one was lost.
        """
        name = _epoch_file(number)
        with self.keyring.lock():
            if self.keyring.read(name) is None:
                self.keyring.write(name, self._wrapped(name, primitives.new_key()))
            if not self.leads_to(number):
                self.keyring.write(_surface_file(number), primitives.new_key())
        self.surface_key(number)
        return self.epoch_secret(number)

    def leads_to(self, number: int) -> bool:
        """Whether P_e stands here, or an earlier one from which it evolves."""
        return any(epoch <= number for epoch in self.surface_epochs())

    # -- reading ---------------------------------------------------------------------------------

    @property
    def secret_key(self) -> bytes:
        """The key behind receipts and `_once`."""
        if self._given_secret is not None:
            return self._given_secret.get_secret_value().encode()
        return self._raw("secret.key")

    @property
    def verify_key(self) -> bytes:
        """Verifies epoch records."""
        return self._raw("verify.key")

    @property
    def signing_seed(self) -> bytes:
        """Signs epoch records."""
        return self._unwrapped("signing.key")

    @property
    def tag_key(self) -> bytes:
        """Keys the blind index."""
        return self._unwrapped("tag.key")

    def epoch_secret(self, number: int) -> epochs.EpochSecret:
        """S_e with what derives from it.

        Raises:
            KeyUnavailable: it was retired, lost, or never here.
        """
        with self._mutex:
            if number not in self._secrets:
                name = _epoch_file(number)
                secret = self._opened(name)
                if secret is None:
                    raise KeyUnavailable(f"the keyring holds no secret of epoch {number}")
                self._secrets[number] = epochs.EpochSecret(number, secret)
            return self._secrets[number]

    def surface_key(self, number: int) -> bytes:
        """P_e: from its file, or evolved from the newest earlier one and then kept.

        Raises:
            KeyUnavailable: every surface key that could lead to it is gone.
        """
        key = self._surface.get(number)
        if key is None:
            key = self.keyring.read(_surface_file(number)) or self._evolve(number)
            self._surface[number] = key
        return key

    def _evolve(self, number: int) -> bytes:
        with self.keyring.lock():
            earlier = [epoch for epoch in self.surface_epochs() if epoch <= number]
            if not earlier:
                raise KeyUnavailable(f"the surface key of epoch {number} was retired, or is not here")
            start = max(earlier)
            key = self._raw(_surface_file(start), cache=False)
            for epoch in range(start + 1, number + 1):
                key = epochs.evolve(key, epoch)
            self.keyring.write(_surface_file(number), key)
            return key

    def secret_epochs(self) -> list[int]:
        """The epochs whose S_e stands in the keyring."""
        return [int(name[6:-7]) for name in self.keyring.names("epoch-")]

    def surface_epochs(self) -> list[int]:
        """The epochs whose P_e stands in the keyring."""
        return [int(name[8:-4]) for name in self.keyring.names("surface-")]

    # -- forgetting ------------------------------------------------------------------------------

    def forget_before(self, number: int) -> None:
        """Drop what this process remembers of epochs before `number`; the files are another matter."""
        with self._mutex:
            old = [epoch for epoch in {*self._secrets, *self._surface} if epoch < number]
            for epoch in old:
                self._secrets.pop(epoch, None)
                self._surface.pop(epoch, None)
        if old:
            primitives.forget()

    def erase_before(self, number: int) -> None:
        """Overwrite and unlink every S_e and P_e before `number`; repeatable."""
        if all(epoch >= number for epoch in (*self.secret_epochs(), *self.surface_epochs())):
            return
        self.surface_key(number)  # evolved from an earlier one while that still stands
        with self.keyring.lock():
            for epoch in self.secret_epochs():
                if epoch < number:
                    self.keyring.erase(_epoch_file(epoch))
            for epoch in self.surface_epochs():
                if epoch < number:
                    self.keyring.erase(_surface_file(epoch))
        self.forget_before(number)

    # -- the ledger's seal key -------------------------------------------------------------------

    def seal_key(self) -> tuple[int, bytes] | None:
        """(index, key) of the next seal; None until sealing has started."""
        plain = self._opened("seal.key")
        if plain is None:
            return None
        return int.from_bytes(plain[:8]), plain[8:]

    def set_seal_key(self, index: int, key: bytes) -> None:
        """Replace the seal key; the one before is overwritten where it lay (forward security)."""
        with self.keyring.lock():
            wrapped = self._wrapped("seal.key", index.to_bytes(8) + key)
            self.keyring.replace("seal.key", wrapped)

    # -- the root key ----------------------------------------------------------------------------

    @property
    def root(self) -> bytes:
        """The root key.

        Raises:
            KeyUnavailable: this process is the public surface, or the key is lost.
        """
        if not self._holds_root:
            raise KeyUnavailable("the public surface holds no root key")
        present = self.root_key.present
        if present is None:
            raise KeyUnavailable("the keyring holds no root.key")
        return present

    def must_hold_root(self) -> None:
        """Ask first, where a secret that does not open would be taken for a lost one.

        Raises:
            KeyUnavailable: this process holds no root key, so that it can open nothing at all.
        """
        _ = self.root

    def wrapped_files(self) -> list[str]:
        """The names of all that is wrapped under the root key; the one that every start opens comes last."""
        fixed = [name for name in ("seal.key", "tag.key") if self.keyring.read(name) is not None]
        return [*self.keyring.names("epoch-"), *fixed, "signing.key"]

    def _wrapped(self, name: str, secret: bytes) -> bytes:
        self.must_hold_root()
        return self.root_key.wrapped(name, secret)

    def _opened(self, name: str) -> bytes | None:
        self.must_hold_root()
        return self.root_key.opened(name)

    def _unwrapped(self, name: str) -> bytes:
        key = f"open {name}"
        if key not in self._fixed:
            secret = self._opened(name)
            if secret is None:
                raise KeyUnavailable(f"the keyring holds no {name}")
            self._fixed[key] = secret
        return self._fixed[key]

    def _raw(self, name: str, *, cache: bool = True) -> bytes:
        if cache and name in self._fixed:
            return self._fixed[name]
        data = self.keyring.read(name)
        if data is None:
            raise KeyUnavailable(f"the keyring holds no {name}")
        if cache:
            self._fixed[name] = data
        return data


def _epoch_file(number: int) -> str:
    return f"epoch-{number:08d}.secret"


def _surface_file(number: int) -> str:
    return f"surface-{number:08d}.key"

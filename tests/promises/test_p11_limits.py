"""P11, the limits that docs/destruction.md names, each shown to be exactly that: open within its life, not after.

Copies of live and archive may be of any age. Copies of keys and keyring live for 72 hours, as a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inquiries import clock
from inquiries.services.rotation import KEY_BACKUPS_LIVE
from inquiries.settings import Settings
from tests.moments import installed
from tests.promises.attacker import Attacker, copy_of
from tests.promises.lives import CANARY, Lives, live


@dataclass
class Past:
    """A life, and copies of everything at each of its moments."""

    lives: Lives
    copies: dict[str, tuple[datetime, Path]]

    def copy(self, moment: str) -> Path:
        return self.copies[moment][1]

    @property
    def rotated_at(self) -> datetime:
        return self.copies["rotated"][0]

    def attacker(self, *pairs: str, codes: tuple[str, ...] = ()) -> Attacker:
        """Live and archive of every age, the archive's private key, and keys with keyring of these moments."""
        made = Attacker([self.lives.codes[name] for name in codes])
        made.take_live(*(path for _, path in self.copies.values()))
        made.take_archive_keyring(self.copy("rotated"))
        for moment in (*pairs, "rotated"):  # the present she has in any case
            made.take_keys(self.copy(moment))
            made.take_keyring(self.copy(moment))
        return made

    def pairs_at(self, now: datetime) -> tuple[str, ...]:
        """The key backups that have not expired then."""
        return tuple(name for name, (at, _) in self.copies.items() if now - at <= KEY_BACKUPS_LIVE)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    from inquiries import settings as module

    directory = tmp_path_factory.mktemp("limits")

    def settings(**given: object) -> Settings:
        return module.load(instance=directory / "instance", **given)

    copies: dict[str, tuple[datetime, Path]] = {}
    with installed(settings) as house:

        def copy(moment: str) -> None:
            copies[moment] = (clock.now(), copy_of(house, moment))

        yield Past(live(house, copy), copies)


def of_the_gone(past: Past, read: dict[int, set[str]]) -> set[str]:
    """Which of those that ended she reads."""
    ids = past.lives.ids | {"archived row": past.lives.moved}
    return {name for name, one in ids.items() if any(CANARY in text for text in read.get(one, ()))}


# -- the keyring backup within its life ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "opens"), [(0, {"held"}), (24, {"held"}), (71.9, {"held"}), (72.1, set()), (100, set())]
)
def test_p11_a_key_backup_opens_what_was_destroyed_since_and_expires(
    past: Past, hours: float, opens: set[str]
) -> None:
    now = past.rotated_at + timedelta(hours=hours)
    assert of_the_gone(past, past.attacker(*past.pairs_at(now)).reads()) == opens


def test_p11_what_lives_opens_all_the_while(past: Past) -> None:
    assert past.lives.ids["stays"] in past.attacker().reads()


def test_p11_until_the_rotation_an_older_copy_of_keys_is_enough(past: Past) -> None:
    """Also without a keyring backup: the secrets of the epoch stand until it ends."""
    made = past.attacker()
    made.take_keys(past.copy("before the last sweep"))
    assert of_the_gone(past, made.reads()) == set()
    made.take_keyring(past.copy("destroyed"))
    assert of_the_gone(past, made.reads()) == {"held"}


def test_p11_a_pair_from_before_the_archived_one_ended_opens_it(past: Past) -> None:
    """What the expiry of key backups is for: kept against the rule, this one brings it back."""
    made = past.attacker("moved and held")
    assert {"archived row", "archived"} <= of_the_gone(past, made.reads())


def test_p12_without_the_archives_own_root_every_other_key_opens_nothing_of_it(past: Past) -> None:
    made = past.attacker("moved and held")
    made.archives.clear()
    made.sealed.clear()  # older copies of live, from before the move
    assert of_the_gone(past, made.reads()) == set()


# -- the receipt with older copies ---------------------------------------------------------------------


def by_receipt(past: Past, *pairs: str, codes: tuple[str, ...]) -> set[str]:
    """Without the root key: the surface keys, which a public host holds too, and the codes."""
    made = past.attacker(*pairs, codes=codes)
    made.secrets.clear()
    made.archives.clear()
    return of_the_gone(past, made.reads())


@pytest.mark.parametrize(("hours", "opens"), [(0, {"held"}), (71.9, {"held"}), (72.1, set())])
def test_p11_the_receipt_opens_with_key_backups_within_their_life(
    past: Past, hours: float, opens: set[str]
) -> None:
    pairs = past.pairs_at(past.rotated_at + timedelta(hours=hours))
    assert by_receipt(past, *pairs, codes=("held",)) == opens


def test_p11_a_receipt_opens_its_own_inquiry_alone(past: Past) -> None:
    early = ("sent", "adopted", "before the last sweep")
    for name in ("ended", "held", "archived"):
        assert by_receipt(past, *early, codes=(name,)) == {name}
    assert by_receipt(past, *early, codes=()) == set()


def test_p11_all_receipts_with_all_that_is_left_open_nothing(past: Past) -> None:
    assert by_receipt(past, codes=("ended", "held", "archived")) == set()

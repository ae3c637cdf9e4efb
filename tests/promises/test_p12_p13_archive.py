"""P12, P13: what a law orders kept moves to an archive that the inbox cannot read, for the statute's period."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from inquiries.errors import ArchiveClosed, NotFound, UnsafeSetting
from inquiries.policy import loader
from inquiries.policy.model import Policy
from inquiries.services import archive, inbox, installation, receipt, records, retention, rotation
from inquiries.services.house import House
from inquiries.settings import HOME, Settings
from inquiries.stores import archive as store
from tests.cast import BAE, ITEMS, MINJI, OH, send
from tests.moments import T0, at, installed
from tests.promises.attacker import Attacker, copy_of
from tests.stones import standing

Make = Callable[..., Settings]
WHY = "법령에 따라 보존합니다"
PROFILES = sorted((HOME / "policies").glob("*.toml"))
MOVED = datetime(2028, 2, 29, 9, 30, tzinfo=UTC)  # 18:30 in Seoul
ENDS = {  # by local wall time: years later on the 28th, months later on the 29th
    "5 years": datetime(2033, 2, 28, 18, 30),  # noqa: DTZ001
    "3 years": datetime(2031, 2, 28, 18, 30),  # noqa: DTZ001
    "6 months": datetime(2028, 8, 29, 18, 30),  # noqa: DTZ001
    "3 months": datetime(2028, 5, 29, 18, 30),  # noqa: DTZ001
}


def policy_of(path: Path) -> Policy:
    return loader.load(path).policy


def sent(house: House, **given: Any) -> tuple[int, str]:
    """(inquiry id, receipt code)."""
    code = send(house, **given).receipt
    return inbox.page(house, MINJI).rows[0].id, code


# -- the statutory table -------------------------------------------------------------------------

STATUTES = [
    pytest.param(path, name, id=f"{path.stem}-{name}")
    for path in PROFILES
    for name in policy_of(path).statutes
]


@pytest.mark.parametrize(("profile", "statute"), STATUTES)
def test_each_row_of_each_statutory_table_keeps_to_the_day_and_no_longer(
    make_settings: Make, profile: Path, statute: str
) -> None:
    policy = policy_of(profile)
    kind = next(iter(policy.types))
    declared = policy.statutes[statute]
    with installed(make_settings, policy=profile) as house:
        with time_machine.travel(MOVED, tick=False):
            asked = policy.types[kind].items
            given = {name: TEXTS[name] if name in asked else None for name in {*ITEMS, *asked}}
            inquiry, _ = sent(house, type=kind, items=given, language=policy.languages[0])
            items = [name for name in policy.types[kind].required if name in (declared.items or TEXTS)]
            archive_id = archive.order(house, OH, inquiry, statute=statute, items=items, reason=WHY)
            (line,) = archive.page(house, OH).rows
        end = ENDS[str(declared.period)].replace(tzinfo=ZoneInfo(policy.time_zone))
        assert (line.statute, line.due_at) == (statute, end)
        assert line.statute_name == declared.name
        with time_machine.travel(end - timedelta(seconds=1), tick=False):
            retention.sweep(house, confirm=True)
            opened = archive.open_archived(house, OH, archive_id, WHY)
            assert opened.items == {name: TEXTS[name] for name in items}
        with time_machine.travel(end, tick=False):
            with pytest.raises(NotFound):
                archive.open_archived(house, OH, archive_id, WHY)
            retention.sweep(house, confirm=True)
        assert archived_rows(house) == []
        with house.keys.read() as connection:
            (buried,) = standing(connection, [archive_id])
        assert buried.reason == "statute"
        assert buried.rule == f"statute {statute} {declared.period}"


TEXTS = {
    "name": "이보존",
    "email": "kept@example.com",
    "content": "이 글은 법령에 따라 보존됩니다. Kept by law.",
    "subject": "보존",
    "contact": "02-1234-5678",
    "company": "보존상사",
    "department": "총무부",
    "title": "과장",
    "phone": "02-1234-5678",
    "message": "Kept by law.",
}


def test_the_default_profile_and_clunix_keep_what_the_table_says() -> None:
    periods = {
        path.stem: {name: str(one.period) for name, one in policy_of(path).statutes.items()}
        for path in PROFILES
    }
    assert periods["default"] == {
        "contract": "5 years", "payment": "5 years", "complaint": "3 years", "advertising": "6 months",
        "tax": "5 years", "electronic_finance": "5 years", "identification": "6 months",
        "visitor_log": "3 months",
    }  # fmt: skip
    assert periods["clunix"] == {
        "contract": "5 years", "payment": "3 years", "advertising": "6 months", "tax": "5 years",
        "electronic_finance": "5 years", "identification": "6 months", "communications": "3 months",
    }  # fmt: skip


def archived_rows(house: House) -> list[int]:
    with house.archive.read() as connection:
        return store.ids_after(connection, 0, 100)


# -- serves no other purpose -----------------------------------------------------------------------


def test_what_is_archived_is_gone_from_list_inbox_and_receipt(any_house: House) -> None:
    house = any_house
    with at():
        inquiry, code = sent(house, items=TEXTS_OF_SORA)
        archive_id = archive.order(
            house, OH, inquiry, statute="contract", items=["name", "content"], reason=WHY
        )
        for actor in (MINJI, OH):
            assert inbox.page(house, actor).rows == ()
            with pytest.raises(NotFound):
                inbox.summary(house, actor, inquiry)
            with pytest.raises(NotFound):
                inbox.open_inquiry(house, actor, inquiry, WHY)
            with pytest.raises(NotFound):
                inbox.summary(house, actor, archive_id)
        with pytest.raises(NotFound):
            receipt.look(house, code)
        for actor in (MINJI, BAE):
            with pytest.raises(NotFound):
                archive.open_archived(house, actor, archive_id, WHY)
        assert archive.open_archived(house, OH, archive_id, WHY).items["name"] == TEXTS["name"]


VISIT = {"192.0.2.7", "Sora's browser"}  # ends on its own, three months after the visit
TEXTS_OF_SORA = {name: TEXTS[name] for name in ("name", "company", "contact", "email", "content")}


def test_only_what_the_statute_needs_stands_in_the_archive(house: House) -> None:
    with at():
        inquiry, _ = sent(house, items=TEXTS_OF_SORA)
        archive_id = archive.order(house, OH, inquiry, statute="contract", items=["name"], reason=WHY)
        assert archive.open_archived(house, OH, archive_id, WHY).items == {"name": TEXTS["name"]}
        copy = copy_of(house, "with everything")
        thief = thief_with(copy)
        thief.take_archive_keyring(copy)
        assert thief.reads() == {inquiry: VISIT, archive_id: {TEXTS["name"]}}


def test_each_opening_stands_in_the_ledger_with_who_and_why(house: House) -> None:
    with at():
        inquiry, _ = sent(house)
        archive_id = archive.order(house, OH, inquiry, statute="tax", items=["name"], reason=WHY)
        archive.open_archived(house, OH, archive_id, "세무조사")
    found = [
        (body["email"], body["inquiry"], body["reason"])
        for _, body in records.bodies(house, "access")
        if body["act"] in {"archive", "open_archived"}
    ]
    assert found == [(OH.email, inquiry, WHY), (OH.email, inquiry, "세무조사")]


# -- by a key of its own ---------------------------------------------------------------------------


def thief_with(*copies: Path) -> Attacker:
    """She has all stores, the live keyring and its root, and tries every key on the archive, too."""
    thief = Attacker()
    thief.take_stores(*copies)
    thief.take_keyring(*copies)
    thief.archives |= thief.secrets | thief.surfaces
    return thief


def test_all_stores_and_the_live_keyring_with_its_root_open_nothing_archived(house: House) -> None:
    with at():
        inquiry, _ = sent(house, items=TEXTS_OF_SORA)
        archive_id = archive.order(house, OH, inquiry, statute="contract", items=["content"], reason=WHY)
        copies = [copy_of(house, "moved")]
        rotation.rotate(house)
        copies.append(copy_of(house, "rotated"))
        thief = thief_with(*copies)
        assert thief.reads() == {inquiry: VISIT}
        thief.take_archive_keyring(copies[0])
        assert thief.reads() == {inquiry: VISIT, archive_id: {TEXTS["content"]}}


def test_a_process_that_holds_all_but_the_archives_key_archives_and_cannot_read(
    house: House, tmp_path: Path
) -> None:
    with at():
        shutil.move(house.custody.archive.keyring.directory, tmp_path / "elsewhere")
        inquiry, _ = sent(house)
        archive_id = archive.order(house, OH, inquiry, statute="contract", items=["name"], reason=WHY)
        with pytest.raises(ArchiveClosed):
            archive.open_archived(house, OH, archive_id, WHY)


def test_the_start_is_refused_when_one_root_would_open_both(house: House, make_settings: Make) -> None:
    root = house.custody.root.hex()
    with pytest.raises(UnsafeSetting) as refused:
        installation.install(make_settings(archive_root_key=root))
    assert refused.value.key == "INQUIRIES_ARCHIVE_ROOT_KEY"


def test_the_archive_is_a_database_of_its_own(make_settings: Make) -> None:
    settings = make_settings()
    with pytest.raises(UnsafeSetting) as refused:
        make_settings(archive_url=settings.store_url("live"))
    assert refused.value.key == "INQUIRIES_ARCHIVE_URL"


# -- and final -------------------------------------------------------------------------------------


def test_after_the_statutes_end_and_a_rotation_no_copy_gives_it_back(house: House) -> None:
    """Also with the archive's private key, and every older copy of every store."""
    with at():
        inquiry, code = sent(house, items=TEXTS_OF_SORA)
        kept, _ = sent(house, items={"content": "another one"})
        gone = archive.order(house, OH, inquiry, statute="identification", items=["content"], reason=WHY)
        stays = archive.order(house, OH, kept, statute="contract", items=["content"], reason=WHY)
        copies = [copy_of(house, "moved")]
    with at(1):
        rotation.rotate(house)
        copies.append(copy_of(house, "a day later"))
    with at(200):
        rotation.rotate(house)
        copies.append(copy_of(house, "before its end"))
        retention.sweep(house, confirm=True)
        rotation.rotate(house)
        present = copy_of(house, "after its end")
        assert archive.open_archived(house, OH, stays, WHY).items["content"] == "another one"
    thief = thief_with(present)
    thief.codes.append(code)
    thief.take_archive_keyring(present)
    thief.take_stores(*copies)
    read = thief.reads()
    assert "another one" in read[stays]
    assert gone not in read
    thief.take_keyring(copies[-1])  # the limit: the keyring's backup within its life
    assert TEXTS["content"] in thief.reads()[gone]


def test_an_older_copy_of_the_archive_brings_nothing_back(house: House, make_settings: Make) -> None:
    with at():
        inquiry, _ = sent(house, items=TEXTS_OF_SORA)
        archive_id = archive.order(house, OH, inquiry, statute="identification", items=["name"], reason=WHY)
        older = copy_of(house, "older")
    with at(200):
        retention.sweep(house, confirm=True)
        house.close()
        for suffix in ("-wal", "-shm"):
            (house.settings.instance / f"archive.db{suffix}").unlink(missing_ok=True)
        shutil.copy(older / "archive.db", house.settings.instance / "archive.db")
        again = installation.install(make_settings()).house
        assert archived_rows(again) == []
        with pytest.raises(NotFound):
            archive.open_archived(again, OH, archive_id, WHY)
        again.close()


def test_the_day_of_the_move_counts_not_the_day_of_receipt(house: House) -> None:
    with at():
        inquiry, _ = sent(house)
    with at(100):
        archive.order(house, OH, inquiry, statute="advertising", items=["name"], reason=WHY)
        (line,) = archive.page(house, OH).rows
    assert T0 + timedelta(days=100 + 180) < line.due_at < T0 + timedelta(days=100 + 190)

"""What must be true of an instance whenever nothing runs on it: read from the stores themselves."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from inquiries.clock import now
from inquiries.errors import NotFound
from inquiries.sealing import documents
from inquiries.services import archive, certificates, grants, inbox, people, receipt, records, sessions
from inquiries.services.house import House
from tests.cast import MINJI, OH


def whole(house: House) -> None:
    """Nothing half made and nothing half destroyed stands in stores and keyring."""
    _nothing_half_destroyed(house)
    _every_destruction_is_proved(house)
    _epochs_agree(house)
    _files_are_whole(house.custody.keyring.directory)
    _files_are_whole(house.custody.archive.keyring.directory)
    _rights_are_as_recorded(house)
    verdict = records.verify(house)
    assert verdict.ok, verdict.problems


def _nothing_half_destroyed(house: House) -> None:
    living = _rows(house.live, "SELECT id, inquiry_id FROM inquiry_groups")
    assert _rows(house.live, "SELECT group_id FROM claims EXCEPT SELECT id FROM inquiry_groups") == []
    stones = _rows(
        house.keys,
        "SELECT id, wrap, receipt_wrap, key_id, intent FROM keys LEFT JOIN tags ON key_id = id "
        "WHERE destroyed_at IS NOT NULL",
    )
    assert all(row[1:4] == (None,) * 3 for row in stones), "a tombstone keeps a wrap or a tag"
    both = {row[0] for row in living} & {row[0] for row in stones}
    assert not both, f"live rows of destroyed groups: {both}"
    kept = _rows(house.archive, "SELECT id, envelope IS NULL FROM archived")
    both = {row[0] for row in kept} & {row[0] for row in stones}
    assert not both, f"archived rows of destroyed keys: {both}"
    shells = {row[0] for row in _rows(house.live, "SELECT id FROM inquiries")}
    assert shells == {row[1] for row in living}, "a shell without groups, or groups without a shell"
    staff = {row[0] for row in _rows(house.live, "SELECT id FROM staff")}
    staff |= {row[0] for row in _rows(house.live, "SELECT id FROM outbox WHERE inquiry_id IS NULL")}
    assert not staff & {row[0] for row in stones}, "mail whose key is destroyed"
    assert {row[0] for row in _rows(house.live, "SELECT inquiry_id FROM envelopes")} <= shells | staff
    keys = {row[0] for row in _rows(house.keys, "SELECT id FROM keys WHERE destroyed_at IS NULL")}
    rows = {row[0] for row in (*living, *kept)}
    assert not keys - rows - staff, "living keys of groups that are not there"
    assert {row[0] for row in kept if row[1]} <= keys, "an archived row with neither key nor envelope"
    sealed = {row[0] for row in _rows(house.live, "SELECT inquiry_id FROM envelopes")}
    bare = {row[1] for row in living if row[0] not in keys} - sealed
    assert not bare, f"groups with neither key nor envelope, of {bare}"
    intents = [n for n, body in records.bodies(house, "destruction") if body["act"] == "intent"]
    done = {body["intent"] for _, body in records.bodies(house, "destruction") if body["act"] == "done"}
    assert set(intents) == done, "a destruction that was begun and not carried through"
    assert {row[4] for row in stones} <= set(intents)


def _every_destruction_is_proved(house: House) -> None:
    """Whoever has a code gets a proof of all that was destroyed under it, and it holds."""
    codes = _rows(house.keys, "SELECT DISTINCT receipt_lookup FROM keys WHERE destroyed_at IS NOT NULL")
    for (lookup,) in codes:
        if lookup is not None:
            document = certificates.of_lookup(house, lookup).document
            checked = documents.check(document, house.custody.verify_key)
            assert checked.ok, checked.problems


def _epochs_agree(house: House) -> None:
    live = dict(_rows(house.live, "SELECT number, state FROM epochs"))
    here = dict(_rows(house.keys, "SELECT number, state FROM epochs"))
    for states in (live, here):
        assert Counter(states.values())["open"] == 1, (live, here)
    (open_one,) = [number for number, state in live.items() if state == "open"]
    assert here[open_one] == "open", (live, here)
    assert all(
        states[number] == "retired" for states in (live, here) for number in states if number != open_one
    )
    assert house.custody.secret_epochs() == [open_one]
    assert house.custody.surface_epochs() == [open_one]
    assert not _rows(house.keys, "SELECT number FROM epochs WHERE state = 'retired' AND scoured_at IS NULL")
    wrapped = _rows(house.keys, "SELECT DISTINCT epoch FROM keys WHERE destroyed_at IS NULL")
    assert {row[0] for row in wrapped} <= {open_one}, "a living key under a retired epoch"


def _rights_are_as_recorded(house: House) -> None:
    """Everybody of the register has exactly the rights that it says last, and nobody else has any (P24)."""
    said: dict[int, tuple[bool, list[str], str | None]] = {}
    granted: dict[int, tuple[int, int]] = {}  # grant → to whom, of which inquiry
    for _, body in records.bodies(house, "rights"):
        who, detail = int(body.get("staff", 0)), body.get("detail", {})
        revoked, roles, trained = said.get(who, (False, [], None))
        if body["act"] in ("invite", "enrol", "change"):
            said[who] = (revoked, detail["roles"], detail.get("on", trained))
        elif body["act"] == "revoke":
            said[who] = (True, [], trained)
        elif body["act"] == "training":
            said[who] = (revoked, roles, detail["on"])
        elif body["act"] == "grant":
            of = (who, detail["inquiry"])
            granted = {one: other for one, other in granted.items() if other != of} | {detail["grant"]: of}
        elif body["act"] == "cancel":
            del granted[detail["grant"]]
    held = {
        one.id: (one.revoked, sorted(one.roles), one.trained_on and one.trained_on.isoformat())
        for one in people.everyone(house)
    }
    assert held == said
    able = {who for who, (_, roles, _) in said.items() if "business" in roles}
    assert {one.id for one in grants.running(house)} == {
        one for one, (who, _) in granted.items() if who in able
    }


def what_was_told_of_rights_holds(house: House, notes: list[dict[str, Any]]) -> None:
    """What an officer was told is on record, and who was revoked is not signed in any more."""
    recorded = Counter((body["act"], body.get("staff")) for _, body in records.bodies(house, "rights"))
    relied_on = Counter((note["done"], note["staff"]) for note in notes if note["act"] == "right")
    assert relied_on <= recorded, relied_on - recorded
    revoked = {one.email for one in people.everyone(house) if one.revoked}
    for note in (note for note in notes if note["act"] == "session"):
        found = sessions.find(house, bytes.fromhex(note["token"]), None)
        assert (found is None) is (note["email"] in revoked), note["email"]


def _files_are_whole(keyring: Path) -> None:
    known = ("CACHEDIR.TAG", "epoch-", "surface-", "keys.db", ".lock")
    single = {
        "root.key",
        "secret.key",
        "verify.key",
        "signing.key",
        "tag.key",
        "seal.key",
        "archive.pub",
        "archive.key",
    }
    strange = [f.name for f in keyring.iterdir() if f.name not in single and not f.name.startswith(known)]
    assert not strange, f"left behind in the keyring: {strange}"
    open_to_others = [file.name for file in keyring.iterdir() if file.stat().st_mode & 0o077]
    assert not [name for name in open_to_others if not name.startswith("keys.db")], open_to_others


def everything_opens(house: House, sent: dict[str, str], *, destroyed: frozenset[str] = frozenset()) -> None:
    """Each acknowledged inquiry (receipt → content) opens by receipt and in the inbox, once; the destroyed never."""
    for code, content in sent.items():
        try:
            found: str | None = receipt.look(house, code).items["content"]
        except NotFound:
            found = None
        assert found == (None if content in destroyed else content), content
    shown = Counter(contents_of_inbox(house))
    assert not [content for content, times in shown.items() if times > 1], shown
    assert set(sent.values()) - destroyed <= set(shown), set(sent.values()) - destroyed - set(shown)
    assert not destroyed & set(shown), destroyed & set(shown)


def contents_of_inbox(house: House) -> list[str]:
    """What Minji reads when she opens every inquiry of the list."""
    found: list[str] = []
    after = None
    while True:
        page = inbox.page(house, MINJI, type=None, state=None, after=after)
        found += _opened(house, [row.id for row in page.rows])
        after = page.next
        if after is None:
            return found


def contents_of_archive(house: House) -> frozenset[str]:
    """What Oh reads when she opens every archived row; each stands there once."""
    lines = archive.page(house, OH).rows
    contents = [archive.open_archived(house, OH, line.id, "looking").items["content"] for line in lines]
    assert len(set(contents)) == len(contents), contents
    return frozenset(contents)


def archived(house: House) -> list[int]:
    """The archived rows, due or not."""
    return [row[0] for row in _rows(house.archive, "SELECT id FROM archived")]


def destroyed(house: House) -> list[int]:
    """The ids of all tombstones."""
    return [row[0] for row in _rows(house.keys, "SELECT id FROM keys WHERE destroyed_at IS NOT NULL")]


def _opened(house: House, inquiry_ids: list[int]) -> list[str]:
    contents = []
    for inquiry_id in inquiry_ids:
        with suppress(NotFound):  # its key is lost; the list shows it without
            contents.append(inbox.open_inquiry(house, MINJI, inquiry_id, None).items["content"])
    return contents


def due_now(house: House) -> int:
    """How many groups are due, asked of the table itself."""
    moment = (now().timestamp()) * 1e6
    return len(_rows(house.live, f"SELECT id FROM inquiry_groups WHERE due_at <= {moment:.0f}"))


def operations(house: House, act: str) -> list[dict[str, Any]]:
    """The ledger's operation records of this act."""
    return [body for _, body in records.bodies(house, "operation") if body["act"] == act]


def _rows(database: Any, query: str) -> list[Any]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def sent_in(directory: Path) -> dict[str, str]:
    """Receipt → content of what was acknowledged."""
    lines = (directory / "told").read_text().splitlines() if (directory / "told").exists() else []
    notes = [json.loads(line) for line in lines]
    return {note["receipt"]: note["content"] for note in notes if note["act"] == "receipt"}

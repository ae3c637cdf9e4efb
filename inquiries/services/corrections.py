"""A correction: a new sealed version in the place of the old one, wherever that stands; settles nothing.

It replaces the inquiry's own items and the copies that consents made, under the same data keys. A changed
e-mail address is announced to the old one and the new, so that nobody is taken out of her own inquiry
unnoticed (P17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from inquiries.errors import KeyUnavailable
from inquiries.policy.model import Policy
from inquiries.rules import correspondence, minors
from inquiries.rules import items as item_rules
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import adoption, given, mail, publishing, requests
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.stores import tags
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import outbox
from inquiries.stores.live.requests import RequestRow

Keys = Mapping[tuple[int, str], DataKey]


@dataclass(frozen=True)
class _Version:
    """What takes a group's place: sealed, and in clear."""

    key: DataKey
    sealed: bytes
    texts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Correction:
    """All that a request puts in another's place; `told` are the addresses that hear of it.

    `address` is where she is written to from now on.
    """

    policy: Policy
    language: str
    versions: tuple[_Version, ...]
    changed: frozenset[str]  # the names of the items
    told: tuple[str, ...] = field(repr=False)
    address: str | None = field(repr=False)


def prepared(house: House, row: RequestRow, found: Keys) -> Correction | None:
    """The request's texts, sealed; None when the items that they correct are gone.

    The form's rules are asked again: the public surface has done so, and may have been broken into.

    Raises:
        InvalidItems: the form would not take it.
        KeyUnavailable, SealBroken: what is to be corrected does not open.
    """
    with house.live.read() as connection:
        shell = live.shells(connection, [row.inquiry_id]).get(row.inquiry_id)
        sealed = live.sealed_groups(connection, row.inquiry_id)
    if shell is None or MAIN not in sealed:
        return None
    main = found.get((row.inquiry_id, MAIN))
    if main is None:
        raise KeyUnavailable("no key opens what is to be corrected")
    policy = publishing.version(house, shell.policy_version).policy
    texts = requests.detail(main.dek, row)
    before = items.open_items(main.dek, row.inquiry_id, MAIN, items.unpack(sealed[MAIN]))
    guardian = minors.of(before)
    declared = {name: text for name, text in before.items() if name not in guardian}
    after = item_rules.validate_items(policy, shell.type, {**declared, **texts})
    order = (*policy.types[shell.type].items, *guardian)
    versions = [_version(main, {**after, **guardian}, order)]
    for name, purpose in policy.purposes.items():
        key = found.get((row.inquiry_id, name))
        if name in sealed and key is not None and set(texts) & set(purpose.items):
            copies = items.open_items(key.dek, row.inquiry_id, name, items.unpack(sealed[name]))
            versions.append(_version(key, {**copies, **_of(texts, after, purpose.items)}, purpose.items))
    addresses = [name for name in texts if name in policy.items and policy.items[name].kind == "email"]
    told = (text.get(name) for name in addresses for text in (before, after))
    address = correspondence.address_of(policy, after)
    changed = frozenset(texts)
    return Correction(policy, shell.language, tuple(versions), changed, tuple(filter(None, told)), address)


def _of(texts: Mapping[str, str], after: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """What was corrected of these items, as the form takes it; empty where nothing is left of it."""
    return {name: after.get(name, "") for name in texts if name in names}


def _version(key: DataKey, texts: Mapping[str, str], order: Sequence[str]) -> _Version:
    """Items that are empty now are left out."""
    kept = {name: texts[name] for name in order if texts.get(name)}
    return _Version(key, items.pack(items.seal_items(key.dek, key.inquiry_id, key.group, kept)), kept)


def retag(house: House, correction: Correction) -> None:
    """Let the new addresses find her, the old ones not; before the items, whose old ones are then gone."""
    for one in correction.versions:
        found = adoption.tags_of(house, correction.policy, one.texts)
        with house.keys.write() as connection:
            tags.replace(connection, one.key.id, *found)


def replace(house: House, connection: Connection, correction: Correction) -> None:
    """Put the new version in the old one's place and queue what is told, in the caller's transaction.

    What waits for the old address goes to the new one: the old may be a stranger's.
    """
    for one in correction.versions:
        live.replace_sealed(connection, one.key.id, one.sealed)
    main = correction.versions[0].key
    groups = [one.key.group for one in correction.versions]
    kind = mail.Kind.given_corrected
    given.tell(house, connection, main.inquiry_id, kind, groups=groups, items=correction.changed)
    for to in correction.told:
        kind, language = mail.Kind.address_changed, correction.language
        mail.queue(house, connection, kind=kind, to=to, language=language, key=main)
    replied = mail.Kind.replied
    if correction.told and outbox.take_back(connection, main.inquiry_id, replied) and correction.address:
        to, language = correction.address, correction.language
        mail.queue(house, connection, kind=replied, to=to, language=language, key=main)

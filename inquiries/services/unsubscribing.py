"""Unsubscribing by a link: one click, without an account or a receipt, and it holds for the address (P15).

The link proves a request, made on the public surface like any other; the worker carries it out. It notes a
keyed hash of the address, which public processes cannot make, and ends what else was agreed to under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from inquiries import clock
from inquiries.errors import SealBroken
from inquiries.policy.model import Policy
from inquiries.rules import items as item_rules
from inquiries.rules.correspondence import address_of
from inquiries.rules.purposes import Use
from inquiries.rules.requests import UNSUBSCRIBE, Kind
from inquiries.rules.retention import MAIN
from inquiries.sealing import items, links, tags
from inquiries.services import linking, publishing, purposes, records, request_proofs
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.requests import Asked
from inquiries.stores import suppressions
from inquiries.stores import tags as tag_store
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import linked
from inquiries.stores.live.linked import Linked
from inquiries.stores.live.requests import RequestRow

# -- the link ------------------------------------------------------------------------------------------


def unsubscribe(house: House, token: str) -> None:
    """Ask for the end of what the token is of, once; one of nothing that stands is passed over in silence.

    Runs on the public surface, which cannot tell a token from one that was made up: the worker can.
    """
    try:
        group_id, secret = links.read(token)
    except SealBroken:
        return
    _ask(house, group_id, secret)


def _ask(house: House, group_id: int, secret: bytes, at: datetime | None = None) -> None:
    with house.live.read() as connection:
        group = linked.standing(connection, group_id, clock.now())
    if group is None or not mailed(publishing.version(house, group.policy_version).policy, group):
        return
    kind, subject = (Kind.delete, "") if group.name == MAIN else (Kind.withdraw, group.name)
    asked = Asked(group.inquiry_id, kind, subject, group=group.name, channel=UNSUBSCRIBE, at=at)
    linking.ask(house, asked, secret)


# -- what follows from it ------------------------------------------------------------------------------


def heed(house: House, row: RequestRow, found: Mapping[tuple[int, str], DataKey]) -> bool:
    """Note that this address wants no more of it, and ask the same for what else it agreed to before.

    Whether it is proved, and names an address. By the worker, before any is carried out, waits or ends with
    its key. Repeatable. Raises SealBroken.
    """
    key = found.get((row.inquiry_id, row.group_name))
    if key is None:
        return False
    if row.noted_at is None and not request_proofs.prove(house, row, key):
        return False
    with house.live.read() as connection:
        shell = live.shells(connection, [row.inquiry_id]).get(row.inquiry_id)
        sealed = live.sealed_groups(connection, row.inquiry_id).get(key.group)
    if shell is None or sealed is None:
        return False
    policy = publishing.version(house, shell.policy_version).policy
    texts = items.open_items(key.dek, key.inquiry_id, key.group, items.unpack(sealed))
    email = _address(policy, texts)
    if email is None:
        return False
    scope = scope_of(key.group, shell.type)
    with house.keys.write() as connection:
        suppressions.note(connection, scope, _tag(house, scope, email), row.asked_at)
        ids = tag_store.found(connection, email=tags.tag(house.custody.tag_key, "email", email))
    _ask_for_others(house, key, shell.type, sorted(ids - {key.id}), row.asked_at)
    return True


def _ask_for_others(house: House, key: DataKey, kind: str, ids: Sequence[int], before: datetime) -> None:
    """What else was agreed to under the address ends as well, each by a request of its own, of that moment.

    What is agreed to between it and now goes on.
    """
    with house.live.read() as connection:
        others = linked.alike(connection, ids, key.group, kind if key.group == MAIN else None, before)
    found = purposes.data_keys(house, Use.rights, others)
    for inquiry_id in others:
        own = found.get((inquiry_id, key.group))
        if own is not None:
            _ask(house, own.id, linking.secret(own, UNSUBSCRIBE), before)


# -- suppression ---------------------------------------------------------------------------------------


def scope_of(group: str, kind: str) -> str:
    """What is no longer sent: a type that is kept until withdrawn, or what an optional consent was for."""
    return f"{MAIN} {kind}" if group == MAIN else group


def mailed(policy: Policy, group: Linked) -> bool:
    """Whether what this group is for goes on until the person says no: of such alone there are links."""
    if group.name == MAIN:
        return policy.types[group.type].period.until_withdrawn
    return group.name in policy.purposes


@dataclass(frozen=True)
class Agreed:
    """What somebody agreed to have mailed, by whatever address is among the items, and when."""

    id: int
    scope: str
    texts: Mapping[str, str] = field(repr=False)
    at: datetime


def unwanted(house: House, policy: Policy, rows: Iterable[Agreed]) -> frozenset[int]:
    """Those of them whose address was unsubscribed since. Where it agreed anew, that is lifted, on record."""
    ended: set[int] = set()
    for scope, members in groupby(sorted(rows, key=lambda one: one.scope), key=lambda one: one.scope):
        known = [
            (one, _tag(house, scope, email)) for one in members if (email := _address(policy, one.texts))
        ]
        with house.keys.read() as connection:
            noted = suppressions.among(connection, scope, {tag for _, tag in known})
        for one, tag in known:
            if tag in noted and one.at <= noted[tag]:
                ended.add(one.id)
            elif tag in noted:
                _lift(house, one, tag)
    return frozenset(ended)


def _lift(house: House, agreed: Agreed, tag: bytes) -> None:
    body = {"act": "suppression_lifted", "inquiry": agreed.id, "scope": agreed.scope}
    records.append(house, "operation", body)
    with house.keys.write() as connection:
        suppressions.lift(connection, agreed.scope, tag, agreed.at)


def _address(policy: Policy, texts: Mapping[str, str]) -> str | None:
    found = address_of(policy, texts)
    return None if found is None else item_rules.normal_email(found)


def _tag(house: House, scope: str, email: str) -> bytes:
    return tags.suppression(house.custody.tag_key, scope, email)

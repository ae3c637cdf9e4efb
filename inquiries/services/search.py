"""Finds inquiries by the exact e-mail address or telephone number of who wrote; masked, own types, on record.

It asks the blind index (tags), whose key public processes do not have. What was searched for stands nowhere
afterwards: in no record, no address, no log. Texts cannot be searched: nobody holds them in clear.
"""

from __future__ import annotations

from dataclasses import dataclass

from inquiries import clock
from inquiries.errors import FieldError, InvalidFields
from inquiries.rules import items as item_rules
from inquiries.rules import permissions
from inquiries.rules.permissions import Permission, Role
from inquiries.sealing import tags
from inquiries.services import inbox, publishing, records, refusals
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.inbox_views import InboxRow
from inquiries.stores import keys
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests

SHOWN = 50
LOOKED_AT = 1000  # of the newest under one address
LONGEST = 254  # characters, of an e-mail address


@dataclass(frozen=True)
class Found:
    """Up to `SHOWN` lines, the newest first; `more`: there are others."""

    rows: tuple[InboxRow, ...]
    more: bool


def search(house: House, actor: Actor, typed: str) -> Found:
    """Every inquiry of her own types that was sent under this address or number; recorded before it is shown.

    What a person asked not to be used shows itself to the privacy role alone (P19).

    Raises:
        NotFound, TrainingLapsed: not this person's to search.
        InvalidFields: what was typed is neither an address nor a number.
    """
    refusals.permit(house, actor, Permission.search_inquiries)
    policy = publishing.in_force(house).policy
    kind, tag = _tag(house, typed)
    types = sorted(permissions.listable(actor.roles, policy.types))
    with house.keys.read() as connection:
        ids = keys.by_tag(connection, kind, tag)[:LOOKED_AT]
    now, officer = clock.now(), Role.privacy in actor.roles
    with house.live.read() as connection:
        shells = live.shells(connection, ids)
        standing = {one for one, row in shells.items() if row.due_at is None or row.due_at > now}
        visible = live.usable(connection, ids, now)
        if officer:
            visible |= requests.suspended(connection, ids) & standing
    rows = [shells[one] for one in ids if one in visible and one in shells and shells[one].type in types]
    shown, more = rows[:SHOWN], len(rows) > SHOWN
    detail = {"kind": kind, "rows": str(len(shown))}
    if shown:
        detail |= {"newest": str(shown[0].id), "oldest": str(shown[-1].id)}
    records.access(house, act="search", actor=actor, detail=detail)
    return Found(inbox.lines(house, shown), more)


def _tag(house: House, typed: str) -> tuple[tags.TagKind, bytes]:
    """The tag of what was typed, in the one spelling that adoption gave it."""
    text = typed.strip()[:LONGEST]
    email = item_rules.normal_email(text)
    if email is not None:
        return "email", tags.tag(house.custody.tag_key, "email", email)
    phone = item_rules.normal_phone(text, publishing.in_force(house).policy.home)
    if phone is not None:
        return "phone", tags.tag(house.custody.tag_key, "phone", phone)
    raise InvalidFields((FieldError("typed", "neither"),))

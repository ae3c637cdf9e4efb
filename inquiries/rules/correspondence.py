"""What is written to and fro about an inquiry: which kinds, who sees which, what a valid text is; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from inquiries.policy.model import Policy
from inquiries.rules.permissions import Permission, Role, allowed

TEXT_LIMIT = 10_000  # characters
MOST = 500  # entries of one inquiry: who has a receipt may write, and nobody else bounds that


class Kind(StrEnum):
    """An entry of the thread."""

    reply = "reply"  # from staff to the person
    answer = "answer"  # from the person
    note = "note"  # among staff


#: What the person's own page shows. A note is about her all the same: who asks for access gets it from the
#: officer, who looks first whether it tells of somebody else (docs/decisions/0008).
HERS = frozenset({Kind.reply, Kind.answer})


def shown_to(roles: Mapping[Role, frozenset[str]], inquiry_type: str) -> frozenset[Kind]:
    """What of the thread is shown to whom the inquiry is: notes to who writes them and to the officer."""
    permissions = (Permission.note_inquiry, Permission.handle_requests)
    noted = any(allowed(roles, one, inquiry_type).allowed for one in permissions)
    return frozenset(Kind) if noted else HERS


def address_of(policy: Policy, sent: Mapping[str, str]) -> str | None:
    """The e-mail address among the items, the first in the order of the form."""
    return next(
        (sent[name] for name, item in policy.items.items() if item.kind == "email" and name in sent), None
    )

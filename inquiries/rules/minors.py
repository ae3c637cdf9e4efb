"""Children: whether their inquiries are taken, what they are asked, until when a guardian may agree (P07).

Of a child without a guardian's consent the law lets us ask nothing besides but the guardian's name and how to
reach her, and has all of it destroyed when she does not agree within five days (PIPA 22-2, its decree 17-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from inquiries.errors import FieldError, InvalidItems
from inquiries.policy.model import Policy
from inquiries.policy.period import Period
from inquiries.rules import items
from inquiries.rules.retention import due_at

Kept = TypeVar("Kept", str, bytes)

#: Fields of the form, and names under which the two are sealed: no item can bear them.
PREFIX = "guardian."
NEEDED, NAME, CONTACT = (PREFIX + name for name in ("needed", "name", "contact"))
WITHIN = Period(days=5)
NAME_LIMIT, CONTACT_LIMIT = 100, 254

_ANSWERS: Mapping[object, bool] = {"yes": True, "no": False, True: True, False: False}


def guardian_of(policy: Policy, sent: Mapping[str, object]) -> Mapping[str, str]:
    """The guardian's name and contact as they are kept; empty where none is needed, or nobody is asked.

    Codes: undeclared, age_required, too_young (age), not_needed, invalid_contact, and those of texts.
    """
    if policy.minors is None:
        if sent:
            raise InvalidItems(tuple(FieldError(name[:40], "undeclared") for name in sorted(sent)[:20]))
        return {}
    errors = [FieldError(name[:40], "undeclared") for name in sent if name not in (NEEDED, NAME, CONTACT)]
    answer = sent.get(NEEDED)
    needed = _ANSWERS.get(answer) if isinstance(answer, (str, bool)) else None
    kept: dict[str, str] = {}
    if needed is None:
        errors.append(FieldError(NEEDED, "age_required", {"age": policy.minors.age}))
    elif needed and not policy.minors.allowed:
        errors.append(FieldError(NEEDED, "too_young", {"age": policy.minors.age}))
    elif needed:
        kept = _kept(policy, sent, errors)
    else:
        errors += [FieldError(name, "not_needed") for name in (NAME, CONTACT) if sent.get(name)]
    if errors:
        raise InvalidItems(tuple(errors))
    return kept


def _kept(policy: Policy, sent: Mapping[str, object], errors: list[FieldError]) -> dict[str, str]:
    kept = {
        name: items.text_or_fault(errors, name, sent.get(name, ""), limit, long=False)
        for name, limit in ((NAME, NAME_LIMIT), (CONTACT, CONTACT_LIMIT))
    }
    contact = kept[CONTACT]
    if contact and items.normal_email(contact) is None and items.normal_phone(contact, policy.home) is None:
        errors.append(FieldError(CONTACT, "invalid_contact"))
    return kept


def ends(received: datetime, time_zone: str) -> datetime:
    """When all of it is destroyed, unless the guardian has agreed before."""
    end = due_at(received, WITHIN, time_zone)
    assert end is not None  # noqa: S101 - a period of days has an end
    return end


def of(texts: Mapping[str, Kept]) -> dict[str, Kept]:
    """What of an inquiry's texts, in clear or sealed, is the guardian's, and no item."""
    return {name: text for name, text in texts.items() if name.startswith(PREFIX)}

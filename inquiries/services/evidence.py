"""The evidence of a consent that came by another way than the form, sealed with what rests on it (P06)."""

from __future__ import annotations

import json
from datetime import datetime

from inquiries.rules.entry import Evidence
from inquiries.sealing import items

_ITEM = "consent-evidence"  # no item of a policy has a hyphen in its name


def sealed(dek: bytes, inquiry_id: int, group: str, evidence: Evidence) -> bytes:
    """As it stands in the row of a group, under that group's key."""
    said = {"who": evidence.who, "how": evidence.how, "at": evidence.at.isoformat(), "by": evidence.by}
    return items.seal_item(dek, inquiry_id, group, _ITEM, json.dumps(said, ensure_ascii=False))


def opened(dek: bytes, inquiry_id: int, group: str, blob: bytes | None) -> Evidence | None:
    """The inverse of `sealed`; None where there is none: it came by the form. Raises SealBroken."""
    if blob is None:
        return None
    said = json.loads(items.open_item(dek, inquiry_id, group, _ITEM, blob))
    return Evidence(said["who"], said["how"], datetime.fromisoformat(said["at"]), said["by"])

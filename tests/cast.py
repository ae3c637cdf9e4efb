"""Who acts in the tests, and plain builders of what they send.

Sora writes, Gun represents her, Minji answers inquiries, Bae has business, Oh is the privacy officer, Eve is
an outsider.
"""

from __future__ import annotations

from typing import Any

from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import intake
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.intake import Received, Submission

MINJI = Actor(101, "minji@example.com", {Role.consultation: ALL_TYPES})
MINJI_SUPPORT = Actor(102, "minji.support@example.com", {Role.consultation: frozenset({"support"})})
BAE = Actor(103, "bae@example.com", {Role.business: ALL_TYPES})
OH = Actor(104, "oh@example.com", {Role.privacy: ALL_TYPES})

ITEMS = {
    "name": "김소라",
    "company": "소라상사",
    "contact": "02-1234-5678",
    "email": "sora@example.com",
    "content": "제품 소개 자료를 받고 싶습니다.",
}


def submission(**given: Any) -> Submission:
    """What Sora sends; `items` replaces single items, None leaves one out."""
    changed = given.pop("items", {})
    items = {name: text for name, text in (ITEMS | changed).items() if text is not None}
    defaults: dict[str, Any] = {
        "type": "support",
        "consents": {"inquiry": True},
        "language": "ko",
        "address": "192.0.2.7",
        "user_agent": "Sora's browser",
    }
    return Submission(items=items, **(defaults | given))


def send(house: House, **given: Any) -> Received:
    """Sora sends an inquiry."""
    return intake.receive(house, submission(**given))

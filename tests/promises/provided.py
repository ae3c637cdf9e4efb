"""A policy with a processor, third parties and authorities, for the promises about what leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inquiries.services.house import House
from inquiries.settings import HOME, Settings
from tests.moments import installed

REGISTER = """
[processors.newsletter]
name = { ko = "발송 대행사", en = "Mailing agency" }
work = { ko = "소식 발송", en = "Sending the newsletter" }
country = "KR"
contract_terms = ["purpose_only", "safeguards", "sub_processing", "damages"]
hosts = ["mail.agency.example"]
contact = "privacy@agency.example"

[recipients.partner]
name = { ko = "협력사", en = "Partner" }
purpose = { ko = "행사 안내", en = "Invitations" }
items = ["email"]
period = "6 months"
country = "US"
basis = "consent"
consent = "marketing"
transfer_basis = "consent"
contact = "privacy@partner.example"

[recipients.insurer]
name = { ko = "보험사", en = "Insurer" }
purpose = { ko = "피해 보상", en = "Settling a claim" }
items = ["name", "content"]
period = "1 year"
country = "KR"
basis = "law"
"""


def policy_with(directory: Path, text: str = REGISTER) -> Path:
    """The default policy and this."""
    path = directory / "policy.toml"
    path.write_text((HOME / "policies" / "default.toml").read_text(encoding="utf-8") + text, encoding="utf-8")
    return path


@contextmanager
def providing(make_settings: Callable[..., Settings], directory: Path, **given: object) -> Iterator[House]:
    """A house of that policy, installed at T0."""
    with installed(make_settings, policy=policy_with(directory), **given) as house:
        yield house

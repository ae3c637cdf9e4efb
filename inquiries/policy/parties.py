"""How the notice words whoever receives something: processors, third parties, authorities (P33 to P36)."""

from __future__ import annotations

from collections.abc import Iterable

from inquiries.policy.model import Policy, Purpose
from inquiries.policy.wording import say

Rows = list[tuple[str, ...]]


def provided_with(policy: Policy, purpose: Purpose, language: str) -> list[str]:
    """Each third party to which items are provided with the consent to this purpose, in a line."""
    return [
        say(
            "provided_to",
            language,
            name=f"{each.name.text(language)} ({each.country})",
            purpose=each.purpose.text(language),
            items=labels(policy, each.items, language),
            period=each.period.in_words(language),
        )
        for each in policy.recipients.values()
        if each.consent is not None and policy.purposes[each.consent] is purpose
    ]


def given(policy: Policy, language: str) -> Rows:
    """Third parties: who, what for, which items, for how long, on which basis."""
    return [
        (
            f"{each.name.text(language)} ({each.country})",
            each.purpose.text(language),
            labels(policy, each.items, language),
            each.period.in_words(language),
            _basis(each.basis, each.transfer_basis, language),
        )
        for each in policy.recipients.values()
    ]


def authorities(policy: Policy, language: str) -> Rows:
    """Authorities: which, by which law."""
    return [
        (
            each.name.text(language) + (f" ({each.country})" if each.country else ""),
            "\n".join([each.statute.text(language), *_abroad(each.transfer_basis, language)]),
        )
        for each in policy.authorities.values()
    ]


def processors(policy: Policy, language: str) -> Rows:
    """Processors: who, which work, on which basis."""
    return [
        (
            f"{each.name.text(language)} ({each.country})",
            each.work.text(language),
            _basis("agreement", each.transfer_basis, language),
        )
        for each in policy.processors.values()
    ]


def labels(policy: Policy, names: Iterable[str], language: str) -> str:
    """The items as the form calls them."""
    return ", ".join(policy.items[name].label.text(language) for name in names)


def _basis(basis: str, transfer_basis: str | None, language: str) -> str:
    return "\n".join([say(f"basis_{basis}", language), *_abroad(transfer_basis, language)])


def _abroad(transfer_basis: str | None, language: str) -> list[str]:
    if transfer_basis is None:
        return []
    return [say("transfer_basis", language, basis=say(f"basis_{transfer_basis}", language))]

"""The proof of destruction in words and as a file, for the person and the officer; decides nothing of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from flask import Response, make_response, render_template
from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.policy.model import Policy
from inquiries.policy.period import Period
from inquiries.services import publishing
from inquiries.services.batches import HELD
from inquiries.services.certificates import InquiryCertificate
from inquiries.services.destroyed_parts import DestroyedPart, DestroyedParts
from inquiries.web import language, staff_words
from inquiries.web.current import house

FILE_NAME: Final = "proof-of-destruction.json"

_GROUPS: Final[Mapping[str, str]] = {
    "main": _l("Your inquiry"),
    "visitor": _l("The address and the browser it was sent from"),
    "archive": _l("The copy in the archive"),
}
_OFFICERS: Final[Mapping[str, str]] = {**_GROUPS, "main": _l("The inquiry")}
_REASONS: Final = {
    "expired": _l("The time for which we keep it is over."),
    "closed": _l("The matter was closed, and the time after closing is over."),
    "archived": _l("A law has part of it kept apart; everything else of it was destroyed."),
    "statute": _l("The time for which the law has it kept is over."),
    "deleted_on_request": _l("You asked for its deletion."),
    "withdrawn": _l("You withdrew your consent to it."),
    "no_guardian": _l("No legal guardian agreed within five days."),
    "orphan": _l("The time for which we keep it is over; what was left of it was destroyed."),
}
_RULE: Final = re.compile(
    r"(?:(?P<plain>period|after_closing|minimum|visitor)|(?P<named>purpose|statute) (?P<name>\S+)) "
    r"(?P<period>.+?)(?: \(version (?P<version>\d+)\))?"
)


@dataclass(frozen=True)
class PartView:
    """One destroyed part, in the reader's words; final since `final_by`, or expected by then."""

    id: int
    label: str
    type: str
    reason: str
    rule: str | None
    due_at: datetime | None
    destroyed_at: datetime
    lag: str | None
    final: bool
    final_by: datetime
    policy_version: int


@dataclass(frozen=True)
class OfficersView:
    """What was destroyed of one inquiry, and what of it still stands, as the officer reads it."""

    parts: tuple[PartView, ...]
    remaining: tuple[str, ...]
    final: bool


def for_officer(found: DestroyedParts) -> OfficersView:
    """In the words of the person's page, but for what that says to her."""
    in_force = publishing.in_force(house()).policy
    parts = [
        replace(_part(part, in_force, _OFFICERS), reason=staff_words.reason(part.stone.reason))
        for part in _in_order(found.parts)
    ]
    return OfficersView(
        parts=tuple(parts),
        remaining=tuple(_group(name, in_force, _OFFICERS) for name in found.remaining),
        final=all(part.final for part in parts),
    )


def page(certificate: InquiryCertificate, code: str) -> str:
    """The page; it holds the code, so that the file can be asked for from it."""
    in_force = publishing.in_force(house()).policy
    parts = [_part(part, in_force) for part in _in_order(certificate.parts)]
    return render_template(
        "public/certificate.html",
        parts=parts,
        final=all(part.final for part in parts),
        final_by=max(part.final_by for part in parts),
        remaining=[_group(name, in_force) for name in certificate.remaining],
        document=certificate.document,
        zone=in_force.time_zone,
        code=code,
        file_name=FILE_NAME,
    )


def file(certificate: InquiryCertificate) -> Response:
    """The file, to be kept and checked."""
    response = make_response(certificate.document.model_dump_json(indent=1) + "\n")
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _in_order(parts: Sequence[DestroyedPart]) -> list[DestroyedPart]:
    return sorted(parts, key=lambda part: (part.stone.group != "main", part.stone.group))


def _part(part: DestroyedPart, in_force: Policy, groups: Mapping[str, str] = _GROUPS) -> PartView:
    stone = part.stone
    policy = _policy(stone.policy_version, in_force)
    kind = policy.types.get(stone.type)
    due = None if stone.due_at is None or stone.due_at > stone.destroyed_at else stone.due_at
    lag = None if due is None else format_timedelta(stone.destroyed_at - due, granularity="minute")
    return PartView(
        id=stone.id,
        label=_group(stone.group, policy, groups),
        type=stone.type if kind is None else kind.label.text(language.chosen()),
        reason=str(_REASONS.get(stone.reason, stone.reason)),
        rule=because(stone.rule, stone.reason, policy),
        due_at=stone.due_at,
        destroyed_at=stone.destroyed_at,
        lag=lag,
        final=part.final is not None and part.final <= clock.now(),
        final_by=part.final_by,
        policy_version=stone.policy_version,
    )


def _policy(version: int, in_force: Policy) -> Policy:
    """The version that promised it; the one in force where that was lost."""
    try:
        return publishing.version(house(), version).policy
    except NotFound:
        return in_force


def _group(name: str, policy: Policy, groups: Mapping[str, str] = _GROUPS) -> str:
    purpose = policy.purposes.get(name)
    if purpose is not None:
        return purpose.label.text(language.chosen())
    return str(groups.get(name, name))


def because(rule: str | None, reason: str, policy: Policy) -> str | None:
    """The rule in words; none where there is but a reason, or of that as much as a hold adds to it."""
    if rule == reason + HELD:
        return str(_("A legal hold put the day back"))
    return None if rule == reason else rule_in_words(rule, policy)


def rule_in_words(rule: str | None, policy: Policy) -> str | None:
    """A tombstone's rule ("period 1 year") in the reader's language; another kind of rule as it stands."""
    if rule is not None and rule.endswith(HELD):
        kept = rule_in_words(rule.removesuffix(HELD), policy)
        return str(_("%(rule)s; a legal hold put the day back", rule=kept))
    found = _RULE.fullmatch(rule or "")
    if found is None:
        return rule
    try:
        period = Period.parse(found["period"]).in_words(language.chosen())
    except ValueError:
        return rule
    words = _said(found, period, policy)
    if found["version"] is None:
        return words
    return str(_("%(rule)s (as version %(number)s of the notice says)", rule=words, number=found["version"]))


def _said(found: re.Match[str], period: str, policy: Policy) -> str:
    if found["plain"] == "after_closing":
        return str(_("%(period)s after closing", period=period))
    if found["plain"] == "minimum":
        return str(_("%(period)s after receipt at least", period=period))
    if found["named"] == "statute":
        statute = policy.statutes.get(found["name"])
        name = found["name"] if statute is None else statute.name.text(language.chosen())
        return str(_("%(statute)s: %(period)s", statute=name, period=period))
    return str(_("%(period)s after receipt", period=period))

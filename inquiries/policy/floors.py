"""What no policy may go below, each floor with its promise; looks at one policy and never changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import get_args

from pydantic import BaseModel

from inquiries.errors import PolicyProblem
from inquiries.policy import pace
from inquiries.policy.model import (
    GROUPS,
    REQUIRED_PURPOSE,
    RESERVED,
    Authority,
    ContractTerm,
    InquiryType,
    LocalText,
    Policy,
    Processor,
    Purpose,
    Recipient,
)
from inquiries.policy.period import Period
from inquiries.policy.wording import LANGUAGES

# Iceland, Liechtenstein and Norway with the Union: between these no transfer is "cross-border" (P36).
_EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split(),  # noqa: SIM905
)
_ADULT_FROM = {"KR": 14, "EU": 13}  # PIPA 22-2; GDPR 8(1), whose members say 13 to 16
_REQUESTS_WITHIN = {"KR": Period(days=10), "EU": Period(months=1), "ID": Period(days=3)}

Findings = Iterator[tuple[str, str, str | None]]  # key path, what is wrong, whose promise


def check(policy: Policy) -> tuple[PolicyProblem, ...]:
    """Every floor that this policy goes below, and every reference in it that leads nowhere."""
    return tuple(PolicyProblem(*finding) for floor in _FLOORS for finding in floor(policy))


def _languages(policy: Policy) -> Findings:
    for n, language in enumerate(policy.languages):
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            yield f"languages[{n}]", f"must be a language that notices are worded in: {known}", "P03"
        elif language in policy.languages[:n]:
            yield f"languages[{n}]", f'"{language}" is named twice', "P03"
    yield from _untranslated(policy, "", policy.languages)


def _untranslated(part: object, path: str, languages: Sequence[str]) -> Findings:
    """A notice that lacks its text in one language informs nobody who reads that language."""
    if isinstance(part, LocalText):
        for language in languages:
            if language not in part.root:
                yield path, f'has no text in "{language}", one of the policy\'s languages', "P03"
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _untranslated(getattr(part, name), f"{path}.{name}".lstrip("."), languages)
    elif isinstance(part, tuple):
        for n, each in enumerate(part):
            yield from _untranslated(each, f"{path}[{n}]", languages)
    elif hasattr(part, "items"):
        for key, each in part.items():
            yield from _untranslated(each, f"{path}.{key}", languages)


def _contacts(policy: Policy) -> Findings:
    if policy.jurisdiction == "KR" and not policy.dispute_bodies:
        yield (
            "dispute_bodies",
            "is missing: under Korean law the notice names the bodies to which a person can turn",
            "P38",
        )
    for n, body in enumerate(policy.dispute_bodies):
        if not (body.phone or body.url):
            yield f"dispute_bodies[{n}]", "needs a phone or a url, so that it can be reached", "P38"
    if policy.jurisdiction == "EU" and policy.country not in _EEA:
        yield "country", 'must be a country of the EEA by two capital letters, such as "DE"', "P36"
    elif policy.jurisdiction not in ("EU", policy.home):
        yield "country", f'must be "{policy.jurisdiction}", as jurisdiction says', "P36"


def _types(policy: Policy) -> Findings:
    for name in policy.items:
        if name in RESERVED:
            yield f"items.{name}", "must have another name; the form has a field of this name", "P01"
    for name, kind in policy.types.items():
        yield from _form(policy, f"types.{name}", kind)
        yield from _keeping(policy, f"types.{name}", kind)


def _form(policy: Policy, path: str, kind: InquiryType) -> Findings:
    if not kind.required:
        yield f"{path}.required", "must name at least one item", "P01"
    yield from _known_items(policy, f"{path}.required", kind.required)
    yield from _known_items(policy, f"{path}.optional", kind.optional)
    for n, item in enumerate(kind.optional):
        if item in kind.required:
            yield f"{path}.optional[{n}]", f'"{item}" is required already', "P03"


def _keeping(policy: Policy, path: str, kind: InquiryType) -> Findings:
    reachable = any(policy.items[item].kind == "email" for item in kind.required if item in policy.items)
    if kind.period.until_withdrawn:
        if not reachable:
            yield (
                f"{path}.period",
                '"until withdrawn" needs a required item of kind "email", to which the way out is sent',
                "P15",
            )
    elif not kind.period.covers(kind.after_closing):
        yield (
            f"{path}.after_closing",
            f"must not be longer than the period, {kind.period}: closing brings the destruction forward",
            "P09",
        )
    if policy.minimum and not kind.period.covers(policy.minimum):
        yield f"{path}.period", f"must be at least the policy's minimum, {policy.minimum}", "P14"


def _purposes(policy: Policy) -> Findings:
    required = [name for name, purpose in policy.purposes.items() if purpose.required]
    if required != [REQUIRED_PURPOSE]:
        reason = f'must hold exactly one purpose with required = true, named "{REQUIRED_PURPOSE}"'
        yield "purposes", reason, "P03"
    for name, purpose in policy.purposes.items():
        if name in GROUPS:
            yield f"purposes.{name}", "must have another name; this one is used by the product", "P02"
        check_one = _required_purpose if purpose.required else _free_purpose
        yield from check_one(policy, name, purpose)


def _required_purpose(_: Policy, name: str, purpose: Purpose) -> Findings:
    for key in ("items", "period", "refusal"):
        if getattr(purpose, key):
            yield f"purposes.{name}.{key}", "stands in each inquiry type for the required purpose", "P03"


def _free_purpose(policy: Policy, name: str, purpose: Purpose) -> Findings:
    path = f"purposes.{name}"
    if not purpose.items:
        yield f"{path}.items", "is missing: an optional purpose names the items it uses", "P03"
    if purpose.period is None:
        yield f"{path}.period", "is missing: an optional purpose has a period of its own", "P16"
    if purpose.refusal is None:
        yield (
            f"{path}.refusal",
            "is missing: the notice says that one may refuse, and what refusing costs",
            "P03",
        )
    yield from _known_items(policy, f"{path}.items", purpose.items)
    known = policy.items.keys() >= set(purpose.items)
    if known and not any(name in kind.purposes for kind in policy.types.values()):
        yield f"{path}.items", "must all be asked by at least one inquiry type", "P02"


def _visitor(policy: Policy) -> Findings:
    if policy.visitor and len(set(policy.visitor.items)) < len(policy.visitor.items):
        yield "visitor.items", "must name each item once", "P04"


def _minors(policy: Policy) -> Findings:
    least = _ADULT_FROM.get(policy.jurisdiction)
    if policy.minors and least and policy.minors.age < least:
        yield "minors.age", f"must be at least {least}: below it the law wants a guardian's consent", "P07"


def _periods(policy: Policy) -> Findings:
    records, deadlines = policy.records, policy.deadlines
    requests = _REQUESTS_WITHIN[policy.jurisdiction]
    for path, period, floor, promise in (
        ("records.access", records.access, Period(years=1), "P25"),
        ("records.rights", records.rights, Period(years=3), "P24"),
        ("deadlines.significant_changes", deadlines.significant_changes, deadlines.changes, "P37"),
    ):
        if not period.covers(floor):
            yield path, f"must be at least {floor}", promise
    for path, period, ceiling, kept in (
        ("deadlines.destruction", deadlines.destruction, Period(days=5), "P10"),
        ("deadlines.requests", deadlines.requests, requests, "P22"),
        ("deadlines.breach", deadlines.breach, Period(days=3), None),
        ("plan.training", policy.plan.training, Period(years=1), "P27"),
        ("plan.newcomers", policy.plan.newcomers, Period(days=30), "P27"),
        ("records.review", records.review, Period(months=3), "P26"),
    ):
        if not ceiling.covers(period):
            yield path, f"must be at most {ceiling}", kept
    floor = Period(days=-(-pace.FINAL_WITHIN // timedelta(days=1)))  # the days begun
    if not deadlines.destruction.covers(floor):
        hours = pace.FINAL_WITHIN // timedelta(hours=1)
        reason = f"must be at least {floor}: sweep, rotation and the key backups' life take {hours} hours"
        yield "deadlines.destruction", reason, "P10"
    unusual = records.unusual
    if unusual.night_from == unusual.night_until:
        yield "records.unusual.night_until", "must be another time than night_from", "P25"


def _others(policy: Policy) -> Findings:
    """Processors, recipients and statutes: everything by which items leave the inbox."""
    for name, processor in policy.processors.items():
        for term in get_args(ContractTerm):
            if term not in processor.contract_terms:
                yield f"processors.{name}.contract_terms", f'must hold "{term}"', "P33"
        yield from _transfer(policy, f"processors.{name}", processor)
    for name, recipient in policy.recipients.items():
        if not recipient.items:
            yield f"recipients.{name}.items", "must name at least one item", "P34"
        yield from _known_items(policy, f"recipients.{name}.items", recipient.items)
        yield from _consented(policy, f"recipients.{name}.consent", recipient)
        yield from _transfer(policy, f"recipients.{name}", recipient)
    for name, authority in policy.authorities.items():
        yield from _transfer(policy, f"authorities.{name}", authority)
    for name, statute in policy.statutes.items():
        yield from _known_items(policy, f"statutes.{name}.items", statute.items)


def _consented(policy: Policy, path: str, recipient: Recipient) -> Findings:
    """Where consent is the basis, it is the consent to one optional purpose, which names the items."""
    if (recipient.basis == "consent") != (recipient.consent is not None):
        yield (
            path,
            'names the optional purpose that is agreed to, where basis = "consent", and only there',
            "P34",
        )
    elif recipient.consent is not None:
        purpose = policy.purposes.get(recipient.consent)
        if purpose is None or purpose.required:
            yield path, f'"{recipient.consent}" is no optional purpose of this policy (see purposes)', "P34"
        elif not set(recipient.items) & policy.items.keys() <= set(purpose.items):
            yield path, f"purposes.{recipient.consent}.items must hold every item that is provided", "P34"


def _transfer(policy: Policy, path: str, party: Processor | Recipient | Authority) -> Findings:
    home = _EEA if policy.jurisdiction == "EU" else {policy.home}
    if party.country is not None and party.country not in home and not party.transfer_basis:
        reason = f"is missing: a transfer to {party.country} needs a basis that gives equal protection"
        yield f"{path}.transfer_basis", reason, "P36"


def _known_items(policy: Policy, path: str, names: Sequence[str]) -> Findings:
    for n, name in enumerate(names):
        if name not in policy.items:
            yield f"{path}[{n}]", f'"{name}" is no item of this policy (see items)', "P01"
        elif name in names[:n]:
            yield f"{path}[{n}]", f'"{name}" is named twice', "P01"


_FLOORS: tuple[Callable[[Policy], Findings], ...] = (
    _languages,
    _contacts,
    _types,
    _purposes,
    _visitor,
    _minors,
    _periods,
    _others,
)

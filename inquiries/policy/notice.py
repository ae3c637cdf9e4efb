"""The notices that a policy makes: beside each form (PIPA 15(2), 22), and the whole of it; stores nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from inquiries.errors import UnknownType
from inquiries.policy import parties
from inquiries.policy.model import InquiryType, Policy, Purpose, Visitor
from inquiries.policy.period import Period
from inquiries.policy.wording import say

RowKey = Literal["purpose", "items", "period", "refusal", "recipient"]


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One of the four rows of a collection notice; `value` may have several lines."""

    key: RowKey
    label: str
    value: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The value, line by line."""
        return tuple(self.value.splitlines())


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What stands at one consent's box; an optional one has rows of its own, the required the notice's."""

    purpose: str
    required: bool
    label: str
    rows: tuple[NoticeRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """The collection notice of one inquiry type in one language; `digest` is the SHA-256 of `text`."""

    type: str
    language: str
    title: str
    rows: tuple[NoticeRow, ...]
    consents: tuple[ConsentText, ...]
    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table of a section: its column headings and its rows, all in words."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the whole privacy notice."""

    id: str
    heading: str
    paragraphs: tuple[str, ...]
    table: SectionTable | None = None


# -- beside the form -------------------------------------------------------------------------------


def make(policy: Policy, type_name: str, language: str) -> Notice:
    """The collection notice of an inquiry type (P03, P04). Raises UnknownType."""
    if type_name not in policy.types:
        raise UnknownType(type_name)
    kind, language = policy.types[type_name], policy.language(language)
    title = f"{say('notice', language)}: {kind.label.text(language)}"
    rows = _type_rows(policy, kind, language)
    consents = tuple(_consent(policy, name, language) for name in kind.purposes)
    text = _plain(policy.controller.text(language), title, rows, consents)
    return Notice(type_name, language, title, rows, consents, text, sha256(text.encode()).digest())


def _type_rows(policy: Policy, kind: InquiryType, language: str) -> tuple[NoticeRow, ...]:
    purpose, items = [kind.purpose.text(language)], _item_lines(policy, kind, language)
    period = _period_lines(policy, kind, language)
    if visit := policy.visitor:
        purpose.append(say("visitor_purpose", language, purpose=visit.purpose.text(language)))
        items.append(say("visitor_items", language, items=_visitor_items(visit, language)))
        period.append(say("visitor_period", language, period=visit.period.in_words(language)))
    return _rows(language, purpose, items, period, [kind.refusal.text(language)])


def _item_lines(policy: Policy, kind: InquiryType, language: str) -> list[str]:
    lines = []
    for phrase, names in (("required_items", kind.required), ("optional_items", kind.optional)):
        if asked := [name for name in kind.items if name in names]:
            lines.append(say(phrase, language, items=parties.labels(policy, asked, language)))
    if policy.minors and policy.minors.allowed:
        lines.append(say("guardian_items", language, age=policy.minors.age))
    return lines


def _period_lines(policy: Policy, kind: InquiryType, language: str) -> list[str]:
    lines = [_since("from_receipt", kind.period, language)]
    lasts = policy.minimum is not None and policy.minimum.covers(kind.period)  # closing ends nothing sooner
    if not kind.period.until_withdrawn and not lasts:
        closing = "at_closing" if kind.after_closing.is_zero else "after_closing"
        lines.append(say(closing, language, period=kind.after_closing.in_words(language)))
    if policy.minimum:
        lines.append(say("minimum", language, period=policy.minimum.in_words(language)))
    if policy.statutes:
        lines.append(say("by_statute", language))
    if policy.minors and policy.minors.allowed:
        lines.append(say("guardian_period", language, age=policy.minors.age))
    return lines


def _consent(policy: Policy, name: str, language: str) -> ConsentText:
    purpose = policy.purposes[name]
    label = say("required" if purpose.required else "optional", language, text=purpose.text.text(language))
    rows = () if purpose.required else _free_rows(policy, purpose, language)
    return ConsentText(name, purpose.required, label, rows)


def _free_rows(policy: Policy, purpose: Purpose, language: str) -> tuple[NoticeRow, ...]:
    return _rows(
        language,
        [purpose.label.text(language)],
        [parties.labels(policy, purpose.items, language)],
        [_since("from_consent", purpose.period, language) if purpose.period else ""],
        [purpose.refusal.text(language) if purpose.refusal else ""],
    ) + _given_with(policy, purpose, language)


def _given_with(policy: Policy, purpose: Purpose, language: str) -> tuple[NoticeRow, ...]:
    """To whom it is provided with this consent: told before it is given (PIPA 17(2), P34)."""
    lines = parties.provided_with(policy, purpose, language)
    return (NoticeRow("recipient", say("provision_heading", language), "\n".join(lines)),) if lines else ()


def _rows(language: str, *values: list[str]) -> tuple[NoticeRow, ...]:
    keys: tuple[RowKey, ...] = ("purpose", "items", "period", "refusal")
    return tuple(
        NoticeRow(key, say(key, language), "\n".join(lines)) for key, lines in zip(keys, values, strict=True)
    )


def _plain(
    controller: str,
    title: str,
    rows: tuple[NoticeRow, ...],
    consents: tuple[ConsentText, ...],
) -> str:
    """The notice as plain text, always the same for the same policy: what a consent record vouches for."""
    parts = [f"{title}\n{controller}", *_plain_rows(rows)]
    for consent in consents:
        parts += [consent.label, *_plain_rows(consent.rows)]
    return "\n\n".join(parts) + "\n"


def _plain_rows(rows: Iterable[NoticeRow]) -> list[str]:
    return [f"{row.label}\n{row.value}" for row in rows]


# -- the whole notice ------------------------------------------------------------------------------


def full(policy: Policy, language: str) -> tuple[Section, ...]:
    """The whole privacy notice for `/privacy`; a section with nothing to say is left out."""
    language = policy.language(language)
    limits, records, controller = policy.deadlines, policy.records, policy.controller.text(language)
    four = ("purpose", "items", "period", "refusal")
    access, rights = records.access.in_words(language), records.rights.in_words(language)
    given = ("recipient", "purpose", "items", "period", "basis")
    return (
        _section("purposes", language, _types_table(policy, language), controller=controller),
        *_if_any("consents", language, four, _free_purposes(policy, language)),
        _visitor_section(policy, language),
        *_minors_section(policy, language),
        _section("destruction", language, period=limits.destruction.in_words(language)),
        *_if_any("statutes", language, ("record", "statute", "period"), _statutes(policy, language)),
        *_or_none("provision", language, given, parties.given(policy, language)),
        *_if_any("authorities", language, ("authority", "statute"), parties.authorities(policy, language)),
        *_or_none(
            "processors", language, ("processor", "work", "basis"), parties.processors(policy, language)
        ),
        _section("rights", language, period=limits.requests.in_words(language)),
        _section("safety", language, access=access, rights=rights),
        *_if_any("officer", language, ("role", "contact"), officers(policy, language)),
        *_if_any("disputes", language, ("body", "contact"), dispute_bodies(policy, language)),
        _section(
            "changes",
            language,
            changes=limits.changes.in_words(language),
            significant=limits.significant_changes.in_words(language),
        ),
    )


def _section(name: str, language: str, table: SectionTable | None = None, **figures: str) -> Section:
    said = say(f"{name}_text", language, **figures)
    return Section(name, say(f"{name}_heading", language), tuple(said.splitlines()), table)


def _table(language: str, headers: Iterable[str], rows: Iterable[tuple[str, ...]]) -> SectionTable:
    return SectionTable(tuple(say(header, language) for header in headers), tuple(rows))


def _if_any(name: str, language: str, headers: Iterable[str], rows: list[tuple[str, ...]]) -> list[Section]:
    return [_section(name, language, _table(language, headers, rows))] if rows else []


def _or_none(name: str, language: str, headers: Iterable[str], rows: list[tuple[str, ...]]) -> list[Section]:
    """The section with its table, or the sentence that there is nothing of the kind."""
    nothing = Section(name, say(f"{name}_heading", language), (say(f"no_{name}", language),))
    return _if_any(name, language, headers, rows) or [nothing]


def _visitor_section(policy: Policy, language: str) -> Section:
    said = say("no_visitor", language)
    if visit := policy.visitor:
        said = say(
            "visitor_text",
            language,
            items=_visitor_items(visit, language),
            purpose=visit.purpose.text(language),
            period=visit.period.in_words(language),
        )
    return Section("visitor", say("visitor_heading", language), (said, say("cookies", language)))


def _minors_section(policy: Policy, language: str) -> list[Section]:
    if policy.minors is None:
        return []
    said = say("minors_text" if policy.minors.allowed else "no_minors", language, age=policy.minors.age)
    return [Section("minors", say("minors_heading", language), (said,))]


def _types_table(policy: Policy, language: str) -> SectionTable:
    rows = [
        (
            kind.label.text(language),
            kind.purpose.text(language),
            "\n".join(_item_lines(policy, kind, language)),
            "\n".join(_period_lines(policy, kind, language)),
        )
        for kind in policy.types.values()
    ]
    return _table(language, ("type", "purpose", "items", "period"), rows)


def _free_purposes(policy: Policy, language: str) -> list[tuple[str, ...]]:
    return [
        tuple(row.value for row in _free_rows(policy, purpose, language) if row.key != "recipient")
        for purpose in policy.purposes.values()
        if not purpose.required
    ]


def _statutes(policy: Policy, language: str) -> list[tuple[str, ...]]:
    return [
        (each.name.text(language), each.statute.text(language), each.period.in_words(language))
        for each in policy.statutes.values()
    ]


def officers(policy: Policy, language: str) -> list[tuple[str, ...]]:
    """(role, how to reach it) of who answers for personal information (P38)."""
    people = [policy.officer, *([policy.deputy] if policy.deputy else [])]
    return [(each.role.text(language), _reach(each.email, each.phone)) for each in people]


def dispute_bodies(policy: Policy, language: str) -> list[tuple[str, ...]]:
    """(name, how to reach it) of the public bodies to which a data subject can turn (P38)."""
    return [(each.name.text(language), _reach(each.phone, each.url)) for each in policy.dispute_bodies]


# -- pieces of both --------------------------------------------------------------------------------


def _visitor_items(visitor: Visitor, language: str) -> str:
    return ", ".join(say(item, language) for item in visitor.items)


def _since(phrase: str, period: Period, language: str) -> str:
    said = period.in_words(language)
    return said[:1].upper() + said[1:] if period.until_withdrawn else say(phrase, language, period=said)


def _reach(*ways: str | None) -> str:
    return ", ".join(way for way in ways if way)

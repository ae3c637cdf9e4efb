"""What differs between two versions of the whole notice, line by line (P37); stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from inquiries.policy.model import Policy
from inquiries.policy.notice import Section, full


@dataclass(frozen=True, slots=True)
class Change:
    """One section that differs; lines that stand in both are left out."""

    heading: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


def between(before: Policy, after: Policy, language: str) -> tuple[Change, ...]:
    """The sections that differ, in the order of the later notice; last those that it has no more."""
    old, new = ({one.id: one for one in full(policy, language)} for policy in (before, after))
    names = [*new, *(name for name in old if name not in new)]
    return tuple(change for name in names if (change := _change(old.get(name), new.get(name))))


def _change(before: Section | None, after: Section | None) -> Change | None:
    named = after or before
    old, new = list(_lines(before)), list(_lines(after))
    if named is None or old == new:
        return None
    removed: list[str] = []
    added: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            removed += old[i:j]
            added += new[k:m]
    return Change(named.heading, tuple(removed), tuple(added))


def _lines(section: Section | None) -> Iterator[str]:
    """The section as lines: each paragraph, and each line of its table's cells with what it is about."""
    if section is None:
        return
    yield from section.paragraphs
    if section.table is not None:
        for first, *cells in section.table.rows:
            for header, cell in zip(section.table.headers[1:], cells, strict=True):
                yield from (f"{first} · {header}: {line}" for line in cell.splitlines())

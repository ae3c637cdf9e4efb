"""What is destroyed together, under one intent of the ledger; destroys nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inquiries.services import due_dates
from inquiries.services.keys import MAIL
from inquiries.stores.keys import ARCHIVE
from inquiries.stores.live import claims
from inquiries.stores.tombstones import Cohort, Member

HELD = "; held"  # ends a rule whose day a legal hold has pushed back
LIVING = ""  # where a group's rows are, if neither in the archive nor among the mail

#: What the groups of a cohort share: name, reason, type, policy version, rule.
Shared = tuple[str, str, str, int, str]


@dataclass(frozen=True)
class Batch:
    """The groups of one intent; `lookups` are the receipt lookups of those that have rows, by group id."""

    cohorts: tuple[Cohort, ...]
    lookups: Mapping[int, bytes]

    def __len__(self) -> int:
        return sum(len(one.members) for one in self.cohorts)

    @property
    def ids(self) -> list[int]:
        """Of the groups, in the order of the intent."""
        return [key for one in self.cohorts for key, _, _ in one.members]

    @property
    def inquiries(self) -> set[int]:
        """To which the groups belong."""
        return {inquiry for one in self.cohorts for _, inquiry, _ in one.members}

    @property
    def by_store(self) -> dict[str, list[Member]]:
        """In order of id, by where their rows are."""
        found: dict[str, list[Member]] = {LIVING: [], MAIL: [], ARCHIVE: []}
        for one in self.cohorts:
            found[one.group if one.group in found else LIVING] += one.members
        return {where: sorted(members) for where, members in found.items()}

    @property
    def oldest(self) -> int | None:
        """The earliest due date, in microseconds since 1970."""
        due = (due for one in self.cohorts for _, _, due in one.members if due is not None)
        return min(due, default=None)


def gathered(groups: Iterable[tuple[Shared, Member]], lookups: Mapping[int, bytes]) -> Batch:
    """The batch of these groups, each given with what its cohort shares."""
    found: dict[Shared, list[Member]] = {}
    for shared, member in groups:
        found.setdefault(shared, []).append(member)
    return Batch(tuple(Cohort(*shared, members) for shared, members in found.items()), lookups)


def of_claimed(
    groups: Sequence[claims.Claimed], reasons: due_dates.Reasons, kept: Mapping[int, int]
) -> Batch:
    """The batch of these groups, each for what it was claimed for, or for the rule by which it is due.

    `kept`: group → when the last hold ended that ran on it; if it was kept past its day, it was due then.
    """

    def placed(one: claims.Claimed) -> tuple[Shared, Member]:
        reason, rule = (one.claimed_for, one.claimed_for) if one.claimed_for else reasons.of(one)
        due, held = one.due_us, kept.get(one.id)
        if due is not None and held is not None and held > due:
            due, rule = held, rule + HELD
        return (one.name, reason, one.type, one.policy_version, rule), (one.id, one.inquiry_id, due)

    return gathered(map(placed, groups), {one.id: one.receipt_lookup for one in groups})

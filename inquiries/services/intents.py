"""The intents of the ledger: how it names the groups that are about to be destroyed; appends none.

    {"act": "intent", "cohorts": [[group, reason, type, policy version, rule, [[id, inquiry, due], …]], …]}

Ids are random and lead nowhere once the rows are gone; due is in microseconds since 1970, or null. Each thing
is said once for all that share it: what names a hundred thousand is written before their keys can end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inquiries.stores.tombstones import Cohort


def written(cohorts: Iterable[Cohort]) -> dict[str, Any]:
    """The record's body."""
    return {"act": "intent", "cohorts": [[*_shared(one), one.members] for one in cohorts]}


def read(body: Mapping[str, Any]) -> tuple[Cohort, ...]:
    """The groups that a record's body names; none where it is no intent."""
    if body["act"] != "intent":
        return ()
    if "cohorts" in body:
        return tuple(Cohort(*cohort) for cohort in body["cohorts"])
    return tuple(_of_old(*row) for row in body["groups"])


def _shared(one: Cohort) -> tuple[Any, ...]:
    return one.group, one.reason, one.type, one.policy_version, one.rule


def _of_old(
    key: int, inquiry: int, group: str, reason: str, kind: str, due: int | None, version: int,
    rule: str | None = None,
) -> Cohort:  # fmt: skip
    """A group as named before there were cohorts, each with all of its own; at first without a rule."""
    return Cohort(group, reason, kind, version, rule, [(key, inquiry, due)])

"""Due dates as the policies promise them: the earliest of what the versions in force since the receipt say.

A later policy brings a due date nearer and never puts it back (DESIGN §4). Destroys nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules import retention as rules
from inquiries.rules.retention import MAIN, VISITOR, Inquiry, Promise
from inquiries.services import publishing, records
from inquiries.services.house import House
from inquiries.services.publishing import Published
from inquiries.stores.live import due as due_groups
from inquiries.stores.live.claims import Claimed
from inquiries.stores.types import from_microseconds

BATCH = 500
#: What was received under the older version just before may be committed just after.
SETTLED = timedelta(minutes=1)


def promised(house: House, version: int, group: str, inquiry: Inquiry) -> Promise:
    """The earliest due date that was promised for a group received under this version.

    Raises:
        NotFound: this version is not published here, or declares no such group.
    """
    found = rules.earliest(_promises(_in_force_since(house, version), group, inquiry))
    if found is None:
        raise NotFound(f"policy version {version} declares no {group} of {inquiry.type}")
    return found


def _promises(versions: tuple[Published, ...], group: str, inquiry: Inquiry) -> Iterator[Promise]:
    for one in versions:
        found = rules.promise(one.policy, one.version, group, inquiry)
        if found is not None:
            yield found


def _in_force_since(house: House, version: int) -> tuple[Published, ...]:
    """This version and every later one whose day has come."""
    newest, now = publishing.in_force(house).version, clock.now()
    found = [publishing.version(house, version)]
    for number in range(version + 1, newest + 1):
        with suppress(NotFound):  # numbers are left out where a store was put back
            one = publishing.version(house, number)
            if one.effective_at <= now:
                found.append(one)
    return tuple(found)


# -- why something is due --------------------------------------------------------------------------


@dataclass
class Reasons:
    """Finds the rule that decided over what is destroyed, in the policy's words; remembers plain cases."""

    house: House
    _versions: dict[tuple[int, str, str], tuple[Published, ...]] = field(default_factory=dict)
    _plain: dict[tuple[int, str, str], str] = field(default_factory=dict)

    def of(self, group: Claimed) -> tuple[str, str]:
        """(reason, rule): "expired" or "closed", and for instance "period 1 year (version 3)"."""
        key = group.policy_version, group.type, group.name
        if group.closed_us is None and (plain := self._plain.get(key)) is not None:
            return "expired", plain
        versions = self._versions.get(key)
        if versions is None:
            versions = self._versions[key] = self._deciding(*key)
        closed_at = None if group.closed_us is None else from_microseconds(group.closed_us)
        inquiry = Inquiry(group.type, from_microseconds(group.received_us), closed_at)
        found = rules.earliest(_promises(versions, group.name, inquiry))
        if found is None:
            return "expired", "unknown"
        rule = found.rule
        if found.version != group.policy_version:
            rule += f" (version {found.version})"
        if closed_at is None and len(versions) == 1:
            self._plain[key] = rule
        return "closed" if found.by_closing else "expired", rule

    def _deciding(self, version: int, type_name: str, group: str) -> tuple[Published, ...]:
        """The version of the receipt, and those later ones that could have brought the date nearer."""
        try:
            own, *later = _in_force_since(self.house, version)
        except NotFound:
            return ()
        return own, *(one for one in later if rules.shortens(own.policy, one.policy, group, type_name))


# -- a shorter later policy --------------------------------------------------------------------------


def shorten(house: House) -> int:
    """Bring nearer the due dates of what was received under policies that promised longer; returns how many.

    Repeatable. Each process walks through the groups once for each version that comes into force, since a
    live store that was put back has its old dates again; where no period became shorter, it walks nowhere.
    """
    newest = publishing.in_force(house)
    if house.memory.get("shortened") == newest.version:
        return 0
    count = sum(_shorten(house, *which) for which in _shortened(house, newest.version))
    if count:
        body = {"act": "shorten", "version": newest.version, "groups": count}
        records.append(house, "operation", body)
    if clock.now() >= newest.effective_at + SETTLED:
        house.memory["shortened"] = newest.version
    return count


def _shortened(house: House, newest: int) -> Iterator[tuple[int, str, str]]:
    """(version, type, group) of all whose due dates a later version can have brought nearer."""
    for number in range(1, newest):
        try:
            own, *later = _in_force_since(house, number)
        except NotFound:
            continue
        groups = [MAIN, VISITOR, *(name for name, purpose in own.policy.purposes.items() if purpose.period)]
        for type_name in own.policy.types:
            for group in groups:
                if any(rules.shortens(own.policy, one.policy, group, type_name) for one in later):
                    yield number, type_name, group


def _shorten(house: House, version: int, type_name: str, group: str) -> int:
    versions, count = _in_force_since(house, version), 0
    for batch in house.live.batches(
        lambda connection, after: due_groups.of_version(connection, version, type_name, group, after, BATCH),
        lambda row: row.id,
    ):
        dated = ((row, _earlier(versions, type_name, group, row)) for row in batch)
        nearer = [(row.id, row.due_at, due) for row, due in dated if due is not None]
        if nearer:
            with house.live.write() as connection:
                count += due_groups.bring_nearer(connection, nearer)
    return count


def _earlier(
    versions: tuple[Published, ...], type_name: str, group: str, row: due_groups.Dated
) -> datetime | None:
    """The promised date, if it lies before the present one."""
    inquiry = Inquiry(type_name, row.received_at, row.closed_at)
    found = rules.earliest(_promises(versions, group, inquiry))
    if found is None or found.due_at is None or (row.due_at is not None and row.due_at <= found.due_at):
        return None
    return found.due_at

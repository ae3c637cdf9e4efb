"""Changes what an enrolled person may do: her roles and types, her training; invites and revokes nobody.

Nobody raises her own rights, nor records her own training: an officer needs another one, or the operator
breaks the glass (DESIGN §5, docs/decisions/0007).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection

from inquiries.errors import NotFound, RightsRefused
from inquiries.rules.permissions import Permission, Role, raises
from inquiries.rules.retention import day_after
from inquiries.services import people, publishing, register, training
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.sessions import scopes
from inquiries.stores.live import grants
from inquiries.stores.live import staff as store


def change(
    house: House,
    *,
    staff_id: int,
    roles: Collection[Role],
    types: Collection[str] = (),
    reason: str | None,
    by: Actor | None,
    break_glass: str | None = None,
) -> None:
    """Let a person hold these roles, and consultation for these types, instead of what she holds.

    Takes effect at her next request. Grants of single inquiries end with the business role. `types` empty
    means all. For the operator the reason for breaking the glass is the reason of the change, too.

    Raises:
        NotFound: no such person, revoked, or not this officer's to change.
        RightsRefused: no role, an unknown type, nothing new, no reason; more than she has for herself; the
            last officer would be none; or the operator makes an officer without breaking the glass.
    """
    pairs = register.checked_pairs(house, roles, types)
    glass = register.glass(house, by, break_glass) if Role.privacy in roles else {}
    detail = register.reasoned(reason or glass.get("break_glass")) | glass
    with register.change(house, by, Permission.manage_people) as live:
        person = _active(live, staff_id)
        before, after = scopes(store.roles(live, staff_id)), scopes(pairs)
        if before == after:
            raise RightsRefused("role", "unchanged")
        if by is not None and by.staff_id == staff_id and raises(before, after):
            raise RightsRefused("role", "own_rights")
        if Role.privacy not in after:
            people.must_leave_an_officer(live, staff_id)
        store.set_roles(live, staff_id, pairs)
        if Role.business not in after:
            grants.end_all(live, staff_id)
        held = register.on_record(person.email, pairs)
        register.put(house, live, act="change", by=by, staff_id=staff_id, detail=held | detail)


def train(
    house: House, *, staff_id: int, on: date | None, by: Actor | None, break_glass: str | None = None
) -> None:
    """Put on record that a person was trained on this day, on the version of the plan in force (P27).

    Raises:
        NotFound: no such person, not enrolled, revoked, or not this officer's to record.
        RightsRefused: no day, one to come, one so long ago that it has lapsed, or her own training; or the
            operator does not break the glass.
    """
    plan = publishing.in_force(house).policy.plan
    if on is None:
        raise RightsRefused("on", "required")
    if on > training.today(house):
        raise RightsRefused("on", "to_come")
    if day_after(on, plan.training) < training.today(house):
        raise RightsRefused("on", "long_ago")
    glass = register.glass(house, by, break_glass)
    with register.change(house, by, Permission.manage_people) as live:
        person = _active(live, staff_id)
        if person.enrolled_at is None:
            raise NotFound("not enrolled yet")
        if by is not None and by.staff_id == staff_id:
            raise RightsRefused("on", "own_rights")
        store.train(live, staff_id, on, plan.version)
        detail = {"email": person.email, "on": on.isoformat(), "plan": plan.version} | glass
        register.put(house, live, act="training", by=by, staff_id=staff_id, detail=detail)


def _active(live: Connection, staff_id: int) -> store.Person:
    person = store.by_id(live, staff_id)
    if person is None or person.revoked_at is not None:
        raise NotFound("no such member of staff")
    return person

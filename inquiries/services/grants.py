"""Business grants: an officer opens one inquiry to one person for 30 days at most, with a reason (DESIGN §5).

A grant ends by itself, or is cancelled; each is on record (P24). Whether an inquiry may be read at all, and
the reason of each opening, are the inbox's matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, RightsRefused
from inquiries.rules.permissions import Permission, Role
from inquiries.services import people, register
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.services.sessions import scopes
from inquiries.stores.live import grants as store
from inquiries.stores.live import inquiries, staff
from inquiries.stores.types import to_microseconds

LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class Grant(store.GrantRow):
    """A grant that runs: of which type its inquiry is, the addresses to whom and by whom it is given."""

    type: str
    email: str
    by: str


def grant(
    house: House,
    *,
    staff_id: int,
    inquiry_id: int,
    until: datetime | None,
    reason: str | None,
    by: Actor | None,
    break_glass: str | None = None,
) -> int:
    """Let a person of the business role see one inquiry until then; a grant that runs gives way to it.

    Returns the grant's id.

    Raises:
        NotFound: no such inquiry, or it is due or destroyed; or not this officer's to grant.
        RightsRefused: nobody of the business role, the officer herself, no end within 30 days, no reason,
            or the operator does not break the glass.
    """
    glass = register.glass(house, by, break_glass)
    said = register.reasoned(reason or glass.get("break_glass"))["reason"]
    now = clock.now()
    if until is None or not now < until <= now + LONGEST:
        raise RightsRefused("until", "required" if until is None else "not_within", max=LONGEST.days)
    grant_id = new_id()
    with register.change(house, by, Permission.grant_access) as live:
        email = _may_have(live, staff_id, by)
        inquiries.lock_groups(live, inquiry_id)  # the sweep claims before us, and it is due
        if inquiries.readable(live, inquiry_id, clock.now()) is None:
            raise NotFound("unknown, due or destroyed")
        row = store.GrantRow(
            grant_id, staff_id, inquiry_id, said, None if by is None else by.staff_id, now, until
        )
        store.put(live, row)
        detail = _named(row) | {"email": email, "until": to_microseconds(until), "reason": said} | glass
        register.put(house, live, act="grant", by=by, staff_id=staff_id, detail=detail)
    return grant_id


def _may_have(live: Connection, staff_id: int, by: Actor | None) -> str:
    """The address of whom an inquiry may be granted to."""
    person = staff.by_id(live, staff_id)
    active = person is not None and person.enrolled_at is not None and person.revoked_at is None
    if person is None or not active or Role.business not in scopes(staff.roles(live, staff_id)):
        raise RightsRefused("person", "not_business")
    if by is not None and by.staff_id == staff_id:
        raise RightsRefused("person", "own_rights")
    return person.email


def cancel(house: House, *, grant_id: int, by: Actor | None, reason: str | None) -> None:
    """End a grant before its time.

    Raises:
        NotFound: no such grant, ended already, or not this officer's to cancel.
        RightsRefused: no reason.
    """
    said = register.reasoned(reason)
    with register.change(house, by, Permission.grant_access) as live:
        row = store.by_id(live, grant_id)
        if row is None or not store.end(live, grant_id):
            raise NotFound("no such grant")
        register.put(house, live, act="cancel", by=by, staff_id=row.staff_id, detail=_named(row) | said)


def expire(house: House) -> int:
    """Put on record, and clear away, what ended by itself: grants and invitations. Returns how many.

    Neither gives anything from the moment of its end on; this only says so.
    """
    now = clock.now()
    with house.live.read() as live:
        if not store.over(live, now) and not staff.invitations_over(live, now):
            return 0
    count = 0
    with register.change(house, None, Permission.own_session) as live:
        for row in store.over(live, now):
            store.end(live, row.id)
            register.put(
                house, live, act="expire", by=register.TIME, staff_id=row.staff_id, detail=_named(row)
            )
            count += 1
        for staff_id, at in staff.invitations_over(live, now):
            staff.end_invitations(live, staff_id)
            person = staff.by_id(live, staff_id)
            detail = {"email": person.email if person else "", "until": to_microseconds(at)}
            register.put(house, live, act="expire", by=register.TIME, staff_id=staff_id, detail=detail)
            count += 1
    return count


def _named(row: store.GrantRow) -> dict[str, object]:
    return {"grant": row.id, "inquiry": row.inquiry_id}


# -- looking -------------------------------------------------------------------------------------


def of_inquiry(house: House, actor: Actor, inquiry_id: int) -> tuple[Grant, ...]:
    """The grants of an inquiry that run: all to an officer, her own to the person who has one."""
    with house.live.read() as live:
        rows = store.of_inquiry(live, inquiry_id, clock.now())
    if not actor.may(Permission.grant_access).allowed:
        rows = [row for row in rows if row.staff_id == actor.staff_id]
    return _told(house, rows)


def inquiries_of(connection: Connection, actor: Actor, type_name: str | None = None) -> list[int]:
    """The inquiries, of this type or any, that somebody of the business role may see now."""
    if Role.business not in actor.roles:
        return []
    ids = store.inquiries_of(connection, actor.staff_id, clock.now())
    if type_name is None:
        return ids
    return [one for one, shell in inquiries.shells(connection, ids).items() if shell.type == type_name]


def inquiry_of(house: House, grant_id: int) -> int:
    """Which inquiry a grant is of. Raises NotFound when it has ended."""
    with house.live.read() as live:
        row = store.by_id(live, grant_id)
    if row is None:
        raise NotFound("no such grant")
    return row.inquiry_id


def running(house: House) -> tuple[Grant, ...]:
    """All grants that run, the one that ends first before the others."""
    with house.live.read() as live:
        rows = store.running(live, clock.now())
    return _told(house, rows)


def eligible(house: House, actor: Actor) -> tuple[people.Member, ...]:
    """To whom this officer can grant an inquiry."""
    return tuple(
        one
        for one in people.everyone(house)
        if one.state == "enrolled" and Role.business in one.roles and one.id != actor.staff_id
    )


def _told(house: House, rows: Sequence[store.GrantRow]) -> tuple[Grant, ...]:
    if not rows:
        return ()
    names = {one.id: one.email for one in people.everyone(house)}
    with house.live.read() as live:
        shells = inquiries.shells(live, sorted({row.inquiry_id for row in rows}))
    return tuple(
        Grant(
            **vars(row),
            type=shells[row.inquiry_id].type,
            email=names.get(row.staff_id, ""),
            by=names.get(row.granted_by or 0, register.OPERATOR),
        )
        for row in rows
        if row.inquiry_id in shells
    )

"""The commands for people and their rights: thin Click over services, and holds no rule.

They act for the operator, who is nobody's officer: what is an officer's to do needs `--break-glass REASON`,
is recorded, and shown to every officer for 30 days (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from inquiries import clock
from inquiries.console import as_json, here, printed, said
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import grants, people, roles
from inquiries.services.people import Member
from inquiries.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_ROLES = click.Choice([role.value for role in Role])
_reason = click.option("--reason", help="Why; goes on record.")
_glass = click.option(
    "--break-glass", metavar="REASON", help="Act in an officer's stead; recorded and shown."
)


def enrolment_link(settings: Settings, token: str) -> str:
    """Where an invitation is taken up."""
    return f"{settings.origin}/staff/enrol/{token}"


@click.group()
def staff() -> None:
    """Invite people, grant and revoke their rights, record their training, list them."""


@staff.command("invite")
@click.argument("email")
@click.option("--role", "names", multiple=True, required=True, type=_ROLES)
@click.option("--type", "types", multiple=True, help="An inquiry type for consultation; all when not given.")
@_reason
@_glass
@as_json
@said
def staff_invite(
    *,
    email: str,
    names: tuple[str, ...],
    types: tuple[str, ...],
    reason: str | None,
    break_glass: str | None,
    as_json: bool,
) -> None:
    """Invite a member of staff; prints the link, good once and for 72 hours. Again: the link before ends."""
    token = people.invite(
        here().house(),
        email=email,
        roles=[Role(name) for name in names],
        by=None,
        types=types,
        reason=reason,
        break_glass=break_glass,
    )
    link = enrolment_link(here().settings, token)
    expires = clock.now() + people.INVITATION
    printed(as_json, {"email": people.account_of(email), "link": link, "expires": expires.isoformat()}, link)


@staff.command("grant")
@click.argument("email")
@click.option("--role", "names", multiple=True, type=_ROLES, help="A role to hold besides.")
@click.option("--type", "types", multiple=True, help="With --role consultation: a type besides; else all.")
@click.option("--inquiry", type=int, help="One inquiry, to a person of the business role.")
@click.option("--days", type=click.IntRange(1, grants.LONGEST.days), help="With --inquiry: for how long.")
@_reason
@_glass
@as_json
@said
def staff_grant(
    *,
    email: str,
    names: tuple[str, ...],
    types: tuple[str, ...],
    inquiry: int | None,
    days: int | None,
    reason: str | None,
    break_glass: str | None,
    as_json: bool,
) -> None:
    """Give a person roles besides those that she holds, or one inquiry."""
    house = here().house()
    if bool(names) == (inquiry is not None) or (inquiry is None) != (days is None):
        raise click.UsageError("name either --role, or --inquiry with --days")
    person = people.member(house, email=email)
    why = {"reason": reason, "break_glass": break_glass}
    if inquiry is not None and days is not None:
        until = clock.now() + timedelta(days=days)
        grants.grant(house, staff_id=person.id, inquiry_id=inquiry, until=until, by=None, **why)
    else:
        wanted = {*person.roles, *map(Role, names)}
        more = (types or ALL_TYPES) if Role.consultation in names else ()
        joined = {*person.roles.get(Role.consultation, ()), *more}
        kinds = ALL_TYPES if ALL_TYPES & joined else joined
        roles.change(house, staff_id=person.id, roles=wanted, types=kinds, by=None, **why)
    _show(people.member(house, staff_id=person.id), as_json=as_json)


@staff.command("train")
@click.argument("email")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day of the training.")
@_glass
@as_json
@said
def staff_train(*, email: str, on: datetime, break_glass: str | None, as_json: bool) -> None:
    """Record that a person was trained on the internal management plan in force."""
    person = people.member(here().house(), email=email)
    roles.train(here().house(), staff_id=person.id, on=on.date(), by=None, break_glass=break_glass)
    _show(people.member(here().house(), staff_id=person.id), as_json=as_json)


@staff.command("revoke")
@click.argument("email")
@click.option("--role", "names", multiple=True, type=_ROLES, help="Only this role; not given: all access.")
@click.option("--inquiry", type=int, help="Only the grant of this inquiry.")
@_reason
@as_json
@said
def staff_revoke(
    *, email: str, names: tuple[str, ...], inquiry: int | None, reason: str | None, as_json: bool
) -> None:
    """Take a person's access away for good; her sessions end. With --role or --inquiry: only that."""
    house = here().house()
    if names and inquiry is not None:
        raise click.UsageError("--role and --inquiry do not go together")
    person = people.member(house, email=email)
    if inquiry is not None:
        found = [
            one.id for one in grants.running(house) if (one.inquiry_id, one.staff_id) == (inquiry, person.id)
        ]
        grants.cancel(house, grant_id=found[0] if found else 0, by=None, reason=reason)
    elif names:
        left = set(person.roles) - set(map(Role, names))
        types = person.roles.get(Role.consultation, frozenset())
        roles.change(house, staff_id=person.id, roles=left, types=types, reason=reason, by=None)
    else:
        people.revoke(house, staff_id=person.id, by=None, reason=reason)
    _show(people.member(house, staff_id=person.id), as_json=as_json)


@staff.command("list")
@as_json
@said
def staff_list(*, as_json: bool) -> None:
    """List who may sign in, and as what."""
    everyone = people.everyone(here().house())
    granted = grants.running(here().house())
    data = {"people": [_data(one) | {"grants": _granted(one, granted)} for one in everyone]}
    printed(as_json, data, "\n".join(map(_line, everyone)))


def _show(person: Member, *, as_json: bool) -> None:
    printed(as_json, _data(person), _line(person))


def _line(person: Member) -> str:
    return f"{person.email}\t{person.state}\t{', '.join(sorted(person.roles))}"


def _data(person: Member) -> dict[str, Any]:
    return {
        "id": person.id,
        "email": person.email,
        "state": person.state,
        "roles": {role.value: sorted(types) for role, types in sorted(person.roles.items())},
        "trained_on": person.trained_on and person.trained_on.isoformat(),
        "plan": person.plan,
        "training_holds_until": person.training and person.training.until.isoformat(),
        "inbox_closed": person.training is not None and person.training.lapsed,
    }


def _granted(person: Member, every: Collection[grants.Grant]) -> list[dict[str, Any]]:
    return [
        {"inquiry": one.inquiry_id, "until": one.until.isoformat(), "reason": one.reason}
        for one in every
        if one.staff_id == person.id
    ]

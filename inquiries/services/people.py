"""Who may see: invites, lists and revokes members of staff, on record (P24); enrols and signs nobody in.

Nobody sets another's password (P28): an invitation leads to a page where the person sets her own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, RightsRefused
from inquiries.rules.items import normal_email
from inquiries.rules.permissions import Permission, Role
from inquiries.rules.training import Training
from inquiries.services import mail, publishing, records, register, training
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.services.sessions import scopes
from inquiries.stores.live import attempts, proofs
from inquiries.stores.live import sessions as session_store
from inquiries.stores.live import staff as store
from inquiries.stores.types import to_microseconds

INVITATION = timedelta(hours=72)

_TOKEN_SIZE = 32
_FIRST_ROLES = (Role.consultation, Role.privacy)  # DESIGN §5


@dataclass(frozen=True)
class Member:
    """Somebody who is, was or will be staff; `training` is None before she enrols and once she is revoked.

    `invited_until`: while her invitation can be taken up.
    """

    id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    enrolled_at: datetime | None = None
    revoked_at: datetime | None = None
    invited_until: datetime | None = None
    trained_on: date | None = None
    plan: str | None = None
    training: Training | None = None

    @property
    def enrolled(self) -> bool:
        """Whether she has set up her access."""
        return self.enrolled_at is not None

    @property
    def revoked(self) -> bool:
        """Whether it was taken away."""
        return self.revoked_at is not None

    @property
    def state(self) -> str:
        """One of invited, enrolled, revoked."""
        return "revoked" if self.revoked else "enrolled" if self.enrolled else "invited"


def first_enrolment(house: House) -> str | None:
    """A fresh token for the first officer, under the policy's address; None once the ledger knows one.

    Every call ends the tokens before it, so the newest printed link is the only one that works.
    """
    email = publishing.in_force(house).policy.officer.email
    with house.live.read() as live:
        person = store.by_email(live, account_of(email) or email)
    if records.officer_known(house) or (person is not None and (person.enrolled_at or person.revoked_at)):
        return None
    return invite(house, email=email, roles=_FIRST_ROLES, by=None)


def invite(
    house: House,
    *,
    email: str,
    roles: Collection[Role],
    by: Actor | None,
    types: Collection[str] = (),
    reason: str | None = None,
    break_glass: str | None = None,
    mail_in: str | None = None,
) -> str:
    """An enrolment token for this address: one use, 72 hours; a second invitation replaces the first.

    `mail_in`: the language in which it is also sent to the address, in the same commit.

    `types` are those of the consultation role, all when empty; the other roles are not bound to types.

    An officer is invited by an officer (DESIGN §5), who says why. The operator, `by` None, invites the
    first; after that only by breaking the glass, for a reason that goes on record.

    Raises:
        NotFound: the officer is none, any more.
        RightsRefused: the address is none, is enrolled or was revoked, a role or type does not exist, an
            officer gives no reason, or the operator invites an officer without one.
    """
    address = account_of(email)
    if address is None:
        raise RightsRefused("email", "invalid_email")
    pairs = register.checked_pairs(house, roles, types)
    detail = register.reasoned(reason) if by or on_one_line(reason) else {}
    if Role.privacy in roles:
        detail |= register.glass(house, by, break_glass)
    with register.change(house, by, Permission.manage_people) as live:
        person = store.by_email(live, address)
        if person is not None and (person.enrolled_at or person.revoked_at):
            raise RightsRefused("email", "revoked" if person.revoked_at else "enrolled")
        staff_id = new_id() if person is None else person.id
        if person is None:
            store.add(live, staff_id, address, clock.now())
        store.set_roles(live, staff_id, pairs)
        held = register.on_record(address, pairs)
        return put_invitation(house, live, staff_id, by, held | detail, mail_in=mail_in)


def invite_again(house: House, *, staff_id: int, by: Actor | None, mail_in: str | None = None) -> str:
    """A fresh token for somebody who was invited and has not enrolled; the one before ends.

    Raises:
        NotFound: nobody is waiting under this number, or it is not this officer's to invite.
        RightsRefused: the operator invites an officer.
    """
    with register.change(house, by, Permission.manage_people) as live:
        person = store.by_id(live, staff_id)
        if person is None or person.enrolled_at is not None or person.revoked_at is not None:
            raise NotFound("nobody who is to enrol")
        pairs = store.roles(live, staff_id)
        if by is None and Role.privacy in scopes(pairs):
            register.glass(house, by, None)
        held = register.on_record(person.email, pairs)
        return put_invitation(house, live, staff_id, by, held | {"again": True}, mail_in=mail_in)


def invite_anew(
    house: House, *, staff_id: int, by: Actor, reason: str | None, mail_in: str | None = None
) -> str:
    """An enrolment token for somebody enrolled: password, app, codes, passkeys and sessions end at once.

    What she sets up instead is hers alone to know (P28); roles, types, grants and training stay as they are.

    Raises:
        NotFound: nobody is enrolled under this number, she is the officer herself, or it is not hers to do.
        RightsRefused: no reason is given, or nobody else would be an officer meanwhile.
    """
    reasoned = register.reasoned(reason)
    with register.change(house, by, Permission.manage_people) as live:
        person = store.by_id(live, staff_id)
        if person is None or person.enrolled_at is None or person.revoked_at is not None:
            raise NotFound("nobody who is enrolled")
        if staff_id == by.staff_id:  # who is signed in has all she needs; she may not lose it by a slip
            raise NotFound("herself")
        must_leave_an_officer(live, staff_id)
        store.disenrol(live, staff_id)
        proofs.end_all(live, staff_id)
        attempts.forget_devices(live, staff_id, besides=b"")
        session_store.end_all(live, staff_id)
        detail = {"email": person.email, "set": to_microseconds(clock.now()), **reasoned}
        return put_invitation(house, live, staff_id, by, detail, act="renew", mail_in=mail_in)


def put_invitation(
    house: House,
    live: Connection,
    staff_id: int,
    by: Actor | None,
    detail: Mapping[str, object],
    *,
    act: str = "invite",
    mail_in: str | None = None,
) -> str:
    """A fresh token within the caller's transaction, on record; those before it end.

    `mail_in`: also sent to `detail`'s address, and to no other, in this language.
    """
    token = secrets.token_urlsafe(_TOKEN_SIZE)
    store.invite(live, staff_id, token_digest(token), clock.now() + INVITATION)
    if mail_in is not None:
        facts, to = {"token": token}, str(detail["email"])
        mail.queue(house, live, kind=mail.Kind.invited, to=to, language=mail_in, facts=facts)
    register.put(house, live, act=act, by=by, staff_id=staff_id, detail=detail)
    return token


def revoke(house: House, *, staff_id: int, by: Actor | None, reason: str | None) -> None:
    """Take a person's access away for good; her sessions fail at their next request (P24).

    Raises:
        NotFound: no such person, revoked before, or not this officer's to revoke.
        RightsRefused: no reason is given, or she is the last officer.
    """
    detail = register.reasoned(reason)
    with register.change(house, by, Permission.manage_people) as live:
        person = store.by_id(live, staff_id)
        if person is not None:
            must_leave_an_officer(live, staff_id)
        if person is None or not store.revoke(live, staff_id, clock.now()):
            raise NotFound("no such member of staff")
        detail = {"email": person.email} | detail
        register.put(house, live, act="revoke", by=by, staff_id=staff_id, detail=detail)


def must_leave_an_officer(live: Connection, staff_id: int) -> None:
    """Whoever this change concerns is not the only officer; asked where changes wait for one another.

    Raises:
        RightsRefused: she is.
    """
    if store.officers(live, Role.privacy) == {staff_id}:
        raise RightsRefused("role", "last_officer")


# -- looking -------------------------------------------------------------------------------------


def everyone(house: House) -> tuple[Member, ...]:
    """All who are, were or will be staff, in the order of their addresses."""
    with house.live.read() as live:
        people = store.everyone(live)
        roles = store.roles_of_all(live)
        waiting = store.invitations_open(live, clock.now())
    return tuple(_member(house, one, roles.get(one.id, []), waiting.get(one.id)) for one in people)


def member(house: House, *, staff_id: int | None = None, email: str | None = None) -> Member:
    """One of them, by number or address. Raises NotFound."""
    address = account_of(email or "")
    for one in everyone(house):
        if one.id == staff_id or one.email == address:
            return one
    raise NotFound("no such member of staff")


def officers(house: House) -> dict[int, str]:
    """Number → address of those to whom somebody can turn: officers who may sign in."""
    return {
        one.id: one.email for one in everyone(house) if one.state == "enrolled" and Role.privacy in one.roles
    }


def _member(
    house: House, person: store.Person, pairs: register.Pairs, invited_until: datetime | None
) -> Member:
    active = person.enrolled_at is not None and person.revoked_at is None
    return Member(
        id=person.id,
        email=person.email,
        roles=scopes(pairs),
        enrolled_at=person.enrolled_at,
        revoked_at=person.revoked_at,
        invited_until=invited_until,
        trained_on=person.trained_on,
        plan=person.plan,
        training=training.standing(house, person.enrolled_at, person.trained_on)
        if active and person.enrolled_at
        else None,
    )


def account_of(email: str) -> str | None:
    """The address under which a member of staff is kept, or None when it can be nobody's."""
    return normal_email(email.strip())


def token_digest(token: str) -> bytes:
    """What is stored of an invitation's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

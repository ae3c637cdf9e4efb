"""Invites anew who has access and lost what she proves herself with; gives and takes no right (P24, P28).

An officer ends what she has, and hands her a link; what she sets up with it is hers to choose and nobody
else's to know. Roles, types, grants and training stay as they are.
"""

from __future__ import annotations

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.permissions import Permission
from inquiries.services import people, register
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live import attempts, proofs
from inquiries.stores.live import sessions as session_store
from inquiries.stores.live import staff as store
from inquiries.stores.types import to_microseconds


def invite_anew(
    house: House, *, staff_id: int, by: Actor, reason: str | None, mail_in: str | None = None
) -> str:
    """An enrolment token for somebody enrolled: password, app, codes, passkeys and sessions end at once.

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
        people.must_leave_an_officer(live, staff_id)
        store.disenrol(live, staff_id)
        proofs.end_all(live, staff_id)
        attempts.forget_devices(live, staff_id, besides=b"")
        session_store.end_all(live, staff_id)
        detail = {"email": person.email, "set": to_microseconds(clock.now()), **reasoned}
        return people.put_invitation(house, live, staff_id, by, detail, act="renew", mail_in=mail_in)

"""The people pages: who may see what, since when, until when; what may be changed is the services' matter."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from inquiries.errors import FieldError, RightsRefused
from inquiries.policy.model import Policy
from inquiries.rules.permissions import ALL_TYPES, Permission, Role
from inquiries.services import grants, publishing, records, register_view, roles, training
from inquiries.services import people as service
from inquiries.web import language, people_words, sessions, staff_words
from inquiries.web.current import before, day, house, number, settings
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

#: The first lines of the register on a person's page.
LATEST = 10


@needs(Permission.manage_people)
def people() -> str:
    """Everybody with roles, training and state; who may still come, and who has left, below."""
    everyone = service.everyone(house())
    return render_template(
        "staff/people.html",
        groups={state: [one for one in everyone if one.state == state] for state in people_words.PEOPLE},
        lapsed=[one for one in everyone if one.training and one.training.lapsed],
        grants=grants.running(house()),
        policy=_policy(),
        unsealed=not records.sealing(house()),
    )


@needs(Permission.manage_people, fresh=True)
def invite() -> ResponseReturnValue:
    """The form; sent, the link that invites goes by mail, or is shown, once."""
    errors: tuple[Message, ...] = ()
    email, chosen, types = request.form.get("email", ""), _roles(), request.form.getlist("type")
    if request.method == "POST":
        try:
            token = service.invite(
                house(),
                email=email,
                roles=chosen,
                types=types,
                reason=request.form.get("reason"),
                by=signed_in(),
                mail_in=_mail_in(),
            )
        except RightsRefused as refused:
            errors = staff_words.messages(refused.errors)
        else:
            return _told(email, token)
    page = render_template(
        "staff/invite.html",
        errors=errors,
        faults=_faults(errors),
        email=email,
        chosen=set(chosen),
        types=set(types),
        reason=request.form.get("reason", ""),
        show="show" in request.form,
        mailed=settings().relay is not None,
        policy=_policy(),
    )
    return page, RightsRefused.status if errors else 200


@needs(Permission.manage_people, fresh=True)
def invite_again(staff_id: int) -> str:
    """A fresh link for somebody who has not enrolled; the one before ends."""
    person = service.member(house(), staff_id=staff_id)
    token = service.invite_again(house(), staff_id=staff_id, by=signed_in(), mail_in=_mail_in())
    return _told(person.email, token)


def _mail_in() -> str | None:
    """The language of the mail that brings the link; None where it is shown instead, or nothing is mailed."""
    return None if "show" in request.form or settings().relay is None else language.chosen()


def _told(email: str, token: str) -> str:
    """That it is on its way; or the link, here and now, and never again."""
    if _mail_in() is not None:
        return render_template("staff/invited.html", email=email, link=None)
    link = f"{settings().origin}{url_for('staff.enrol', token=token)}"
    hours = int(service.INVITATION.total_seconds()) // 3600
    return render_template("staff/invited.html", email=email, link=link, hours=hours)


@needs(Permission.manage_people, fresh=True)
def invite_anew(staff_id: int) -> ResponseReturnValue:
    """A link for somebody who lost what she signs in with; that ends at once."""
    email = service.member(house(), staff_id=staff_id).email
    try:
        token = service.invite_anew(
            house(),
            staff_id=staff_id,
            by=signed_in(),
            reason=request.form.get("reason"),
            mail_in=_mail_in(),
        )
    except RightsRefused as refused:
        return _refused(staff_id, refused, "renew-")
    return _told(email, token)


@needs(Permission.manage_people)
def person(staff_id: int) -> str:
    """One person: what she may do, what was granted to her, and her part of the register."""
    return _person(staff_id)


@needs(Permission.manage_people, fresh=True)
def change(staff_id: int) -> ResponseReturnValue:
    """Let her hold what is ticked, from her next request on."""
    chosen, types = _roles(), request.form.getlist("type")
    reason = request.form.get("reason")

    def act() -> None:
        roles.change(house(), staff_id=staff_id, roles=chosen, types=types, reason=reason, by=signed_in())

    return _done(staff_id, act, "rights", "change-", chosen=chosen, types=types)


@needs(Permission.manage_people, fresh=True)
def train(staff_id: int) -> ResponseReturnValue:
    """Record the day of her training."""
    on = day(request.form, "on")
    return _done(staff_id, lambda: roles.train(house(), staff_id=staff_id, on=on, by=signed_in()), "training")


@needs(Permission.manage_people, fresh=True)
def revoke(staff_id: int) -> ResponseReturnValue:
    """Take her access away for good."""
    reason = request.form.get("reason")
    return _done(
        staff_id,
        lambda: service.revoke(house(), staff_id=staff_id, by=signed_in(), reason=reason),
        "revoked",
        "revoke-",
    )


@needs(Permission.manage_people)
def register() -> str:
    """The register of rights, whole or filtered, the newest first."""
    act = request.args.get("act", "")
    wanted = number(request.args, "person")
    return render_template(
        "staff/register.html",
        page_of=register_view.page(house(), staff_id=wanted, act=act or None, before=before()),
        people=service.everyone(house()),
        acts=tuple(people_words.RIGHTS_ACTS),
        wanted={"person": wanted, "act": act},
    )


@needs(Permission.manage_people, fresh=True)
def start_seals() -> ResponseReturnValue:
    """Begin to seal the ledger, where the first officer's enrolment was cut short before it did."""
    key = records.start_sealing(house())
    if key is None:
        return sessions.lead_to("staff.people")
    return render_template("staff/sealing.html", seal_key=key)


# -- what they share -----------------------------------------------------------------------------


def _done(
    staff_id: int,
    act: Callable[[], None],
    said: str,
    prefix: str = "",
    *,
    chosen: Collection[Role] | None = None,
    types: Collection[str] = (),
) -> ResponseReturnValue:
    """Do it and say so on the person's page; what is refused is told there, at the field of its form."""
    try:
        act()
    except RightsRefused as refused:
        return _refused(staff_id, refused, prefix, chosen=chosen, types=types)
    return sessions.lead_to("staff.person", said, staff_id=staff_id)


def _refused(staff_id: int, refused: RightsRefused, prefix: str, **typed: Any) -> ResponseReturnValue:
    """The person's page with what was refused at the fields of the form whose ids begin like this."""
    faults = tuple(FieldError(f"{prefix}{one.field}", one.code, one.params) for one in refused.errors)
    return _person(staff_id, staff_words.messages(faults), **typed), RightsRefused.status


def _person(
    staff_id: int,
    errors: tuple[Message, ...] = (),
    *,
    chosen: Collection[Role] | None = None,
    types: Collection[str] = (),
) -> str:
    shown = service.member(house(), staff_id=staff_id)
    history = register_view.page(house(), staff_id=staff_id)
    held = shown.roles.get(Role.consultation, frozenset())
    return render_template(
        "staff/person.html",
        person=shown,
        herself=shown.id == signed_in().staff_id,
        grants=[one for one in grants.running(house()) if one.staff_id == staff_id],
        history=history.rows[:LATEST],
        more=len(history.rows) > LATEST,
        chosen=set(shown.roles if chosen is None else chosen),
        types=set(types) if chosen is not None else held - ALL_TYPES,
        policy=_policy(),
        today=training.today(house()),
        mailed=settings().relay is not None,
        errors=errors,
        faults=_faults(errors),
    )


def _roles() -> list[Role]:
    return [Role(name) for name in request.form.getlist("role") if name in Role.__members__]


def _faults(errors: tuple[Message, ...]) -> dict[str, str]:
    return {one.field: one.message for one in errors}


def _policy() -> Policy:
    return publishing.in_force(house()).policy

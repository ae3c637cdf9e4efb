"""The form by which an officer opens one inquiry to one person of the business role, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from flask import render_template, request
from flask.typing import ResponseReturnValue

from inquiries.errors import FieldError, RightsRefused
from inquiries.rules.permissions import Permission
from inquiries.services import grants, holds, inbox, training
from inquiries.web import sessions, staff_words
from inquiries.web.current import day, house, number
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

USUAL: Final = timedelta(days=7)  # what the form proposes


@needs(Permission.grant_access, fresh=True)
def grant(inquiry_id: int) -> ResponseReturnValue:
    """The form, with the grants that run; sent, the person sees the inquiry at her next request."""
    errors: tuple[Message, ...] = ()
    if request.method == "POST":
        last = staff_words.start_of(day(request.form, "until"))
        try:
            grants.grant(
                house(),
                staff_id=number(request.form, "person") or 0,
                inquiry_id=inquiry_id,
                until=last and last + timedelta(days=1),
                reason=request.form.get("reason"),
                by=signed_in(),
            )
        except RightsRefused as refused:
            errors = staff_words.messages(refused.errors)
        else:
            return sessions.lead_to("staff.grant", "grant", inquiry_id=inquiry_id)
    return _page(inquiry_id, errors, request.form.to_dict()), RightsRefused.status if errors else 200


@needs(Permission.grant_access, fresh=True)
def cancel(grant_id: int) -> ResponseReturnValue:
    """End a grant; leads to the inquiry's grants."""
    inquiry_id = grants.inquiry_of(house(), grant_id)
    try:
        grants.cancel(house(), grant_id=grant_id, by=signed_in(), reason=request.form.get("reason"))
    except RightsRefused:
        errors = staff_words.messages((FieldError(f"cancel-{grant_id}", "cancel_reason"),))
        return _page(inquiry_id, errors, {}), RightsRefused.status
    return sessions.lead_to("staff.grant", "cancel", inquiry_id=inquiry_id)


def _page(inquiry_id: int, errors: tuple[Message, ...], typed: Mapping[str, str]) -> str:
    actor, today = signed_in(), training.today(house())
    return render_template(
        "staff/grant.html",
        inquiry=inbox.summary(house(), actor, inquiry_id),
        holds=holds.marks(house(), inquiry_id),
        grants=grants.of_inquiry(house(), actor, inquiry_id),
        eligible=grants.eligible(house(), actor),
        until=today + USUAL,
        first=today,
        last=today + grants.LONGEST - timedelta(days=1),
        typed=typed,
        errors=errors,
        faults={one.field: one.message for one in errors},
    )

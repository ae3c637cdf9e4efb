"""The form of a legal hold; what a hold needs and who may place one is the service's matter."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, StringField, TextAreaField

from inquiries import clock
from inquiries.errors import InvalidHold
from inquiries.policy.period import Period
from inquiries.rules import retention
from inquiries.rules.permissions import Permission
from inquiries.services import holds, inbox
from inquiries.services.actor import REASON_LIMIT
from inquiries.web import sessions, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

USUAL: Final = Period(years=1)  # what the form proposes


class HoldForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`basis reason until`."""

    basis = StringField(
        _l("Basis"), render_kw={"maxlength": holds.BASIS_LIMIT, "required": True, "autocomplete": "off"}
    )
    reason = TextAreaField(_l("Reason"), render_kw={"maxlength": REASON_LIMIT, "required": True, "rows": 3})
    until = DateField(_l("Held until"), render_kw={"required": True})


def hold_form() -> HoldForm:
    """The form as it is first shown, with the usual end."""
    form = HoldForm(formdata=None)
    form.until.data = _usual_end()
    return form


@needs(Permission.hold_inquiry, fresh=True)
def hold(inquiry_id: int) -> ResponseReturnValue:
    """The form on a page of its own; sent, the hold runs from now on."""
    form = HoldForm()
    errors: tuple[Message, ...] = ()
    if request.method == "GET":
        form = hold_form()
    else:
        try:
            holds.place(
                house(),
                signed_in(),
                inquiry_id,
                reason=form.reason.data or "",
                basis=form.basis.data or "",
                until=staff_words.start_of(form.until.data),
            )
        except InvalidHold as invalid:
            order = tuple(form._fields).index
            errors = staff_words.messages(tuple(sorted(invalid.errors, key=lambda one: order(one.field))))
        else:
            return sessions.lead_to("staff.inquiry", "hold", inquiry_id=inquiry_id)
    page = render_template(
        "staff/hold.html",
        inquiry=inbox.summary(house(), signed_in(), inquiry_id),
        holds=holds.marks(house(), inquiry_id),
        form=form,
        errors=errors,
        faults={one.field: one.message for one in errors},
    )
    return page, InvalidHold.status if errors else 200


def _usual_end() -> datetime | None:
    zone = staff_words.zone()
    end = retention.due_at(clock.now(), USUAL, zone)
    return None if end is None else end.astimezone(ZoneInfo(zone))

"""The officer asks a child's guardian: whom, on record, and how she agreed; shows nothing of the inquiry."""

from __future__ import annotations

from typing import Final

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from inquiries.errors import InvalidFields, WrongState
from inquiries.rules.permissions import Permission
from inquiries.services import guardians
from inquiries.web import sessions, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

WAYS: Final = {
    "phone": _l("by telephone"),
    "mail": _l("by e-mail"),
    "paper": _l("on paper"),
    "person": _l("in person"),
}


@needs(Permission.handle_requests)
def guardian(inquiry_id: int) -> ResponseReturnValue:
    """Whom to ask; with `how` and `evidence`, what she answered. A GET leads to the masked page."""
    if request.method != "POST":
        return redirect(url_for("staff.inquiry", inquiry_id=inquiry_id))
    typed = {name: request.form.get(name, "") for name in ("how", "evidence")}
    errors: tuple[Message, ...] = ()
    try:
        if "enter" in request.form:
            try:
                guardians.enter(house(), signed_in(), inquiry_id, typed["how"], typed["evidence"])
            except InvalidFields as refused:
                errors = staff_words.messages(refused.errors)
            else:
                return sessions.lead_to("staff.inquiry", "guardian", inquiry_id=inquiry_id)
        found = guardians.show(house(), signed_in(), inquiry_id)
    except WrongState:  # she agreed by her link meanwhile
        return sessions.lead_to("staff.inquiry", "overtaken", inquiry_id=inquiry_id)
    text = render_template(
        "staff/guardian.html",
        guardian=found,
        inquiry_id=inquiry_id,
        ways=WAYS,
        typed=typed,
        errors=errors,
        faults={one.field: one.message for one in errors},
    )
    return text, InvalidFields.status if errors else 200

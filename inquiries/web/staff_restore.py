"""The gate after a restore: closes the staff pages, says what was found, and takes the officer's word."""

from __future__ import annotations

from typing import Final

from flask import render_template, request
from flask.typing import ResponseReturnValue

from inquiries.errors import FieldError, ReasonRequired
from inquiries.rules.permissions import Permission
from inquiries.services import losses, recovery
from inquiries.web import guards, sessions, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

#: What stays open while the gate stands.
OPEN: Final = frozenset(
    {
        "staff.home",
        "staff.sign_in",
        "staff.sign_out",
        "staff.confirm",
        "staff.restore",
        "staff.passkey_options",
    }
)


def closed() -> ResponseReturnValue | None:
    """While the gate stands, a page that says why and who can end it; None where the request may go on."""
    if request.endpoint in OPEN or recovery.gate(house()) is None:
        return None
    guards.from_staff_network()
    return render_template("staff/gate.html", may_end=may_end()), 503


def may_end() -> bool:
    """Whether who is signed in here can confirm the restore."""
    actor = guards.current_actor()
    return actor is not None and actor.may(Permission.see_retention).allowed


@needs(Permission.see_retention, fresh=True)
def restore() -> ResponseReturnValue:
    """What was found, in plain words; confirmed with a reason, the pages open again."""
    if request.method == "GET":
        return _page()
    try:
        recovery.confirm(house(), signed_in(), request.form.get("reason", ""))
    except ReasonRequired:
        return _page(staff_words.messages((FieldError("reason", "restore_reason"),))), ReasonRequired.status
    return sessions.lead_to("staff.retention", "restore")


def _page(errors: tuple[Message, ...] = ()) -> str:
    return render_template(
        "staff/restore.html", gate=recovery.gate(house()), lost=losses.waiting(house()), errors=errors
    )

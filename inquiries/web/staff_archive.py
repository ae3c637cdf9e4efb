"""The archive's pages: ordering a move, the list, and opening one archived inquiry; keeps nothing itself."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from inquiries.errors import FieldError, Held, InvalidArchival, ReasonRequired
from inquiries.rules.permissions import Permission
from inquiries.services import archive as service
from inquiries.services import holds, inbox, publishing
from inquiries.services.actor import on_one_line
from inquiries.services.archive import ArchiveLine, StatuteChoice
from inquiries.web import sessions, staff_words
from inquiries.web.current import before, house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message


@needs(Permission.open_archive, fresh=True)
def move(inquiry_id: int) -> ResponseReturnValue:
    """First the statute is chosen (in the address), then what it needs; the move itself is a POST."""
    if request.method == "GET":
        return _form(inquiry_id, request.args.get("statute"))
    wanted = request.form.getlist("items")
    statute, reason = request.form.get("statute", ""), request.form.get("reason", "")
    try:
        service.order(house(), signed_in(), inquiry_id, statute=statute, items=wanted, reason=reason)
    except InvalidArchival as invalid:
        errors = staff_words.messages(invalid.errors)
        return _form(inquiry_id, statute, errors, ticked=wanted, reason=reason), invalid.status
    except Held:
        return _form(inquiry_id, statute, ticked=wanted, reason=reason, held=True), Held.status
    return sessions.lead_to("staff.archive", "archive")


@needs(Permission.open_archive)
def archive() -> str:
    """What is archived, the latest first, closed."""
    return render_template(
        "staff/archive.html",
        page_of=service.page(house(), signed_in(), before()),
    )


@needs(Permission.open_archive)
def archived(archive_id: int) -> str:
    """One archived inquiry, closed, with the act of opening it."""
    line = service.look(house(), signed_in(), archive_id)
    return _closed(line)


@needs(Permission.open_archive, fresh=True)
def open_archived(archive_id: int) -> ResponseReturnValue:
    """Record, then show. A GET (a reload, the way back, another language) leads to the closed page."""
    if request.method == "GET":
        return redirect(url_for("staff.archived", archive_id=archive_id))
    reason = request.form.get("reason", "")
    try:
        opened = service.open_archived(house(), signed_in(), archive_id, reason)
    except ReasonRequired:
        errors = staff_words.messages((FieldError("reason", "reason_required"),))
        return _closed(service.look(house(), signed_in(), archive_id), errors), ReasonRequired.status
    return render_template(
        "staff/archive_opened.html",
        opened=opened,
        line=opened.line,
        items=[
            (name, staff_words.item_label(opened.policy, name), text) for name, text in opened.items.items()
        ],
        reason=on_one_line(reason),
    )


def _form(
    inquiry_id: int,
    statute: str | None,
    errors: tuple[Message, ...] = (),
    *,
    ticked: list[str] | None = None,
    reason: str = "",
    held: bool = False,
) -> str:
    summary = inbox.summary(house(), signed_in(), inquiry_id)
    choices = service.choices(house(), signed_in(), inquiry_id)
    chosen = next((choice for choice in choices if choice.key == statute), None)
    if chosen is None:  # the rest is asked for on the page after
        errors = tuple(one for one in errors if one.field == "statute")
    return render_template(
        "staff/archive_move.html",
        inquiry=summary,
        holds=holds.marks(house(), inquiry_id),
        choices=choices,
        chosen=chosen,
        ticked=_needed(chosen) if chosen and ticked is None else ticked or (),
        reason=reason,
        held=held,
        errors=errors,
        faults={one.field: one.message for one in errors},
    )


def _needed(chosen: StatuteChoice) -> tuple[str, ...]:
    """What is ticked at first: the items that the policy names for the statute; where it names none, none."""
    named = publishing.in_force(house()).policy.statutes[chosen.key].items
    return tuple(name for name in chosen.items if name in named)


def _closed(line: ArchiveLine, errors: tuple[Message, ...] = ()) -> str:
    return render_template("staff/archived.html", line=line, errors=errors)

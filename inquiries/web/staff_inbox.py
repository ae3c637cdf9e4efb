"""The inbox pages: the masked list, one inquiry before and after opening, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from inquiries.errors import FieldError, InvalidFields, ReasonRequired, Suspended, WrongState
from inquiries.rules import lifecycle
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import Permission, listable
from inquiries.services import archive, grants, holds, outlook, people, publishing
from inquiries.services import inbox as service
from inquiries.services import search as searching
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.services.inbox_views import InquirySummary, OpenedInquiry
from inquiries.web import sessions, staff_holds, staff_thread, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message


@dataclass(frozen=True)
class Act:
    """A button under an inquiry: what it is called, where it leads."""

    name: str
    label: str
    url: str


@dataclass(frozen=True)
class Line:
    """One item in clear: its label, its text, and what a click on it does (`mailto:`, `tel:`)."""

    name: str
    label: str
    text: str
    link: str | None


_BUTTONS: Final = (
    (Action.answer, Permission.answer_inquiry, _l("Mark as answered"), "staff.answered"),
    (Action.close, Permission.close_inquiry, _l("Close"), "staff.close"),
    (Action.reopen, Permission.reopen_inquiry, _l("Reopen"), "staff.reopen"),
)


@needs(Permission.list_inquiries)
def inbox() -> str:
    """Newest first, fifty at a time, all of it masked."""
    actor = signed_in()
    wanted = {name: value for name in ("type", "state", "after") if (value := request.args.get(name))}
    page = service.page(house(), actor, **wanted)
    declared = publishing.in_force(house()).policy.types
    return render_template(
        "staff/inbox.html",
        page_of=page,
        types=[name for name in declared if name in listable(actor.roles, declared)],
        wanted=wanted,
        alarm=outlook.alarm(house()),
        alarm_after=outlook.ALARM_AFTER,
        may_look=actor.may(Permission.see_retention).allowed,
        next_url=_list_url({**wanted, "after": page.next}) if page.next else None,
        newest_url=_list_url({**wanted, "after": ""}) if "after" in wanted else None,
    )


@needs(Permission.search_inquiries)
def search() -> ResponseReturnValue:
    """By address or number. A POST, so that neither stands in an address, a log or a history."""
    typed = request.form.get("typed", "")
    found, status = None, 200
    errors: tuple[Message, ...] = ()
    if request.method == "POST":
        try:
            found = searching.search(house(), signed_in(), typed)
        except InvalidFields as invalid:
            errors, status = staff_words.messages(invalid.errors), invalid.status
    return render_template("staff/search.html", found=found, errors=errors, typed=typed), status


@needs(Permission.open_inquiry)
def inquiry(inquiry_id: int) -> str:
    """One inquiry, masked, with the act of opening it."""
    summary = service.summary(house(), signed_in(), inquiry_id)
    return _closed_page(summary)


@needs(Permission.open_inquiry)
def open_inquiry(inquiry_id: int) -> ResponseReturnValue:
    """Record, then show. A GET (a reload, the way back, another language) leads to the masked page."""
    if request.method == "GET":
        return redirect(url_for("staff.inquiry", inquiry_id=inquiry_id))
    actor = signed_in()
    try:
        opened = service.open_inquiry(house(), actor, inquiry_id, request.form.get("reason"))
    except ReasonRequired:
        errors = staff_words.messages((FieldError("reason", "reason_required"),))
        summary = service.summary(house(), actor, inquiry_id)
        return _closed_page(summary, errors), ReasonRequired.status
    except Suspended:
        return _closed_page(service.summary(house(), actor, inquiry_id)), Suspended.status
    return render_template(
        "staff/opened.html",
        opened=opened,
        inquiry=opened.summary,
        lines=_lines(opened),
        authors=_authors(opened),
        may_reply=_may(Permission.answer_inquiry, opened.summary) and _open(opened.summary),
        may_note=_may(Permission.note_inquiry, opened.summary),
        **staff_thread.form_of(opened),
        acts=_acts(actor, opened.summary),
        holds=holds.marks(house(), inquiry_id),
        grants=grants.of_inquiry(house(), actor, inquiry_id),
        hold_form=staff_holds.hold_form() if _may(Permission.hold_inquiry, opened.summary) else None,
        choices=archive.choices(house(), actor, inquiry_id)
        if _may(Permission.open_archive, opened.summary)
        else (),
        reason=on_one_line(request.form.get("reason")),
    )


@needs(Permission.answer_inquiry)
def answered(inquiry_id: int) -> Response:
    """Mark as answered."""
    return _done(inquiry_id, Action.answer, service.answered)


@needs(Permission.close_inquiry)
def close(inquiry_id: int) -> Response:
    """Close: its purpose is achieved."""
    return _done(inquiry_id, Action.close, service.close)


@needs(Permission.reopen_inquiry)
def reopen(inquiry_id: int) -> Response:
    """Reopen what was answered or closed."""
    return _done(inquiry_id, Action.reopen, service.reopen)


def _done(inquiry_id: int, said: Action, act: Callable[[House, Actor, int], object]) -> Response:
    """Do it, say so on the next page. What somebody else did meanwhile is said, too, and not an error."""
    try:
        act(house(), signed_in(), inquiry_id)
    except (WrongState, Suspended):
        return sessions.lead_to("staff.inquiry", "overtaken", inquiry_id=inquiry_id)
    return sessions.lead_to("staff.inquiry", said, inquiry_id=inquiry_id)


def _list_url(parameters: Mapping[str, str]) -> str:
    filled = {name: value for name, value in parameters.items() if value}
    return url_for("staff.inbox") + (f"?{urlencode(filled)}" if filled else "")


def _closed_page(summary: InquirySummary, errors: tuple[object, ...] = ()) -> str:
    return render_template(
        "staff/inquiry.html",
        inquiry=summary,
        labels={name: staff_words.item_label(summary.policy, name) for name in summary.masked},
        acts=_acts(signed_in(), summary),
        holds=holds.marks(house(), summary.id),
        grants=grants.of_inquiry(house(), signed_in(), summary.id),
        may_grant=_may(Permission.grant_access, summary),
        may_ask_guardian=_may(Permission.handle_requests, summary),
        may_hold=_may(Permission.hold_inquiry, summary),
        may_archive=_may(Permission.open_archive, summary),
        may_provide=_may(Permission.provide, summary) and not summary.suspended,
        errors=errors,
    )


def _open(summary: InquirySummary) -> bool:
    return Action.reply in lifecycle.possible(State(summary.state))


def _authors(opened: OpenedInquiry) -> dict[int, str]:
    """Who wrote the entries of the thread, and who entered it, as staff know one another."""
    wrote = {entry.by for entry in opened.thread}
    if opened.evidence is not None:
        wrote.add(opened.evidence.by)
    return {one.id: one.email for one in people.everyone(house()) if one.id in wrote}


def _may(permission: Permission, summary: InquirySummary) -> bool:
    return signed_in().may(permission, summary.type).allowed


def _acts(actor: Actor, summary: InquirySummary) -> tuple[Act, ...]:
    """What this person may do with the inquiry in its present state; nothing while it is suspended."""
    if summary.suspended:
        return ()
    possible = lifecycle.possible(State(summary.state))
    return tuple(
        Act(action.value, str(label), url_for(endpoint, inquiry_id=summary.id))
        for action, permission, label, endpoint in _BUTTONS
        if actor.may(permission, summary.type).allowed and action in possible
    )


def _lines(opened: OpenedInquiry) -> tuple[Line, ...]:
    policy = opened.summary.policy
    return tuple(
        Line(name, staff_words.item_label(policy, name), text, _link(policy.items[name].kind, text))
        for name, text in opened.items.items()
    )


def _link(kind: str, text: str) -> str | None:
    """What writes or calls; the item's text is quoted, so that it cannot add a header or another address."""
    if kind == "email":
        return "mailto:" + quote(text, safe="@")
    if kind == "phone":
        return "tel:" + "".join(c for c in text if c in "+0123456789")
    return None

"""The officer's pages of requests: the list with its deadlines, one of them, entering one; keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from inquiries.errors import FieldError, InvalidFields, InvalidItems, NotFound, WrongState
from inquiries.rules.permissions import Permission
from inquiries.rules.requests import Authority, Channel, Identity, Kind
from inquiries.services import hand_over, inbox, on_behalf, request_deadlines
from inquiries.services import request_desk as service
from inquiries.services.actor import Actor
from inquiries.services.ids import LARGEST_ID
from inquiries.services.inbox_views import InquirySummary
from inquiries.services.on_behalf import Entry, Proof
from inquiries.web import (
    language,
    messages,
    request_words,
    sessions,
    staff_words,
    subject_copy,
    subject_words,
    templating,
)
from inquiries.web.current import before, house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

E = TypeVar("E", bound=StrEnum)

_COPY_WORDS: Final = templating.own_words(subject_words)


#: What the forms offer.
_CHOICES: Final[Mapping[str, Mapping[Any, str]]] = {
    "kinds": {one: said for one, said in subject_words.KINDS.items() if one is not Kind.confirm},
    "channels": subject_words.CHANNELS,
    "identity": request_words.IDENTITY,
    "authority": request_words.AUTHORITY,
}


@needs(Permission.handle_requests)
def requests() -> str:
    """What nobody has settled, the most urgent first."""
    return render_template(
        "staff/requests.html",
        lines=service.overview(house(), signed_in()),
        figures=request_deadlines.figures(house()),
    )


@needs(Permission.handle_requests)
def history() -> str:
    """What became of requests, as the ledger keeps it."""
    events, more = service.history(house(), signed_in(), before())
    return render_template("staff/requests_history.html", events=events, next=more)


@needs(Permission.handle_requests)
def one(request_id: int) -> str:
    """One request, and what may be done with it."""
    return _page(request_id)


@needs(Permission.handle_requests)
def assign(request_id: int) -> Response:
    """Take it, give it to another officer, or let it go."""
    owner = request.form.get("owner", type=int)
    return _done(request_id, "owner", lambda actor: service.assign(house(), actor, request_id, owner))


@needs(Permission.handle_requests, fresh=True)
def prove(request_id: int) -> ResponseReturnValue:
    """Record who asks, and by what right."""
    seen = request.form.get("seen", "")
    try:
        return _done(
            request_id,
            "proved",
            lambda actor: on_behalf.prove(house(), actor, request_id, _proof(), seen),
        )
    except InvalidFields as invalid:
        return _page(request_id, errors=staff_words.messages(invalid.errors)), invalid.status


@needs(Permission.handle_requests, fresh=True)
def carry_out(request_id: int) -> Response:
    """Have it carried out now; where something stands against it, the page says what."""
    try:
        done = service.carry_out(house(), signed_in(), request_id)
    except WrongState:
        return _back(request_id, "overtaken")
    return _back(request_id, "done" if done else "waits")


@needs(Permission.handle_requests, fresh=True)
def refuse(request_id: int) -> ResponseReturnValue:
    """Refuse it, with the reason that she reads."""
    reason = request.form.get("reason")
    try:
        return _done(request_id, "refused", lambda actor: service.refuse(house(), actor, request_id, reason))
    except InvalidFields as invalid:
        errors = staff_words.messages(invalid.errors)
        return _page(request_id, errors=errors, refusing=True), invalid.status


@needs(Permission.handle_requests, fresh=True)
def copy(request_id: int) -> ResponseReturnValue:
    """The copy to hand over, in her language, as a page to print or as a file. A reload leads back."""
    if request.method == "GET":
        return redirect(url_for("staff.request", request_id=request_id))
    with_notes = request.form.get("notes") == "yes"
    try:
        held = hand_over.copy(house(), signed_in(), request_id, notes=with_notes)
    except WrongState:
        return _back(request_id, "overtaken")
    if request.form.get("format") == "json":
        return subject_copy.file(held)
    language.prefer(held.language)
    return render_template(
        "staff/request_copy.html",
        request_id=request_id,
        with_notes=with_notes,
        words=_COPY_WORDS,
        **subject_copy.shown(held),
    )


@needs(Permission.handle_requests, fresh=True)
def given(request_id: int) -> Response:
    """The copy was given to who asked."""
    return _done(request_id, "handed_over", lambda actor: hand_over.handed_over(house(), actor, request_id))


# -- entering --------------------------------------------------------------------------------------


@needs(Permission.handle_requests, fresh=True)
def new() -> ResponseReturnValue:
    """First what is asked is chosen (in the address), then all else, for one inquiry or several."""
    sent = request.form if request.method == "POST" else request.args
    ids = _ids(sent.getlist("inquiry"))
    if not ids:
        raise NotFound("no inquiry is named")
    kind = _of(Kind, sent.get("kind"))
    if request.method == "GET":
        return _entering(ids, kind)
    if kind is None:
        return _entering(ids, None, InvalidFields((FieldError("kind", "required"),))), InvalidFields.status
    try:
        made = on_behalf.enter(house(), signed_in(), ids, _entry(kind))
    except InvalidFields as invalid:
        return _entering(ids, kind, invalid), invalid.status
    proved = _proof().identity is not None
    said = "proved" if proved else "entered"
    if len(made) > 1:
        return sessions.lead_to("staff.requests", said)
    return sessions.lead_to("staff.request", said, request_id=made[0])


def _entering(ids: list[int], kind: Kind | None, invalid: InvalidFields | None = None) -> str:
    summaries = [inbox.summary(house(), signed_in(), one) for one in ids]
    first = summaries[0]
    labels = {
        name: staff_words.item_label(first.policy, name) for name in first.policy.types[first.type].items
    }
    errors = _worded(invalid, labels)
    return render_template(
        "staff/request_new.html",
        inquiries=summaries,
        labels=labels,
        kind=kind,
        choices=_CHOICES,
        purposes=_purposes(summaries),
        errors=errors,
        faults={one.field: one.message for one in errors},
        typed=request.form,
    )


def _worded(invalid: InvalidFields | None, labels: Mapping[str, str]) -> tuple[Message, ...]:
    if invalid is None:
        return ()
    if isinstance(invalid, InvalidItems):
        return messages.word(invalid.errors, labels)
    return staff_words.messages(invalid.errors)


def _entry(kind: Kind) -> Entry:
    form = request.form
    return Entry(
        kind=kind,
        channel=_of(Channel, form.get("channel")) or Channel.receipt,
        day=_day(form.get("day", "")),
        purpose=form.get("purpose", ""),
        texts={name[5:]: text for name, text in form.items() if name.startswith("item_")},
        representative=form.get("by") == "representative",
        who=form.get("who", ""),
        evidence=form.get("evidence", ""),
        proof=_proof(),
    )


def _purposes(summaries: list[InquirySummary]) -> dict[str, str]:
    return {
        name: purpose.label.text(language.chosen())
        for summary in summaries
        for name, purpose in summary.policy.purposes.items()
        if not purpose.required
    }


# -- what several need -----------------------------------------------------------------------------


def _page(request_id: int, *, errors: tuple[Message, ...] = (), refusing: bool = False) -> str:
    found = service.look(house(), signed_in(), request_id)
    return render_template(
        "staff/request.html",
        found=found,
        line=found.line,
        about=", ".join(subject_words.named(found.names, found.policy)),
        to_object=subject_words.to_object(found.language),
        choices=_CHOICES,
        errors=errors,
        faults={one.field: one.message for one in errors},
        refusing=refusing,
        typed=request.form,
    )


def _done(request_id: int, said: str, act: Callable[[Actor], None]) -> Response:
    """Do it, and say so on its page; what somebody else did meanwhile is said, too, and no error."""
    try:
        act(signed_in())
    except WrongState:
        said = "overtaken"
    return _back(request_id, said)


def _back(request_id: int, said: str) -> Response:
    """To its page, or, where it went with its inquiry, to the list."""
    try:
        service.found(house(), signed_in(), request_id)
    except NotFound:
        return sessions.lead_to("staff.requests", said)
    return sessions.lead_to("staff.request", said, request_id=request_id)


def _proof() -> Proof:
    return Proof(_of(Identity, request.form.get("identity")), _of(Authority, request.form.get("authority")))


def _of(kind: type[E], value: str | None) -> E | None:
    return kind(value) if value in set(kind) else None


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _ids(values: list[str]) -> list[int]:
    """Each once, in their order; what no store can hold is left out."""
    numbers = (int(one) for one in values[: on_behalf.MOST] if one.isascii() and one.isdecimal())
    return [one for one in dict.fromkeys(numbers) if one <= LARGEST_ID]

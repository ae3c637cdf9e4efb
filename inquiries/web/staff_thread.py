"""Replies and notes: their forms, and what was typed shown again whenever it could not be stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import SQLAlchemyError

from inquiries.errors import IntakeClosed, InvalidItems, Suspended, WrongState
from inquiries.rules.correspondence import Kind
from inquiries.rules.permissions import Permission
from inquiries.services import replies, thread
from inquiries.services.inbox_views import OpenedInquiry
from inquiries.services.replies import Told
from inquiries.web import once, sessions, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in

_log = structlog.get_logger()

#: Why something typed was not stored; it is shown again with the reason, and with the status.
_NOT_STORED: Final = (
    (WrongState, _l("Not sent: somebody wrote something meanwhile, or it is closed. Look at it first.")),
    (Suspended, _l("Not sent: the person has just asked that nothing of this inquiry is used.")),
    (IntakeClosed, _l("Not stored: the keys are being renewed. Please send it again in a moment.")),
    (SQLAlchemyError, _l("Not stored: a database did not answer. Please send it again in a moment.")),
)  # fmt: skip
_SAID: Final = {
    Told.by_mail: "reply_mail",
    Told.no_address: "reply_no_address",
    Told.no_mail: "reply_no_mail",
}


@needs(Permission.answer_inquiry)
def reply(inquiry_id: int) -> ResponseReturnValue:
    """Reply to the person. A GET (a reload, another language) leads to the masked page."""
    return _store(
        inquiry_id,
        Kind.reply,
        lambda text, nonce: _SAID[replies.reply(house(), signed_in(), inquiry_id, text, nonce)],
    )


@needs(Permission.note_inquiry)
def note(inquiry_id: int) -> ResponseReturnValue:
    """Write a note. A GET leads to the masked page."""

    def write(text: str, nonce: bytes | None) -> str:
        replies.note(house(), signed_in(), inquiry_id, text, nonce)
        return "note"

    return _store(inquiry_id, Kind.note, write)


def _store(inquiry_id: int, kind: Kind, write: Callable[[str, bytes | None], str]) -> ResponseReturnValue:
    text = request.form.get(thread.FIELD, "")
    if request.method != "POST":
        return sessions.lead_to("staff.inquiry", inquiry_id=inquiry_id)
    try:
        said = write(text, once.read_or_none(request.form.get("_once")))
    except InvalidItems as refused:
        return _again(inquiry_id, kind, text, staff_words.messages(refused.errors)[0].message), refused.status
    except tuple(error for error, _ in _NOT_STORED) as failed:
        why = next(words for error, words in _NOT_STORED if isinstance(failed, error))
        status = getattr(failed, "status", IntakeClosed.status)
        _log.warning("not_stored", kind=kind, inquiry=inquiry_id, reason=type(failed).__name__)
        return _again(inquiry_id, kind, text, str(why)), status
    return sessions.lead_to("staff.inquiry", said, inquiry_id=inquiry_id)


def _again(inquiry_id: int, kind: Kind, text: str, why: str) -> str:
    return render_template(
        "staff/write.html",
        inquiry_id=inquiry_id,
        kind=kind,
        typed=text,
        fault=why,
        nonce=once.new(),
        told=None,
    )


def form_of(opened: OpenedInquiry) -> dict[str, object]:
    """What the opened page needs to show the thread and its forms."""
    told = replies.how_told(house(), opened.summary.policy, opened.items)
    return {"entries": opened.thread, "nonce": once.new(), "told": told}

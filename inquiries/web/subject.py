"""The pages of who has a receipt: what is held, and each right as one plain act; no cookie, no session.

The code comes in the body of each request and stands in no address and no log. Unknown, malformed and
destroyed codes are one answer, whatever was asked with them, but for the certificate (P17, P21).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from inquiries.errors import FieldError, InvalidFields, InvalidItems, NotFound, ReceiptMalformed, Suspended
from inquiries.rules.requests import Waits
from inquiries.services import certificates, copies, publishing, rights, thread
from inquiries.services import receipt as receipts
from inquiries.services.receipt import ReceiptView
from inquiries.web import (
    body,
    destroyed,
    forms,
    language,
    limits,
    messages,
    once,
    origins,
    subject_copy,
    subject_words,
)
from inquiries.web.current import house
from inquiries.web.guards import audience

pages: Final = Blueprint("subject", __name__, url_prefix="/receipt")

Fields = Mapping[str, object]
_LOCKED: Final = 202  # what she asked for is under way


@pages.route("", methods=["GET", "POST"])
@audience("public")
def receipt() -> ResponseReturnValue:
    """What the receipt code opens."""
    if request.method != "POST":
        return render_template("public/receipt.html")
    return _answered(lambda code, _fields: _inquiry(code))


@pages.route("/certificate", methods=["GET", "POST"])
@audience("public")
def certificate() -> ResponseReturnValue:
    """The proof of what was destroyed, as a page or a file; a living and an unknown code are one answer."""
    if request.method != "POST":
        return render_template("public/receipt.html", proof=True)
    return _answered(_certificate, proof=True)


def _right(act: Callable[[str, Fields], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """A page that does something with the code; a reload leads back to where the code is typed."""

    @audience("public")
    @functools.wraps(act)
    def view() -> ResponseReturnValue:
        if request.method != "POST":
            language.chosen()  # asked for in the address: carried on
            return redirect(url_for("subject.receipt"))
        return _answered(act)

    return view


def _answered(
    act: Callable[[str, Fields], ResponseReturnValue], *, proof: bool = False
) -> ResponseReturnValue:
    origins.check()
    fields = body.form(request)
    language.prefer(fields.get("language"))
    limits.count_look()
    code = fields.get("receipt")
    try:
        return act(code if isinstance(code, str) else "", fields)
    except (NotFound, ReceiptMalformed):
        limits.count("receipt")
        return make_response(render_template("public/unknown.html", proof=proof), NotFound.status)


# -- what is shown ---------------------------------------------------------------------------------


def _inquiry(
    code: str, *, said: str | None = None, errors: tuple[messages.Message, ...] = (), typed: str = ""
) -> Response:
    """Her inquiry, with what was done just now; locked where it is being destroyed at her wish."""
    if rights.locked(house(), code):
        return _locked(code)
    status = 200 if not errors else InvalidFields.status
    try:
        view = receipts.look(house(), code)
    except NotFound:
        return _remaining(code, said=said, errors=errors, status=status)
    waits = rights.would_delete(house(), code) if view.deletion is not None else None
    text = render_template(
        "public/inquiry.html",
        view=view,
        policy=view.policy,
        code=code,
        said=said and subject_words.SAID[said],
        errors=errors,
        fault=next((one.message for one in errors if one.field == thread.FIELD), None),
        typed=typed,
        nonce=once.new(),
        waits=waits,
        withdrawable=rights.withdrawable(view),
        words=subject_words,
        states=messages.STATES,
    )
    return make_response(text, status)


def _remaining(code: str, *, said: str | None, errors: tuple[messages.Message, ...], status: int) -> Response:
    """What an optional consent still keeps of an inquiry that has ended. Raises NotFound."""
    left = receipts.remaining(house(), code)
    text = render_template(
        "public/remaining.html",
        left=left,
        policy=left.policy,
        code=code,
        said=said and subject_words.SAID[said],
        errors=errors,
        words=subject_words,
    )
    return make_response(text, status)


def _locked(code: str) -> Response:
    return make_response(render_template("public/locked.html", code=code), _LOCKED)


def _certificate(code: str, fields: Fields) -> ResponseReturnValue:
    if rights.locked(house(), code):
        return _locked(code)
    found = certificates.for_receipt(house(), code)
    return destroyed.file(found) if fields.get("format") == "json" else destroyed.page(found, code)


@pages.route("/copy", methods=["GET", "POST"], endpoint="copy")
@_right
def _copy(code: str, fields: Fields) -> ResponseReturnValue:
    """All that is held about her, as a page to read and print, or as a file."""
    rights.copy(house(), code)
    held = copies.for_receipt(house(), code)
    return subject_copy.file(held) if fields.get("format") == "json" else subject_copy.page(held, code)


# -- what is done ----------------------------------------------------------------------------------


@pages.route("/suspend", methods=["GET", "POST"], endpoint="suspend")
@_right
def _suspend(code: str, _fields: Fields) -> ResponseReturnValue:
    """Nothing of it is used any more, from now on."""
    rights.suspend(house(), code)
    return _inquiry(code, said="suspend")


@pages.route("/resume", methods=["GET", "POST"], endpoint="resume")
@_right
def _resume(code: str, _fields: Fields) -> ResponseReturnValue:
    """Take the suspension back."""
    rights.resume(house(), code)
    return _inquiry(code, said="resume")


@pages.route("/answer", methods=["GET", "POST"], endpoint="answer")
@_right
def _answer(code: str, fields: Fields) -> ResponseReturnValue:
    """Write back; what is refused stands in the field again."""
    text = fields.get(thread.FIELD)
    try:
        thread.answer(house(), code, text, once.read_or_none(fields.get("_once")))
    except InvalidItems as refused:
        errors = messages.word(refused.errors, {thread.FIELD: str(_l("Your message"))})
    except Suspended:
        errors = messages.word((FieldError(thread.FIELD, "suspended"),), {thread.FIELD: ""})
    else:
        return _inquiry(code, said="answer")
    return _inquiry(code, errors=errors, typed=text if isinstance(text, str) else "")


@pages.route("/withdraw", methods=["GET", "POST"], endpoint="withdraw")
@_right
def _withdraw(code: str, fields: Fields) -> ResponseReturnValue:
    """Take an optional consent back."""
    purpose = fields.get("purpose")
    try:
        outcome = rights.withdraw(house(), code, purpose if isinstance(purpose, str) else "")
    except InvalidFields as refused:
        return _inquiry(code, errors=messages.word(refused.errors, {}))
    return _inquiry(code, said="withdraw_waits" if isinstance(outcome, Waits) else "withdraw")


@pages.route("/delete", methods=["GET", "POST"], endpoint="delete")
@_right
def _delete(code: str, fields: Fields) -> ResponseReturnValue:
    """Delete all of it: first what that means, then, confirmed, the deed."""
    if rights.locked(house(), code):
        return _locked(code)
    if fields.get("confirm") != "yes":
        view = receipts.look(house(), code)
        outcome = rights.would_delete(house(), code)
        waits = outcome if isinstance(outcome, Waits) else None
        return render_template(
            "public/delete.html", view=view, policy=view.policy, code=code, waits=waits, words=subject_words
        )
    return _locked(code) if not isinstance(rights.delete(house(), code), Waits) else _inquiry(code)


@pages.route("/correct", methods=["GET", "POST"], endpoint="correct")
@_right
def _correct(code: str, fields: Fields) -> ResponseReturnValue:
    """Her items as a form; sent back, those that differ are replaced."""
    view = receipts.look(house(), code)
    sent = {name: fields[name] for name in view.policy.types[view.type].items if name in fields}
    if not sent or view.deletion is not None:
        return _correction(view, code)
    try:
        outcome = rights.correct(house(), code, sent)
    except InvalidItems as refused:
        return _correction(view, code, sent, refused)
    if outcome is None:
        return _inquiry(code, said="correct_nothing")
    return _inquiry(code, said="correct_waits" if isinstance(outcome, Waits) else "correct")


def _correction(
    view: ReceiptView, code: str, sent: Fields | None = None, refused: InvalidItems | None = None
) -> Response:
    sheet = forms.sheet(publishing.version(house(), view.policy_version), view.type, language.chosen())
    errors = messages.word(refused.errors, sheet.labels) if refused is not None else ()
    text = render_template(
        "public/correct.html",
        view=view,
        sheet=sheet,
        form=sheet.fill({**view.items, **view.corrected, **(sent or {})}),
        code=code,
        errors=errors,
        wrong={error.field: error.message for error in errors},
    )
    return make_response(text, InvalidItems.status if refused is not None else 200)

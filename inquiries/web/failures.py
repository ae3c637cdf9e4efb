"""Turns every failure into its answer: a page for people, problem+json for programs; logs no message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError

from inquiries.errors import InquiriesError, InvalidItems
from inquiries.web import language, messages
from inquiries.web.transport import ForeignHost, PlainHttp

_log = structlog.get_logger()

PROBLEM: Final = "application/problem+json"

_Words = tuple[LazyString, LazyString, LazyString]  # what is the matter, what became of it, what to do
_PAGES: Final[Mapping[int, _Words]] = {
    400: (
        _("This could not be read"),
        _("What reached us was not whole, or not in the encoding it claimed. Nothing was stored."),
        _("Please go back, reload the page and send it again."),
    ),
    403: (
        _("Not from this page"),
        _("What you sent came from a page that may not send to us. Nothing was stored."),
        _("Please open the form here and send it again."),
    ),
    404: (
        _("There is nothing here"),
        _("The address is wrong, or what stood here is gone for good."),
        _("Please check the address, or begin at the start page."),
    ),
    405: (
        _("This cannot be done here"),
        _("The address exists, but not for what was tried."),
        _("Please begin at the start page."),
    ),
    409: (
        _("Something changed in the meantime"),
        _("What you tried does not fit the present state any more."),
        _("Please go back, reload the page and look at it again."),
    ),
    413: (
        _("This is too large"),
        _("An inquiry may have up to 10,000 characters, and no files. Nothing was stored."),
        _("Please go back in your browser: what you typed is still there. Shorten it and send it again."),
    ),
    415: (
        _("This form of sending is not understood"),
        _("What reached us was neither a form nor JSON. Nothing was stored."),
        _("Please open the form here and send it again."),
    ),
    422: (
        _("Something is missing or not right"),
        _("What you sent could not be accepted as it is. Nothing was stored."),
        _("Please go back and check what you entered."),
    ),
    429: (
        _("Too many at once"),
        _("Too many requests came from your network just now."),
        _("Please wait a minute and try again."),
    ),
    500: (
        _("We made a mistake"),
        _("Something went wrong on our side, and we have made a note of it."),
        _("Please try again in a few minutes."),
    ),
    503: (
        _("Closed for a moment"),
        _("We cannot answer right now. What we received before is safe."),
        _("Please try again in a few minutes."),
    ),
}

_PLAIN_HTTP: Final = (
    _("This needs an encrypted connection"),
    _("What you sent came without encryption, and was not read. Nothing was stored."),
    _("Please open the page at its https address and send it from there."),
)

_FOREIGN_HOST: Final = (
    _("This is not our address"),
    _("This page was asked for under a name that is not ours. Nothing was stored."),
    _("Please type the address of the page anew."),
)


def init_app(app: Flask) -> None:
    """Answer every failure here and nowhere else."""
    app.register_error_handler(InquiriesError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(PlainHttp, _plain_http)
    app.register_error_handler(ForeignHost, _foreign_host)
    app.register_error_handler(SQLAlchemyError, unreachable)
    app.register_error_handler(Exception, _unforeseen)


def _domain(failure: InquiriesError) -> Response:
    if failure.status >= InternalServerError.code:
        _note(failure.code, failure)
    if not _wants_json():
        return page(failure.status)
    errors = messages.word(failure.errors, {}) if isinstance(failure, InvalidItems) else ()
    return problem(failure.status, failure.code, errors)


def _http(failure: HTTPException) -> Response:
    status = failure.code or 500
    if status < 400:  # noqa: PLR2004 - a redirect, raised by the router
        return make_response(failure.get_response())
    if status in _TRIED:
        _log.info("refused", status=status, endpoint=request.endpoint, kind=type(failure).__name__)
    response = problem(status, _CODES.get(status, "failed")) if _wants_json() else page(status)
    for name, value in failure.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def unreachable(failure: SQLAlchemyError) -> Response:
    """The answer while a store does not answer; nothing of the failure's message, which quotes the SQL."""
    _note("store", failure)
    return problem(503, _CODES[503]) if _wants_json() else page(503)


def _plain_http(refused: PlainHttp) -> Response:
    if _wants_json():
        return problem(refused.code, "https_required", words=_PLAIN_HTTP)
    return page(refused.code, _PLAIN_HTTP)


def _foreign_host(refused: ForeignHost) -> Response:
    if _wants_json():
        return problem(refused.code, "host", words=_FOREIGN_HOST)
    return page(refused.code, _FOREIGN_HOST)


def _unforeseen(failure: Exception) -> Response:
    _note("unforeseen", failure)
    return problem(500, "failed") if _wants_json() else page(500)


def page(status: int, words: _Words | None = None) -> Response:
    """The page of a status, in the reader's language; plain words should even the page fail."""
    title, what, then = words or _words(status)
    try:
        text = render_template("errors/failure.html", status=status, heading=title, what=what, then=then)
    except Exception as failure:  # noqa: BLE001 - the last page must not depend on anything
        _note("error_page", failure)
        return Response(f"{status}\n", status, mimetype="text/plain")
    return make_response(text, status)


def problem(
    status: int, code: str, errors: tuple[messages.Message, ...] = (), words: _Words | None = None
) -> Response:
    """A problem of RFC 9457; `errors` names each field at fault."""
    title, what, _then = words or _words(status)
    body = {"type": "about:blank", "status": status, "code": code, "title": str(title), "detail": str(what)}
    listed = [{"field": e.field, "code": e.code, "message": e.message} for e in errors]
    response = Response(json.dumps({**body, "errors": listed}), status, mimetype=PROBLEM)
    response.headers["Content-Language"] = language.chosen()
    return response


_CODES: Final = {
    400: "encoding",
    403: "origin",
    404: "not_found",
    405: "method",
    413: "too_large",
    415: "media_type",
    429: "too_many",
    503: "unavailable",
}


#: What honest browsers are hardly ever answered: broken encodings, foreign pages and hosts, limits.
_TRIED: Final = frozenset({400, 403, 413, 415, 429})


def _words(status: int) -> _Words:
    return _PAGES.get(status) or _PAGES[400 if status < 500 else 500]  # noqa: PLR2004


def _wants_json() -> bool:
    return request.path.startswith("/api/")


def _note(code: str, failure: Exception) -> None:
    """Log kind and place, never message or trace: either may quote what a person sent."""
    kind = type(failure).__name__
    _log.error("failed", code=code, endpoint=request.endpoint, kind=kind, **_place(failure))


def _place(failure: Exception) -> dict[str, object]:
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return {}
    return {"file": trace.tb_frame.f_code.co_filename.rpartition("/")[2], "line": trace.tb_lineno}

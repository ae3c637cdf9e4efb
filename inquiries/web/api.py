"""The API for programs: one call sends an inquiry, one describes that; errors are problem+json (RFC 9457)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, request

from inquiries.errors import FieldError, InvalidItems, UnknownType
from inquiries.rules import minors
from inquiries.services import intake, publishing
from inquiries.services.intake import Received, Submission
from inquiries.services.publishing import Published
from inquiries.web import body, failures, forms, language, limits, messages, openapi, origins
from inquiries.web.current import house, settings
from inquiries.web.guards import audience

pages: Final = Blueprint("api", __name__, url_prefix="/api")
pages.after_request(origins.share)

_NAMES: Final = frozenset({"type", "items", "consents", "language", "notice_version", "guardian"})
_LONGEST_KEY: Final = 255


@pages.route("/inquiries", methods=["OPTIONS"])
@audience("public")
def preflight() -> Response:
    """Tell a browser whether a page of its origin may send."""
    return origins.preflight()


@pages.post("/inquiries")
@audience("public")
def send() -> tuple[Response, int] | Response:
    """Send one inquiry; 201 with the receipt code, which is shown only here."""
    origins.check()
    sent = body.json_object(request)
    language.prefer(sent.get("language"))
    published = publishing.in_force(house())
    limits.count("submit")
    try:
        received = intake.receive(house(), _submission(published, sent))
    except InvalidItems as refused:
        return failures.problem(refused.status, refused.code, _worded(published, sent, refused))
    return jsonify(_told(received)), 201


@pages.get("/openapi.json")
@audience("public")
def description() -> Response:
    """The API as the policy in force makes it."""
    published = publishing.in_force(house())
    response = jsonify(openapi.document(published, settings().origin, current_app.config["VERSION"]))
    response.headers["Cache-Control"] = "no-cache"
    return response


def _told(received: Received) -> dict[str, object]:
    due = received.due and received.due.isoformat()
    return {"receipt": received.receipt, "due": due, "notice_version": received.notice_version}


def _submission(published: Published, sent: Mapping[str, Any]) -> Submission:
    """What was sent, its frame checked; items and consents are judged by `rules/items.py`.

    Raises InvalidItems, UnknownType.
    """
    faults = [FieldError(name[:64], "undeclared") for name in sent if name not in _NAMES]
    kind = sent.get("type")
    if not isinstance(kind, str):
        faults.append(FieldError("type", "required" if kind is None else "not_text"))
    items, consents = _table(sent, "items", faults), _table(sent, "consents", faults)
    guardian = _table(sent, "guardian", faults)
    spoken = language.offered()
    if sent.get("language") not in (None, *spoken):
        faults.append(FieldError("language", "not_offered", {"offered": ", ".join(spoken)}))
    version = sent.get("notice_version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        faults.append(FieldError("notice_version", "not_a_version"))
    if faults:
        raise InvalidItems(tuple(faults))
    if kind not in published.policy.types:
        raise UnknownType("not declared")
    return Submission(
        type=str(kind),
        items=items,
        consents=consents,
        language=language.chosen(),
        notice_version=version,
        guardian={minors.PREFIX + name: value for name, value in guardian.items()},
        once=_key(),
        address=request.remote_addr,
        user_agent=request.headers.get("User-Agent"),
        channel="api",
    )


def _table(sent: Mapping[str, Any], name: str, faults: list[FieldError]) -> Mapping[str, object]:
    value = sent.get(name, {})
    if isinstance(value, dict):
        return value
    faults.append(FieldError(name, "not_a_table"))
    return {}


def _key() -> bytes | None:
    """The Idempotency-Key, digested, so that it can never equal the nonce of a form.

    Raises BadEncoding for a key that is empty, too long or not printable ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not key or len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise body.BadEncoding
    return hashlib.sha256(b"Idempotency-Key\0" + key.encode("ascii")).digest()


def _worded(
    published: Published, sent: Mapping[str, Any], refused: InvalidItems
) -> tuple[messages.Message, ...]:
    kind = sent.get("type")
    if not isinstance(kind, str) or kind not in published.policy.types:
        return messages.word(refused.errors, {})
    return messages.word(refused.errors, forms.sheet(published, kind, language.chosen()).labels)

"""The pages for everyone: types, form, notice; no cookie, no session, no token (P05)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from flask import Blueprint, Response, current_app, make_response, render_template, request

from inquiries import clock
from inquiries.errors import (
    IntakeClosed,
    InvalidItems,
    NoticeSuperseded,
    OnceReused,
    UnknownType,
)
from inquiries.policy import differences
from inquiries.policy import notice as notices
from inquiries.rules import minors
from inquiries.services import intake, publishing
from inquiries.services.intake import Submission
from inquiries.services.publishing import Published
from inquiries.web import body, forms, language, limits, messages, once, origins, subject_words
from inquiries.web.current import house, settings
from inquiries.web.guards import audience
from inquiries.web.received import page as received_page

pages: Final = Blueprint("public", __name__)

_MOST_VERSIONS: Final = 20  # shown of the notice's history
_SHOWN_AGAIN: Final = (InvalidItems, NoticeSuperseded, OnceReused, IntakeClosed, limits.TooMany)
_Refusal = InvalidItems | NoticeSuperseded | OnceReused | IntakeClosed | limits.TooMany


@pages.get("/")
@audience("public")
def start() -> str:
    """The inquiry types; while developing, also how to embed them."""
    policy = publishing.in_force(house()).policy
    return render_template("public/start.html", types=policy.types, origin=settings().origin)


@pages.route("/inquiries/<type_name>", methods=["GET", "POST"])
@audience("public")
def inquiry(type_name: str) -> str | Response:
    """The hosted form of one inquiry type."""
    return _answer(type_name, framed=False)


@pages.route("/embed/<type_name>", methods=["GET", "POST"])
@audience("public")
def embed(type_name: str) -> str | Response:
    """The same form, laid out for a frame on a page of an allowed origin."""
    return _answer(type_name, framed=True)


@pages.get("/embed.js")
@audience("public")
def embed_script() -> Response:
    """The script that puts the framed form where its tag stands, and fits its height."""
    response = current_app.send_static_file("embed.js")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@pages.get("/privacy")
@audience("public")
def privacy() -> Response:
    """The notice in force."""
    return _notice(publishing.in_force(house()))


@pages.get("/privacy/forms")
@audience("public")
def request_forms() -> str:
    """The request form and the power of attorney, to be printed (P18)."""
    policy = publishing.in_force(house()).policy
    return render_template("public/request_forms.html", policy=policy, to_object=subject_words.to_object())


@pages.get("/privacy/<int(max=2147483647):version>")
@audience("public")
def privacy_version(version: int) -> Response:
    """The notice as it stood in one version, so that a person can read what she agreed to."""
    return _notice(publishing.version(house(), version))


@pages.get("/privacy/changes")
@audience("public")
def privacy_changes() -> Response:
    """What each version changed of the one before, the newest first (P37)."""
    history = publishing.history(house(), _MOST_VERSIONS + 1)
    steps = [
        (after, before, differences.between(before.policy, after.policy, language.chosen()))
        for after, before in pairwise(history)
    ]
    first = history[-1] if len(history) <= _MOST_VERSIONS else None
    text = render_template("public/changes.html", steps=steps, first=first, now=clock.now())
    return _public(make_response(text))


# -- the form --------------------------------------------------------------------------------------


def _answer(type_name: str, *, framed: bool) -> str | Response:
    if request.method != "POST":
        return _form(_sheet(publishing.in_force(house()), type_name), framed=framed)
    origins.check()
    fields = body.form(request)
    language.prefer(fields.get("language"))
    published = publishing.in_force(house())
    sheet = _sheet(published, type_name)
    try:
        limits.count("submit")
        received = intake.receive(house(), _submission(type_name, fields))
    except _SHOWN_AGAIN as refused:
        return _again(type_name, fields, refused, framed=framed)
    return received_page(sheet, received, origins.next_link(fields.get("_next")), framed=framed)


def _sheet(published: Published, type_name: str) -> forms.Sheet:
    try:
        return forms.sheet(published, type_name, language.chosen())
    except KeyError:
        raise UnknownType(type_name) from None


def _submission(type_name: str, fields: Mapping[str, object]) -> Submission:
    """What was sent, sorted into items and consents; each is judged by `rules/items.py`."""
    nonce = once.read(fields.get("_once"))
    guardian = {name: value for name, value in fields.items() if name.startswith(minors.PREFIX)}
    items, consents = forms.sorted_out(fields, guardian)
    return Submission(
        type=type_name,
        items=items,
        consents=consents,
        language=language.chosen(),
        notice_version=forms.version_seen(fields.get("_notice")),
        guardian=guardian,
        once=nonce,
        address=request.remote_addr,
        user_agent=request.headers.get("User-Agent"),
    )


def _form(
    sheet: forms.Sheet,
    fields: Mapping[str, object] | None = None,
    *,
    framed: bool,
    errors: tuple[messages.Message, ...] = (),
    reason: str | None = None,
) -> str:
    return render_template(
        "public/form.html",
        sheet=sheet,
        form=sheet.fill(fields),
        guardian={
            name.removeprefix(minors.PREFIX): value
            for name, value in (fields or {}).items()
            if name.startswith(minors.PREFIX) and isinstance(value, str)
        },
        once=once.new(),
        next=origins.next_link((fields or request.args).get("_next")),
        errors=errors,
        wrong={error.field: error.message for error in errors},
        reason=reason,
        framed=framed,
        origins=settings().allowed_origins,
    )


def _again(type_name: str, fields: Mapping[str, object], refused: _Refusal, *, framed: bool) -> Response:
    """The form once more, with all that was typed and why it was not accepted."""
    sheet = _sheet(publishing.in_force(house()), type_name)
    errors = messages.word(refused.errors, sheet.labels) if isinstance(refused, InvalidItems) else ()
    text = _form(sheet, fields, framed=framed, errors=errors, reason=messages.reason(refused))
    if isinstance(refused, limits.TooMany):
        return make_response(text, 429, {"Retry-After": str(refused.retry_after)})
    return make_response(text, refused.status)


def _notice(published: Published) -> Response:
    sections = notices.full(published.policy, language.chosen())
    verify_key = house().custody.verify_key.hex()
    text = render_template(
        "public/privacy.html", published=published, sections=sections, verify_key=verify_key
    )
    return _public(make_response(text))


def _public(response: Response) -> Response:
    """To be kept by whoever likes, and asked for again."""
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    return response

"""One's own account: what one proves oneself with, and where one is signed in; changes nobody else's."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

import segno
from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField

from inquiries.errors import FieldError, InvalidItems, SignInRefused
from inquiries.rules.permissions import Permission
from inquiries.services import passkeys, passwords, proofs, publishing, second_factor
from inquiries.services import sessions as session_service
from inquiries.services.passkeys import Site
from inquiries.web import browsers, limits, sessions, staff_words
from inquiries.web.current import house, settings
from inquiries.web.guards import audience, current_actor, needs, proved_first, signed_in
from inquiries.web.messages import Message

_OWN_APP: Final = "own app"  # under which the session keeps the secret of the app that is being set up


class PasswordForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`password new_password`."""

    password = PasswordField(
        _l("Present password"), render_kw={"autocomplete": "current-password", "required": True}
    )
    new_password = PasswordField(
        _l("New password"),
        render_kw={"autocomplete": "new-password", "required": True, "minlength": passwords.SHORTEST},
    )


class AppForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`code`."""

    code = StringField(
        _l("Code"), render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "required": True}
    )


@needs(Permission.own_session)
def account() -> str:
    """What one has, when it was last used, and every session that lives."""
    actor = signed_in()
    return render_template(
        "staff/account.html",
        own=proofs.own(house(), actor),
        few=proofs.FEW,
        passkeys=passkeys.mine(house(), actor),
        passkeys_here=site() is not None,
        localhost=_localhost(),
        sessions=session_service.mine(house(), actor),
    )


@needs(Permission.own_session, fresh=True)
def end_sessions() -> Response:
    """End one of one's own sessions, or all but this one: a thief of a cookie cannot throw its owner out."""
    if "others" in request.form:
        session_service.end_others(house(), signed_in(), sessions.visit())
    else:
        session_service.end_one(house(), signed_in(), request.form.get("session", ""))
    return sessions.lead_to("staff.account", "session_ended")


@needs(Permission.own_session, fresh=True)
def recovery_codes() -> ResponseReturnValue:
    """Make new ones, shown once; GET says what that means."""
    if request.method == "GET":
        return render_template("staff/recovery_codes.html", codes=None)
    codes = proofs.new_recovery_codes(house(), signed_in())
    sessions.current().codes_left = None
    return render_template(
        "staff/recovery_codes.html", codes=codes, download=as_file(signed_in().email, codes, None)
    )


@needs(Permission.own_session)
def password() -> ResponseReturnValue:
    """Set another password, knowing the present one."""
    if (first := proved_first()) is not None:
        return first
    form = PasswordForm()
    errors: tuple[Message, ...] = ()
    if request.method == "POST":
        limits.count("sign_in")
        try:
            proofs.change_password(
                house(),
                signed_in(),
                current=form.password.data or "",
                wanted=form.new_password.data or "",
                visit=sessions.visit(),
            )
        except InvalidItems as invalid:
            errors = staff_words.messages(invalid.errors)
        except SignInRefused:
            errors = staff_words.messages((FieldError("password", "wrong_password"),))
        else:
            return sessions.lead_to("staff.account", "password_changed")
    return _form("staff/password.html", form, errors, shortest=passwords.SHORTEST)


@needs(Permission.own_session)
def app() -> ResponseReturnValue:
    """Put another authenticator app in the place of the old one."""
    if (first := proved_first()) is not None:
        return first
    session, form = sessions.current(), AppForm()
    errors: tuple[Message, ...] = ()
    secret = session.pending_secret(_OWN_APP)
    if request.method == "POST":
        try:
            proofs.change_app(house(), signed_in(), secret=secret, code=form.code.data or "")
        except InvalidItems as invalid:
            errors = staff_words.messages(invalid.errors)
        else:
            session.drop_pending_secret(_OWN_APP)
            return sessions.lead_to("staff.account", "app_changed")
    spelled = second_factor.spelled(secret)
    return _form("staff/app.html", form, errors, secret=spelled, qr=qr_code(secret, signed_in().email))


# -- passkeys ------------------------------------------------------------------------------------


@needs(Permission.own_session)
def add_passkey() -> ResponseReturnValue:
    """Name a passkey and have the device make it; only a script can ask a device."""
    where = site()
    if (first := proved_first()) is not None:
        return first
    errors: tuple[Message, ...] = ()
    if request.method == "POST" and where is not None:
        answer, name = request.form.get("credential", ""), request.form.get("name", "")
        try:
            passkeys.add(house(), signed_in(), where, answer=answer, name=name)
        except InvalidItems as invalid:
            errors = staff_words.messages(invalid.errors)
        else:
            return sessions.lead_to("staff.account", "passkey_added")
    page = render_template(
        "staff/passkey.html",
        errors=errors,
        here=where is not None,
        localhost=_localhost(),
        proposed=browsers.named(request.user_agent.string),
        longest=passkeys.NAME_LIMIT,
    )
    return page, InvalidItems.status if errors else 200


@needs(Permission.own_session, fresh=True)
def remove_passkey() -> Response:
    """Let one of one's own passkeys sign in no more."""
    passkeys.remove(house(), signed_in(), request.form.get("passkey", ""))
    return sessions.lead_to("staff.account", "passkey_removed")


@audience("staff-anonymous")
def passkey_options() -> ResponseReturnValue:
    """What the page's script hands to the browser (JSON): to make a passkey, or to ask for one."""
    limits.count("sign_in")
    session, where, actor = sessions.current(), site(), current_actor()
    if where is None or session.token is None:
        return {"error": "no passkeys here"}, 404
    if "make" not in request.form:
        return _json(passkeys.request(house(), session.token, where, actor))
    if actor is None or not session.fresh:
        return {"error": "prove first"}, 403
    return _json(passkeys.creation(house(), actor, where))


def site() -> Site | None:
    """To whom passkeys belong here; None where there are none, because the address is no name.

    In development they work under http://localhost alone: a number is nobody's name.
    """
    controller = publishing.in_force(house()).policy.controller.text("en")
    if not settings().development:
        name = settings().passkey_name
        return None if name is None else Site(name, settings().origin, controller)
    named = urlsplit(f"//{request.host}").hostname == "localhost"
    return Site("localhost", request.host_url.rstrip("/"), controller) if named else None


def _localhost() -> str | None:
    """In development: where this page can be had with passkeys."""
    port = urlsplit(f"//{request.host}").port
    at = f":{port}" if port else ""
    return f"http://localhost{at}{request.path}" if settings().development and site() is None else None


# -- parts ---------------------------------------------------------------------------------------


def qr_code(secret: bytes, email: str) -> Markup:
    """What an authenticator app scans: as SVG that any style sheet leaves legible, no inline style (CSP)."""
    uri = second_factor.provisioning_uri(secret, email, _issuer())
    drawn = segno.make(uri, error="m", micro=False)
    svg = drawn.svg_inline(border=4, light="#fff", dark="#000", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - made by segno of numbers alone


def as_file(email: str, codes: tuple[str, ...], seal_key: str | None) -> str:
    """What is shown once, as a `data:` address to save without a script."""
    lines = [_("Recovery codes of %(email)s, each for one sign-in:", email=email), "", *codes]
    if seal_key is not None:
        lines += ["", _("Seal key of the ledger:"), "", seal_key]
    return "data:text/plain;charset=utf-8," + quote("\n".join(lines) + "\n")


def _issuer() -> str:
    """Whose account the authenticator app shows; a colon would part issuer and account."""
    return publishing.in_force(house()).policy.controller.text("en").replace(":", " ")


def _form(template: str, form: FlaskForm, errors: tuple[Message, ...], **more: object) -> ResponseReturnValue:
    faults = {one.field: one.message for one in errors}
    page = render_template(template, form=form, errors=errors, faults=faults, **more)
    return page, InvalidItems.status if errors else 200


def _json(written: str) -> Response:
    response = make_response(written)
    response.mimetype = "application/json"
    return response

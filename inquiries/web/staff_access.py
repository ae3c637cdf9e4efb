"""Enrolment, sign-in and sign-out pages; what is right or wrong is decided by the services."""

from __future__ import annotations

from typing import Final

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField, StringField

from inquiries import clock
from inquiries.errors import InvalidItems, SignInRefused
from inquiries.rules.permissions import Permission
from inquiries.services import attempts, enrolment, passkeys, passwords, recovery, second_factor
from inquiries.services import sessions as session_service
from inquiries.services import sign_in as signing_in
from inquiries.services.actor import Actor
from inquiries.web import drafts, limits, sessions, staff_account, staff_restore, staff_words
from inquiries.web.current import house
from inquiries.web.guards import audience, current_actor, needs, signed_in
from inquiries.web.messages import Message

_PLAIN: Final = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}


_NOT_IN: Final = _l("E-mail, password and code do not fit together, or the code was used before.")
_NOT_SURE: Final = _l("Password and code do not fit together, or the code was used before.")


class ConfirmForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`password code`."""

    password = PasswordField(_l("Password"), render_kw={"autocomplete": "current-password", "required": True})
    code = StringField(_l("Code"), render_kw={**_PLAIN, "autocomplete": "one-time-code", "required": True})


class SignInForm(ConfirmForm):
    """`email password code`."""

    email = EmailField(_l("E-mail"), render_kw={**_PLAIN, "autocomplete": "username", "required": True})


class EnrolForm(staff_account.AppForm):
    """`password code`."""

    password = PasswordField(
        _l("Password"),
        render_kw={"autocomplete": "new-password", "required": True, "minlength": passwords.SHORTEST},
    )


@audience("staff-anonymous")
def home() -> Response:
    """`/staff/` leads to the inbox, and that to sign-in where needed; after a restore, to what was found."""
    return redirect(_start())


@audience("staff-anonymous")
def sign_in() -> ResponseReturnValue:
    """E-mail, password and code on one page; one answer to everything that is wrong."""
    if request.method == "GET" and current_actor() is not None:
        return redirect(_start())
    form = SignInForm()
    if request.method == "GET":
        return _asking(form)
    if "discard" in request.form:
        drafts.drop()
        return redirect(url_for("staff.sign_in"), code=303)
    done = _proved(form, form.email.data or "")
    if done is None:
        return _asking(form, _NOT_IN), SignInRefused.status
    draft = drafts.waiting()
    return _go_on(done, hers=draft is not None and draft.of == done.actor.staff_id)


@needs(Permission.own_session)
def confirm() -> ResponseReturnValue:
    """Who is signed in proves it anew, before what she sent is done; the same two layers as at sign-in."""
    form = ConfirmForm()
    if request.method == "GET":
        return _asking(form)
    if "discard" in request.form:
        drafts.drop()
        return redirect(_start(), code=303)
    actor = signed_in()
    done = _proved(form, actor.email, actor)
    if done is None:
        return _asking(form, _NOT_SURE), SignInRefused.status
    return _go_on(done, hers=done.actor.staff_id == actor.staff_id)


def _proved(form: ConfirmForm, email: str, again: Actor | None = None) -> signing_in.SignedIn | None:
    """Judge what was typed, or what a passkey signed; None when it is refused."""
    limits.count("sign_in")
    password, code = form.password.data or "", form.code.data or ""
    form.code.data = ""
    try:
        if request.form.get("credential"):
            return _by_passkey(again)
        return signing_in.sign_in(
            house(),
            email=email,
            password=password,
            code=code,
            visit=sessions.visit(),
            again=again is not None,
        )
    except SignInRefused:
        return None


def _by_passkey(again: Actor | None) -> signing_in.SignedIn:
    site, token = staff_account.site(), sessions.current().token
    if site is None or token is None:
        raise SignInRefused("no passkeys here")
    answer = request.form["credential"]
    return passkeys.prove(house(), token, site, answer=answer, visit=sessions.visit(), again=again)


def _go_on(done: signing_in.SignedIn, *, hers: bool) -> Response:
    """Begin the new session, then finish what was interrupted, or lead to the page that was wanted."""
    session = sessions.current()
    wanted = session.take_wanted()
    session.begin(done, hers=hers)
    return drafts.finish() or redirect(wanted or _start(), code=303)


def _asking(form: ConfirmForm, refused: str | None = None) -> str:
    """The page that asks who she is; `passkeys`: whether one will do here."""
    page, first = ("sign_in", "email") if isinstance(form, SignInForm) else ("confirm", "password")
    errors = () if refused is None else (Message(first, SignInRefused.code, str(refused), f"field-{first}"),)
    return render_template(
        f"staff/{page}.html",
        form=form,
        errors=errors,
        draft=drafts.waiting(),
        passkeys=staff_account.site() is not None,
    )


@needs(Permission.own_session)
def sign_out() -> Response:
    """End this session, or with `everywhere` all of one's own."""
    session_service.sign_out(house(), signed_in(), everywhere="everywhere" in request.form)
    sessions.current().forget()
    return redirect(url_for("staff.sign_in"), code=303)


@audience("staff-anonymous")
def enrol(token: str) -> ResponseReturnValue:
    """An invited person sets her own password and second factor; then sees, once, what to keep."""
    invitation = _invitation(token)
    secret = sessions.current().pending_secret(token)
    form = EnrolForm()
    errors: tuple[Message, ...] = ()
    if request.method == "POST":
        typed = {"password": form.password.data or "", "code": form.code.data or ""}
        try:
            enrolled = enrolment.enrol(house(), token=token, totp_secret=secret, **typed)
        except InvalidItems as invalid:
            errors = staff_words.messages(invalid.errors)
        else:
            sessions.current().drop_pending_secret(token)
            return render_template(
                "staff/enrolled.html",
                enrolled=enrolled,
                download=staff_account.as_file(enrolled.email, enrolled.recovery_codes, enrolled.seal_key),
            )
    page = render_template(
        "staff/enrol.html",
        form=form,
        errors=errors,
        faults={one.field: one.message for one in errors},
        invitation=invitation,
        secret=second_factor.spelled(secret),
        qr=staff_account.qr_code(secret, invitation.email),
        shortest=passwords.SHORTEST,
    )
    return page, InvalidItems.status if errors else 200


def _invitation(token: str) -> enrolment.Invitation:
    """Whom the token invites. What turns out to be none was a guess, and stays counted.

    Raises NotFound, or TooMany once this address has guessed too often.
    """
    counted = attempts.take_enrolment(house(), request.remote_addr)
    if isinstance(counted, attempts.Locked):
        raise limits.TooMany(retry_after=max(1, round((counted.until - clock.now()).total_seconds())))
    found = enrolment.invitation(house(), token)
    attempts.give_back_enrolment(house(), counted)
    return found


def _start() -> str:
    """Where staff begin; while the gate stands, who can end it begins there."""
    if recovery.gate(house()) is None:
        return url_for("staff.inbox")
    if current_actor() is None:
        return url_for("staff.sign_in")
    return url_for("staff.restore" if staff_restore.may_end() else "staff.inbox")

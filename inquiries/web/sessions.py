"""The staff session behind Flask's `session`: a random token in the cookie, everything else in the store.

Only paths under /staff have one; elsewhere the cookie is neither read nor set (P05). A session is loaded
by `load()` before a staff view, never while Flask opens the request, so that a store that fails is
answered like any other failure.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any, cast

from flask import Flask, Request, redirect, request, url_for
from flask import session as flask_session
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import CallbackDict
from werkzeug.wrappers import Response

from inquiries.services import attempts, proofs, second_factor, sessions
from inquiries.services.actor import Actor
from inquiries.services.sign_in import SignedIn
from inquiries.web import browsers, failures, limits
from inquiries.web.current import house, settings

PREFIX = "/staff"
_LONGEST_WANTED = 200  # characters; nobody is signed in yet, and all of it is stored


class StaffSession(CallbackDict[str, Any], SessionMixin):
    """What one browser's session keeps, and who is signed in to it; text only."""

    def __init__(self) -> None:
        super().__init__(on_update=self._changed)
        self.token: bytes | None = None
        self.actor: Actor | None = None
        self.fresh = False  # the actor proved only just now who she is
        self.modified = False
        self.renewed = False  # the cookie must be set
        self.device: bytes | None = None  # the browser's own token, to be set
        self.over = False  # the cookie must go

    @staticmethod
    def _changed(changed: CallbackDict[str, Any]) -> None:
        cast("StaffSession", changed).modified = True

    def adopt(self, token: bytes, found: sessions.Found) -> None:
        """Take over what the store knows of the cookie's token."""
        self.update(found.contents)
        self.token, self.actor, self.fresh = token, found.actor, found.fresh
        self.modified = False

    def begin(self, signed_in: SignedIn, *, hers: bool) -> None:
        """Go over to the session of somebody who has just signed in; the one before ends (fixation).

        `hers`: what it kept is this very person's, and goes along; of anybody else's only the language does.
        """
        if self.token is not None:
            sessions.end(house(), self.token)
        language = self.language
        if not hers:
            self.clear()
        self.token, self.actor, self.fresh = signed_in.token, signed_in.actor, True
        self.device = signed_in.device
        self.codes_left = signed_in.codes_left
        self.modified, self.renewed = bool(self), True  # a fresh one is stored as it is: empty
        self.language = language

    def forget(self) -> None:
        """Nobody is signed in here any more."""
        self.clear()
        self.token, self.actor, self.over = None, None, True

    # -- what it keeps, besides Flask-WTF's CSRF token ---------------------------------------------

    @property
    def language(self) -> str | None:
        """The language chosen on a staff page."""
        return self.get("language")

    @language.setter
    def language(self, code: str | None) -> None:
        if code is not None and code != self.language:
            self["language"] = code

    @property
    def codes_left(self) -> int | None:
        """How many recovery codes were left at sign-in, where they were few."""
        return int(self["codes_left"]) if "codes_left" in self else None

    @codes_left.setter
    def codes_left(self, count: int | None) -> None:
        if count is not None and count <= proofs.FEW:
            self["codes_left"] = str(count)
        elif "codes_left" in self:
            del self["codes_left"]

    def want(self, path: str) -> None:
        """Remember the page that somebody asked for before signing in, unless it is overlong."""
        if len(path) <= _LONGEST_WANTED:
            self["wanted"] = path

    def take_wanted(self) -> str | None:
        """The remembered page, once."""
        return self.pop("wanted", None) if "wanted" in self else None

    def say(self, what: str) -> None:
        """Remember which act was done, for the page that comes next."""
        self["said"] = what

    def take_said(self) -> str | None:
        """The act that was done, once."""
        return self.pop("said", None) if "said" in self else None

    def pending_secret(self, invitation: str) -> bytes:
        """The TOTP secret of the enrolment that is under way here: the same at every reload."""
        name = _pending(invitation)
        if name not in self:
            self[name] = second_factor.spelled(second_factor.new_secret())
        return second_factor.unspelled(self[name])

    def drop_pending_secret(self, invitation: str) -> None:
        """The enrolment is done; nothing of its secret stays here."""
        self.pop(_pending(invitation), None)


class StaffSessions(SessionInterface):
    """Opens an empty session for staff paths and saves what became of it; others get none."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Touches no store; without a session Flask gives a null session, which refuses every change."""
        del app
        staff = request.path == PREFIX or request.path.startswith(f"{PREFIX}/")
        return StaffSession() if staff and settings().surface != "public" else None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Seal the contents into the store when they changed; set or take away the cookie."""
        del app
        if not isinstance(session, StaffSession):
            return
        response.vary.add("Cookie")
        if session.over:
            name = cookie_name()
            response.delete_cookie(name, path="/", secure=_secure(), httponly=True, samesite="Strict")
            response.headers["Clear-Site-Data"] = '"cache"'  # also pages that "back" would bring up again
            return
        try:
            _store(session)
        except SQLAlchemyError as failure:  # too late for Flask to ask who answers this
            _answer_instead(response, failures.unreachable(failure))
            return
        if session.renewed and session.token is not None:
            _set_cookie(response, cookie_name(), session.token)
        if session.device is not None:
            _set_cookie(response, device_cookie_name(), session.device, attempts.KNOWN)


def cookie_name() -> str:
    """`__Host-` makes the browser insist on https, this host alone and the whole path (P30)."""
    return "__Host-inquiries" if _secure() else "inquiries"


def device_cookie_name() -> str:
    """The cookie of a browser that signed somebody in: it opens nothing, see services/attempts.py."""
    return f"{cookie_name()}-device"


def visit() -> attempts.Visit:
    """Where this request comes from."""
    named = browsers.named(request.user_agent.string)
    return attempts.Visit(request.remote_addr, named, _token(request.cookies.get(device_cookie_name(), "")))


def current() -> StaffSession:
    """The session of this request; for staff views only."""
    # The proxy stands for the object itself, so that its own methods can be called.
    return cast("StaffSession", flask_session._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001


def lead_to(endpoint: str, said: str | None = None, **values: Any) -> Response:
    """The way to the page that comes next, which says what was done."""
    if said is not None:
        current().say(said)
    return redirect(url_for(endpoint, **values), code=303)


def load() -> None:
    """Find the cookie's session; a token that is unknown, expired or revoked leaves the session empty.

    Raises TooMany: this address asks without a session too often; who keeps none begins one each time.
    """
    token = _token(request.cookies.get(cookie_name(), ""))
    found = None if token is None else sessions.find(house(), token, request.remote_addr)
    if token is None or found is None:
        limits.count("session")
    else:
        current().adopt(token, found)


def asleep() -> sessions.Asleep | None:
    """What is left of the cookie's session, if it ended by itself."""
    token = _token(request.cookies.get(cookie_name(), ""))
    return None if token is None else sessions.asleep(house(), token)


def _store(session: StaffSession) -> None:
    if session.token is None and session:
        session.token, session.renewed = sessions.begin(house(), session), True
    elif session.token is not None and session.modified:
        sessions.keep(house(), session.token, session)


def _answer_instead(response: Response, other: Response) -> None:
    response.status_code, response.mimetype = other.status_code, str(other.mimetype)
    response.set_data(other.get_data())
    response.headers.pop("Location", None)


def _set_cookie(response: Response, name: str, token: bytes, lasts: timedelta | None = None) -> None:
    written = urlsafe_b64encode(token).decode().rstrip("=")
    response.set_cookie(
        name, written, max_age=lasts, path="/", secure=_secure(), httponly=True, samesite="Strict"
    )


def _pending(invitation: str) -> str:
    return "enrolling." + hashlib.sha256(invitation.encode("utf-8", "replace")).hexdigest()[:16]


def _token(cookie: str) -> bytes | None:
    try:
        token = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    except (ValueError, binascii.Error):
        return None
    return token if len(token) == sessions.TOKEN_SIZE else None


def _secure() -> bool:
    return not settings().development

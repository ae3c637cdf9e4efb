"""Who may call a view: every view declares it here, and here it is enforced; decides no permission itself.

A view without a declaration is refused at its first request and by `tests/web/test_route_audience.py`.
The order within a staff view is fixed: allowed network, signed in, CSRF token, permission. A person whose
session ended is thus asked to sign in again instead of being told that her form has expired.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, ParamSpec, cast

from flask import Flask, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response

from inquiries.errors import NotFound
from inquiries.rules.permissions import Permission
from inquiries.services import refusals
from inquiries.services.actor import Actor
from inquiries.services.attempts import ip_of
from inquiries.web import drafts, sessions
from inquiries.web.current import house, settings

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
Kind = Literal["public", "staff-anonymous", "operations", "staff"]

_MARK = "__inquiries_audience__"
_SURVIVES = ("csrf_token", "language", drafts.FIELD)  # of a session that ended by itself


@dataclass(frozen=True)
class Audience:
    """Whom a view serves; `permission` is set for `staff` alone; `fresh`: acts want a fresh proof of her."""

    kind: Kind
    permission: Permission | None = None
    fresh: bool = False


def declared(view: Callable[..., object]) -> Audience | None:
    """What `audience` or `needs` declared on this view, or None."""
    return cast("Audience | None", getattr(view, _MARK, None))


def audience(kind: Literal["public", "staff-anonymous", "operations"]) -> Callable[[View[P]], View[P]]:
    """Declare a view that needs no sign-in; `staff-anonymous` still has a session and a CSRF token."""

    def mark(view: View[P]) -> View[P]:
        if kind != "staff-anonymous":
            return _marked(view, Audience(kind))

        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            from_staff_network()
            _csrf().protect()
            return view(*args, **kwargs)

        return _marked(guarded, Audience(kind))

    return mark


def needs(permission: Permission, *, fresh: bool = False) -> Callable[[View[P]], View[P]]:
    """Declare a staff view: sign-in, CSRF token, then this permission, for some inquiry at least (P23).

    Whether it also holds for one inquiry (its type, a grant) is decided by the service that reads it.
    `fresh`: before this view acts (POST), she proves anew who she is, unless she did within the last ten
    minutes. What she sent is kept and done afterwards; looking (GET) is not asked again.
    """

    def mark(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            from_staff_network()
            actor = current_actor()
            if actor is None:
                return _to_sign_in(typed=permission is not Permission.own_session)
            _csrf().protect()
            decision = actor.may(permission, granted=True)
            if not decision.allowed:
                subject = kwargs.get("inquiry_id")
                known = subject if isinstance(subject, int) else None
                refusals.refuse(house(), actor, permission, subject=known, lapsed=decision.lapsed)
            if request.method == "POST":
                drafts.fill_in()
                if fresh and not sessions.current().fresh:
                    drafts.keep(actor.staff_id)
                    return redirect(url_for("staff.confirm"), code=303)
            return view(*args, **kwargs)

        return _marked(guarded, Audience("staff", permission, fresh))

    return mark


def proved_first() -> Response | None:
    """Where she is not freshly proved: the way to prove it, and back here. For pages that ask for secrets.

    Nothing that was sent is kept: it would hold passwords and codes.
    """
    if sessions.current().fresh:
        return None
    sessions.current().want(request.path)
    return redirect(url_for("staff.confirm"), code=303)


def refuse_undeclared() -> None:
    """Before each request: a view that forgot to declare its audience is closed to everyone."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None and request.endpoint != "static" and declared(view) is None:
        raise NotFound(f"{request.endpoint} declares no audience")


def from_staff_network() -> None:
    """Answer only to the networks that the operator named; with none named, to all (P32).

    Raises:
        NotFound: the request comes from elsewhere.
    """
    networks = settings().staff_networks
    if not networks:
        return
    address = ip_of(request.remote_addr or "")
    if address is None:
        raise NotFound("the caller has no address")
    if not any(address in ipaddress.ip_network(network) for network in networks):
        raise NotFound("outside the staff networks")


def init_app(app: Flask) -> None:
    """Install the default refusal, the staff sessions, and the CSRF check that the staff guards call."""
    app.session_interface = sessions.StaffSessions()
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # the session's own end is the limit
    if "csrf" not in app.extensions:
        CSRFProtect(app)
    app.before_request(refuse_undeclared)


def current_actor() -> Actor | None:
    """Who is signed in on this request, or None; read from the staff row anew at each request (P24)."""
    return cast("Actor | None", getattr(session, "actor", None))


def signed_in() -> Actor:
    """Who is signed in; for views under `needs`, where there is always someone."""
    actor = current_actor()
    if actor is None:
        raise NotFound("nobody is signed in")
    return actor


def _marked(view: View[P], declaration: Audience) -> View[P]:
    setattr(view, _MARK, declaration)
    return view


def _csrf() -> CSRFProtect:
    return cast("CSRFProtect", current_app.extensions["csrf"])


def _to_sign_in(*, typed: bool) -> Response:
    """Ask for sign-in; a page that was only looked at is offered again afterwards.

    `typed`: what was sent from a page of her ended session is kept for her. Forms about the session itself
    hold passwords and codes, and are not.
    """
    session = sessions.current()
    before = sessions.asleep()
    if before is not None:
        session.update({name: before.contents[name] for name in _SURVIVES if name in before.contents})
    if request.method == "GET":
        session.want(request.full_path.rstrip("?"))
    elif before is not None and typed and drafts.worth_keeping():
        with suppress(CSRFError):  # it came from no page of hers
            _csrf().protect()
            drafts.keep(before.staff_id)
    return redirect(url_for("staff.sign_in"), code=303)

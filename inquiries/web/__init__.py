"""HTTP: turns requests into calls of services and answers into pages; holds no rule and no SQL."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.web import (
    alone,
    api,
    body,
    failures,
    guards,
    headers,
    language,
    limits,
    linked,
    operations,
    pages,
    public,
    staff,
    subject,
    templating,
    transport,
)

#: What a process of each surface serves; it does not know the other's pages (P31).
_SURFACES = {
    "all": (
        public.pages,
        subject.pages,
        linked.pages,
        api.pages,
        staff.pages,
        operations.pages,
        operations.inside,
    ),
    "public": (public.pages, subject.pages, linked.pages, api.pages, operations.pages),
    "staff": (staff.pages, operations.pages, operations.inside),
}


def install(app: Flask, opened: Callable[[], House], chosen: Settings) -> None:
    """Put every page on the application; `opened` gives the house and is first called by a request."""
    app.extensions["inquiries"] = opened
    app.extensions["inquiries.settings"] = chosen
    app.request_class = body.InMemory
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = body.MAX_BODY
    app.config["MAX_FORM_PARTS"] = body.MAX_FIELDS
    app.url_map.strict_slashes = False
    if chosen.trusted_proxies:
        hops = chosen.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = headers.Outermost(app.wsgi_app, chosen)  # type: ignore[method-assign]
    templating.init_app(app)
    alone.init_app(app, chosen)
    transport.init_app(app)
    for part in (guards, language, pages, failures):
        part.init_app(app)
    limits.init_app(app, chosen)
    for blueprint in _SURFACES[chosen.surface]:
        app.register_blueprint(blueprint)
    templating.take_back(app)

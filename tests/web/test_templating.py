"""What templates reach: what their view hands them; no setting, no key, no store, no cookie, however one asks."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Request, render_template_string, template_rendered
from flask.sessions import SessionMixin
from jinja2.exceptions import SecurityError, UndefinedError
from sqlalchemy import Connection, Engine

from inquiries.rules.permissions import Role
from inquiries.services import inbox, letters
from inquiries.services.custody import Custody
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.database import Database
from inquiries.web import staff_words, templating
from tests import cast
from tests.staff import Desk, desk_of
from tests.web.site import code_of, send, site

#: Whoever holds one of these holds everything, or a browser's session.
DANGEROUS = (House, Settings, Custody, Database, Flask, Request, SessionMixin, Connection, Engine)
DEEP = 5


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture(scope="module")
def desk(app: Flask) -> Desk:
    house: House = app.extensions["inquiries"]()
    cast.send(house)
    return desk_of(app, house, Role.privacy, Role.consultation)


ATTEMPTS = [
    "config", "settings", "house", "g", "session", "current_app", "app", "get_flashed_messages",
    "config.SECRET_KEY", "request.environ", "request.cookies", "request.headers", "request.form", "request.host",
    "self.__init__.__globals__", "page.__class__", "page.__init__.__globals__", "page['__class__']",
    "page|attr('__class__')", "[page]|map(attribute='__class__')|first", "''.__class__.__mro__", "''.__class__",
    "url_for.__globals__", "url_for.__code__", "csrf_token.__globals__", "_.__globals__", "gettext.__self__",
    "cycler.__init__.__globals__", "lipsum.__globals__", "namespace.__init__", "joiner.__init__",
    "words.house", "words.publishing", "words.clock", "words['house']", "words.messages.__globals__",
    "words.__dict__", "'{0.__class__}'.format(page)", "'{0.__init__.__globals__}'.format_map([page])",
    "page.language.__class__.mro", "range.__self__", "dict.mro", "words.STATES.__class__", "form.meta", "form.Meta", "form.Meta.csrf_secret",
    "form.meta.csrf_secret", "form['meta']", "form|attr('meta')", "form.csrf_token.csrf_impl.meta",
    "form.email.meta", "request.__class__", "request.args.__class__", "loop", "caller", "self._context",
    "page|groupby('__class__')", "[page]|selectattr('__class__')|list|length",
]  # fmt: skip


@pytest.mark.parametrize("asked", ATTEMPTS)
def test_a_template_that_asks_for_more_is_given_nothing(app: Flask, asked: str) -> None:
    from inquiries.web.staff_access import SignInForm

    with app.test_request_context("/staff/sign-in"):
        app.preprocess_request()
        try:
            said = render_template_string(f"{{{{ {asked} }}}}", form=SignInForm())
        except (SecurityError, UndefinedError, TypeError, IndexError):
            return
    assert said in {"", "0"}, asked


def browse(app: Flask, desk: Desk) -> None:
    """A few minutes of use, in which most pages are shown."""
    house: House = app.extensions["inquiries"]()
    newest = inbox.page(house, cast.OH).rows[0].id
    client = app.test_client()
    code = code_of(send(client))
    for path in (
        "/",
        "/inquiries/support",
        "/embed/support",
        "/privacy",
        "/receipt",
        "/nothing",
        "/staff/enrol/x",
    ):
        client.get(path)
    client.post("/receipt", data={"receipt": code})
    client.get("/staff/sign-in")
    for path in (
        "/staff/inbox", f"/staff/inquiries/{newest}", f"/staff/inquiries/{newest}/hold", "/staff/confirm",
        f"/staff/inquiries/{newest}/archive?statute=contract", "/staff/retention", "/staff/archive", "/staff/restore",
        "/staff/inquiries/7",
    ):  # fmt: skip
        desk.get(path)
    desk.post(f"/staff/inquiries/{newest}/open", reason="a look")
    desk.post(f"/staff/inquiries/{newest}/hold", basis="")


def reached(app: Flask, start: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Whatever a template can come to from there, attribute by attribute and item by item, without calling."""
    waiting = deque((name, value, 0) for name, value in start.items())
    known: set[int] = set()
    while waiting:
        path, value, depth = waiting.popleft()
        if id(value) in known or isinstance(value, (str, int, float, bool, type(None))):
            continue
        known.add(id(value))
        yield path, value
        if depth == DEEP:
            continue
        for name in dir(value):
            if name.startswith("_"):
                continue
            found = app.jinja_env.getattr(value, name)
            waiting.append((f"{path}.{name}", found, depth + 1))
        for name, item in items_of(value):
            waiting.append((f"{path}[{name!r}]", item, depth + 1))


def items_of(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, (list, tuple, set, frozenset)) else []


def test_from_no_page_does_anything_lead_to_a_key_a_store_or_a_setting(app: Flask, desk: Desk) -> None:
    house: House = app.extensions["inquiries"]()
    secrets = {house.custody.secret_key, app.config["WTF_CSRF_SECRET_KEY"]}
    pages: dict[str, int] = {}
    leaks: list[str] = []

    def look(_app: Flask, template: Any, context: Mapping[str, Any], **_more: Any) -> None:
        if template.name in pages:
            return
        with warnings.catch_warnings(action="ignore"):  # pydantic's, about what nobody ought to look at
            found = list(reached(app, {**app.jinja_env.globals, **context}))
        pages[template.name] = len(found)
        leaks.extend(
            f"{template.name}: {path}"
            for path, value in found
            if isinstance(value, DANGEROUS) or (isinstance(value, bytes) and value in secrets)
        )

    with template_rendered.connected_to(look, app):
        browse(app, desk)
    assert leaks == []
    assert len(pages) > 15
    assert min(pages.values()) > 20  # it looked


def test_what_a_page_needs_it_is_handed_still(app: Flask) -> None:
    with app.test_request_context("/staff/archive?before=7"):
        app.preprocess_request()
        said = render_template_string(
            "{{ request.endpoint }} {{ request.path }} {{ request.args.before }} {{ words.STATES.open }} {{ page.language }}"
        )
    assert said == "staff.archive /staff/archive 7 처리 중 ko"


def test_a_modules_words_are_its_own_and_not_what_it_imports() -> None:
    words = vars(templating.own_words(staff_words))
    assert {"STATES", "ROLES", "ago", "places", "Place"} <= words.keys()
    assert not {"house", "publishing", "clock", "language", "allowed", "Policy"} & words.keys()


def test_mail_is_written_in_a_sandbox_too() -> None:
    template = letters._TEXTS.from_string("{{ controller.__class__.__mro__ }}")
    with pytest.raises((SecurityError, UndefinedError)):
        template.render(controller="x")


def test_nothing_that_somebody_sent_is_ever_taken_for_a_template() -> None:
    root = Path(__file__).parents[2] / "inquiries"
    for path in root.rglob("*.py"):
        text = path.read_text()
        assert "render_template_string" not in text, path
        assert ".from_string(" not in text, path

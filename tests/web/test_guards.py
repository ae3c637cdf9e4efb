"""What holds for every route alike: headers, cookies, the name asked for, sizes, networks, forwarded addresses."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from inquiries.rules.permissions import Role
from inquiries.web import body, guards
from tests.staff import PASSWORD, Desk, enrol
from tests.web.site import ALLOWED, fields, site

OUTSIDE = "https://forms.example.com"
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors "
)
#: Answers that say themselves for how long they may be kept, and hold nothing of a person.
KEPT = {"static", "public.embed_script", "public.privacy", "public.privacy_changes", "api.description"}
#: Made to be framed and fetched by other sites.
FRAMED = {"public.embed"}
SHARED = FRAMED | {"public.embed_script"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """As it runs on the internet, behind a proxy that ends TLS."""
    with site(tmp_path_factory.mktemp("outside"), base_url=OUTSIDE, trusted_proxies=1) as opened:
        opened.config.update(LIMIT_SIGN_IN="", LIMIT_SESSION="")
        yield opened


def client_of(app: Flask, **headers: str) -> FlaskClient:
    """A browser, whose requests come through the proxy."""
    client = app.test_client()
    passed_on = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    passed_on |= {"X-Forwarded-Host": "forms.example.com"} | headers
    client.environ_base.update(
        {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in passed_on.items()}
    )
    return client


def officer(app: Flask) -> Desk:
    desk = Desk(app)
    desk.client = client_of(app)
    desk.client.environ_base["HTTP_REFERER"] = f"{OUTSIDE}/staff/sign-in"
    member = enrol(app.extensions["inquiries"](), "oh@example.com", Role.privacy, Role.consultation)
    desk.get("/staff/sign-in")
    done = desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    assert done.status_code == 303, done.text
    return desk


def asked(app: Flask, rule: Rule) -> Iterator[tuple[str, str]]:
    """(method, path) of each way to ask for a route, with arguments that lead nowhere."""
    arguments: dict[str, Any] = dict.fromkeys(rule.arguments, "x")
    for name, converter in rule._converters.items():
        if type(converter).__name__ == "IntegerConverter":
            arguments[name] = 7
    arguments |= {"filename": "site.css"} if rule.endpoint == "static" else {}
    for method in sorted((rule.methods or set()) & {"GET", "POST"}):
        yield method, app.url_map.bind("forms.example.com").build(rule.endpoint, arguments, method=method)


def answers(app: Flask, client: FlaskClient, **given: Any) -> Iterator[tuple[str, TestResponse]]:
    for rule in app.url_map.iter_rules():
        for method, path in asked(app, rule):
            yield rule.endpoint, client.open(path, method=method, **given)


def check_headers(endpoint: str, answer: TestResponse) -> None:
    headers = answer.headers
    where = f"{endpoint}: {answer.status}"
    policy = headers["Content-Security-Policy"]
    framed = endpoint in FRAMED
    assert policy == STRICT + (f"'self' {ALLOWED}" if framed else "'none'"), where
    assert "unsafe" not in policy
    assert (headers.get("X-Frame-Options") == "DENY") is not framed, where
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "same-origin", where
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
    shared = framed or (endpoint in SHARED and answer.status_code < 400)
    assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if shared else "same-origin"), where
    assert headers["Strict-Transport-Security"] == "max-age=63072000", where
    assert "camera=()" in headers["Permissions-Policy"], where
    kind = headers.get("Content-Type", "")
    assert not answer.data or (kind.endswith("; charset=utf-8") if kind.startswith("text/") else kind), where
    assert "Server" not in headers or "Werkzeug" in headers["Server"], where
    if endpoint not in KEPT:
        assert headers["Cache-Control"] == "no-store", where


def check_cookies(endpoint: str, answer: TestResponse) -> None:
    for line in answer.headers.getlist("Set-Cookie"):
        ((name, morsel),) = SimpleCookie(line).items()
        assert name in {"__Host-inquiries", "__Host-inquiries-device"}, endpoint
        assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Strict")
        assert (morsel["path"], morsel["domain"]) == ("/", ""), endpoint
        assert endpoint.startswith("staff."), f"{endpoint} sets a cookie"


@pytest.mark.promise("P30")
@pytest.mark.promise("P32")
def test_every_answer_to_a_stranger_carries_every_guard(app: Flask) -> None:
    seen = 0
    for endpoint, answer in answers(app, client_of(app)):
        check_headers(endpoint, answer)
        check_cookies(endpoint, answer)
        seen += 1
    assert seen > 40


@pytest.mark.promise("P30")
@pytest.mark.promise("P32")
def test_every_answer_to_staff_carries_every_guard(app: Flask) -> None:
    desk = officer(app)
    statuses = set()
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("staff.") or rule.endpoint == "staff.sign_out":
            continue
        for method, path in asked(app, rule):
            answer = desk.client.open(path, method=method, data={"csrf_token": desk.csrf})
            check_headers(rule.endpoint, answer)
            check_cookies(rule.endpoint, answer)
            statuses.add(answer.status_code)
            desk.get("/staff/inbox")  # and the token of her newest session
    assert {200, 404, 422} <= statuses


@pytest.mark.promise("P32")
def test_every_staff_form_wants_its_token(app: Flask) -> None:
    """Signed in or not: without the session's own token a POST does nothing, and says so."""
    stranger, desk = client_of(app), officer_again(app)
    stranger.get("/staff/sign-in")
    for rule in app.url_map.iter_rules():
        declared = guards.declared(app.view_functions[rule.endpoint])
        if declared is None or not declared.kind.startswith("staff") or "POST" not in (rule.methods or ()):
            continue
        ((_, path),) = [one for one in asked(app, rule) if one[0] == "POST"]
        for client in (stranger, desk.client):
            answer = client.post(path, data={"reason": "forged"})
            anonymous = client is stranger and declared.kind == "staff"
            assert answer.status_code == (303 if anonymous else 400), rule.endpoint


def officer_again(app: Flask) -> Desk:
    desk = Desk(app)
    desk.client = client_of(app)
    desk.client.environ_base["HTTP_REFERER"] = f"{OUTSIDE}/staff/sign-in"
    member = enrol(app.extensions["inquiries"](), "oh2@example.com", Role.privacy)
    desk.get("/staff/sign-in")
    desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    return desk


def test_no_page_holds_what_the_policy_would_drop() -> None:
    """No inline script, style or handler in any template, nor a script that makes code of text."""
    root = Path(__file__).parents[2]
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
    for path in root.glob("templates/**/*.html"):
        assert not inline.search(path.read_text()), path
    for path in root.glob("inquiries/static/*.js"):
        assert not re.search(
            r"\beval\(|new Function|innerHTML|document\.write|\.style\b", path.read_text()
        ), path


# -- the name asked for ----------------------------------------------------------------------------------


@pytest.mark.promise("P32")
@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("forms.example.com", True),
        ("FORMS.example.com", True),
        ("forms.example.com:443", True),
        ("forms.example.com:8443", False),
        ("evil.example", False),
        ("forms.example.com.evil.example", False),
        ("evil.example/forms.example.com", False),
        ("localhost", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_outside_development_one_name_is_answered_to(app: Flask, host: str, *, ours: bool) -> None:
    client = client_of(app, **{"X-Forwarded-Host": ""})
    for path in ("/", "/staff/sign-in", "/static/site.css", "/nothing"):
        answer = client.get(path, base_url="https://localhost", headers={"Host": host})
        assert (answer.status_code == 400) is not ours, path
        assert "evil" not in answer.text
    assert client.get("/healthz", headers={"Host": host}).status_code == 200
    assert client.get("/readyz", headers={"Host": host}).status_code in {200, 503}


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8000", True), ("localhost:8000", True), ("localhost", True), ("[::1]:8000", True),
        ("evil.example", False), ("localhost.evil.example", False), ("192.0.2.1:8000", False), ("[::1", False),
    ],
)  # fmt: skip
def test_in_development_only_this_machine_is(tmp_path: Path, host: str, *, ours: bool) -> None:
    """A page on the internet that has its name point here (DNS rebinding) is refused."""
    with site(tmp_path) as app:
        answer = app.test_client().get("/", headers={"Host": host, "Accept-Language": "en"})
        assert (answer.status_code == 400) is not ours
        if not ours:
            assert "not our address" in answer.text
            refused = app.test_client().post("/api/inquiries", json={}, headers={"Host": host})
            assert refused.get_json()["code"] == "host"


# -- networks, and who says where from -----------------------------------------------------------------


@pytest.mark.promise("P32")
@pytest.mark.parametrize(
    ("hops", "forwarded", "peer", "inside"),
    [
        (0, None, "192.0.2.7", True),
        (0, "192.0.2.7", "198.51.100.9", False),  # nobody was trusted to say so
        (1, "192.0.2.7", "198.51.100.9", True),
        (
            1,
            "192.0.2.7, 198.51.100.1",
            "198.51.100.9",
            False,
        ),  # the proxy saw the second; the first is a claim
        (1, "198.51.100.1, 192.0.2.7", "198.51.100.9", True),
        (2, "192.0.2.7, 203.0.113.5", "198.51.100.9", True),
        (2, "198.51.100.1, 192.0.2.7, 203.0.113.5", "198.51.100.9", True),
        (2, "192.0.2.7, 198.51.100.1, 203.0.113.5", "198.51.100.9", False),
        (2, "192.0.2.7", "198.51.100.9", False),  # one hop is missing: nobody vouches for it
        (1, None, "192.0.2.7", True),
        (0, None, "::ffff:192.0.2.7", True),  # a socket for both kinds of address
        (0, None, "::ffff:198.51.100.7", False),
        (1, "not an address", "192.0.2.7", False),
    ],
)
def test_staff_networks_hold_whatever_is_claimed(
    tmp_path: Path, hops: int, forwarded: str | None, peer: str, *, inside: bool
) -> None:
    with site(tmp_path, staff_networks=("192.0.2.0/24",), trusted_proxies=hops) as app:
        app.config.update(LIMIT_SIGN_IN="", LIMIT_SESSION="")
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        client = app.test_client()
        for path in ("/staff/sign-in", "/staff/enrol/x", "/metrics"):
            answer = client.get(path, headers=headers, environ_base={"REMOTE_ADDR": peer})
            expected = 404 if path.startswith("/staff/enrol") or not inside else 200
            assert answer.status_code == expected, path
        for rule in app.url_map.iter_rules():
            if inside or not rule.endpoint.startswith("staff."):
                continue
            for method, asked_for in asked(app, rule):
                answer = client.open(
                    asked_for, method=method, headers=headers, environ_base={"REMOTE_ADDR": peer}
                )
                assert answer.status_code == 404, rule.endpoint


# -- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.promise("P32")
@pytest.mark.parametrize("path", ["/inquiries/support", "/receipt", "/staff/sign-in", "/api/inquiries"])
def test_no_route_takes_more_than_it_needs(app: Flask, path: str) -> None:
    client = client_of(app)
    for kind in ("application/x-www-form-urlencoded", "application/json"):
        sent = b"x" * (body.MAX_BODY + 1)
        answer = client.post(path, data=sent, content_type=kind)
        assert answer.status_code in {413, 415}, kind
    many = {f"field{n}": "x" for n in range(body.MAX_FIELDS + 1)}
    answer = client.post(path, data=many, content_type="multipart/form-data")
    assert answer.status_code in {400, 413, 415}


def test_what_is_uploaded_touches_no_disk(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody said how much it would be: then werkzeug would take a temporary file at once."""

    def refuse(*_given: object, **_named: object) -> None:
        raise AssertionError("a temporary file")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, name, refuse)
    sent = "\r\n".join(
        ["--b", 'Content-Disposition: form-data; name="f"; filename="f"', "", "x" * 50_000, "--b--", ""]
    ).encode()
    client = client_of(app)
    for path in ("/staff/sign-in", "/receipt", "/inquiries/support"):
        answer = client.post(
            path, input_stream=io.BytesIO(sent), content_type="multipart/form-data; boundary=b",
            environ_overrides={"wsgi.input_terminated": True},
        )  # fmt: skip
        assert answer.status_code < 500, path
    assert client.post("/inquiries/support", data=fields()).status_code == 200


@pytest.mark.promise("P32")
def test_nothing_is_listed_or_traced(app: Flask) -> None:
    client = client_of(app)
    for path in ("/static/", "/static/vendor/", "/.git/config", "/static/../app.py"):
        assert client.get(path).status_code in {308, 404}, path
    for path in ("/", "/inquiries/support", "/staff/sign-in", "/api/inquiries"):
        assert client.open(path, method="TRACE").status_code == 405, path

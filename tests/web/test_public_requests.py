"""What reaches the public surface in the wrong shape, from the wrong page, too large or too often."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from inquiries import create_app
from tests.cast import ITEMS
from tests.web.site import ALLOWED, errors_of, fields, send, site

FORM = "application/x-www-form-urlencoded"
CONTRACT = {200, 400, 403, 404, 409, 413, 415, 422, 429}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("requests")) as made:
        yield made


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


# -- encoding -------------------------------------------------------------------------------------


def test_what_was_typed_arrives_unaltered(client: FlaskClient) -> None:
    odd = "김 소라 + % & = ; 한\u2019글 😀 100%25 %EA%B0%80"
    response = client.post(
        "/inquiries/support", data=urlencode(fields(name=odd, email="x")), content_type=FORM
    )
    assert response.status_code == 422
    assert "김 소라 + % &amp; = ; 한\u2019글 😀 100%25 %EA%B0%80" in response.text


@pytest.mark.parametrize(
    "name",
    [
        b"%FF",
        b"%C0%80",  # an overlong NUL
        b"%ED%A0%80",  # a lone surrogate
        b"%",
        b"%4",
        b"%zz",
        b"\xff",
        b"%F4%90%80%80",  # beyond Unicode
    ],
)
def test_broken_encodings_are_told_apart_from_wrong_items(client: FlaskClient, name: bytes) -> None:
    body = urlencode(fields(name=None)).encode() + b"&name=" + name
    assert client.post("/inquiries/support", data=body, content_type=FORM).status_code == 400
    field = urlencode(fields()).encode() + b"&" + name + b"=1"
    assert client.post("/inquiries/support", data=field, content_type=FORM).status_code == 400


def test_other_broken_bodies_are_refused(client: FlaskClient) -> None:
    many = b"&".join(b"f%d=1" % n for n in range(300))
    assert client.post("/inquiries/support", data=many, content_type=FORM).status_code == 400
    for boundary in ("", "; boundary=", "; boundary=x"):
        multipart = f"multipart/form-data{boundary}"
        broken = client.post("/inquiries/support", data=b"--y\r\nbroken", content_type=multipart)
        assert broken.status_code == 400, boundary
    latin = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xe9\r\n--x--\r\n'
    response = client.post("/inquiries/support", data=latin, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 400


def part(client: FlaskClient, disposition: str, more: str = "", value: str = "김소라") -> int:
    """The status of a multipart body with this one part."""
    head = f"--x\r\nContent-Disposition: form-data{disposition}\r\n{more}\r\n{value}\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    return client.post("/inquiries/support", data=head.encode(), content_type=kind).status_code


def test_a_part_without_a_name_is_no_field(client: FlaskClient) -> None:
    assert part(client, "") == 400
    assert part(client, '; filename="a.txt"') == 400


@pytest.mark.parametrize(
    ("charset", "status"),
    [
        ("UTF-8", 422),
        ('"utf-8"', 422),
        ("iso-8859-1", 400),
        ("us-ascii", 400),
        ("euc-kr", 400),
        ("utf-7", 400),
    ],
)
def test_a_part_in_another_charset_is_refused_not_altered(
    client: FlaskClient, charset: str, status: int
) -> None:
    assert part(client, '; name="name"', f"Content-Type: text/plain; charset={charset}\r\n") == status


@given(st.binary(max_size=200))
@example(b"name=%00&=&==&&&")
def test_no_body_makes_the_form_fail(client: FlaskClient, body: bytes) -> None:
    assert client.post("/inquiries/support", data=body, content_type=FORM).status_code in CONTRACT


@given(st.binary(max_size=200))
def test_no_body_of_parts_makes_the_form_fail(client: FlaskClient, part: bytes) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="' + part + b"\r\n--x--\r\n"
    answered = client.post("/inquiries/support", data=body, content_type="multipart/form-data; boundary=x")
    assert answered.status_code in CONTRACT


@given(
    st.dictionaries(st.sampled_from([*ITEMS, "consent.inquiry", "_once", "_notice", "language"]), st.text())
)
def test_no_text_makes_the_form_fail(client: FlaskClient, changed: dict[str, str]) -> None:
    data = fields() | changed
    body = "&".join(f"{quote_plus(k)}={quote_plus(v, errors='surrogatepass')}" for k, v in data.items())
    assert client.post("/inquiries/support", data=body, content_type=FORM).status_code in CONTRACT


# -- size and kind ----------------------------------------------------------------------------------


def test_a_body_over_64_kib_is_refused(client: FlaskClient) -> None:
    response = send(client, content="x" * 70_000)
    assert response.status_code == 413
    assert "10,000" in response.text
    at_most = urlencode(fields(content=None)).encode() + b"&content="
    fitting = at_most + b"x" * (65_536 - len(at_most))
    assert client.post("/inquiries/support", data=fitting, content_type=FORM).status_code == 422  # too long


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "application/xml"])
def test_other_media_types_are_refused(client: FlaskClient, kind: str) -> None:
    response = client.post("/inquiries/support", data=b"name=x", content_type=kind)
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: FlaskClient, method: str) -> None:
    response = client.open("/inquiries/support", method=method)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


# -- where it comes from ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/inquiries/support", "/embed/support"])
@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:8000", ALLOWED, "http://localhost"])
def test_own_and_allowed_pages_may_send(client: FlaskClient, path: str, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    assert client.post(path, data=fields(), headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/inquiries/support", "/embed/support", "/receipt"])
@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", f"{ALLOWED}.evil.example", "http://www.example.com", ""]
)
def test_strange_pages_may_not(client: FlaskClient, path: str, origin: str) -> None:
    assert client.post(path, data=fields(), headers={"Origin": origin}).status_code == 403


# -- how often ----------------------------------------------------------------------------------------


def test_too_many_inquiries_are_put_off_and_keep_what_was_typed(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LIMIT_SUBMIT", "2 per minute")
    sora, gun = app.test_client(), app.test_client()
    sora.environ_base["REMOTE_ADDR"], gun.environ_base["REMOTE_ADDR"] = "192.0.2.1", "192.0.2.2"
    assert [send(sora).status_code for _ in range(2)] == [200, 200]
    put_off = send(sora)
    assert put_off.status_code == 429
    assert 1 <= int(put_off.headers["Retry-After"]) <= 60
    assert ITEMS["content"] in put_off.text
    assert send(sora, "/inquiries/affiliate").status_code == 429  # one count for all types
    assert send(gun).status_code == 200


def test_guessing_receipts_is_put_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "LIMIT_RECEIPT", "3 per minute")
    eve = app.test_client()
    eve.environ_base["REMOTE_ADDR"] = "192.0.2.66"
    answers = [eve.post("/receipt", data={"receipt": "x"}).status_code for _ in range(4)]
    assert answers == [404, 404, 404, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_counters_hold_a_keyed_hash_and_no_address(app: Flask, one: str, other: str, same: Any) -> None:
    from inquiries.web.limits import _who

    seen = []
    for address in (one, other):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            seen.append(_who())
    assert (seen[0] == seen[1]) is same
    assert one not in seen[0]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_intake_goes_on_when_the_shared_counters_are_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    gone = "redis://127.0.0.1:1/0"
    with site(tmp_path_factory.mktemp("gone"), ratelimit_storage_uri=gone) as app:
        app.config["LIMIT_SUBMIT"] = "2 per minute"
        answers = [send(app.test_client()).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


# -- what every answer says --------------------------------------------------------------------------

PATHS = [
    "/",
    "/inquiries/support",
    "/embed/support",
    "/embed.js",
    "/receipt",
    "/privacy",
    "/nothing",
    "/healthz",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_public_answer_sets_a_cookie_or_runs_inline_code(client: FlaskClient, path: str) -> None:
    response = client.get(path, buffered=True)
    assert "Set-Cookie" not in response.headers
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert not re.search(r"<style| style=| on[a-z]+=|<script>", response.text)


def test_only_the_framed_form_may_be_framed_and_only_there(client: FlaskClient) -> None:
    framed = client.get("/embed/support").headers
    assert f"frame-ancestors 'self' {ALLOWED}" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    hosted = client.get("/inquiries/support").headers
    assert "frame-ancestors 'none'" in hosted["Content-Security-Policy"]
    assert hosted["X-Frame-Options"] == "DENY"
    for beside in ("/embed/support/more", "/embed.js", "/embedded"):
        assert client.get(beside).headers["X-Frame-Options"] == "DENY"
    sent = client.post("/embed/support", data=fields())
    assert f"frame-ancestors 'self' {ALLOWED}" in sent.headers["Content-Security-Policy"]


PUBLIC = "https://forms.example.com"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("https"), base_url=PUBLIC, trusted_proxies=1) as made:
        yield made


def test_outside_development_https_is_served(outside: Flask) -> None:
    client = outside.test_client()
    client.environ_base.update(HTTP_X_FORWARDED_PROTO="https", HTTP_X_FORWARDED_HOST="forms.example.com")
    assert "max-age=" in client.get("/").headers["Strict-Transport-Security"]
    page = client.get("/").text
    assert "embed.js" not in page
    assert "/staff" not in page
    assert client.post("/inquiries/support", data=fields(), headers={"Origin": PUBLIC}).status_code == 200
    local = client.post("/inquiries/support", data=fields(), headers={"Origin": "http://localhost"})
    assert local.status_code == 403


@pytest.mark.promise("P30")
@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/", "/"),
        ("/inquiries/support?lang=ko", "/inquiries/support?lang=ko"),
        ("/staff/sign-in", "/staff/sign-in"),
        ("/%EA%B0%80", "/%EA%B0%80"),
        ("/x?_next=https://evil.example/&x=%0d%0a", "/x?_next=https://evil.example/&x=%0d%0a"),
        ("/a%0d%0ab", "/a%0D%0Ab"),
    ],
)
def test_a_page_asked_for_over_plain_http_is_led_to_https(outside: Flask, asked: str, led_to: str) -> None:
    for method in ("GET", "HEAD"):
        answer = outside.test_client().open(asked, method=method, base_url="http://forms.example.com")
        assert (answer.status_code, answer.headers["Location"]) == (308, PUBLIC + led_to)
        assert "Set-Cookie" not in answer.headers


@pytest.mark.promise("P30")
def test_what_is_sent_over_plain_http_is_refused(outside: Flask) -> None:
    client = outside.test_client()
    client.environ_base["HTTP_X_FORWARDED_HOST"] = "forms.example.com"
    for path in ("/inquiries/support", "/receipt", "/staff/sign-in"):
        refused = client.post(path, data=fields(), headers={"Accept-Language": "en"})
        assert refused.status_code == 403
        assert "This needs an encrypted connection" in refused.text
    refused = client.post("/api/inquiries", json={})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "https_required")
    assert client.options("/api/inquiries").status_code == 403
    assert client.get("/api/inquiries").status_code == 403, "no program is led on: it would never be mended"


def test_machines_may_ask_for_health_without_https(outside: Flask) -> None:
    assert outside.test_client().get("/healthz").status_code == 200
    assert outside.test_client().get("/readyz").status_code in {200, 503}


def test_a_staff_process_does_not_know_the_public_pages(tmp_path_factory: pytest.TempPathFactory) -> None:
    with site(tmp_path_factory.mktemp("surface"), surface="staff") as app:
        client = app.test_client()
        assert {client.get(path).status_code for path in ("/", "/receipt", "/privacy")} == {404}
        assert client.post("/api/inquiries", json={}).status_code == 404
        assert client.get("/healthz").status_code == 200
        for path in ("/nothing", "/staff/nothing"):
            told = client.get(path).text
            assert {link.split("/")[1] for link in re.findall(r'(?:href|src)="(/[^"]*)"', told)} == {
                "static",
                "staff",
            }
        assert client.get("/staff/sign-in").status_code == 200


@pytest.mark.promise("P31")
def test_a_public_process_does_not_know_the_staff_pages(tmp_path_factory: pytest.TempPathFactory) -> None:
    with site(tmp_path_factory.mktemp("surface")) as made:
        given = made.extensions["inquiries.settings"]
        client = create_app(given.model_copy(update={"surface": "public"})).test_client()
        unknown = client.get("/nothing")
        for path in ("/staff/", "/staff/sign-in", "/staff/inbox", "/staff/enrol/token", "/staff/nothing"):
            for answer in (client.get(path), client.post(path)):
                assert (answer.status_code, answer.text) == (404, unknown.text)
                assert answer.headers == unknown.headers
        assert [client.get(path).status_code for path in ("/", "/receipt", "/privacy", "/healthz")] == [
            200
        ] * 4


def test_errors_stand_at_their_fields_in_the_readers_language(client: FlaskClient) -> None:
    english = send(client, name="", language="en")
    assert errors_of(english) == {"name": "Name: please fill this in."}
    assert '<html lang="en">' in english.text

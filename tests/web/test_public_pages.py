"""Start page, notice, languages, error pages, and the files that they are made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from babel.messages import extract, mofile, pofile
from flask import Flask, abort
from flask.testing import FlaskClient

from inquiries.settings import HOME
from inquiries.web import language
from tests.web.site import code_of, send, site

KOREAN = HOME / "inquiries/translations/ko/LC_MESSAGES"
STATUSES = [400, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("pages")) as made:
        from inquiries.web.guards import audience

        made.add_url_rule("/fail/<int:status>", "fail", audience("public")(_fail))
        made.add_url_rule("/api/fail/<int:status>", "api_fail", audience("public")(_fail))
        yield made


def _fail(status: int) -> str:
    if status == 500:
        raise RuntimeError("CANARY of what somebody typed")
    abort(status)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


# -- start and notice ------------------------------------------------------------------------------


def test_the_start_page_leads_to_every_form(client: FlaskClient) -> None:
    page = client.get("/?lang=en").text
    for name in ("introduction", "support", "affiliate", "recruitment"):
        assert f'href="/inquiries/{name}?lang=en"' in page
        assert client.get(f"/inquiries/{name}").status_code == 200
    assert "/embed.js" in page  # development


def test_the_notice_can_be_read_in_every_version(client: FlaskClient) -> None:
    now, first = client.get("/privacy?lang=ko"), client.get("/privacy/1?lang=ko")
    assert now.status_code == first.status_code == 200
    assert "개인정보 보호책임자" in now.text
    assert client.get("/privacy/2").status_code == 404
    assert client.get("/privacy/99999999999999999999999").status_code == 404


def test_health_tells_the_version(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {
        "status": "ok",
        "version": client.application.config["VERSION"],
    }


# -- languages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-GB", "en"), ("fr, en;q=0.5", "en"), ("fr", "ko"), ("", "ko")],
)
def test_the_page_speaks_as_the_browser_asks(client: FlaskClient, accepted: str, spoken: str) -> None:
    page = client.get("/", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{spoken}">' in page


def test_a_chosen_language_stays_without_a_cookie(client: FlaskClient) -> None:
    korean = {"Accept-Language": "ko"}
    page = client.get("/inquiries/support?lang=en", headers=korean).text
    assert 'action="/inquiries/support?lang=en"' in page
    assert 'name="language" value="en"' in page
    assert 'href="/privacy?lang=en"' in page
    assert 'href="/inquiries/support?lang=ko"' in page
    sent = send(client, language="en")
    assert "We have received your inquiry" in sent.text
    assert code_of(sent)


def test_a_language_that_is_not_offered_is_ignored(client: FlaskClient) -> None:
    assert '<html lang="ko">' in client.get("/?lang=xx").text
    assert '<html lang="ko">' in send(client, language="../../etc").text


@pytest.mark.parametrize(
    ("label", "settled"),
    [("이름", "이름을"), ("연락처", "연락처를"), ("(나이)", "(나이)를"), ("3", "3을"), ("age", "age을(를)")],
)
def test_korean_particles_follow_the_sound(label: str, settled: str) -> None:
    assert language.particles(f"{label}을(를) 입력해 주세요.").startswith(f"{settled} ")


# -- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("spoken", ["ko", "en"])
def test_every_failure_has_its_page(client: FlaskClient, status: int, spoken: str) -> None:
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    response = client.get(f"/fail/{status}?lang={spoken}")
    assert response.status_code == status
    assert f'<html lang="{spoken}">' in response.text
    assert re.search(r"<h1>[^<]{5,}</h1>", response.text)
    assert "CANARY" not in response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("status", STATUSES)
def test_programs_get_a_problem_instead(client: FlaskClient, status: int) -> None:
    response = client.get(f"/api/fail/{status}?lang=en")
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    problem = response.get_json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["errors"] == []
    assert "CANARY" not in response.text


def test_the_last_page_stands_when_the_house_does_not(tmp_path: Path) -> None:
    from inquiries import create_app, settings

    app = create_app(settings.load(instance=tmp_path / "nothing"))
    client = app.test_client()
    assert client.get("/").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert client.get("/nothing").status_code == 404
    assert "Inquiries" in client.get("/nothing?lang=en").text


# -- what they are made of ---------------------------------------------------------------------------


def _extracted() -> set[str]:
    """Every text of code and templates that is to be translated."""
    found: set[str] = set()
    keywords = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None}
    for method, pattern in (
        ("python", "inquiries/**/*.py"),
        ("jinja2.ext:babel_extract", "templates/**/*.html"),
    ):
        for path in sorted(HOME.glob(pattern)):
            with path.open("rb") as file:
                for _, message, _, _ in extract.extract(method, file, keywords):
                    found.add(message if isinstance(message, str) else message[0])
    return found


def _forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """A text, or each of its forms where it is counted."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def test_no_korean_text_is_missing_fuzzy_or_left_over() -> None:
    with (KOREAN / "messages.po").open("rb") as file:
        catalog = pofile.read_po(file, locale="ko")
    messages = [message for message in catalog if message.id]
    assert {m.id if isinstance(m.id, str) else m.id[0] for m in messages} == _extracted()
    for message in messages:
        assert all(_forms(message.string)), message.id
        assert not message.fuzzy, message.id
        assert not list(message.check(catalog)), message.id


def test_the_compiled_texts_are_those_of_the_source() -> None:
    with (KOREAN / "messages.po").open("rb") as file:
        source = pofile.read_po(file, locale="ko")
    with (KOREAN / "messages.mo").open("rb") as file:
        compiled = mofile.read_mo(file)
    both = [{_forms(m.id): _forms(m.string) for m in catalog if m.id} for catalog in (compiled, source)]
    assert both[0] == both[1]


def test_what_is_vendored_is_what_was_checked() -> None:
    vendor = HOME / "inquiries/static/vendor"
    for line in (vendor / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest


def test_pages_load_nothing_from_elsewhere() -> None:
    for path in (*HOME.glob("templates/**/*.html"), *HOME.glob("inquiries/static/*.css")):
        assert not re.search(r'(?:src|href)="https?:|url\(["\']?https?:', path.read_text()), path

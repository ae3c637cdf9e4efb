"""The proof of destruction on the public pages: for whoever has the code, as a page and as a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from inquiries import clock
from inquiries.sealing import documents
from inquiries.services import publishing, retention, rotation
from inquiries.web.destroyed import because, rule_in_words
from tests.cast import ITEMS
from tests.web.site import ALLOWED, code_of, send, site

YEAR = timedelta(days=366)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with ExitStack() as open_until_the_end:
        with time_machine.travel(clock.now() - 2 * YEAR):  # so that the policy was in force a year ago
            made = open_until_the_end.enter_context(site(tmp_path_factory.mktemp("certificate")))
        yield made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def sweep(app: Flask) -> None:
    house = app.extensions["inquiries"]()
    house.memory.pop("clock", None)
    assert not retention.sweep(house, confirm=True).failed


@pytest.fixture
def destroyed(app: Flask, client: FlaskClient) -> Iterator[str]:
    """The code of an inquiry that was destroyed a moment ago, not finally yet."""
    code = code_of(send(client, consent_marketing="yes"))
    with time_machine.travel(clock.now() + YEAR, tick=True):
        sweep(app)
        yield code


@pytest.mark.promise("P11")
def test_the_page_says_what_was_destroyed_why_and_when(client: FlaskClient, destroyed: str) -> None:
    answer = client.post("/receipt/certificate", data={"receipt": destroyed, "language": "en"})
    assert answer.status_code == 200
    for words in (
        "Your inquiry",
        "The address and the browser it was sent from",
        "The time for which we keep it is over.",
        "Not final yet",
        "How to check it",
    ):
        assert words in answer.text
    assert not [text for text in ITEMS.values() if text in answer.text]


def test_the_file_is_checked_with_the_key_that_the_privacy_page_shows(
    client: FlaskClient, destroyed: str
) -> None:
    answer = client.post("/receipt/certificate", data={"receipt": destroyed, "format": "json"})
    assert answer.content_type == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="proof-of-destruction.json"'
    published = re.search(r"<pre><code>([0-9a-f]{64})</code></pre>", client.get("/privacy").text)
    assert published
    checked = documents.check(documents.read(answer.data), bytes.fromhex(published[1]))
    assert checked.ok
    assert {one["group"] for one in checked.proved} == {"main", "visitor", "marketing"}


def test_the_page_says_since_when_it_is_final(client: FlaskClient, app: Flask, destroyed: str) -> None:
    rotation.rotate(app.extensions["inquiries"]())
    sent = {"receipt": destroyed, "language": "en"}
    assert "Not final yet" in client.post("/receipt/certificate", data=sent).text
    with time_machine.travel(clock.now() + timedelta(hours=73)):  # the backups of the keys are gone, too
        page = client.post("/receipt/certificate", data=sent).text
    assert "Not final yet" not in page
    assert "no copy and no backup brings it back" in page


def test_unknown_malformed_and_living_are_one_answer(client: FlaskClient) -> None:
    living = code_of(send(client))
    answers = [
        client.post("/receipt/certificate", data=data)
        for data in (
            {"receipt": living},
            {"receipt": "00000-00000-00000-00000-00000"},
            {"receipt": "x"},
            {"receipt": living, "format": "json"},
            {"code": "x"},
        )
    ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.data == answers[0].data
    assert (
        "There is no proof under this code"
        in client.post("/receipt/certificate", data={"receipt": "x", "language": "en"}).text
    )


def test_every_page_of_the_receipt_leads_to_the_proof(client: FlaskClient) -> None:
    assert 'formaction="/receipt/certificate?lang=en"' in client.get("/receipt?lang=en").text
    unknown = client.post("/receipt", data={"receipt": "x", "language": "en"}).text
    assert 'formaction="/receipt/certificate?lang=en"' in unknown
    assert "choose “Proof of destruction”" in unknown
    assert 'action="/receipt/certificate?lang=en"' in client.get("/receipt/certificate?lang=en").text


def test_a_foreign_page_cannot_ask(client: FlaskClient, destroyed: str) -> None:
    for origin, status in ((ALLOWED, 200), ("https://eve.example", 403), ("null", 403)):
        headers = {"Origin": origin}
        answer = client.post("/receipt/certificate", data={"receipt": destroyed}, headers=headers)
        assert answer.status_code == status


def test_asking_is_limited_like_a_receipt(app: Flask, client: FlaskClient) -> None:
    app.config["LIMIT_RECEIPT"] = "2 per minute"
    try:
        path = ("/receipt", "/receipt/certificate")
        statuses = [client.post(path[n % 2], data={"receipt": "x"}).status_code for n in range(3)]
    finally:
        app.config["LIMIT_RECEIPT"] = ""
    assert statuses == [404, 404, 429]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("period 1 year", "1 year after receipt"),
        ("visitor 3 months", "3 months after receipt"),
        ("purpose marketing 6 months", "6 months after receipt"),
        ("after_closing 30 days", "30 days after closing"),
        ("minimum 5 years", "5 years after receipt at least"),
        ("statute nothing_known 5 years", "nothing_known: 5 years"),
        ("period 6 months (version 3)", "6 months after receipt (as version 3 of the notice says)"),
        (
            "period 6 months (version 3); held",
            "6 months after receipt (as version 3 of the notice says); a legal hold put the day back",
        ),
        ("orphan", "orphan"),
        ("period of grace", "period of grace"),
        (None, None),
    ],
)
def test_a_rule_is_said_in_the_readers_words(app: Flask, rule: str | None, words: str | None) -> None:
    with app.test_request_context("/receipt/certificate?lang=en"):
        policy = publishing.in_force(app.extensions["inquiries"]()).policy
        assert rule_in_words(rule, policy) == words


def test_of_what_was_asked_for_as_much_is_said_as_a_hold_adds(app: Flask) -> None:
    with app.test_request_context("/receipt/certificate?lang=en"):
        policy = publishing.in_force(app.extensions["inquiries"]()).policy
        assert because("withdrawn", "withdrawn", policy) is None
        assert because("withdrawn; held", "withdrawn", policy) == "A legal hold put the day back"
        assert because("period 1 year", "expired", policy) == "1 year after receipt"

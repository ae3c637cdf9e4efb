"""The route table itself is guarded: every view says whom it serves, and says the right thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from inquiries.web import guards
from tests.web.site import site

OPERATIONS = {"/healthz", "/readyz", "/metrics"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.mark.promise("P23")
def test_every_view_declares_whom_it_serves(app: Flask) -> None:
    silent = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and guards.declared(app.view_functions[rule.endpoint]) is None
    ]
    assert not silent


@pytest.mark.promise("P23")
def test_what_is_declared_fits_the_address(app: Flask) -> None:
    """Which of the staff pages want a sign-in, and of whom, is in the table of P23."""
    for rule in app.url_map.iter_rules():
        declared = guards.declared(app.view_functions[rule.endpoint])
        if declared is not None:
            kind = declared.kind.partition("-")[0]
            expected = "staff" if rule.rule.startswith("/staff/") else "public"
            assert kind == ("operations" if rule.rule in OPERATIONS else expected), rule.endpoint
            assert (declared.permission is not None) is (declared.kind == "staff"), rule.endpoint


def test_a_view_that_declares_nothing_is_closed(tmp_path: Path) -> None:
    with site(tmp_path) as app:
        app.add_url_rule("/forgotten", view_func=lambda: "open to everyone")
        assert app.test_client().get("/forgotten").status_code == 404

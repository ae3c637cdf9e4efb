"""The route table itself is guarded: every view says whom it serves, and says the right thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from inquiries.web import guards
from tests.web.site import site

OPEN_TO_ALL_STAFF = {"staff.home", "staff.sign_in", "staff.enrol", "staff.passkey_options"}
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
def test_every_staff_view_needs_a_permission_but_the_way_in(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        declared = guards.declared(app.view_functions[rule.endpoint])
        if declared is None:
            continue
        staff = rule.rule.startswith("/staff/")
        operations = rule.rule in OPERATIONS
        expected = "operations" if operations else "public" if not staff else "staff"
        if rule.endpoint in OPEN_TO_ALL_STAFF:
            expected = "staff-anonymous"
        assert declared.kind == expected, rule.endpoint
        assert (declared.permission is not None) is (declared.kind == "staff"), rule.endpoint


def test_a_view_that_declares_nothing_is_closed(tmp_path: Path) -> None:
    with site(tmp_path) as app:
        app.add_url_rule("/forgotten", view_func=lambda: "open to everyone")
        assert app.test_client().get("/forgotten").status_code == 404

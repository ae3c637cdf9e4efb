"""What machines ask: metrics read from the stores, for the staff networks alone, with nothing personal in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from time_machine import travel

from inquiries import clock, create_app
from inquiries.services import (
    adoption,
    archive,
    holds,
    inbox,
    installation,
    metrics,
    readiness,
    recovery,
    retention,
    rotation,
)
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.breaking import broken
from tests.cast import ITEMS, MINJI, OH, send
from tests.web.site import site


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as made:
        yield made


def figures(text: str) -> dict[str, float]:
    """`name` or `name{labels}` → value, as Prometheus's own parser reads it."""
    return {
        sample.name + "".join(f"{{{value}}}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(house: House) -> dict[str, float]:
    return figures(metrics.exposition(house).decode())


# -- what they say -----------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_stores(any_house: House) -> None:
    house = any_house
    send(house)
    send(house, type="introduction", address=None, user_agent=None)
    with travel(clock.now() + timedelta(days=400), tick=True):
        rotation.rotate(house)
        send(house)
        before = read(house)
        assert (before["inquiries_due"], before["inquiries_envelopes_pending"]) == (3, 1)
        assert before["inquiries_overdue_seconds"] > timedelta(days=300).total_seconds()
        assert "inquiries_sweep_age_seconds" not in before  # there was none
        assert before["inquiries_ready{worker}"] == before["inquiries_ready{sweep}"] == 0
        retention.sweep(house, confirm=True)
        adoption.adopt_pending(house)
        after = read(house)
        assert after["inquiries_destroyed_total{expired}{support}"] == 2
        assert after["inquiries_destroyed_total{expired}{introduction}"] == 1
        for name in ("due", "overdue_seconds", "held", "archived", "envelopes_pending", "sweep_failed"):
            assert after[f"inquiries_{name}"] == 0, name
        assert 0 <= after["inquiries_sweep_age_seconds"] < 60
        assert after["inquiries_sweep_max_lag_seconds"] > timedelta(days=300).total_seconds()
        assert 0 <= after["inquiries_epoch_age_seconds"] < 600
        send(house)
        (moved, left) = (row.id for row in inbox.page(house, OH).rows)
        holds.place(house, OH, left, reason="a claim", basis="a law", until=clock.now() + timedelta(days=9))
        archive.order(house, OH, moved, statute="contract", items=["name"], reason="a contract")
        kept = read(house)
        assert (kept["inquiries_held"], kept["inquiries_archived"]) == (1, 1)
        checks = {f"inquiries_ready{{{check.name}}}": float(check.ok) for check in readiness.checks(house)}
        assert checks == {name: value for name, value in after.items() if name.startswith("inquiries_ready")}


@pytest.fixture
def old_house(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    """One whose policy has been in force for years, on both databases."""
    with travel(clock.now() - timedelta(days=900)):
        opened = installation.install(make_settings(**store_urls)).house
    yield opened
    opened.close()


def test_what_was_destroyed_is_counted_once_however_often_it_is_asked_for(old_house: House) -> None:
    house = old_house
    name = "inquiries_destroyed_total{expired}{support}"
    start = clock.now()
    for days in (0, 100, 300):
        with travel(start + timedelta(days=days), tick=True):
            send(house, address=None, user_agent=None)
    for days, expected in ((400, 1), (500, 2), (700, 3), (800, 3)):
        with travel(start + timedelta(days=days), tick=True):
            retention.sweep(house, confirm=True)
            assert [read(house)[name] for _ in range(2)] == [expected] * 2


def test_a_restore_that_waits_is_seen(house: House) -> None:
    assert read(house)["inquiries_restore_waiting"] == 0
    rotation.note_restore(house)
    waiting = read(house)
    assert (waiting["inquiries_restore_waiting"], waiting["inquiries_ready{restore}"]) == (1, 0)
    recovery.confirm(house, OH, "looked at it")
    assert read(house)["inquiries_restore_waiting"] == 0


def test_what_does_not_open_is_counted(house: House) -> None:
    send(house)
    with house.live.write() as connection:
        connection.exec_driver_sql("UPDATE envelopes SET sealed = x'01'")
    adoption.adopt_pending(house)
    found = read(house)
    assert (found["inquiries_envelopes_quarantined"], found["inquiries_ready{envelopes}"]) == (1, 0)


def test_a_store_that_does_not_answer_hides_no_other(house: House) -> None:
    with broken(house.archive, "archived"):
        found = read(house)
    assert "inquiries_archived" not in found
    assert "inquiries_epoch_age_seconds" in found


def test_a_sweep_that_failed_is_seen_until_one_goes_well(house: House) -> None:
    send(house)
    with travel(clock.now() + timedelta(days=400)):
        with broken(house.keys):
            assert retention.sweep(house, confirm=True).failed
        assert read(house)["inquiries_sweep_failed"] == 2
        assert "inquiries_sweep_age_seconds" not in read(house)  # none has ended
        retention.sweep(house, confirm=True)
        assert read(house)["inquiries_sweep_failed"] == 0


def test_no_label_names_a_person_or_an_inquiry(house: House) -> None:
    send(house)
    with travel(clock.now() + timedelta(days=400)):
        received = send(house)
        (row,) = inbox.page(house, MINJI).rows
        inbox.open_inquiry(house, MINJI, row.id, None)
        retention.sweep(house, confirm=True)
        text = metrics.exposition(house).decode()
        for hidden in (*ITEMS.values(), "192.0.2.7", received.receipt, str(row.id), MINJI.email):
            assert hidden not in text
        labels = {
            (name, value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            for name, value in sample.labels.items()
        }
        assert {name for name, _ in labels} == {"type", "reason", "check"}


# -- to whom -----------------------------------------------------------------------------------------

HERE, INSIDE, OUTSIDE = "127.0.0.1", "10.1.2.3", "198.51.100.4"


def status(app: Flask, address: str, **headers: str) -> int:
    asked = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)
    return asked.status_code


@pytest.mark.parametrize(
    ("address", "expected"), [(HERE, 200), ("::1", 200), (INSIDE, 404), (OUTSIDE, 404), ("", 404)]
)
def test_this_machine_alone_where_no_network_is_named(app: Flask, address: str, expected: int) -> None:
    assert status(app, address) == expected


def test_a_proxy_on_this_machine_does_not_open_them_to_the_world(app: Flask) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert status(app, HERE, **{header: OUTSIDE}) == 404


@pytest.mark.parametrize(("address", "expected"), [(INSIDE, 200), (OUTSIDE, 404), (HERE, 404)])
def test_the_staff_networks_where_they_are_named(tmp_path: Path, address: str, expected: int) -> None:
    with site(tmp_path, staff_networks=("10.0.0.0/8",)) as app:
        assert status(app, address) == expected


def test_behind_a_proxy_it_is_the_caller_who_counts(tmp_path: Path) -> None:
    with site(tmp_path, staff_networks=("10.0.0.0/8",), trusted_proxies=1) as app:
        assert status(app, HERE, **{"X-Forwarded-For": INSIDE}) == 200
        assert status(app, HERE, **{"X-Forwarded-For": OUTSIDE}) == 404


def test_to_others_it_is_an_address_that_does_not_exist(app: Flask) -> None:
    client = app.test_client()
    elsewhere = {"REMOTE_ADDR": OUTSIDE}
    refused = client.get("/metrics", environ_base=elsewhere)
    unknown = client.get("/metrixx", environ_base=elsewhere)
    assert refused.status_code == unknown.status_code == 404
    assert refused.text == unknown.text.replace("metrixx", "metrics")


def test_the_public_surface_has_none(app: Flask) -> None:
    settings = app.extensions["inquiries.settings"]
    public = create_app(settings.model_copy(update={"surface": "public"}), app.extensions["inquiries"]())
    assert status(public, HERE) == 404
    assert status(app, HERE) == 200
    assert "checks" not in (public.test_client().get("/readyz").json or {})


def test_prometheus_asks_without_https(tmp_path: Path) -> None:
    with site(tmp_path, base_url="https://forms.example.com", staff_networks=("10.0.0.0/8",)) as app:
        assert status(app, INSIDE) == 200


def test_they_come_as_prometheus_expects_them(app: Flask) -> None:
    answer = app.test_client().get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert figures(answer.text)["inquiries_ready{stores}"] == 1

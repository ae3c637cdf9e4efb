"""P01: only the declared items are collected: by the form, by the API, in the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from inquiries.errors import InvalidItems
from inquiries.rules.items import CONSENT_FIELD
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.stores.live.tables import inquiries
from tests.cast import ITEMS, send
from tests.moments import at, installed
from tests.promises.pages import application, stored
from tests.promises.traces import traces
from tests.web.site import errors_of, fields

SECRET = "주민등록번호 900101-2345678"


def test_p01_the_form_refuses_an_undeclared_field_by_name(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    with at():
        answer = application(house).test_client().post("/inquiries/support", data=fields(rrn=SECRET))
        assert answer.status_code == 422
        assert set(errors_of(answer)) == {"rrn"}
        assert nothing_stored(house)
    assert traces(house.settings.instance.parent, {"it": SECRET}) == []
    assert SECRET not in "".join(capfd.readouterr())


def test_p01_the_api_refuses_it_too(house: House) -> None:
    with at():
        sent = {"type": "support", "items": ITEMS | {"rrn": SECRET}, "consents": {"inquiry": True}}
        client = application(house).test_client()
        answer = client.post("/api/inquiries", json=sent)
        assert answer.status_code == 422
        (fault,) = json.loads(answer.text)["errors"]
        assert (fault["field"], fault["code"]) == ("rrn", "undeclared")
        beside = client.post("/api/inquiries", json=sent | {"items": ITEMS, "rrn": SECRET})
        assert [one["code"] for one in json.loads(beside.text)["errors"]] == ["undeclared"]
        assert nothing_stored(house)
    assert traces(house.settings.instance.parent, {"it": SECRET}) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"items": {"rrn": SECRET}}, "rrn"),
        ({"items": {"Name": SECRET}}, "Name"),
        ({"items": {"content ": SECRET}}, "content "),
        ({"consents": {"inquiry": True, "profiling": True}}, f"{CONSENT_FIELD}profiling"),
        ({"consents": {"inquiry": True, "main": True}}, f"{CONSENT_FIELD}main"),
    ],
)
def test_p01_so_does_the_service(house: House, given: dict[str, Any], named: str) -> None:
    with at(), pytest.raises(InvalidItems) as refused:
        send(house, **given)
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [(named, "undeclared")]
    assert nothing_stored(house)


def test_p01_the_database_holds_the_declared_items_and_no_more(house: House) -> None:
    with at():
        send(house, consents={"inquiry": True, "marketing": True})
        assert {name: set(held) for name, held in stored(house).items()} == {
            "main": {"name", "company", "contact", "email", "content"},
            "marketing": {"name", "email"},
            "visitor": {"address", "user_agent"},
        }


def test_p01_what_a_policy_does_not_ask_is_undeclared(make_settings: Callable[..., Settings]) -> None:
    """The newsletter of this policy asks for an address alone: a name is too much."""
    policy = make_settings().policy.parent / "clunix.toml"
    with installed(make_settings, policy=policy) as house, at():
        with pytest.raises(InvalidItems) as refused:
            send(house, type="newsletter")
        assert {fault.field for fault in refused.value.errors} == {"name", "company", "contact", "content"}
        send(house, type="newsletter", items=dict.fromkeys(("name", "company", "contact", "content")))
        assert stored(house) == {"main": {"email": ITEMS["email"]}}  # and no visitor: it declares none


def nothing_stored(house: House) -> bool:
    with house.live.read() as connection:
        return connection.execute(inquiries.select()).first() is None

"""P30: outside this machine https alone: refused at the start otherwise, and said to every browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from inquiries import settings as settings_module
from inquiries.errors import UnsafeSetting
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.moments import at
from tests.promises.pages import application


def outside(house: House) -> House:
    """The same house as it runs on the internet."""
    settings = settings_module.load(instance=house.settings.instance, base_url="https://forms.example.com")
    return dataclasses.replace(house, settings=settings)


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://forms.example.com"},
        {"base_url": "http://192.0.2.1:8000"},
        {"host": "0.0.0.0"},  # in the open while it says that it is development
        {"base_url": "http://localhost:8000", "host": "::"},
        {"base_url": "ftp://forms.example.com"},
    ],
)
def test_p30_plain_http_outside_this_machine_does_not_start(
    make_settings: Callable[..., Settings], given: dict[str, str]
) -> None:
    with pytest.raises(UnsafeSetting) as refused:
        make_settings(**given)
    assert refused.value.key in {"INQUIRIES_BASE_URL", "INQUIRIES_HOST"}


def test_p30_https_and_loopback_start(make_settings: Callable[..., Settings]) -> None:
    assert not make_settings(base_url="https://forms.example.com", host="0.0.0.0").development
    assert make_settings(base_url="http://localhost:8000").development
    assert make_settings(host="127.0.0.1").development


@pytest.mark.parametrize("path", ["/", "/inquiries/support", "/staff/sign-in", "/nowhere", "/healthz"])
def test_p30_every_answer_says_https_for_two_years(house: House, path: str) -> None:
    with at():
        answer = application(outside(house)).test_client().get(path, base_url="https://forms.example.com")
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert "Strict-Transport-Security" not in application(house).test_client().get(path).headers


def test_p30_the_session_cookie_travels_on_https_alone(house: House) -> None:
    with at():
        answer = (
            application(outside(house))
            .test_client()
            .get("/staff/sign-in", base_url="https://forms.example.com")
        )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-inquiries=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Strict",
    }

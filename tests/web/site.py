"""An application on a fresh installation, and what a browser or a program would send to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from inquiries import create_app
from inquiries import settings as settings_module
from tests import prepared
from tests.cast import ITEMS

ALLOWED = "https://www.example.com"
CODE = r"[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){4}"


@contextmanager
def site(directory: Path, installed: datetime | None = None, **given: Any) -> Iterator[Flask]:
    """The application over its own stores, installed at this moment or today; closed at the end.

    Without the limits, which are tested apart.
    """
    settings = settings_module.load(
        **({"instance": directory / "instance", "allowed_origins": (ALLOWED,)} | given)
    )
    with closing(prepared.house(settings, installed)) as house:
        app = create_app(settings, house)
        app.config.update(LIMIT_SUBMIT="", LIMIT_RECEIPT="", LIMIT_LOOK="")
        yield app


def fields(**changed: str | None) -> dict[str, Any]:
    """The fields of a valid form; `consent_marketing` stands for consent.marketing, None leaves one out."""
    whole = {**ITEMS, "consent.inquiry": "yes", "language": "ko", **_dotted(changed)}
    return {name: value for name, value in whole.items() if value is not None}


def _dotted(changed: Mapping[str, str | None]) -> dict[str, str | None]:
    return {re.sub(r"^consent_", "consent.", name): value for name, value in changed.items()}


def send(client: FlaskClient, path: str = "/inquiries/support", **changed: str | None) -> TestResponse:
    """Sora sends the form."""
    return client.post(path, data=fields(**changed))


def code_of(response: TestResponse) -> str:
    """The receipt code that the page shows."""
    found = re.search(rf'<output id="receipt"[^>]*>({CODE})</output>', response.text)
    assert found, response.text
    return found[1]


def hidden(response: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', response.text)
    assert found, f"no hidden field {name}"
    return unescape(found[1])


def errors_of(response: TestResponse) -> dict[str, str]:
    """The message at each field, by the field's name."""
    found = re.findall(r'id="error-([^"]*)">([^<]*)<', response.text)
    return {unescape(name): unescape(message) for name, message in found}

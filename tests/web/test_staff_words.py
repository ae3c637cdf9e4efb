"""Words of the staff pages that are made of figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from inquiries.web import staff_words
from tests.web.site import site


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("words")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("length", "english", "korean"),
    [
        (timedelta(0), "0 minutes", "0분"),
        (timedelta(minutes=119), "119 minutes", "119분"),
        (timedelta(hours=2), "2 hours", "2시간"),
        (timedelta(hours=119, minutes=59), "119 hours", "119시간"),
        (timedelta(days=5), "5 days", "5일"),
        (timedelta(days=400), "400 days", "400일"),
    ],
)
def test_a_wait_is_told_as_exactly_as_one_acts_on_it(
    app: Flask, length: timedelta, english: str, korean: str
) -> None:
    for spoken, words in (("en", english), ("ko", korean)):
        with app.test_request_context(f"/staff/retention?lang={spoken}"):
            assert staff_words.span(length) == words

"""Whatever bytes reach the form, the receipt page or the API: an answer of the contract, never a failure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from inquiries.services import receipt
from inquiries.services.house import House
from inquiries.stores.live.tables import inquiries
from tests.moments import at, fresh
from tests.promises.pages import application
from tests.properties import sent

REFUSED = {308, 400, 403, 404, 409, 413, 415, 422}  # 308: two slashes in a path became one
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}")

FORM = st.sampled_from(
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"]
)
KINDS = st.one_of(
    FORM,
    FORM,
    st.sampled_from([
        "application/x-www-form-urlencoded; charset=euc-kr", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "",
        "application/json; charset=utf-16", "multipart/mixed; boundary=b", "application/x-www-form-urlencoded;;=",
    ]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)  # fmt: skip
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
OURS = st.just("http://127.0.0.1:8000")
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Origin": st.one_of(OURS, OURS, OURS, st.sampled_from(["null", "https://eve.example", ""]), HEADER),
        "Accept-Language": st.one_of(st.sampled_from(["en", "ko-KR;q=0.9", "xx", "*"]), HEADER),
        "User-Agent": HEADER,
        "Referer": HEADER,
    },
)
KNOWN = st.sampled_from(["/inquiries/support", "/embed/recruitment", "/receipt", "/api/inquiries"])
PATHS = st.one_of(
    KNOWN,
    KNOWN,
    KNOWN,
    st.text(max_size=20).map(
        lambda name: "/inquiries/" + quote(name.encode("utf-8", "surrogatepass"), safe="")
    ),
)
CONTROLS = st.dictionaries(
    st.sampled_from(["_once", "_notice", "_next", "language", "receipt"]), sent.anything
)
GOOD_FIELDS = st.builds(
    lambda items, more: {**items, "consent.inquiry": "yes", **more},
    sent.valid,
    st.one_of(st.just({}), st.just({"language": "en"}), CONTROLS),
)
FIELDS = GOOD_FIELDS | st.builds(
    lambda items, consents, controls: {
        **{name: value if isinstance(value, str) else str(value) for name, value in items.items()},
        **{f"consent.{name}": "yes" if value is True else str(value) for name, value in consents.items()},
        **controls,
    },
    sent.items,
    sent.consents,
    st.one_of(st.just({}), CONTROLS),
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with at(minutes=1), fresh() as opened:
        yield opened


@pytest.fixture(scope="module")
def client(house: House) -> FlaskClient:
    return application(house).test_client()


def count(house: House) -> int:
    with house.live.read() as connection:
        return connection.scalar(select(func.count()).select_from(inquiries)) or 0


def check(house: House, before: int, path: str, answer: TestResponse) -> None:
    """An answer of the contract; stored exactly when it says so."""
    assert "Set-Cookie" not in answer.headers
    if answer.status_code in REFUSED:
        assert count(house) == before
        assert CODE.search(answer.text) is None
        return
    assert answer.status_code == (201 if path == "/api/inquiries" else 200)
    if path == "/receipt":
        return
    assert count(house) == before + 1
    code = CODE.search(answer.text)
    assert code is not None
    receipt.look(house, code[0])


def multipart(fields: dict[str, str]) -> bytes:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (_raw(name), _raw(text))
        for name, text in fields.items()
    ]
    return b"".join([*parts, b"--b--\r\n"])


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def percent(fields: dict[str, str]) -> bytes:
    return urlencode([(_raw(name), _raw(text)) for name, text in fields.items()]).encode()


@given(path=PATHS, kind=KINDS, body=st.binary(max_size=300), headers=HEADERS)
def test_any_bytes(
    house: House, client: FlaskClient, path: str, kind: str, body: bytes, headers: dict[str, str]
) -> None:
    before = count(house)
    answer = client.post(path, data=body, content_type=kind, headers=headers)
    check(house, before, path, answer)


@given(path=PATHS, fields=FIELDS, encoded=st.sampled_from([multipart, percent]), headers=HEADERS)
def test_any_form(
    house: House,
    client: FlaskClient,
    path: str,
    fields: dict[str, str],
    encoded: Any,
    headers: dict[str, str],
) -> None:
    before = count(house)
    kind = "multipart/form-data; boundary=b" if encoded is multipart else "application/x-www-form-urlencoded"
    answer = client.post(path, data=encoded(fields), content_type=kind, headers=headers)
    check(house, before, path, answer)


GOOD = st.builds(
    lambda kind, items, marketing: {
        "type": kind, "items": items, "consents": {"inquiry": True, "marketing": marketing},
    },
    st.sampled_from(sent.TYPES), sent.valid, st.booleans(),
)  # fmt: skip
BODIES = st.one_of(
    GOOD,
    GOOD,
    st.builds(
        lambda kind, items, consents, more: {"type": kind, "items": items, "consents": consents, **more},
        st.one_of(
            st.sampled_from(sent.TYPES), sent.values.filter(lambda value: not isinstance(value, bytes))
        ),
        sent.items.map(
            lambda items: {name: value for name, value in items.items() if not isinstance(value, bytes)}
        ),
        sent.consents.map(lambda given: {name: v for name, v in given.items() if not isinstance(v, bytes)}),
        st.fixed_dictionaries(
            {},
            optional={
                "language": st.one_of(st.sampled_from(["ko", "en", "xx"]), st.none(), st.integers()),
                "notice_version": st.one_of(
                    st.just(1), st.none(), st.integers(), st.booleans(), st.text(max_size=3)
                ),
            },
        ),
    ),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=10)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    ),
)


@given(body=BODIES, key=st.one_of(st.none(), HEADER), ascii_only=st.booleans())
def test_any_json(house: House, client: FlaskClient, body: Any, key: str | None, *, ascii_only: bool) -> None:
    before = count(house)
    headers = {} if key is None else {"Idempotency-Key": key}
    data = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    answer = client.post("/api/inquiries", data=data, content_type="application/json", headers=headers)
    if answer.status_code == 201 and count(house) == before:
        return  # an Idempotency-Key of an earlier example, with the same content
    check(house, before, "/api/inquiries", answer)
    if answer.status_code in REFUSED:
        problem = json.loads(answer.text)
        assert answer.mimetype == "application/problem+json"
        assert problem["status"] == answer.status_code


@pytest.mark.parametrize(
    "disposition",
    ["form-data", "form-data; filename=x", 'form-data; name="a', "attachment; name=a", "", "name"],
)
def test_a_part_without_a_name_cannot_be_read(house: House, client: FlaskClient, disposition: str) -> None:
    part = f"--b\r\nContent-Disposition: {disposition}\r\n\r\nvalue\r\n--b--\r\n".encode()
    before = count(house)
    answer = client.post("/inquiries/support", data=part, content_type="multipart/form-data; boundary=b")
    assert answer.status_code in {400, 422}
    check(house, before, "/inquiries/support", answer)


@given(
    query=st.dictionaries(st.sampled_from(["lang", "_next", "type", "x"]), sent.anything, max_size=3),
    path=PATHS,
)
def test_any_query(house: House, client: FlaskClient, query: dict[str, str], path: str) -> None:
    asked = urlencode([(name, _raw(text)) for name, text in query.items()])
    before = count(house)
    answer = client.get(f"{path}?{asked}")
    assert answer.status_code in {200, 308, 404, 405}  # 308: two slashes became one
    assert count(house) == before

"""Whatever is sent is refused as a whole, or stored and read back as it was; nothing else happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from inquiries.errors import (
    InvalidItems,
    NotFound,
    NoticeSuperseded,
    OnceReused,
    ReceiptMalformed,
    UnknownType,
)
from inquiries.sealing import receipts
from inquiries.services import adoption, inbox, intake, receipt
from inquiries.services.house import House
from inquiries.services.intake import Submission
from inquiries.stores.live.tables import inquiries
from tests.cast import MINJI, send
from tests.moments import at, fresh
from tests.properties import sent


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with at(minutes=1), fresh() as opened:
        yield opened


def count(house: House) -> int:
    with house.live.read() as connection:
        return connection.scalar(select(func.count()).select_from(inquiries)) or 0


@given(
    kind=st.one_of(st.sampled_from(sent.TYPES), st.text(max_size=20)),
    items=sent.items,
    consents=sent.consents,
    agent=st.one_of(st.none(), st.text(st.characters(max_codepoint=255), max_size=600)),
)
def test_it_is_refused_or_read_back_as_it_was(
    house: House, kind: str, items: dict[str, Any], consents: dict[str, Any], agent: str | None
) -> None:
    before = count(house)
    submission = Submission(kind, items, consents, "ko", user_agent=agent, address="2001:db8::1")
    try:
        received = intake.receive(house, submission)
    except UnknownType:
        assert count(house) == before
        return
    except InvalidItems as refused:
        assert count(house) == before
        named = [fault.field for fault in refused.errors]
        assert named
        assert all(len(name) < 100 and name.isprintable() for name in named)
        return
    assert count(house) == before + 1
    view = receipt.look(house, received.receipt)
    assert dict(view.items) == sent.expected(items)
    assert {one.purpose: one.given for one in view.consents} == {
        "inquiry": True, "marketing": consents.get("marketing") in (True, "yes"),
    }  # fmt: skip
    assert set(items) <= set(sent.POLICY.types[kind].items)


@given(items=sent.valid, kind=st.sampled_from(sent.TYPES))
def test_what_is_valid_is_stored_and_opens_for_her_and_for_staff(
    house: House, items: dict[str, str], kind: str
) -> None:
    code = send(house, type=kind, items={"company": None, "contact": None} | items).receipt
    assert dict(receipt.look(house, code).items) == sent.expected(items)
    row = inbox.page(house, MINJI).rows[0]
    assert dict(inbox.open_inquiry(house, MINJI, row.id, None).items) == sent.expected(items)
    adoption.adopt_pending(house)
    assert dict(receipt.look(house, code).items) == sent.expected(items)


@given(first=sent.valid, second=sent.valid, once=st.binary(min_size=1, max_size=64))
def test_one_nonce_is_one_inquiry(
    house: House, first: dict[str, str], second: dict[str, str], once: bytes
) -> None:
    absent = {"company": None, "contact": None}
    known = count(house)
    try:
        code = send(house, items=absent | first, once=once).receipt
    except OnceReused:  # an earlier example used this nonce
        assert count(house) == known
        return
    before = count(house)
    assert send(house, items=absent | first, once=once).receipt == code
    if sent.expected(first) == sent.expected(second):
        assert send(house, items=absent | second, once=once).receipt == code
    else:
        with pytest.raises(OnceReused):
            send(house, items=absent | second, once=once)
    assert count(house) == before


@given(version=st.integers().filter(lambda number: number != 1))
def test_any_other_notice_is_superseded(house: House, version: int) -> None:
    with pytest.raises(NoticeSuperseded):
        send(house, notice_version=version)


# -- receipts ----------------------------------------------------------------------------------------


@given(typed=st.one_of(st.text(max_size=60), st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-oil ", max_size=40)))
def test_whatever_is_typed_as_a_receipt_opens_nothing_or_what_it_names(house: House, typed: str) -> None:
    with pytest.raises((NotFound, ReceiptMalformed)):
        receipt.look(house, typed)


@given(once=st.binary(max_size=16), data=st.data())
def test_a_receipt_is_read_as_people_type_it(once: bytes, data: st.DataObject) -> None:
    code = receipts.code_from(b"s" * 32, once, b"d" * 32)
    alike = {"0": "0Oo", "1": "1IiLl"}
    typed = "".join(
        data.draw(st.sampled_from(alike.get(c, c + c.lower()) if c != "-" else ["-", " ", "", " - ", "–"]))
        for c in code
    )
    assert receipts.normalise(f" {typed}\n") == code


@given(
    once=st.binary(max_size=64),
    digest=st.binary(min_size=32, max_size=32),
    secret=st.binary(min_size=32, max_size=64),
)
def test_a_code_is_always_one_that_can_be_typed(once: bytes, digest: bytes, secret: bytes) -> None:
    code = receipts.code_from(secret, once, digest)
    assert receipts.normalise(code) == code
    assert receipts.code_from(secret, once, digest) == code
    assert receipts.code_from(secret, once + b"x", digest) != code

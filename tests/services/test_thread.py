"""What is written to and fro: replies, her answers, notes; sealed, told by mail, read, and gone with the inquiry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from time_machine import travel

from inquiries import clock
from inquiries.errors import InvalidItems, NotFound, SealBroken, Suspended, WrongState
from inquiries.rules.correspondence import MOST, TEXT_LIMIT, Kind
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import (
    adoption,
    delivery,
    destruction,
    fulfilment,
    holds,
    inbox,
    keys,
    receipt,
    records,
    replies,
    retention,
    rights,
    rotation,
    thread,
)
from inquiries.services.house import House
from inquiries.services.replies import Told
from inquiries.settings import HOME
from inquiries.stores.live import thread as live_thread
from tests.cast import BAE, ITEMS, MINJI, MINJI_SUPPORT, OH, send
from tests.relay import Relay

HI, THANKS, HM = (
    "안녕하세요, 소라 님.\n자료를 보냅니다.",
    "고맙습니다! <b>하나 더</b> 여쭙니다.",
    "전화로 확인함",
)


@pytest.fixture
def house(house_with_mail: House) -> House:
    return house_with_mail


@pytest.fixture
def any_house(any_house_with_mail: House) -> House:
    return any_house_with_mail


def sent(house: House, **given: Any) -> tuple[str, int]:
    """(receipt, id) of a fresh inquiry that Minji has opened."""
    code = send(house, **given).receipt
    with house.live.read() as connection:
        inquiry = int(connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one())
    inbox.open_inquiry(house, MINJI, inquiry, None)
    return code, inquiry


def seen_by_her(house: House, code: str) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in receipt.look(house, code).thread]


def state(house: House, inquiry: int) -> str:
    return inbox.summary(house, MINJI, inquiry).state


def acts(house: House) -> list[str]:
    return [body["act"] for _, body in records.bodies(house, "access")]


# -- to and fro ------------------------------------------------------------------------------------


def test_they_write_to_one_another(any_house: House, post: Relay) -> None:
    house = any_house
    code, inquiry = sent(house)
    assert replies.reply(house, MINJI, inquiry, HI) is Told.by_mail
    assert state(house, inquiry) == "answered"
    assert seen_by_her(house, code) == [("reply", HI)]
    assert delivery.send_waiting(house) == 1
    (mail,) = post.mail
    assert (mail["To"], "/receipt" in mail.get_content()) == (ITEMS["email"], True)
    assert code not in mail.as_string()
    assert "소라" not in mail.get_content()
    thread.answer(house, code, THANKS)
    (line,) = inbox.page(house, MINJI).rows
    assert line.unread, "her answer stands out before the worker has been"
    assert thread.take_in(house) == 1
    assert thread.take_in(house) == 0
    assert state(house, inquiry) == "open"
    opened = inbox.open_inquiry(house, MINJI, inquiry, None)
    assert [(one.kind, one.text, one.by, one.unread) for one in opened.thread] == [
        ("reply", HI, MINJI.staff_id, False),
        ("answer", THANKS, None, True),
    ]
    (line,) = inbox.page(house, MINJI).rows
    assert not line.unread
    assert [one.unread for one in inbox.open_inquiry(house, MINJI, inquiry, None).thread] == [False, False]
    assert replies.reply(house, MINJI, inquiry, "또 답합니다") is Told.by_mail
    assert acts(house).count("reply") == 2


def test_a_second_reply_leaves_it_answered(house: House) -> None:
    code, inquiry = sent(house)
    replies.reply(house, MINJI, inquiry, HI)
    replies.reply(house, MINJI, inquiry, "그리고 하나 더.")
    assert state(house, inquiry) == "answered"
    assert len(seen_by_her(house, code)) == 2


@pytest.mark.promise("P09")
def test_what_she_writes_opens_a_closed_inquiry_and_never_beyond_what_was_promised(house: House) -> None:
    code, inquiry = sent(house)
    promised = inbox.summary(house, MINJI, inquiry).due_at
    inbox.close(house, MINJI, inquiry)
    assert inbox.summary(house, MINJI, inquiry).due_at != promised
    thread.answer(house, code, THANKS)
    thread.take_in(house)
    now = inbox.summary(house, MINJI, inquiry)
    assert (now.state, now.due_at, now.closed_at) == ("open", promised, None)


@pytest.mark.parametrize("kind", ["reply", "note", "answer"])
def test_the_same_from_the_same_form_is_written_once(house: House, kind: str) -> None:
    code, inquiry = sent(house)

    def write(text: str, nonce: bytes) -> None:
        if kind == "answer":
            thread.answer(house, code, text, nonce)
        else:
            getattr(replies, kind)(house, MINJI, inquiry, text, nonce)

    write(HI, b"form 1")
    write(HI, b"form 1")
    write(THANKS, b"form 1")  # gone back, and written anew
    write(HI, b"form 2")
    with house.live.read() as connection:
        assert len(live_thread.of_inquiry(connection, inquiry)) == 3
    assert delivery.send_waiting(house) == (3 if kind == "reply" else 0)


def test_who_gave_no_address_or_no_mail_is_configured(
    house: House, make_settings: Any, tmp_path: Path
) -> None:
    default = (HOME / "policies" / "default.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(
        default.replace('"email", "content"]', '"content"]').replace(
            'optional = ["', 'optional = ["email", "'
        ),
        encoding="utf-8",
    )
    settings = house.settings.model_copy(update={"policy": tmp_path / "policy.toml"})
    house = replace(house, settings=settings, memory={})  # published at once, as in development
    _, without = sent(house, type="introduction", items={"email": None})
    assert replies.reply(house, MINJI, without, HI) is Told.no_address
    with house.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 0
    bare = replace(house, settings=make_settings())
    code, inquiry = sent(bare)
    assert replies.reply(bare, MINJI, inquiry, HI) is Told.no_mail
    assert seen_by_her(bare, code) == [("reply", HI)]


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.promise("P23")
@pytest.mark.parametrize("act", [replies.reply, replies.note])
def test_only_who_answers_these_inquiries_writes(house: House, act: Callable[..., Any]) -> None:
    _, inquiry = sent(house, type="affiliate")
    for actor in (OH, BAE, MINJI_SUPPORT):
        with pytest.raises(NotFound):
            act(house, actor, inquiry, HI)
    with house.live.read() as connection:
        assert live_thread.of_inquiry(connection, inquiry) == []
    act(house, MINJI, inquiry, HI)


def test_notes_are_for_those_who_handle_it_and_for_the_officer(house: House) -> None:
    code, inquiry = sent(house)
    replies.note(house, MINJI, inquiry, HM)
    assert seen_by_her(house, code) == []
    assert [one.text for one in inbox.open_inquiry(house, MINJI, inquiry, None).thread] == [HM]
    assert [one.text for one in inbox.open_inquiry(house, OH, inquiry, "a request").thread] == [HM]
    assert state(house, inquiry) == "open"
    assert acts(house).count("note") == 1


def test_nothing_is_replied_unread_or_closed(house: House) -> None:
    send(house)
    (line,) = inbox.page(house, MINJI).rows
    with pytest.raises(WrongState):
        replies.reply(house, MINJI, line.id, HI)
    inbox.open_inquiry(house, MINJI, line.id, None)
    inbox.close(house, MINJI, line.id)
    with pytest.raises(WrongState):
        replies.reply(house, MINJI, line.id, HI)
    assert acts(house).count("reply") == 0


def test_whoever_overtakes_a_reply_is_looked_at_first(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    code, inquiry = sent(house)
    replies.reply(house, MINJI, inquiry, HI)
    add = replies._add

    def she_was_faster(*given: Any) -> bool:
        thread_row = thread.written(
            keys.of_inquiries(house, [inquiry])[inquiry, MAIN].dek, inquiry, Kind.answer, THANKS
        )
        live_thread.add(given[0], thread_row)
        given[0].exec_driver_sql(f"UPDATE inquiries SET state = 'open' WHERE id = {inquiry}")
        return add(*given)

    monkeypatch.setattr(replies, "_add", she_was_faster)
    with pytest.raises(WrongState):
        replies.reply(house, MINJI, inquiry, "지나간 답")
    assert seen_by_her(house, code) == [("reply", HI)], "nothing of that transaction stayed"


@pytest.mark.parametrize(
    "text", ["", "  \n", "x" * (TEXT_LIMIT + 1), "a\x00b", "a\u202eb", None, ["two", "of them"]]
)
def test_what_is_no_text_is_refused_everywhere(house: House, text: object) -> None:
    code, inquiry = sent(house)
    for write in (
        lambda: replies.reply(house, MINJI, inquiry, text),
        lambda: replies.note(house, MINJI, inquiry, text),
        lambda: thread.answer(house, code, text),
    ):
        with pytest.raises(InvalidItems):
            write()
    with house.live.read() as connection:
        assert live_thread.of_inquiry(connection, inquiry) == []


def test_who_has_a_receipt_cannot_fill_the_store(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST >= 100
    monkeypatch.setattr(thread, "MOST", 3)
    code, _ = sent(house)
    for number in range(3):
        thread.answer(house, code, f"{number}")
    with pytest.raises(InvalidItems, match="too_many"):
        thread.answer(house, code, "4")


def test_a_second_click_at_the_bound_is_no_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "MOST", 1)
    code, inquiry = sent(house)
    for _ in range(2):
        thread.answer(house, code, THANKS, once=b"the same form")
    with house.live.read() as connection:
        assert live_thread.count(connection, inquiry) == 1


def test_answers_that_wait_for_their_key_hold_up_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "BATCH", 1)
    first, _ = sent(house)
    thread.answer(house, first, THANKS)
    second, _ = sent(house)
    thread.answer(house, second, THANKS)
    real = keys.of_inquiries
    with house.live.read() as connection:
        waiting = live_thread.not_noted(connection, 0, 1)[0].inquiry_id
    monkeypatch.setattr(keys, "of_inquiries", lambda one, ids: {} if waiting in ids else real(one, ids))
    assert thread.take_in(house) == 1


# -- suspended, held, due, destroyed ---------------------------------------------------------------


@pytest.mark.promise("P19")
def test_nothing_is_written_while_it_is_suspended(any_house: House) -> None:
    house = any_house
    code, inquiry = sent(house)
    thread.answer(house, code, THANKS)
    rights.suspend(house, code)
    for write in (
        lambda: replies.reply(house, MINJI, inquiry, HI),
        lambda: replies.note(house, MINJI, inquiry, HM),
        lambda: thread.answer(house, code, HM),
    ):
        with pytest.raises(Suspended):
            write()
    assert thread.take_in(house) == 0, "what she wrote before waits, too"
    assert not receipt.look(house, code).may_write
    rights.resume(house, code)
    fulfilment.carry_out(house)
    assert thread.take_in(house) == 1
    assert seen_by_her(house, code) == [("answer", THANKS)]


@pytest.mark.promise("P19")
def test_a_suspension_that_comes_first_stops_a_reply_on_its_way(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, inquiry = sent(house)
    record = records.access

    def suspended_first(*given: Any, **more: Any) -> int:
        if more.get("act") == "reply":
            rights.suspend(house, code)
        return record(*given, **more)

    monkeypatch.setattr(records, "access", suspended_first)
    with pytest.raises(Suspended):
        replies.reply(house, MINJI, inquiry, HI)
    assert seen_by_her(house, code) == []
    with house.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 0


@pytest.mark.promise("P14")
def test_what_only_a_hold_keeps_is_read_by_her_and_written_to_by_nobody(house: House) -> None:
    code, inquiry = sent(house)
    replies.reply(house, MINJI, inquiry, HI)
    until = clock.now() + timedelta(days=500)
    holds.place(house, OH, inquiry, reason="evidence", basis="a law", until=until)
    with travel(clock.now() + timedelta(days=400)):
        assert seen_by_her(house, code) == [("reply", HI)]
        assert not receipt.look(house, code).may_write
        with pytest.raises(NotFound):
            thread.answer(house, code, THANKS)
        with pytest.raises(NotFound):
            replies.reply(house, MINJI, inquiry, HI)


@pytest.mark.promise("P11")
@pytest.mark.promise("P21")
def test_it_dies_with_its_inquiry(any_house: House) -> None:
    house = any_house
    code, inquiry = sent(house, consents={"inquiry": True, "marketing": True})
    replies.reply(house, MINJI, inquiry, HI)
    replies.note(house, MINJI, inquiry, HM)
    thread.answer(house, code, THANKS)
    with house.live.read() as connection:
        query = f"SELECT id FROM inquiry_groups WHERE inquiry_id = {inquiry} AND name = 'main'"
        main = connection.exec_driver_sql(query).scalar_one()
    destruction.destroy_now(house, [main], "asked")
    with house.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM inquiries").scalar_one() == 1, (
            "marketing stands"
        )
        for table in ("thread", "outbox"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0, table
    with pytest.raises(NotFound):
        thread.answer(house, code, THANKS)
    assert thread.take_in(house) == 0


def test_it_is_due_with_its_inquiry(house: House) -> None:
    code, inquiry = sent(house)
    thread.answer(house, code, THANKS)
    with travel(clock.now() + timedelta(days=400)):
        for write in (
            lambda: thread.answer(house, code, HI),
            lambda: replies.reply(house, MINJI, inquiry, HI),
            lambda: replies.note(house, MINJI, inquiry, HI),
        ):
            with pytest.raises(NotFound):
                write()
        thread.take_in(house)
        retention.sweep(house, confirm=True)
        with house.live.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM thread").scalar_one() == 0


def test_a_rotation_changes_nothing(house: House) -> None:
    code, inquiry = sent(house)
    replies.reply(house, MINJI, inquiry, HI)
    adoption.adopt_pending(house)
    rotation.rotate(house)
    thread.answer(house, code, THANKS)
    assert [text for _, text in seen_by_her(house, code)] == [HI, THANKS]


# -- sealed ----------------------------------------------------------------------------------------


@pytest.mark.promise("P29")
@pytest.mark.parametrize(
    "change",
    ["kind = 'reply'", "written_by = 999", "id = id + 1", "inquiry_id = {other}"],
    ids=["a note made a reply", "another's", "another number", "another inquiry's"],
)
def test_an_entry_opens_in_its_own_place_alone(house: House, change: str) -> None:
    _, inquiry = sent(house)
    replies.note(house, MINJI, inquiry, HM)
    code, other = sent(house)
    with house.live.write() as connection:
        connection.exec_driver_sql(f"UPDATE thread SET {change.format(other=other)}")
    for one in (inquiry, other):
        assert inbox.open_inquiry(house, MINJI, one, None).thread == ()
    assert seen_by_her(house, code) == []


def test_what_was_put_there_without_the_key_moves_nothing(house: House) -> None:
    code, inquiry = sent(house)
    inbox.answered(house, MINJI, inquiry)
    forged = thread.written(items.new_data_key(), inquiry, Kind.answer, "write to eve@example.com")
    with house.live.write() as connection:
        live_thread.add(connection, forged)
    assert thread.take_in(house) == 0
    assert state(house, inquiry) == "answered"
    assert not inbox.page(house, MINJI).rows[0].unread
    assert seen_by_her(house, code) == []
    key = keys.of_inquiries(house, [inquiry])[inquiry, MAIN]
    with pytest.raises(SealBroken):
        items.open_item(key.dek, inquiry, MAIN, "content", forged.sealed)


def test_a_public_process_writes_without_a_private_key(house: House) -> None:
    code, _ = sent(house)
    settings = house.settings.model_copy(update={"surface": "public"})
    public = replace(house, custody=type(house.custody)(settings))
    thread.answer(public, code, THANKS)
    assert seen_by_her(public, code) == [("answer", THANKS)]
    assert thread.take_in(house) == 1

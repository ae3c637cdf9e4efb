"""What the receipt asks for and the worker carries out, on both databases: each right, from the commit on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from inquiries import clock
from inquiries.errors import InvalidFields, InvalidItems, NotFound, Suspended
from inquiries.rules.requests import AtOnce, Because, Kind, State, Waits
from inquiries.sealing import requests as proofs
from inquiries.services import (
    adoption,
    archive,
    certificates,
    copies,
    delivery,
    destruction,
    fulfilment,
    holds,
    inbox,
    intents,
    keys,
    receipt,
    records,
    request_proofs,
    requests,
    retention,
    rights,
)
from inquiries.services.house import House
from inquiries.services.inbox_views import InboxRow
from inquiries.services.requests import Asked
from inquiries.settings import Settings
from inquiries.stores import tags
from inquiries.stores.live import archivals, claims
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.tables import consents, envelopes, groups
from inquiries.stores.live.tables import requests as table
from inquiries.stores.live.written_tables import outbox
from tests.cast import ITEMS, MINJI, OH, send
from tests.moments import T0, at, installed
from tests.policy.builders import policy, source
from tests.relay import SENDER, Relay, relay

pytestmark = pytest.mark.promise("P17")

BOTH = {"inquiry": True, "marketing": True}


@pytest.fixture
def sora(any_house: House) -> str:
    """The code of her inquiry, with both consents."""
    return send(any_house, consents=BOTH).receipt


def line(house: House) -> InboxRow:
    (row,) = inbox.page(house, MINJI).rows
    return row


def asked(house: House, code: str) -> list[tuple[str, str]]:
    return [(one.kind, one.state) for one in receipt.look(house, code).requests]


def recorded(house: House, act: str) -> list[str]:
    return [body["kind"] for _, body in records.bodies(house, "requests") if body["act"] == act]


def key_of(house: House, inquiry_id: int, group: str = "main") -> bytes:
    return keys.of_inquiries(house, [inquiry_id])[inquiry_id, group].dek


def hold(house: House, inquiry_id: int, until: datetime) -> int:
    return holds.place(house, OH, inquiry_id, reason="a dispute", basis="민사소송법", until=until)


# -- suspending ------------------------------------------------------------------------------------


@pytest.mark.promise("P19")
def test_a_suspension_holds_before_any_worker_has_seen_it(any_house: House, sora: str) -> None:
    before = line(any_house)
    rights.suspend(any_house, sora)
    after = line(any_house)
    assert (before.suspended, before.who) == (False, "김**")
    assert (after.suspended, after.who, after.email, after.id) == (True, "", "", before.id)
    shown = inbox.summary(any_house, MINJI, after.id)
    assert (shown.suspended, dict(shown.masked)) == (True, {})
    for act in (inbox.answered, inbox.close, inbox.reopen):
        with pytest.raises(Suspended):
            act(any_house, MINJI, after.id)
    with pytest.raises(Suspended):
        inbox.open_inquiry(any_house, MINJI, after.id, None)
    assert receipt.look(any_house, sora).items == ITEMS  # she herself reads on


def test_it_lasts_until_she_takes_it_back_and_the_worker_has_seen_who_asks(
    any_house: House, sora: str
) -> None:
    rights.suspend(any_house, sora)
    assert fulfilment.carry_out(any_house) == 1
    assert (line(any_house).suspended, receipt.look(any_house, sora).suspended) == (True, True)
    rights.resume(any_house, sora)
    assert line(any_house).suspended
    assert fulfilment.carry_out(any_house) == 1
    assert (line(any_house).suspended, receipt.look(any_house, sora).suspended) == (False, False)
    assert asked(any_house, sora) == [("suspend", "done"), ("resume", "done")]
    assert recorded(any_house, "asked") == recorded(any_house, "done") == ["suspend", "resume"]


def test_what_is_asked_twice_is_asked_once(house: House) -> None:
    code = send(house).receipt
    for _ in range(2):
        rights.suspend(house, code)
    rights.resume(house, code)
    rights.resume(house, code)
    rights.suspend(house, code)  # before the worker ended the first: her last word counts
    assert [kind for kind, _ in asked(house, code)] == ["suspend", "resume", "suspend"]
    fulfilment.carry_out(house)
    assert line(house).suspended


def test_a_refused_opening_is_recorded_as_refused(house: House) -> None:
    rights.suspend(house, send(house).receipt)
    with pytest.raises(Suspended):
        inbox.open_inquiry(house, MINJI, line(house).id, None)
    (body,) = [body for _, body in records.bodies(house, "access") if body["act"].startswith("open")]
    assert body["outcome"] == "refused"


# -- correcting ------------------------------------------------------------------------------------


def test_a_correction_takes_the_place_of_the_old_items(any_house: House, sora: str) -> None:
    assert rights.correct(any_house, sora, {"email": "Sora@Example.org ", "company": ""}) == AtOnce()
    view = receipt.look(any_house, sora)
    assert (view.items, dict(view.corrected)) == (ITEMS, {"email": "Sora@Example.org", "company": ""})
    assert line(any_house).suspended  # nothing wrong is used meanwhile (P19)
    assert fulfilment.carry_out(any_house) == 1
    view = receipt.look(any_house, sora)
    expected = {name: text for name, text in ITEMS.items() if name != "company"} | {
        "email": "Sora@Example.org"
    }
    assert (dict(view.items), dict(view.corrected)) == (expected, {})
    assert list(view.items) == ["name", "contact", "email", "content"]
    assert line(any_house).email == "S***@Example.org"
    assert copies.for_receipt(any_house, sora).parts[0].items == expected
    (marketing,) = [part for part in copies.for_receipt(any_house, sora).parts if part.name == "marketing"]
    assert marketing.items == {"name": ITEMS["name"], "email": "Sora@Example.org"}  # what else holds it, too


def test_a_changed_address_is_announced_to_the_old_and_the_new(
    house: House, make_settings: Callable[..., Settings]
) -> None:
    code = send(house).receipt
    rights.correct(house, code, {"email": "new@example.com"})
    rights.suspend(house, code)  # of her own request she is told all the same
    fulfilment.carry_out(house)
    post = Relay()
    with relay(post):
        sending = replace(house, settings=make_settings(smtp_url=post.url, mail_from=SENDER))
        assert delivery.send_waiting(sending) == 2
    assert sorted(str(one["To"]) for one in post.mail) == ["new@example.com", ITEMS["email"]]
    for one in post.mail:
        text = one.get_content()
        assert "/receipt" in text
        assert not [item for item in (*ITEMS.values(), "new@example.com", code) if item in text]


def test_a_correction_of_something_else_is_announced_to_nobody(house: House) -> None:
    code = send(house).receipt
    rights.correct(house, code, {"name": "김소라나"})
    fulfilment.carry_out(house)
    with house.live.read() as connection:
        assert connection.execute(select(outbox)).all() == []


def test_the_corrected_address_finds_her_and_the_old_one_does_not(any_house: House, sora: str) -> None:
    adoption.adopt_pending(any_house)
    rights.correct(any_house, sora, {"email": "new@example.com"})
    fulfilment.carry_out(any_house)
    old, _ = adoption.tags_of(any_house, policy(), {"email": ITEMS["email"]})
    new, _ = adoption.tags_of(any_house, policy(), {"email": "new@example.com"})
    with any_house.keys.read() as connection:
        assert (
            len(tags.found(connection, email=new)) == 2
        )  # of the inquiry's items, and of what marketing holds
        assert not tags.found(connection, email=old)
    assert old != new


def test_what_the_form_would_not_take_is_no_correction(house: House) -> None:
    code = send(house).receipt
    for sent, codes in (
        ({"email": "nonsense"}, {"invalid_email"}),
        ({"name": "", "content": "x" * 10_001}, {"required", "too_long"}),
        ({"fax": "1"}, {"undeclared"}),
    ):
        with pytest.raises(InvalidItems) as refused:
            rights.correct(house, code, sent)
        assert {error.code for error in refused.value.errors} == codes
    assert rights.correct(house, code, {"name": ITEMS["name"] + " "}) is None
    assert asked(house, code) == []


def test_two_corrections_at_once_are_both_made(house: House) -> None:
    code = send(house).receipt
    rights.correct(house, code, {"name": "김소라나"})
    rights.correct(house, code, {"email": "new@example.com"})
    assert fulfilment.carry_out(house) == 2
    view = receipt.look(house, code)
    assert (view.items["name"], view.items["email"]) == ("김소라나", "new@example.com")


def test_a_correction_that_the_public_surface_never_checked_is_refused(house: House) -> None:
    """Whoever broke into it may have a receipt's key for a moment; the form's rules hold all the same."""
    code = send(house).receipt
    inquiry_id = line(house).id
    forged = requests.written(
        key_of(house, inquiry_id), Asked(inquiry_id, Kind.correct, "email", {"email": "no address"}), policy()
    )
    with house.live.write() as connection:
        live_requests.add(connection, forged)
    fulfilment.carry_out(house)
    assert receipt.look(house, code).items == ITEMS
    assert asked(house, code) == [("correct", "refused")]
    assert not line(house).suspended


@pytest.mark.promise("P14")
@pytest.mark.parametrize(("kind", "subject"), [("withdraw", "main"), ("withdraw", "visitor"), ("erase", "")])
def test_what_no_page_asks_is_refused_and_stops_nobody_else(house: House, kind: str, subject: str) -> None:
    """Proved it may be: whoever broke into the public surface has her key for a moment."""
    code = send(house).receipt
    inquiry_id = line(house).id
    asking = Asked(inquiry_id, Kind.withdraw, subject)
    forged = requests.written(key_of(house, inquiry_id), asking, policy())
    forged = replace(forged, kind=kind)
    forged = replace(forged, proof=proofs.prove(key_of(house, inquiry_id), requests._covered(forged)))
    with house.live.write() as connection:
        live_requests.add(connection, forged)
    other = send(house).receipt
    rights.suspend(house, other)
    fulfilment.carry_out(house)
    with house.live.read() as connection:
        (refused,) = live_requests.of_inquiry(connection, inquiry_id)
        left = set(live.group_ids(connection, inquiry_id))
    assert (refused.state, refused.because) == (State.refused, Because.invalid)
    assert left == {"main", "visitor"}
    assert recorded(house, "done") == ["suspend"]
    assert receipt.look(house, code).items == ITEMS


def test_a_settled_request_says_nothing_any_more(house: House) -> None:
    rights.correct(house, send(house).receipt, {"name": "김소라나"})
    with house.live.read() as connection:
        assert connection.scalar(select(table.c.sealed)) is not None
    fulfilment.carry_out(house)
    with house.live.read() as connection:
        assert connection.scalar(select(table.c.sealed)) is None


# -- withdrawing -----------------------------------------------------------------------------------


@pytest.mark.promise("P02")
@pytest.mark.promise("P03")
def test_a_withdrawn_consent_ends_at_once_and_its_copies_are_destroyed(any_house: House, sora: str) -> None:
    assert rights.withdrawable(receipt.look(any_house, sora)) == ("marketing",)
    assert rights.withdraw(any_house, sora, "marketing") == AtOnce()
    inquiry_id = line(any_house).id
    with any_house.live.read() as connection:
        assert live_requests.withdrawn(connection, [inquiry_id]) == {(inquiry_id, "marketing")}
    assert [one.holds for one in receipt.look(any_house, sora).consents] == [True, False]
    assert not line(any_house).suspended
    assert fulfilment.carry_out(any_house) == 1
    with any_house.live.read() as connection:
        names = set(connection.scalars(select(groups.c.name)))
        ended = connection.execute(
            select(consents.c.purpose).where(consents.c.withdrawn_at.is_not(None))
        ).scalars()
        assert list(ended) == ["marketing"]
    assert names == {"main", "visitor"}
    (part,) = certificates.for_receipt(any_house, sora).parts
    assert (part.stone.group, part.stone.reason) == ("marketing", "withdrawn")
    assert receipt.look(any_house, sora).items == ITEMS


def test_only_a_consent_that_was_given_and_is_optional_is_taken_back(house: House) -> None:
    code = send(house).receipt
    for purpose in ("marketing", "inquiry", "unknown", ""):
        with pytest.raises(InvalidFields):
            rights.withdraw(house, code, purpose)
    assert asked(house, code) == []


# -- deleting --------------------------------------------------------------------------------------


@pytest.mark.promise("P21")
def test_a_deletion_locks_at_once_and_is_carried_out_whole(any_house: House, sora: str) -> None:
    assert rights.would_delete(any_house, sora) == AtOnce()
    assert not rights.locked(any_house, sora)
    assert rights.delete(any_house, sora) == AtOnce()
    assert rights.locked(any_house, sora)
    assert line(any_house).suspended
    assert fulfilment.carry_out(any_house) == 1
    assert not rights.locked(any_house, sora)
    assert inbox.page(any_house, MINJI).rows == ()
    with pytest.raises(NotFound):
        receipt.look(any_house, sora)
    with any_house.live.read() as connection:
        assert connection.execute(select(table)).all() == connection.execute(select(groups)).all() == []
    found = certificates.for_receipt(any_house, sora)
    assert {(part.stone.group, part.stone.reason) for part in found.parts} == {
        (group, "deleted_on_request") for group in ("main", "visitor", "marketing")
    }
    assert found.remaining == ()
    assert recorded(any_house, "done") == ["delete"]


def test_while_a_sweep_is_at_work_a_deletion_is_claimed_and_the_sweep_takes_it_first(house: House) -> None:
    code = send(house).receipt
    rights.delete(house, code)
    with house.live.job("sweep"):
        for _ in range(2):  # the worker looks every second
            fulfilment.carry_out(house)
        assert recorded(house, "done") == ["delete"]
        with pytest.raises(NotFound):
            receipt.look(house, code)
        assert rights.locked(house, code)
    assert retention.sweep(house, confirm=True).destroyed == 2
    assert {part.stone.reason for part in certificates.for_receipt(house, code).parts} == {
        "deleted_on_request"
    }


@pytest.mark.promise("P21")
def test_a_deletion_that_is_asked_for_during_a_long_sweep_is_what_goes_next(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destruction, "BATCH", 2)
    with installed(make_settings) as house:
        with at():
            for _ in range(3):
                send(house)
        with at(370):
            code = send(house).receipt
            real, asked = fulfilment.carry_out, [code]

            def in_between(one: House) -> int:
                if asked:
                    rights.delete(one, asked.pop())
                return real(one)

            monkeypatch.setattr(fulfilment, "carry_out", in_between)
            assert retention.sweep(house, confirm=True).destroyed == 8
            reasons = [
                [cohort.reason for cohort in intents.read(body) for _ in cohort.members]
                for _, body in records.bodies(house, "destruction")
                if body["act"] == "intent"
            ]
    assert reasons == [["expired"] * 2, ["deleted_on_request"] * 2, ["expired"] * 2, ["expired"] * 2]


def test_a_hold_makes_it_wait_and_its_end_lets_it_go(house: House) -> None:
    code = send(house).receipt
    inquiry_id = line(house).id
    placed = hold(house, inquiry_id, clock.now() + timedelta(days=90))
    outcome = rights.delete(house, code)
    assert isinstance(outcome, Waits)
    assert outcome.because == Because.held
    assert not rights.locked(house, code)
    assert fulfilment.carry_out(house) == 0
    view = receipt.look(house, code)
    assert view.deletion is not None
    assert (view.deletion.state, view.deletion.because) == (State.needs_officer, Because.held)
    assert line(house).suspended
    assert fulfilment.carry_out_waiting(house) == 0
    assert recorded(house, "waits") == ["delete"]  # once, however often it is looked at
    holds.release(house, OH, placed, "settled")
    assert fulfilment.carry_out_waiting(house) == 1
    with pytest.raises(NotFound):
        receipt.look(house, code)


def test_a_hold_that_comes_between_the_look_and_the_claim_wins(house: House) -> None:
    code = send(house).receipt
    inquiry_id = line(house).id
    rights.delete(house, code)
    with house.live.read() as connection:
        (row,) = live_requests.of_inquiry(connection, inquiry_id)
    request_proofs.prove(house, row, keys.of_inquiries(house, [inquiry_id])[inquiry_id, "main"])
    hold(house, inquiry_id, clock.now() + timedelta(days=90))
    assert not fulfilment._delete(house, row, {})
    assert receipt.look(house, code).items == ITEMS
    assert recorded(house, "done") == []
    fulfilment.carry_out(house)
    deletion = receipt.look(house, code).deletion
    assert deletion is not None
    assert deletion.because == Because.held


def test_what_was_asked_a_moment_before_its_inquiry_is_archived_holds(any_house: House) -> None:
    """The move destroys the key that proves it; the worker had not looked yet (P02, P17)."""
    house = any_house
    one, other = (send(house, consents=BOTH) for _ in range(2))
    moved = [row.id for row in inbox.page(house, MINJI).rows]
    rights.withdraw(house, one.receipt, "marketing")
    rights.delete(house, other.receipt)
    for inquiry_id in moved:
        archive.order(house, OH, inquiry_id, statute="contract", items=["content"], reason="a contract")
    fulfilment.carry_out(house)
    assert recorded(house, "refused") == []
    assert recorded(house, "done") == ["withdraw", "delete"]
    with house.live.read() as connection:
        left = connection.execute(select(groups.c.inquiry_id, groups.c.name)).all()
    assert [name for _, name in left] == ["visitor"]  # of the one that was not to be deleted


def test_what_was_asked_a_moment_before_the_sweep_holds(house: House) -> None:
    code = send(house, consents=BOTH).receipt
    inbox.open_inquiry(house, MINJI, line(house).id, None)
    inbox.close(house, MINJI, line(house).id)  # due in 30 days, and its marketing copies in six months
    with time_machine.travel(clock.now() + timedelta(days=29)):
        rights.withdraw(house, code, "marketing")
    with time_machine.travel(clock.now() + timedelta(days=31)):
        retention.sweep(house, confirm=True)
    assert recorded(house, "refused") == []
    assert recorded(house, "done") == ["withdraw"]


def test_a_hold_keeps_corrections_and_copies_as_they_are(house: House) -> None:
    code = send(house, consents=BOTH).receipt
    placed = hold(house, line(house).id, clock.now() + timedelta(days=90))
    assert isinstance(rights.correct(house, code, {"name": "김소라나"}), Waits)
    assert isinstance(rights.withdraw(house, code, "marketing"), Waits)
    fulfilment.carry_out(house)
    view = receipt.look(house, code)
    assert view.items == ITEMS
    assert [one.because for one in view.requests] == [Because.held] * 2
    assert [one.holds for one in view.consents] == [True, False]  # the purpose has ended all the same
    holds.release(house, OH, placed, "settled")
    assert fulfilment.carry_out_waiting(house) == 2
    assert receipt.look(house, code).items["name"] == "김소라나"


@pytest.mark.promise("P12")
def test_an_order_to_archive_makes_it_wait_for_the_statute(house: House) -> None:
    code = send(house).receipt
    until = clock.now() + timedelta(days=300)
    order = archivals.ArchivalRow(1, line(house).id, "contract", 1, "content", until, 1, clock.now())
    with house.live.write() as connection:
        archivals.order(connection, order)
    for outcome in (rights.delete(house, code), rights.would_delete(house, code)):
        assert outcome == Waits(Because.statute, until)
    fulfilment.carry_out(house)
    assert receipt.look(house, code).items == ITEMS


@pytest.mark.promise("P14")
def test_a_minimum_makes_it_wait_until_that_day(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    own = tmp_path / "policy.toml"
    own.write_text('minimum = "100 days"\n' + source(), "utf-8")
    with installed(make_settings, policy=own) as house:
        with at():
            code = send(house).receipt
            outcome = rights.delete(house, code)
            assert isinstance(outcome, Waits)
            assert outcome.because == Because.minimum
            assert timedelta(0) <= outcome.until - (T0 + timedelta(days=100)) < timedelta(minutes=1)
            fulfilment.carry_out(house)
            assert line(house).suspended
        with at(99):
            assert fulfilment.carry_out_waiting(house) == 0
            assert receipt.look(house, code).items == ITEMS
        with at(100, minutes=5):
            assert fulfilment.carry_out_waiting(house) == 1
            with pytest.raises(NotFound):
                receipt.look(house, code)


def test_while_her_deletion_is_pending_she_gets_a_copy_and_asks_for_nothing_else(house: House) -> None:
    code = send(house).receipt
    hold(house, line(house).id, clock.now() + timedelta(days=90))
    rights.delete(house, code)
    rights.delete(house, code)
    rights.suspend(house, code)
    rights.resume(house, code)
    rights.copy(house, code)
    assert [kind for kind, _ in asked(house, code)] == ["delete", "copy"]
    fulfilment.carry_out(house)
    assert line(house).suspended


def test_what_is_claimed_while_she_asks_is_asked_for_in_vain(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = send(house).receipt
    with house.live.read() as connection:
        ids = connection.scalars(select(groups.c.id)).all()
    real = requests.written

    def claimed_meanwhile(*given: Any) -> live_requests.NewRequest:
        with house.live.write() as connection:
            claims.claim(connection, ids, "expired", clock.now())
        return real(*given)

    monkeypatch.setattr(requests, "written", claimed_meanwhile)
    with pytest.raises(NotFound):
        rights.suspend(house, code)
    with house.live.read() as connection:
        assert connection.execute(select(table)).all() == []


# -- who asks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.delete, Kind.resume, Kind.withdraw, Kind.correct])
def test_who_merely_writes_to_live_asks_for_nothing(house: House, kind: Kind) -> None:
    code = send(house, consents=BOTH).receipt
    rights.suspend(house, code)
    fulfilment.carry_out(house)
    inquiry_id = line(house).id
    key = key_of(house, inquiry_id)
    right = requests.written(key, Asked(inquiry_id, kind, "marketing", {"name": "x"}), policy())
    forged = [
        replace(right, proof=bytes(32)),
        replace(right, id=right.id + 1),  # the proof of another request
        requests.written(bytes(32), Asked(inquiry_id, kind, "marketing", {"name": "x"}), policy()),
    ]
    with house.live.write() as connection:
        for row in forged:
            live_requests.add(connection, row)
    assert [one.kind for one in receipt.look(house, code).requests] == [
        Kind.suspend
    ]  # she is shown none of it
    assert fulfilment.carry_out(house) == 0
    view = receipt.look(house, code)
    assert view.items == ITEMS
    assert [one.kind for one in view.requests] == [Kind.suspend]
    assert line(house).suspended  # by her own wish, still
    assert recorded(house, "refused") == [kind] * 3


def test_a_proof_moved_from_another_inquiry_proves_nothing(house: House) -> None:
    hers, his = send(house).receipt, send(house).receipt
    rights.delete(house, hers)
    with house.live.write() as connection:
        mine = connection.execute(select(table.c.inquiry_id)).scalar_one()
        other = next(one for one in connection.scalars(select(groups.c.inquiry_id)) if one != mine)
        connection.execute(update(table).values(inquiry_id=other))
    fulfilment.carry_out(house)
    assert receipt.look(house, his).items == receipt.look(house, hers).items == ITEMS


def test_a_request_whose_key_is_not_here_waits_for_it(house: House) -> None:
    code = send(house).receipt
    rights.suspend(house, code)
    with house.live.write() as connection:
        kept = connection.execute(select(envelopes)).all()
        connection.execute(envelopes.delete())
    assert fulfilment.carry_out(house) == 0
    with house.live.write() as connection:
        connection.execute(envelopes.insert().values(dict(kept[0]._mapping)))
    assert fulfilment.carry_out(house) == 1


def test_one_that_fails_stops_no_other_and_is_tried_again(house: House) -> None:
    first, second = send(house).receipt, send(house).receipt
    rights.correct(house, first, {"name": "김소라나"})
    rights.correct(house, second, {"name": "김소라나"})
    with house.live.write() as connection:
        one = connection.execute(select(groups).where(groups.c.name == "main").order_by(groups.c.id)).first()
        assert one is not None
        connection.execute(update(groups).where(groups.c.id == one.id).values(sealed=b"broken"))
    assert fulfilment.carry_out(house) == 1
    with house.live.write() as connection:
        connection.execute(update(groups).where(groups.c.id == one.id).values(sealed=one.sealed))
    assert (asked(house, first), asked(house, second)) == (
        [("correct", "needs_officer")],
        [("correct", "done")],
    )
    assert fulfilment.carry_out_waiting(house) == 1
    assert receipt.look(house, first).items["name"] == "김소라나"


@pytest.mark.parametrize(
    "ask",
    [
        rights.suspend, rights.resume, rights.copy, rights.delete, rights.would_delete, receipt.look,
        copies.for_receipt, lambda house, code: rights.withdraw(house, code, "marketing"),
        lambda house, code: rights.correct(house, code, {"name": "x"}),
    ],
)  # fmt: skip
def test_a_due_inquiry_is_unknown_to_every_right(
    make_settings: Callable[..., Settings], ask: Callable[[House, str], Any]
) -> None:
    with installed(make_settings) as house:
        with at():
            code = send(house, consents=BOTH).receipt
        with at(400), pytest.raises(NotFound):
            ask(house, code)


# -- what she is told of us ------------------------------------------------------------------------


def test_she_sees_when_in_which_role_and_why_it_was_opened_and_no_name(any_house: House, sora: str) -> None:
    inquiry_id = line(any_house).id
    inbox.open_inquiry(any_house, MINJI, inquiry_id, None)
    inbox.open_inquiry(any_house, OH, inquiry_id, "checking a period")
    inbox.open_inquiry(any_house, OH, inquiry_id, "asked by minji@example.com")
    seen = receipt.look(any_house, sora).openings
    assert [(one.role, one.reason, one.told) for one in seen] == [
        ("privacy", None, False), ("privacy", "checking a period", True), ("consultation", None, True),
    ]  # fmt: skip
    assert "minji" not in repr(seen)
    assert clock.now() - seen[0].at < timedelta(minutes=1)


def test_her_copy_holds_all_that_is_held(any_house: House, sora: str) -> None:
    held = copies.for_receipt(any_house, sora)
    assert {part.name: dict(part.items) for part in held.parts} == {
        "main": ITEMS,
        "marketing": {"name": ITEMS["name"], "email": ITEMS["email"]},
        "visitor": {"address": "192.0.2.7", "user_agent": "Sora's browser"},
    }
    assert all(part.due_at is not None for part in held.parts)
    assert [(one.view.purpose, one.view.given, one.language) for one in held.consents] == [
        ("inquiry", True, "ko"), ("marketing", True, "ko"),
    ]  # fmt: skip
    (shown,) = held.texts
    assert "기술·지원 문의" in (shown.text or "")


# -- what outlives the inquiry ---------------------------------------------------------------------


@pytest.mark.promise("P02")
@pytest.mark.promise("P16")
def test_a_consent_that_outlives_its_inquiry_is_still_hers_to_withdraw(house: House) -> None:
    code = send(house, consents=BOTH).receipt
    inquiry_id = line(house).id
    with pytest.raises(NotFound):
        receipt.remaining(house, code)  # the inquiry stands
    with house.live.read() as connection:
        ids = connection.scalars(select(groups.c.id).where(groups.c.name == "main")).all()
    destruction.destroy_now(house, ids, "expired")
    with pytest.raises(NotFound):
        receipt.look(house, code)
    (left,) = receipt.remaining(house, code).left
    assert (left.purpose, dict(left.items), left.ending) == (
        "marketing", {"name": ITEMS["name"], "email": ITEMS["email"]}, False,
    )  # fmt: skip
    with pytest.raises(InvalidFields):
        rights.withdraw(house, code, "inquiry")
    assert rights.withdraw(house, code, "marketing") == AtOnce()
    assert receipt.remaining(house, code).left[0].ending
    with house.live.read() as connection:
        assert live_requests.withdrawn(connection, [inquiry_id]) == {(inquiry_id, "marketing")}
    assert fulfilment.carry_out(house) == 1
    with pytest.raises(NotFound):
        receipt.remaining(house, code)
    assert certificates.for_receipt(house, code).remaining == ("visitor",)
    assert recorded(house, "done") == ["withdraw"]


def test_the_last_of_an_inquiry_takes_its_requests_along(house: House) -> None:
    code = send(house, consents=BOTH, address=None, user_agent=None).receipt
    with house.live.read() as connection:
        ids = connection.scalars(select(groups.c.id).where(groups.c.name == "main")).all()
    destruction.destroy_now(house, ids, "expired")
    rights.withdraw(house, code, "marketing")
    assert fulfilment.carry_out(house) == 1
    with house.live.read() as connection:
        assert connection.execute(select(table)).all() == []
    assert recorded(house, "done") == ["withdraw"]


def test_what_was_recorded_of_the_visit_alone_is_no_inquiry(house: House) -> None:
    code = send(house).receipt
    with house.live.read() as connection:
        ids = connection.scalars(select(groups.c.id).where(groups.c.name == "main")).all()
    destruction.destroy_now(house, ids, "expired")
    for ask in (receipt.look, receipt.remaining, lambda one, typed: rights.withdraw(one, typed, "visitor")):
        with pytest.raises(NotFound):
            ask(house, code)

"""The outbox and its way out, against a real relay that misbehaves in every way."""

from __future__ import annotations

import smtplib
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta
from time_machine import travel

from inquiries import clock
from inquiries.errors import JobBusy, NotFound, UnsafeSetting
from inquiries.rules.requests import Kind as Right
from inquiries.rules.retention import MAIN
from inquiries.services import (
    adoption,
    delivery,
    destruction,
    installation,
    keys,
    letters,
    mail,
    publishing,
    readiness,
    requests,
    retention,
    rotation,
    smtp,
)
from inquiries.services.house import House
from inquiries.services.mail import Kind
from inquiries.settings import HOME, Settings
from inquiries.stores.live import outbox
from inquiries.stores.live import requests as live_requests
from inquiries.worker import Worker
from tests.cast import BAE, ITEMS, MINJI, OH, send
from tests.relay import SENDER, Relay, certified, relay, signs_in
from tests.running import until

TO = ITEMS["email"]


@pytest.fixture
def house(house_with_mail: House) -> House:
    return house_with_mail


@pytest.fixture
def any_house(any_house_with_mail: House) -> House:
    return any_house_with_mail


def newest(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one())


def queued(house: House, *, own: bool = False, **given: Any) -> int:
    """One message: with a key of its own, or of a fresh inquiry."""
    key = None
    if not own:
        send(house)
        key = keys.of_inquiries(house, [newest(house)])[newest(house), MAIN]
    with house.live.write() as connection:
        return mail.queue(
            house, connection, **({"kind": Kind.replied, "to": TO, "language": "ko", "key": key} | given)
        )


def states(house: House) -> dict[int, str]:
    with house.live.read() as connection:
        found = connection.exec_driver_sql("SELECT id, state, problem, reply FROM outbox")
        return {row[0]: " ".join(str(part) for part in row[1:] if part is not None) for row in found}


# -- what is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True], ids=["of its inquiry", "with a key of its own"])
def test_a_message_is_sent_once_and_nothing_of_it_stays(house: House, post: Relay, *, own: bool) -> None:
    mail_id = queued(house, own=own)
    assert delivery.send_waiting(house) == 1
    assert delivery.send_waiting(house) == 0
    (message,) = post.mail
    assert message["Message-ID"] == f"<{mail_id:x}@example.com>"
    assert message["To"] == TO
    assert message["From"].addresses[0].addr_spec == SENDER
    assert "/receipt" in message.get_content()
    with house.live.read() as connection:
        left = connection.exec_driver_sql("SELECT sealed FROM outbox").fetchall()
    assert left == ([(b"",)] if own else [])
    retention.sweep(house)
    assert states(house) == {}
    with house.keys.read() as connection:
        query = "SELECT reason, wrap FROM keys WHERE group_name = 'mail'"
        assert connection.exec_driver_sql(query).fetchall() == ([("mail", None)] if own else [])
    with house.live.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM envelopes").scalar_one()
    assert count == (0 if own else 1)


# -- what goes wrong -------------------------------------------------------------------------------


def test_what_this_version_cannot_write_out_is_given_up_and_holds_up_no_other(
    house: House, post: Relay
) -> None:
    odd = queued(house, kind="of_a_later_version")
    queued(house)
    assert delivery.send_waiting(house) == 1
    assert len(post.mail) == 1
    assert states(house) == {odd: "dead unwritable"}


def test_what_is_deferred_is_tried_again_for_a_day_and_then_given_up(house: House, post: Relay) -> None:
    mail_id = queued(house)
    post.after = "defer"
    start = clock.now()
    tries = []
    with travel(start, tick=False) as time:
        while states(house)[mail_id].startswith("waiting"):
            before = post.tried
            delivery.send_waiting(house)
            if post.tried > before:
                tries.append(clock.now() - start)
            time.shift(timedelta(minutes=1 if len(tries) < 6 else 20))
    assert states(house) == {mail_id: "dead deferred 451"}
    assert tries[:6] == [timedelta(minutes=n) for n in (0, 1, 3, 7, 15, 31)]
    assert timedelta(hours=24) <= tries[-1] <= timedelta(hours=25)
    assert post.mail == []
    mail.again(house, OH, mail_id)
    post.after = "take"
    assert delivery.send_waiting(house) == 1
    assert post.ids == [f"<{mail_id:x}@example.com>"]


@pytest.mark.parametrize(
    ("word", "state", "again"),
    [
        ("refuse", "dead refused 550", False),
        ("refuse_data", "dead refused 554", False),
        ("drop", "dead uncertain", False),
        ("hang", "dead uncertain", False),
        ("defer_data", "waiting deferred 451", True),
        ("closing", "waiting closing 421", True),
    ],
)
def test_what_a_relay_does_to_one_message(
    house: House, post: Relay, monkeypatch: pytest.MonkeyPatch, word: str, state: str, *, again: bool
) -> None:
    monkeypatch.setattr(smtp, "ACCEPTED_WITHIN", 0.3)
    first = queued(house)
    second = queued(house, own=True)
    post.takes = [word]
    delivery.send_waiting(house)
    with travel(clock.now() + timedelta(minutes=6)):
        assert states(house)[first] == state
        delivery.send_waiting(house)
    sent = [f"<{one:x}@example.com>" for one in ((second, first) if again else (second,))]
    assert sorted(post.ids) == sorted(sent)
    assert mail.trouble(house) == (None if again else outbox.Figures(0, None, 1))


def test_a_relay_that_is_away_and_comes_back(
    house: House, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Relay()
    with relay(away):
        pass
    settings = make_settings(smtp_url=away.url, mail_from=SENDER)
    moved = replace(house, settings=settings)
    made = [queued(moved, own=n % 2 == 0) for n in range(4)]
    tries: list[smtp.Session] = []
    connected = smtp.Session._connected

    def counted(session: smtp.Session) -> smtplib.SMTP:
        tries.append(session)
        return connected(session)

    monkeypatch.setattr(smtp.Session, "_connected", counted)
    with travel(clock.now(), tick=False) as time:
        for n in range(3):
            for _ in range(4):
                delivery.send_waiting(moved)
            assert set(states(house).values()) == {"waiting unreachable"}
            assert len(tries) == n + 1, "one try tells how the relay stands"
            time.shift(timedelta(minutes=6))
        with relay(away):
            delivery.send_waiting(moved)
        assert sorted(away.ids) == sorted(f"<{one:x}@example.com>" for one in made)
        given_up = [queued(moved, own=n % 2 == 0) for n in range(3)]
        for _ in range(25):
            delivery.send_waiting(moved)
            time.shift(timedelta(hours=1))
    assert {states(house)[one] for one in given_up} == {"dead unreachable"}, "after a day, as any other"


def test_a_message_that_drives_the_relay_away_holds_up_no_other(house: House, post: Relay) -> None:
    first, second = queued(house), queued(house)
    post.takes = ["closing", "take", "closing"]
    delivery.send_waiting(house)
    with travel(clock.now() + timedelta(minutes=6)):
        delivery.send_waiting(house)
    assert post.ids == [f"<{second:x}@example.com>"]
    assert states(house) == {first: "waiting closing 421"}


def test_what_never_arrives_with_a_key_of_its_own_ends_after_two_days_on_record(
    house: House, post: Relay
) -> None:
    queued(house, own=True)
    post.after = "refuse"
    delivery.send_waiting(house)
    assert mail.overview(house, OH).dead == 1
    with travel(clock.now() + timedelta(hours=49)):
        retention.sweep(house, confirm=True)
        seen = mail.overview(house, OH)
        assert (seen.dead, seen.expired) == (0, {"replied": 1})
    assert states(house) == {}


def test_who_was_killed_leaves_nothing_to_guess(house: House, post: Relay) -> None:
    """Claimed: it waits again. Leaving: nobody can tell, and nobody sends it again by himself."""
    claimed, leaving = queued(house), queued(house)
    with house.live.write() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET state = 'sending' WHERE id = {claimed}")
        connection.exec_driver_sql(f"UPDATE outbox SET state = 'handed' WHERE id = {leaving}")
    assert delivery.send_waiting(house) == 1
    assert post.ids == [f"<{claimed:x}@example.com>"]
    assert states(house) == {leaving: "dead uncertain"}


def test_two_workers_send_one_copy(any_house: House, post: Relay) -> None:
    house = any_house
    made = [queued(house, own=n % 2 == 0) for n in range(6)]
    begun = threading.Barrier(2)

    def work() -> None:
        begun.wait()
        for _ in range(20):
            try:
                delivery.send_waiting(house)
            except JobBusy:
                continue

    both = [threading.Thread(target=work) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    delivery.send_waiting(house)
    assert sorted(post.ids) == sorted(f"<{one:x}@example.com>" for one in made)


def test_a_claim_is_taken_once_even_without_the_lock_on_the_job(any_house: House) -> None:
    """A lock that was lost with its connection: the second claim and the second leaving are refused."""
    house = any_house
    queued(house)
    with house.live.write() as connection:
        row = outbox.claim(connection, clock.now())
        assert row is not None
        assert outbox.claim(connection, clock.now()) is None
        assert outbox.hand_over(connection, row, clock.now())
        assert not outbox.hand_over(connection, row, clock.now())


# -- what must not leave ---------------------------------------------------------------------------


def asked(house: House, inquiry_id: int, kind: Right) -> int:
    key = keys.of_inquiries(house, [inquiry_id])[inquiry_id, MAIN]
    row = requests.written(key.dek, requests.Asked(inquiry_id, kind), publishing.in_force(house).policy)
    with house.live.write() as connection:
        live_requests.add(connection, row)
    return row.id


@pytest.mark.promise("P19")
def test_nothing_leaves_while_its_inquiry_is_suspended(
    any_house: House, post: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = any_house
    hers = queued(house)
    monkeypatch.setattr(mail, "OF_REQUESTS", frozenset({Kind.replied}))
    with house.live.write() as connection:
        key = keys.of_inquiries(house, [newest(house)])[newest(house), MAIN]
        given: dict[str, Any] = {"kind": Kind.replied, "to": TO, "language": "ko", "key": key}
        about = mail.queue(house, connection, **given)
    asked(house, newest(house), Right.suspend)
    with travel(clock.now() + timedelta(hours=2)):
        delivery.send_waiting(house)
        assert post.ids == [f"<{about:x}@example.com>"], "of her own request she is told"
        assert mail.trouble(house) is None, "what is kept from leaving is not stuck"
        with house.live.read() as connection:
            assert not outbox.anything(connection, clock.now()), "nor looked at again and again"
        asked(house, newest(house), Right.resume)
        with house.live.write() as connection:
            live_requests.lift(connection, newest(house), 1 << 62, clock.now())
        assert mail.trouble(house) is None, "it has waited since just now"
        delivery.send_waiting(house)
    assert post.ids[1:] == [f"<{hers:x}@example.com>"]


@pytest.mark.promise("P19")
def test_a_suspension_between_claim_and_content_keeps_it_back(
    house: House, post: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = queued(house)
    leaving = delivery._leaving
    inquiry = newest(house)

    def suspended_first(*given: Any) -> bool:
        asked(house, inquiry, Right.suspend)
        return leaving(*given)

    monkeypatch.setattr(delivery, "_leaving", suspended_first)
    assert delivery.send_waiting(house) == 0
    assert (post.mail, post.seen, states(house)) == ([], [], {mail_id: "waiting"})


@pytest.mark.promise("P11")
@pytest.mark.promise("P21")
def test_it_dies_with_its_inquiry(any_house: House, post: Relay) -> None:
    house = any_house
    queued(house)
    post.after = "defer"
    delivery.send_waiting(house)
    inquiry = newest(house)
    with house.live.read() as connection:
        query = f"SELECT id FROM inquiry_groups WHERE inquiry_id = {inquiry} AND name = 'main'"
        main = connection.exec_driver_sql(query).scalar_one()
    destruction.destroy_now(house, [main], "asked")
    assert states(house) == {}, "although the visitor's data still stands"
    with house.live.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM inquiries").scalar_one() == 1
    post.after = "take"
    with travel(clock.now() + timedelta(hours=1)):
        assert delivery.send_waiting(house) == 0


@pytest.mark.promise("P21")
def test_what_is_due_is_not_sent_though_no_sweep_has_been(house: House, post: Relay) -> None:
    queued(house)
    queued(house, own=True)
    with travel(clock.now() + timedelta(days=400)):
        assert delivery.send_waiting(house) == 0
    assert post.tried == 0


def test_a_store_that_was_put_back_sends_nothing_again(house: House) -> None:
    """It forgot what has been sent since; the officer decides."""
    made = queued(house), queued(house, own=True)
    rotation.note_restore(house)
    assert delivery.send_waiting(house) == 0
    assert states(house) == dict.fromkeys(made, "dead restored")


# -- keys of their own -----------------------------------------------------------------------------


def test_a_key_of_its_own_is_adopted_rotated_and_found_again(any_house: House) -> None:
    house = any_house
    queued(house, own=True)
    adoption.adopt_pending(house)
    rotation.rotate(house)
    with house.keys.read() as connection:
        row = connection.exec_driver_sql("SELECT epoch, due_at FROM keys WHERE group_name = 'mail'").one()
    assert row[0] == 2
    assert abs(row[1] / 1e6 - (clock.now() + mail.LIFE).timestamp()) < 60
    assert delivery.send_waiting(house) == 1


def test_who_queues_needs_no_private_key(house: House) -> None:
    public = replace(
        house, custody=type(house.custody)(house.settings.model_copy(update={"surface": "public"}))
    )
    queued(public, own=True)
    assert delivery.send_waiting(house) == 1


def test_a_key_whose_message_went_with_an_older_store_ends_all_the_same(house: House) -> None:
    queued(house, own=True)
    adoption.adopt_pending(house)
    with house.live.write() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
    with travel(clock.now() + timedelta(hours=50)):
        retention.sweep(house, confirm=True)
        with house.keys.read() as connection:
            query = "SELECT reason, wrap FROM keys WHERE group_name = 'mail'"
            assert connection.exec_driver_sql(query).one() == ("orphan", None)


# -- the relay -------------------------------------------------------------------------------------


@pytest.mark.promise("P30")
@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "starttls"])
def test_mail_goes_encrypted_and_signed_in(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, implicit: bool
) -> None:
    shown, trusted = certified(tmp_path)
    monkeypatch.setattr(delivery, "is_loopback", lambda _host: False)
    state = Relay()
    known: dict[str, Any] = {
        "authenticator": signs_in(state),
        "auth_required": not implicit,
        "auth_require_tls": not implicit,
    }
    tls: dict[str, Any] = (
        {"ssl_context": shown} if implicit else {"tls_context": shown, "require_starttls": True}
    )
    with relay(state, **known, **tls):
        scheme = "smtps" if implicit else "smtp"
        url = f"{scheme}://relay%20user:p%40ss%2Fword@127.0.0.1:{state.port}"
        settings = house.settings.model_copy(update={"smtp_url": type(house.settings.smtp_url)(url)})  # type: ignore[misc]
        moved = replace(house, settings=Settings.model_validate(settings.model_dump()))
        mail_id = queued(moved)
        delivery.send_waiting(moved)
        assert states(house) == {mail_id: "waiting encryption"}, "a certificate that nobody vouches for"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with travel(clock.now() + timedelta(minutes=6)):
            assert delivery.send_waiting(moved) == 1
    assert state.encrypted == [True]
    assert state.users == ["relay user"]


@pytest.mark.promise("P30")
def test_a_relay_beyond_this_machine_that_offers_no_encryption_gets_nothing(
    house: House, post: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "is_loopback", lambda _host: False)
    mail_id = queued(house)
    delivery.send_waiting(house)
    assert states(house) == {mail_id: "waiting encryption"}
    assert post.tried == 0


def policy_with(tmp_path: Path, hosts: list[str]) -> Path:
    text = (Path(__file__).parents[2] / "policies" / "default.toml").read_text(encoding="utf-8")
    listed = ", ".join(f'"{host}"' for host in hosts)
    text += f"""
[processors.relay]
name = {{ ko = "메일 회사", en = "Mail Company" }}
work = {{ ko = "메일 발송", en = "Sending mail" }}
country = "KR"
contract_terms = ["purpose_only", "safeguards", "sub_processing", "damages"]
hosts = [{listed}]
"""
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.promise("P33")
def test_a_relay_that_the_policy_does_not_name_stops_the_start(make_settings: Any, tmp_path: Path) -> None:
    given = {
        "smtp_url": "smtps://mail.example.net",
        "mail_from": SENDER,
        "base_url": "https://forms.example.com",
    }
    named = policy_with(tmp_path, ["Mail.example.net"])
    installation.install(make_settings(**given, policy=named)).house.close()
    other = make_settings(**(given | {"smtp_url": "smtps://other.example.net"}), policy=named)
    with pytest.raises(UnsafeSetting, match="INQUIRIES_SMTP_URL"):
        installation.opened(other)
    with pytest.raises(UnsafeSetting, match="INQUIRIES_SMTP_URL"):
        installation.install(other)
    local = make_settings(**(given | {"smtp_url": "smtp://127.0.0.1:25"}), policy=named)
    with pytest.raises(UnsafeSetting, match="P33"):
        installation.install(local)


# -- where no mail is configured -------------------------------------------------------------------


def test_without_a_relay_queueing_is_harmless(make_settings: Any) -> None:
    house = installation.install(make_settings()).house
    queued(house)
    queued(house, own=True)
    with travel(clock.now() + timedelta(hours=47)):
        assert delivery.send_waiting(house) == 0
        seen = mail.overview(house, OH)
        assert (seen.configured, seen.waiting, seen.dead) == (False, 2, 0)
        assert mail.trouble(house) is None
    with travel(clock.now() + timedelta(hours=49)):
        delivery.send_waiting(house)
        retention.sweep(house, confirm=True)
        assert states(house) == {}
    house.close()


# -- what is stuck ---------------------------------------------------------------------------------


def test_stuck_mail_turns_readiness_red(house: House, post: Relay) -> None:
    def check() -> bool:
        return next(one.ok for one in readiness.checks(house) if one.name == "mail")

    queued(house)
    assert check()
    post.after = "defer"
    with travel(clock.now() + timedelta(minutes=61)):
        delivery.send_waiting(house)
        assert not check()
        assert mail.trouble(house) is not None
    post.after = "refuse"
    with travel(clock.now() + timedelta(minutes=70)):
        delivery.send_waiting(house)
        assert not check()
        (dead,) = mail.overview(house, OH).letters
        mail.drop(house, OH, dead.id)
        assert check()
        assert states(house) == {}


def test_the_officer_alone_sees_and_decides(house: House, post: Relay) -> None:
    post.after = "refuse"
    mail_id = queued(house, own=True)
    delivery.send_waiting(house)
    for actor in (MINJI, BAE):
        for act in (mail.again, mail.drop):
            with pytest.raises(NotFound):
                act(house, actor, mail_id)
        with pytest.raises(NotFound):
            mail.overview(house, actor)
    mail.drop(house, OH, mail_id)
    for act in (mail.again, mail.drop):
        with pytest.raises(NotFound):
            act(house, OH, mail_id)
    retention.sweep(house)
    assert states(house) == {}


# -- the text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("language", "word"), [("ko", "자동으로"), ("en", "automatically"), ("id", "automatically")]
)
def test_each_kind_speaks_each_language_and_is_the_same_however_often(
    kind: Kind, language: str, word: str
) -> None:
    facts = dict.fromkeys(_facts_of(kind), "fact")
    letter = mail.Letter(77, kind, language, datetime.fromisoformat("2026-03-02T09:30:00+00:00"), TO, facts)
    given = {
        "to": TO,
        "sender": SENDER,
        "controller": "예시, 주식회사\nX: y",
        "origin": "https://forms.example.com",
    }
    written = letters.written(letter, **given)
    assert letters.written(letter, **given) == written
    message = message_from_bytes(written, policy=default)
    assert word in message.get_content()
    assert message["X"] is None
    assert message["Subject"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert max(map(len, written.split(b"\r\n"))) <= 998


def _facts_of(kind: Kind) -> set[str]:
    source = (HOME / "templates" / "mail" / f"{kind}.en.txt").read_text(encoding="utf-8")
    return meta.find_undeclared_variables(Environment().parse(source)) - {"controller", "origin"}


@pytest.mark.parametrize("to", ["소라@example.com", "sora@example.com\nBcc: eve@example.com", "sora"])
def test_an_address_that_no_relay_takes_is_given_up_at_once(house: House, post: Relay, to: str) -> None:
    mail_id = queued(house, to=to)
    delivery.send_waiting(house)
    assert states(house) == {mail_id: "dead address"}
    assert post.tried == 0


def test_a_domain_beyond_ascii_is_written_as_relays_take_it(house: House, post: Relay) -> None:
    queued(house, to="sora@한국.com")
    assert delivery.send_waiting(house) == 1
    assert post.mail[0]["To"] == "sora@xn--3e0b707e.com"


# -- the worker ------------------------------------------------------------------------------------


def test_a_relay_that_hangs_holds_nothing_up(house: House, post: Relay) -> None:
    queued(house)
    post.takes = ["hang"]
    worker = Worker(house)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        until(lambda: bool(post.seen))
        send(house)
        until(lambda: not adoption.pending(house, clock.now() - timedelta(minutes=1)))
        assert set(states(house).values()) == {"handed"}, "the relay has answered already"
    finally:
        worker.stopping.set()
        running.join(20)
    assert not running.is_alive()

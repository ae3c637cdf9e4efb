"""Sends what waits in the outbox: at most one copy of each; tried for a day, then given up and said.

Each message is claimed before the relay hears of it, and once more, in a commit of its own, before its
content leaves: so whoever is killed leaves behind what nobody has to guess (docs/operate.md, Mail).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from email_validator import EmailNotValidError, validate_email
from jinja2 import TemplateError

from inquiries import clock
from inquiries.errors import NotFound, SealBroken
from inquiries.relay import Relay
from inquiries.services import given, letters, mail, provision, publishing, smtp
from inquiries.services.house import House
from inquiries.settings import is_loopback
from inquiries.stores.live import outbox

log = structlog.get_logger()

#: For how long one message is tried, from its first failure on; and how the pauses between grow.
TRIED_FOR = timedelta(hours=24)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
RELAY_PAUSE = timedelta(minutes=5)  # where the fault is not the message's

#: What a message raises that another version of ours queued.
_OF_ANOTHER_VERSION = (TemplateError, KeyError, ValueError)


def send_waiting(house: House, stopping: Callable[[], bool] = lambda: False) -> int:
    """Send what can be sent now; returns how many the relay took. Stops early when `stopping`.

    Raises:
        UnsafeSetting: the relay is no registered processor (P33).
        JobBusy: another process sends.
    """
    relay = provision.relay(house)
    if relay is None:
        _drop_unsendable(house)
        return 0
    with house.live.read() as connection:
        if not outbox.anything(connection, clock.now()):
            return 0
    with house.live.job("mail"):
        _settle(house)
        return _send(house, relay, stopping)


def _drop_unsendable(house: House) -> None:
    """Where no mail is configured, nothing may gather that would go out on the day when it is."""
    now = clock.now()
    with house.live.read() as connection:
        if not outbox.unsendable(connection, now - mail.LIFE):
            return
    with house.live.write() as connection:
        dropped = outbox.drop_unsendable(connection, now - mail.LIFE)
    if dropped:
        log.info("mail.dropped_unsent", count=dropped, reason="no mail is configured")


def _settle(house: House) -> None:
    """Under the job's lock nobody else is sending: what is claimed was left behind by a process that died."""
    with house.live.write() as connection:
        uncertain = outbox.settle(connection, clock.now(), "uncertain")
    if uncertain:
        log.error("mail.uncertain", count=uncertain)


def _send(house: House, relay: Relay, stopping: Callable[[], bool]) -> int:
    sender = house.settings.mail_from
    session = smtp.Session(
        relay, name=sender.rpartition("@")[2], sender=sender, plain=is_loopback(relay.host)
    )
    count = 0
    try:
        while not stopping():
            with house.live.write() as connection:
                row = outbox.claim(connection, clock.now())
            if row is None:
                break
            count += _hand_in(house, session, row)
    except smtp.Unreachable as gone:
        log.warning("mail.relay_failed", problem=gone.problem, reply=gone.reply)
    finally:
        session.close()
    return count


def _postpone(house: House, gone: smtp.Unreachable) -> None:
    """One try tells how the relay stands: the others failed with the one that was tried."""
    now = clock.now()
    with house.live.write() as connection:
        given_up = outbox.postpone(
            connection, now, next_at=now + RELAY_PAUSE, since=now - TRIED_FOR,
            problem=gone.problem, reply=gone.reply,
        )  # fmt: skip
    if given_up:
        log.error("mail.given_up", count=given_up, problem=gone.problem, reply=gone.reply)


def _hand_in(house: House, session: smtp.Session, row: outbox.MailRow) -> int:
    """1 if the relay took it; what else became of it stands in the outbox.

    Raises:
        smtp.Unreachable: the relay takes nothing now.
    """
    try:
        letter = mail.opened(house, row)
        to = _ascii(letter.to)
        content = _content(house, letter, to)
    except (NotFound, SealBroken):
        _failed(house, row, "unopenable")
        return 0
    except EmailNotValidError:
        _failed(house, row, "address")
        return 0
    except _OF_ANOTHER_VERSION as broken:  # must not hold up the rest
        log.error("mail.unwritable", mail=row.id, kind=row.kind, reason=type(broken).__name__)
        _failed(house, row, "unwritable")
        return 0
    try:
        session.hand_in(to, content, partial(_leaving, house, row))
    except smtp.Withheld:
        with house.live.write() as connection:
            outbox.put_back(connection, row.id)
    except smtp.Refused as refused:
        _failed(house, row, refused.problem, refused.reply)
    except smtp.Uncertain:
        _failed(house, row, "uncertain")
    except smtp.Deferred as deferred:
        pause = min(FIRST_PAUSE * 2 ** min(row.failures, 10), LONGEST_PAUSE)
        _failed(house, row, deferred.problem, deferred.reply, again_in=pause)
    except smtp.Unreachable as gone:
        _postpone(house, gone)
        _failed(house, row, gone.problem, gone.reply, again_in=RELAY_PAUSE)  # last: should it be to blame
        raise
    else:
        given.proved(house, letter)
        with house.live.write() as connection:
            outbox.arrived(connection, row, clock.now())
        log.info("mail.sent", mail=row.id, kind=row.kind)
        return 1
    return 0


def _leaving(house: House, row: outbox.MailRow) -> bool:
    """Durable before the first byte of the content: from here on it may have arrived."""
    with house.live.write() as connection:
        return outbox.hand_over(connection, row, clock.now())


def _failed(
    house: House,
    row: outbox.MailRow,
    problem: str,
    reply: int | None = None,
    again_in: timedelta | None = None,
) -> None:
    now = clock.now()
    over = row.failed_at is not None and now - row.failed_at >= TRIED_FOR
    next_at = None if again_in is None or over else now + again_in
    with house.live.write() as connection:
        outbox.failed(connection, row.id, now, next_at=next_at, problem=problem, reply=reply)
    if next_at is None:
        log.error("mail.given_up", mail=row.id, kind=row.kind, problem=problem, reply=reply)


def _content(house: House, letter: mail.Letter, to: str) -> bytes:
    controller = publishing.in_force(house).policy.controller.text(letter.language)
    settings = house.settings
    return letters.written(
        letter, to=to, sender=settings.mail_from, controller=controller, origin=settings.origin
    )


def _ascii(address: str) -> str:
    """The address as every relay understands it (RFC 5890 for its domain). Raises EmailNotValidError."""
    found = validate_email(address, check_deliverability=False, allow_smtputf8=False).ascii_email
    assert found is not None  # noqa: S101 - without SMTPUTF8 there always is one
    return found

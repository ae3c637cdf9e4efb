"""How requests stand with their deadlines, and the mail by which officers hear of it (P22); settles none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from inquiries import clock
from inquiries.rules import deadlines
from inquiries.rules import requests as rules
from inquiries.rules.deadlines import Deadline, Lateness
from inquiries.rules.requests import State
from inquiries.services import mail, people, publishing
from inquiries.services.house import House
from inquiries.stores.live import requests as live
from inquiries.stores.live.requests import RequestRow

log = structlog.get_logger()

MOST = 1000  # unsettled requests that are looked at: those that must be answered first
_STEPS = list(Lateness)


@dataclass(frozen=True)
class Figures:
    """How many nobody has settled, how many of those wait for an officer, and how late they are.

    `overdue`: past the limit that was promised; `past_target`: past the target alone.
    """

    unsettled: int
    waiting: int
    past_target: int
    overdue: int


def figures(house: House) -> Figures:
    """As they stand now."""
    now = clock.now()
    with house.live.read() as connection:
        rows = unsettled(connection)
    late = Counter(lateness(row, now) for row in rows)
    waiting = sum(row.state != State.open for row in rows)
    return Figures(len(rows), waiting, late[Lateness.past_target], late[Lateness.overdue])


def unsettled(connection: Connection) -> list[RequestRow]:
    """What nobody has settled, the one that must be answered first on top."""
    return [row for row in live.unsettled(connection, MOST) if ours(row)]


def ours(row: RequestRow) -> bool:
    """Whether a page of ours asks so; all else the worker refuses within seconds, whoever wrote it."""
    return rules.well_formed(row.kind, row.subject, row.channel, row.group_name)


def lateness(row: RequestRow, now: datetime) -> Lateness:
    """How a request stands with its deadline; in time for good once it is settled or answered."""
    if not rules.runs(row.state, row.because):
        return Lateness.in_time
    return deadlines.lateness(Deadline(row.target_at, row.limit_at), now)


def escalate(house: House) -> int:
    """Mail the officers of each step that a request has taken since they were told; how many requests.

    Once a step, in one mail for all of them. Where no mail goes out, pages and figures alone tell.

    Raises:
        JobBusy: another process does it now.
    """
    if house.settings.relay is None:
        return 0
    with house.live.job("escalation"):
        now = clock.now()
        with house.live.read() as connection:
            rows = unsettled(connection)
        steps = {row.id: step for row in rows if _further(step := lateness(row, now), row.escalated)}
        if not steps:
            return 0
        policy = publishing.in_force(house).policy
        counts = Counter(steps.values())
        facts = {"overdue": str(counts[Lateness.overdue]), "near": str(counts[Lateness.past_target])}
        named = [policy.officer.email, *([policy.deputy.email] if policy.deputy else [])]
        to = {address.lower(): address for address in (*named, *people.officers(house).values())}
        with house.live.write() as connection:
            for address in to.values():
                kind, language = mail.Kind.requests_late, policy.languages[0]
                mail.queue(house, connection, kind=kind, to=address, language=language, facts=facts)
            live.escalate(connection, steps)
        log.warning("requests.late", **facts)
        return len(steps)


def _further(step: Lateness, told: str | None) -> bool:
    return _STEPS.index(step) > (_STEPS.index(Lateness(told)) if told else 0)

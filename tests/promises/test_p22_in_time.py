"""P22: each request has an owner, a target and a limit; what is late raises an alarm; the result is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inquiries.rules.permissions import Role
from inquiries.rules.requests import Because, Kind, State
from inquiries.services import (
    delivery,
    fulfilment,
    holds,
    metrics,
    readiness,
    records,
    request_desk,
    rights,
)
from inquiries.services.house import House
from inquiries.services.on_behalf import Proof
from inquiries.settings import Settings
from inquiries.worker import Worker
from tests.asking import SEEN, enter, number_of, row_of, state_of
from tests.cast import ITEMS, OH, send
from tests.moments import T0, at, installed
from tests.policy.builders import changed
from tests.relay import SENDER, Relay, relay
from tests.staff import enrol, officer

DEPUTY = '[deputy]\nrole = { ko = "대리", en = "Deputy" }\nemail = "deputy@example.com"\n\n'
UNPROVED = Proof()


@dataclass
class Office:
    """A house with a relay, on the day T0, under a policy that names a deputy."""

    house: House
    post: Relay

    def told(self) -> list[tuple[str, str]]:
        """(to, text) of what was mailed since the last look."""
        delivery.send_waiting(self.house)
        found = [(mail["To"].addresses[0].addr_spec, mail.get_content()) for mail in self.post.mail]
        self.post.mail.clear()
        return found


@pytest.fixture
def office(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Office]:
    own = tmp_path / "policy.toml"
    own.write_text(changed(("[items.name]", DEPUTY + "[items.name]")), "utf-8")
    with ExitStack() as stack:
        post = stack.enter_context(relay())
        house = stack.enter_context(installed(make_settings, policy=own))
        settings = make_settings(policy=own, smtp_url=post.url, mail_from=SENDER)
        yield Office(replace(house, settings=settings), post)


def hold(house: House) -> None:
    until = T0 + timedelta(days=90)
    holds.place(house, OH, number_of(house), reason="a dispute", basis="민사소송법", until=until)


def figures(house: House) -> tuple[int, int, bool]:
    """(past target, overdue, ready) as Prometheus and `/readyz` tell it."""
    families = text_string_to_metric_families(metrics.exposition(house).decode())
    seen = {one.name: one.value for family in families for one in family.samples if not one.labels}
    (check,) = [one for one in readiness.checks(house) if one.name == "requests"]
    late, overdue = (int(seen[f"inquiries_requests_{name}"]) for name in ("past_target", "overdue"))
    return late, overdue, check.ok


def test_p22_what_is_late_raises_an_alarm_once_a_step(office: Office) -> None:
    house = office.house
    with at():
        enrol(house, "oh.second@example.com", Role.privacy)
        send(house)
        made = enter(house, Kind.delete, proof=UNPROVED)
        office.told()
        row = row_of(house, made)
        assert row is not None
        assert (row.target_at - row.asked_at, row.limit_at - row.asked_at) == (
            timedelta(days=3), timedelta(days=10)
        )  # fmt: skip
    everybody = {"privacy@example.com", "deputy@example.com", "oh.second@example.com"}
    for days, late, mailed in (
        (2.9, (0, 0, True), False),
        (3.1, (1, 0, True), True),
        (10.1, (0, 1, False), True),
    ):
        with at(days):
            assert figures(house) == late
            worker = Worker(house)
            (escalating,) = [turn for turn in worker.turns if turn.name == "escalate"]
            for _ in range(3):  # as often as it likes
                escalating.work()
            told = office.told()
            assert {to for to, _ in told} == (everybody if mailed else set())
            assert len(told) == len({to for to, _ in told})
            assert not any(secret in text for _, text in told for secret in ITEMS.values())
    with at(11):
        request_desk.refuse(house, OH, made, "no answer to our call")
        assert figures(house) == (0, 0, True)


def test_p22_a_reason_with_a_day_is_the_answer_and_a_copy_that_waits_is_none(office: Office) -> None:
    house = office.house
    with at():
        code = send(house).receipt
        copy = enter(house, Kind.copy)
        hold(house)
        rights.delete(house, code)
        fulfilment.carry_out(house)
    with at(11):
        lines = {one.kind: one for one in request_desk.overview(house, OH)}
        assert (lines[Kind.delete].because, lines[Kind.delete].runs) == (Because.held, False)
        assert (lines[Kind.copy].id, lines[Kind.copy].lateness) == (copy, "overdue")
        assert figures(house)[1] == 1


def test_p22_somebody_sees_to_it(house: House) -> None:
    with at():
        send(house)
        made = enter(house, Kind.suspend, proof=UNPROVED)
        (line,) = request_desk.overview(house, OH)
        assert line.officer is None
        second = officer(house)
        request_desk.assign(house, OH, made, second.staff_id)
        (line,) = request_desk.overview(house, OH)
        assert line.officer == second.email
        acts = [body for _, body in records.bodies(house, "access") if body["act"] == "assign_request"]
        assert [one["detail"]["owner"] for one in acts] == [str(second.staff_id)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Kind.suspend, "처리했습니다"), (Kind.delete, "삭제합니다"), (Kind.correct, "처리했습니다")],
)
def test_p22_the_result_is_mailed_and_holds_nothing(office: Office, kind: Kind, said: str) -> None:
    house = office.house
    with at():
        code = send(house).receipt
        enter(house, kind, texts={"company": "소라물산"})
        fulfilment.carry_out(house)
        ((to, text),) = office.told()
        assert to == ITEMS["email"]
        assert said in text
        for secret in (*ITEMS.values(), code, "소라물산"):
            assert secret not in text
        (done,) = [body for _, body in records.bodies(house, "requests") if body["act"] == "done"]
        assert set(done) == {"act", "id", "inquiry_id", "kind", "channel"}  # kept, and without content


def test_p22_a_refusal_says_how_to_object_in_her_language(office: Office) -> None:
    house = office.house
    with at():
        send(house, language="en")
        made = enter(house, Kind.delete, proof=UNPROVED)
        request_desk.refuse(house, OH, made, "We could not reach you.")
        ((to, text),) = office.told()
        assert (to, "We could not reach you." in text) == (ITEMS["email"], False)
        assert "You can object" in text
        assert "privacy@example.com" in text
        assert "privacy.kisa.or.kr" in text or "kopico.go.kr" in text


def test_p22_what_she_did_herself_is_told_by_mail_only_where_it_ends_all(office: Office) -> None:
    house = office.house
    with at():
        code = send(house).receipt
        rights.suspend(house, code)
        rights.resume(house, code)
        rights.copy(house, code)
        fulfilment.carry_out(house)
        assert office.told() == []
        rights.delete(house, code)
        fulfilment.carry_out(house)
        ((to, text),) = office.told()
        assert (to, "/receipt/certificate" in text) == (ITEMS["email"], True)


def test_p22_what_waits_is_told_to_who_cannot_see_it_happen(office: Office) -> None:
    house = office.house
    with at():
        send(house)
        hold(house)
        made = enter(house, Kind.delete, proof=SEEN)
        for _ in range(3):
            fulfilment.carry_out_waiting(house)
        assert state_of(house, made) == State.needs_officer
        ((_, text),) = office.told()
        assert "아직 처리할 수 없습니다" in text

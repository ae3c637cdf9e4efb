"""What the officer sees of the ledger: what was asked for and nothing else, page by page, each look on record."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.permissions import Role
from inquiries.sealing import documents
from inquiries.services import inbox, inspection, people, records, retention
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.inspection import Asked
from inquiries.stores import ledger, ledger_pages
from tests.cast import BAE, MINJI, OH, send
from tests.moments import at

pytestmark = pytest.mark.promise("P25")


def lines(house: House, **asked: Any) -> list[tuple[str, str]]:
    return [(line.act, line.who) for line in inspection.page(house, OH, Asked(**asked)).lines]


def test_who_opened_this_and_what_did_this_person_open(any_house: House) -> None:
    for kind in ("support", "recruitment"):
        send(any_house, type=kind)
    newest, oldest = (row.id for row in inbox.page(any_house, MINJI).rows)
    inbox.open_inquiry(any_house, MINJI, newest, None)
    inbox.open_inquiry(any_house, OH, newest, "a request")
    inbox.open_inquiry(any_house, MINJI, oldest, None)
    with pytest.raises(NotFound):
        inbox.open_inquiry(any_house, BAE, newest, "curiosity")
    assert lines(any_house, inquiry=newest) == [
        ("open_inquiry", BAE.email), ("open", OH.email), ("open", MINJI.email)
    ]  # fmt: skip
    assert lines(any_house, staff=MINJI.staff_id, act="open") == [("open", MINJI.email)] * 2
    assert lines(any_house, outcome="refused") == [("open_inquiry", BAE.email)]
    assert lines(any_house, staff=OH.staff_id, inquiry=newest, outcome="done") == [
        ("read_ledger", OH.email),  # she asked above what is on record of it
        ("open", OH.email),
    ]
    assert lines(any_house, staff=4711) == []
    (opened,) = inspection.page(any_house, OH, Asked(staff=OH.staff_id, act="open")).lines
    assert (opened.reason, opened.inquiry, opened.outcome) == ("a request", newest, "done")


def test_each_look_is_on_record_with_what_was_asked(house: House) -> None:
    looked = inspection.page(house, OH, Asked(chain="rights", act="invite", staff=7, inquiry=9))
    ((n, body),) = records.bodies(house, "access")
    assert n == looked.record
    assert body == {
        "act": "read_ledger", "outcome": "done", "staff": OH.staff_id, "email": OH.email, "inquiry": 9,
        "detail": {"chain": "rights", "rows": "0", "act": "invite", "person": "7"},
    }  # fmt: skip


def test_nobody_else_sees_it_and_the_attempt_is_on_record(house: House) -> None:
    for stranger in (MINJI, BAE):
        with pytest.raises(NotFound):
            inspection.page(house, stranger, Asked())
    assert [(body["act"], body["outcome"]) for _, body in records.bodies(house, "access")] == [
        ("see_ledger", "refused")
    ] * 2


def test_page_by_page_no_record_is_missed_or_shown_twice(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "PAGE", 3)
    written = [records.access(any_house, act="look", actor=MINJI, subject=n) for n in range(8)]
    seen, before = [], None
    while True:
        page = inspection.page(any_house, OH, Asked(staff=MINJI.staff_id, before=before))
        seen += [line.n for line in page.lines]
        before = page.next
        if before is None:
            break
    assert seen == written[::-1]


def test_a_period_is_of_days_in_the_policys_zone(house_at_t0: House) -> None:
    house = house_at_t0
    for hour in (14, 15, 38, 39):  # midnight in Seoul is 15:00 in UTC
        with at(hours=hour - 9, minutes=-30):
            records.access(house, act="look", actor=MINJI, subject=hour)

    def found(**asked: Any) -> list[int | None]:
        with at(3):
            page = inspection.page(house, OH, Asked(staff=MINJI.staff_id, **asked))
            return [line.inquiry for line in page.lines]

    assert found(first=date(2026, 3, 3), last=date(2026, 3, 3)) == [38, 15]
    assert found(last=date(2026, 3, 2)) == [14]
    assert found(first=date(2026, 3, 4)) == [39]
    assert found(first=date(2026, 3, 5)) == []


def test_the_destruction_of_an_inquiry_is_found_by_its_number(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        for _ in range(2):
            send(house)
        gone, _ = (row.id for row in inbox.page(house, MINJI).rows)
    with at(400):
        house.memory.pop("clock", None)
        retention.sweep(house, confirm=True)
        acts = [line.act for line in inspection.page(house, OH, Asked("destruction", inquiry=gone)).lines]
        every = [line.act for line in inspection.page(house, OH, Asked("destruction")).lines]
        (intent,) = inspection.page(house, OH, Asked("destruction", act="intent")).lines
    assert acts == ["intent"]
    assert every == ["clock_confirmed", "done", "intent"]
    assert (intent.facts, intent.reasons) == ({}, {"expired": 4})  # main and visitor of both


def test_an_intent_that_names_each_group_by_itself_is_counted_too() -> None:
    """As the first version wrote it, and of several reasons."""
    groups = [
        [n, 7, "main", why, "support", None, 1] for n, why in enumerate(["expired", "closed", "expired"])
    ]
    assert inspection._reasons({"act": "intent", "groups": groups}) == {"closed": 1, "expired": 2}


def test_of_one_inquiry_it_shows_what_was_destroyed_and_gives_the_proof_on_record(
    any_house_at_t0: House,
) -> None:
    house = any_house_at_t0
    with at():
        for _ in range(2):
            send(house)
        other, hers = (row.id for row in inbox.page(house, MINJI).rows)
    with at(100):
        house.memory.pop("clock", None)
        assert inspection.page(house, OH, Asked()).destroyed is None
        assert inspection.page(house, OH, Asked(inquiry=hers)).destroyed is None
        with pytest.raises(NotFound):
            inspection.proof(house, OH, hers)
        retention.sweep(house, confirm=True)
        for chain in ("access", "destruction"):
            found = inspection.page(house, OH, Asked(chain, inquiry=hers)).destroyed
            assert found is not None
            assert [(one.stone.group, one.stone.inquiry_id) for one in found.parts] == [("visitor", hers)]
            assert found.remaining == ("main",)
        for stranger in (MINJI, BAE):
            with pytest.raises(NotFound):
                inspection.proof(house, stranger, hers)
        document = inspection.proof(house, OH, hers).document
        assert documents.check(document, house.custody.verify_key).ok
        assert inspection.page(house, OH, Asked(inquiry=other)).destroyed != found
        taken = [body for _, body in records.bodies(house, "access") if body["act"] == "take_proof"]
    assert taken == [
        {"act": "take_proof", "outcome": "done", "staff": OH.staff_id, "email": OH.email, "inquiry": hers}
    ]


def test_a_person_is_called_by_her_address_also_where_the_record_has_only_her_number(house: House) -> None:
    people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None)
    (minji,) = (one for one in people.everyone(house) if one.email == "minji@example.com")
    records.access(house, act="sign_in", outcome="refused", detail={"why": "code", "staff": str(minji.id)})
    (refused,) = inspection.page(house, OH, Asked(staff=minji.id)).lines
    assert (refused.who, refused.outcome, refused.facts["why"]) == ("minji@example.com", "refused", "code")
    (invited,) = inspection.page(house, OH, Asked("rights", staff=minji.id)).lines
    assert (invited.who, invited.by, invited.facts["roles"]) == (
        "minji@example.com", "operator", "consultation"
    )  # fmt: skip


def test_what_has_been_pruned_is_listed_no_more(house_at_t0: House) -> None:
    with at():
        records.access(house_at_t0, act="look", actor=MINJI, subject=1)
    with at(800):
        records.prune(house_at_t0, clock.now())
        assert lines(house_at_t0, staff=MINJI.staff_id) == []


def test_the_figures_are_of_thirty_days(house_at_t0: House) -> None:
    house = house_at_t0
    with at():
        records.access(house, act="open", actor=MINJI, subject=1)
    with at(31):
        for act in ("open", "open_archived", "look"):
            records.access(house, act=act, actor=MINJI, subject=1)
        records.access(house, act="open_inquiry", actor=BAE, subject=1, outcome="refused")
        records.start_sealing(house)
        found = inspection.figures(house)
    assert (found.openings, found.refusals, found.records) == (2, 1, 4)
    assert found.sealed_at is not None


def test_every_act_of_a_chain_is_offered_once(any_house: House) -> None:
    for act in ("open", "look", "look", "list"):
        records.access(any_house, act=act, actor=MINJI)
    page = inspection.page(any_house, OH, Asked())
    assert page.acts == ("list", "look", "open")


@pytest.mark.parametrize(
    "asked", [Asked(staff=101), Asked(inquiry=5), Asked(act="open"), Asked(outcome="refused")]
)
def test_every_filter_goes_along_an_index(house: House, asked: Asked) -> None:
    """However many records there are: the database never walks through a whole chain."""
    seen: list[str] = []
    inspection.page(house, OH, asked)
    wanted = inspection._wanted(house, asked)
    with house.ledger.read() as connection:
        query = ledger.STANDING.where(ledger_pages._fits(wanted))
        bound = (
            query.order_by(text("bodies.n DESC"))
            .limit(50)
            .compile(connection.engine, compile_kwargs={"literal_binds": True})
        )
        seen = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {bound}")]
    (of_bodies,) = (step for step in seen if "bodies" in step)
    label = next(
        name
        for name in ("staff", "inquiry", "act", "refused")
        if getattr(asked, name, None) or name == "refused"
    )
    assert f"ix_bodies_{'refused' if label == 'refused' else f'chain_{label}_n'}" in of_bodies
    assert not [step for step in seen if "SORT" in step or "TEMP" in step]


def test_an_actor_of_another_house_is_nobody_here(house: House) -> None:
    stranger = Actor(999, "eve@example.com", {})
    with pytest.raises(NotFound):
        inspection.page(house, stranger, Asked())

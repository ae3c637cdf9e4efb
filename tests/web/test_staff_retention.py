"""Holds, the archive, what is destroyed when, and the gate after a restore, as a browser sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from inquiries import clock
from inquiries import settings as settings_module
from inquiries.policy.period import Period
from inquiries.rules import retention as rules
from inquiries.rules.permissions import Role
from inquiries.sealing import documents
from inquiries.services import archive, holds, inbox, losses, records, retention, rotation
from inquiries.services.house import House
from tests import cast
from tests.breaking import broken
from tests.cast import OH
from tests.staff import Desk, desk_of, enrol
from tests.web.site import errors_of, site

HELD = {"basis": "civil suit 2026-17", "reason": "evidence <b>until</b> the end", "until": "2099-01-01"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as opened:
        opened.config.update(LIMIT_SIGN_IN="", LIMIT_SESSION="")
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def officer(app: Flask, house: House) -> Desk:
    return desk_of(app, house, Role.privacy)


def sent(house: House, **given: Any) -> int:
    """An inquiry, by its id."""
    cast.send(house, **given)
    return inbox.page(house, OH).rows[0].id


def path_of(inquiry_id: int) -> str:
    return f"/staff/inquiries/{inquiry_id}"


def in_a_year() -> str:
    return f"{clock.now() + timedelta(days=300):%Y-%m-%d}"


def acts(house: House, outcome: str = "done") -> list[str]:
    return [body["act"] for _, body in records.bodies(house, "access") if body["outcome"] == outcome]


# -- holds -----------------------------------------------------------------------------------------


@pytest.mark.promise("P14")
def test_a_hold_is_placed_seen_and_released(house: House, officer: Desk) -> None:
    path = path_of(sent(house))
    assert "Held until" not in officer.get(path).text
    assert officer.post(f"{path}/hold", **HELD | {"until": in_a_year()}).headers["Location"] == path
    page = officer.get(path).text
    assert "Held." in page
    assert "by privacy@example.com: civil suit 2026-17" in page
    assert "evidence" not in page  # the reason is sealed, and shown in the list of holds alone

    listed = officer.get("/staff/retention").text
    assert "evidence &lt;b&gt;until&lt;/b&gt; the end" in listed
    assert f'href="{path}"' in listed
    release = re.search(r'action="(/staff/holds/\d+/release)"', listed)
    assert release
    refused = officer.post(release[1], reason=" ")
    assert refused.status_code == 422
    assert list(errors_of(refused).values()) == ["Please say why you release this hold."]
    assert "<details open>" in refused.text
    assert officer.post(release[1], reason="settled").headers["Location"] == "/staff/retention"
    assert "Released." in officer.get("/staff/retention").text
    assert "Nothing is held." in officer.get("/staff/retention").text
    assert officer.post(release[1], reason="again").status_code == 404
    assert [act for act in acts(house) if act in {"hold", "release"}] == ["hold", "release"]


@pytest.mark.promise("P14")
def test_a_hold_without_what_it_needs_is_refused_with_what_was_typed(house: House, officer: Desk) -> None:
    path = path_of(sent(house))
    refused = officer.post(f"{path}/hold", basis="", reason="because of <this>", until="2020-01-01")
    assert refused.status_code == 422
    assert list(errors_of(refused)) == ["basis", "until"]  # in the order of the form
    assert "because of &lt;this&gt;</textarea>" in refused.text
    assert 'value="2020-01-01"' in refused.text
    for until in ("", "tomorrow", "2020-02-30", "0001-01-01", "9999-12-31"):
        assert set(errors_of(officer.post(f"{path}/hold", **HELD | {"until": until}))) == {"until"}
    assert holds.marks(house, int(path.rpartition("/")[2])) == ()


@pytest.mark.promise("P14")
def test_past_its_due_date_what_is_held_is_the_officers_alone(app: Flask, house: House) -> None:
    inquiry_id = sent(house)
    until = clock.now() + timedelta(days=700)
    holds.place(house, OH, inquiry_id, reason="r", basis="order 7", until=until)
    with time_machine.travel(clock.now() + timedelta(days=400), tick=True):
        officer, minji = desk_of(app, house, Role.privacy), desk_of(app, house, Role.consultation)
        assert minji.get(path_of(inquiry_id)).status_code == 404
        assert path_of(inquiry_id) not in minji.get("/staff/inbox").text
        page = officer.get("/staff/retention").text
        assert path_of(inquiry_id) in page
        assert "once released, the next run destroys it for good" in page
        assert "order 7" in officer.get(path_of(inquiry_id)).text
        opened = officer.post(f"{path_of(inquiry_id)}/open", reason="the court asked").text
        assert cast.ITEMS["content"] in opened


def test_the_form_proposes_a_year(house: House, officer: Desk) -> None:
    with time_machine.travel(datetime(2028, 2, 28, 23, 30, tzinfo=UTC), tick=True):  # the 29th in Seoul
        path = path_of(sent(house))
        again = desk_of(officer.client.application, house, Role.privacy, Role.business)
        for page in (again.get(f"{path}/hold"), again.post(f"{path}/open", reason="a look")):
            assert 'type="date"' in page.text
            assert 'value="2029-02-28"' in page.text


def test_who_answers_sees_that_it_is_held_and_is_offered_nothing(app: Flask, house: House) -> None:
    inquiry_id = sent(house)
    until = clock.now() + timedelta(days=30)
    holds.place(house, OH, inquiry_id, reason="secret", basis="order 7", until=until)
    desk = desk_of(app, house, Role.consultation)
    for page in (desk.get(path_of(inquiry_id)), desk.post(f"{path_of(inquiry_id)}/open")):
        assert "order 7" in page.text
        assert "secret" not in page.text
        assert "/hold" not in page.text
        assert "/archive" not in page.text
    assert desk.post(f"{path_of(inquiry_id)}/hold", **HELD).status_code == 404
    assert acts(house, "refused") == ["hold_inquiry"]


def test_the_list_of_holds_turns_pages(house: House, officer: Desk) -> None:
    inquiry_id, until = sent(house), clock.now() + timedelta(days=30)
    for number in range(holds.PAGE + 1):
        holds.place(house, OH, inquiry_id, reason="r", basis=f"order {number}", until=until)
    first = officer.get("/staff/retention").text
    assert "order 50" in first
    assert "order 0<" not in re.sub(r"\s+<", "<", first)
    following = re.search(r'href="(/staff/retention\?before=\d+)#held"', first)
    assert following
    assert "order 0<" in re.sub(r"\s+<", "<", officer.get(following[1]).text)
    assert officer.get(f"/staff/retention?before={2**70}").status_code == 200


# -- the archive -----------------------------------------------------------------------------------


@pytest.mark.promise("P12")
@pytest.mark.promise("P13")
def test_an_inquiry_is_archived_and_opened_with_a_reason(house: House, officer: Desk) -> None:
    path = path_of(sent(house))
    chosen = officer.get(f"{path}/archive").text
    assert chosen.count('name="statute"') == 8
    assert "Act on Consumer Protection in Electronic Commerce" in chosen
    form = officer.get(f"{path}/archive?statute=complaint").text
    assert "Everything else of the inquiry is destroyed at once" in form
    assert " checked" not in form  # the policy names no items, so she chooses each
    done = officer.post(f"{path}/archive", statute="complaint", items="content", reason="a dispute")
    assert done.headers["Location"] == "/staff/archive"

    listed = officer.get("/staff/archive").text
    assert "Moved to the archive" in listed
    assert "Consumer complaints and disputes" in listed
    assert cast.ITEMS["content"] not in listed
    assert officer.get(path).status_code == 404
    (place,) = set(re.findall(r'href="(/staff/archive/\d+)"', listed))
    assert cast.ITEMS["content"] not in officer.get(place).text
    refused = officer.post(f"{place}/open", reason="")
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {"reason"}
    opened = officer.post(f"{place}/open", reason="asked by <the court>")
    assert opened.status_code == 200
    assert cast.ITEMS["content"] in opened.text
    assert cast.ITEMS["email"] not in opened.text
    assert "asked by &lt;the court&gt;" in opened.text
    number = re.search(r"Record no\. (\d+)", opened.text)
    assert number
    (body,) = [body for n, body in records.bodies(house, "access") if n == int(number[1])]
    assert (body["act"], body["reason"]) == ("open_archived", "asked by <the court>")
    assert officer.get(f"{place}/open").headers["Location"] == place
    assert ">1</td>" in officer.get("/staff/retention").text  # counted by statute


def test_the_archive_lists_the_latest_first_and_turns_pages(house: House, officer: Desk) -> None:
    wanted = [
        archive.order(house, OH, sent(house), statute="contract", items=["name"], reason="r")
        for _ in range(archive.PAGE + 2)
    ][::-1]
    found: list[int] = []
    path: str | None = "/staff/archive"
    while path:
        page = officer.get(path).text
        found += [int(number) for number in re.findall(r'href="/staff/archive/(\d+)"', page)]
        following = re.search(r'href="(/staff/archive\?before=\d+)"', page)
        path = following[1] if following else None
    assert found == wanted
    assert "Nothing is archived" in officer.get("/staff/archive?before=0").text


@pytest.mark.promise("P13")
def test_a_move_without_what_it_needs_is_refused_with_what_was_typed(house: House, officer: Desk) -> None:
    inquiry_id = sent(house, items={"company": None})
    path = f"{path_of(inquiry_id)}/archive"
    refused = officer.post(path, statute="contract", reason="<why>")
    assert (refused.status_code, set(errors_of(refused))) == (422, {"items"})
    assert "&lt;why&gt;</textarea>" in refused.text
    refused = officer.post(path, statute="contract", items="email", reason=" ")
    assert (refused.status_code, set(errors_of(refused))) == (422, {"reason"})
    assert re.search(r'value="email"\s+checked', refused.text)
    for items in ("company", "nonsense"):  # not given, not declared
        refused = officer.post(path, statute="contract", items=items, reason="r")
        assert (refused.status_code, set(errors_of(refused))) == (422, {"items"})
    refused = officer.post(path, statute="nonsense", items="email", reason="r")
    assert (refused.status_code, set(errors_of(refused))) == (422, {"statute"})
    assert refused.text.count('name="statute"') == 8
    assert set(errors_of(officer.post(path))) == {"statute"}
    assert archive.counts(house) == []
    assert officer.get(path_of(inquiry_id)).status_code == 200


@pytest.mark.promise("P13")
def test_only_what_the_statute_names_is_offered(tmp_path: Path) -> None:
    source = settings_module.load(instance=tmp_path / "unused").policy.read_text("utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(
        source.replace("[statutes.complaint]\n", '[statutes.complaint]\nitems = ["name", "content"]\n'),
        "utf-8",
    )
    with site(tmp_path, policy=policy) as app:
        house = app.extensions["inquiries"]()
        officer, path = desk_of(app, house, Role.privacy), f"{path_of(sent(house))}/archive"
        form = officer.get(f"{path}?statute=complaint").text
        assert re.findall(r'name="items"\s+value="(\w+)"\s+(\w*)', form) == [
            ("name", "checked"), ("content", "checked"),
        ]  # fmt: skip
        refused = officer.post(path, statute="complaint", items="email", reason="r")
        assert set(errors_of(refused)) == {"items"}


@pytest.mark.promise("P14")
def test_what_is_held_is_not_archived(house: House, officer: Desk) -> None:
    inquiry_id = sent(house)
    path = path_of(inquiry_id)
    holds.place(house, OH, inquiry_id, reason="r", basis="b", until=clock.now() + timedelta(days=30))
    assert f"{path}/archive" not in officer.get(path).text
    assert "once its hold has ended" in officer.post(f"{path}/open", reason="a look").text
    refused = officer.post(f"{path}/archive", statute="contract", items="name", reason="r")
    assert refused.status_code == 409
    assert "A legal hold runs on this inquiry" in refused.text
    assert archive.counts(house) == []


# -- what is destroyed when ------------------------------------------------------------------------


@pytest.mark.promise("P10")
def test_the_page_tells_what_becomes_due_and_how_the_runs_went(house: House, officer: Desk) -> None:
    sent(house)
    assert "No run has been recorded yet" in officer.get("/staff/retention").text
    retention.sweep(house)
    page = officer.get("/staff/retention").text
    assert "Nothing that is due is waiting." in page
    weeks = re.findall(r'<tr>\s*<th scope="row">[^<]+</th>((?:\s*<td class="number">[^<]*</td>)+)', page)
    figures = [re.findall(r">(\d+)<", week) for week in weeks]
    assert len(figures) == 26
    assert [row for row in figures if row != ["0", "0"]] == [["1", "1"]]  # the visitor's, after three months
    assert figures.index(["1", "1"]) in {12, 13}
    assert page.count('class="series-0"') == 2  # its column, and the legend
    assert "style=" not in page
    assert "Certificate no. 2" in page


@pytest.mark.promise("P10")
def test_the_certificate_of_a_run_can_be_checked(house: House, officer: Desk) -> None:
    sent(house)
    with time_machine.travel(clock.now() + timedelta(days=100), tick=True):
        retention.sweep(house, confirm=True)
        later = desk_of(officer.client.application, house, Role.privacy, Role.business)
        (number,) = set(re.findall(r"/staff/retention/runs/(\d+)\.json", later.get("/staff/retention").text))
        page = later.get(f"/staff/retention/runs/{number}").text
        file = later.get(f"/staff/retention/runs/{number}.json")
        assert later.get("/staff/retention/runs/1").status_code == 404
    assert file.mimetype == "application/json"
    assert file.headers["Content-Disposition"].startswith("attachment; ")
    document = documents.read(file.data)
    assert documents.check(document, house.custody.verify_key).ok
    said = json.loads(file.data)["statement"]
    assert (said["destroyed"], said["failed"]) == (1, 0)
    assert document.verify_key in page
    assert re.search(r"<strong>\s*1\s*</strong>", page)
    for row in ("Technical support", "its period ended"):  # per type, and per reason
        assert re.search(rf'{row}</th>\s*<td class="number">1</td>', page)
    for _, head in said["heads"].values():
        assert head in page


@pytest.mark.promise("P10")
@pytest.mark.parametrize(("hours", "late"), [(71, False), (73, True)])
def test_late_destruction_is_said_on_the_inbox_and_the_page(
    app: Flask, house: House, *, hours: int, late: bool
) -> None:
    received = clock.now()
    with time_machine.travel(received, tick=False):
        sent(house)
    first = rules.due_at(received, Period(months=3), "Asia/Seoul")  # the visitor's
    assert first is not None
    with time_machine.travel(first + timedelta(hours=hours), tick=True):
        for roles, word in (
            ((Role.consultation,), "tell the privacy officer"),
            ((Role.privacy,), "the matter"),
        ):
            desk = desk_of(app, house, *roles)
            inbox_page = desk.get("/staff/inbox").text
            assert ("Destruction is late" in inbox_page) is late
            assert (word in inbox_page) is late
        assert ("not keeping its promise" in desk.get("/staff/retention").text) is late


@pytest.mark.promise("P10")
def test_a_run_that_failed_is_said_on_the_inbox_and_the_page_until_one_goes_well(
    app: Flask, house: House
) -> None:
    sent(house)
    failed = "The last run of the destruction failed."
    left = "1 could not be destroyed in the last run. It is tried again within minutes; nobody sees it meanwhile."
    first = rules.due_at(clock.now(), Period(months=3), "Asia/Seoul")  # the visitor's
    assert first is not None
    with time_machine.travel(first + timedelta(hours=1), tick=True):
        minji, officer = desk_of(app, house, Role.consultation), desk_of(app, house, Role.privacy)
        for broke in (True, False):
            with broken(house.keys) if broke else nullcontext():
                assert retention.sweep(house, confirm=True).failed == int(broke)
            for desk in (minji, officer):
                assert (failed in desk.get("/staff/inbox").text) is broke
            page = officer.get("/staff/retention").text
            assert (left in page) is broke
            assert ("not keeping its promise" in page) is broke
            assert "has been due for" not in page  # it failed in time
            assert "in that of the next run" in page  # its place among the runs has no certificate


@pytest.mark.promise("P10")
def test_that_no_run_was_tried_is_said_on_the_inbox_and_the_page(app: Flask, house: House) -> None:
    retention.sweep(house, confirm=True)
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=True):
        minji, officer = desk_of(app, house, Role.consultation), desk_of(app, house, Role.privacy)
        for silent in (True, False):
            for desk in (minji, officer):
                assert ("The destruction has not run for" in desk.get("/staff/inbox").text) is silent
            assert ("No run was tried for" in officer.get("/staff/retention").text) is silent
            retention.sweep(house, confirm=True)


# -- the gate --------------------------------------------------------------------------------------


def test_after_a_restore_every_page_is_closed_until_the_officer_confirms(app: Flask, house: House) -> None:
    member, clerk = (
        enrol(house, "oh@example.com", Role.privacy),
        enrol(house, "m@example.com", Role.consultation),
    )
    inquiry_id = sent(house)
    rotation.note_restore(house, replayed=2, leftovers=1, revoked=0, behind={"keys": 1})
    officer, minji, nobody = Desk(app), Desk(app), Desk(app)
    officer.carry(member.sign_in(house))
    minji.carry(clerk.sign_in(house))
    open_still = {
        "staff.home",
        "staff.sign_in",
        "staff.sign_out",
        "staff.confirm",
        "staff.restore",
        "staff.passkey_options",
    }
    closed = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("staff.")]
    for rule in (rule for rule in closed if rule.endpoint not in open_still):
        given = dict.fromkeys(rule.arguments, inquiry_id) | (
            {"token": "t"} if "token" in rule.arguments else {}
        )
        path = app.url_map.bind("localhost").build(
            rule.endpoint, given, method=next(iter(rule.methods or ()))
        )
        for desk in (officer, minji, nobody):
            ask = desk.get if "GET" in (rule.methods or ()) else desk.post
            assert ask(path).status_code == 503, rule.endpoint
    assert "/staff/restore" in officer.get("/staff/inbox?lang=en").text
    page = minji.get("/staff/inbox?lang=en").text
    assert "/staff/restore" not in page
    assert "Whoever holds the privacy role can end this" in page

    assert officer.get("/staff/").headers["Location"] == "/staff/restore"
    assert minji.get("/staff/").headers["Location"] == "/staff/inbox"
    assert nobody.get("/staff/").headers["Location"] == "/staff/sign-in"
    assert minji.get("/staff/restore").status_code == 404
    found = officer.get("/staff/restore").text
    assert "2 destructions that the copy did not know" in found
    assert "1 row of a destroyed inquiry" in found
    assert "the keys store" in found
    assert "people had come back" not in found
    refused = officer.post("/staff/restore", reason=" ")
    assert (refused.status_code, set(errors_of(refused))) == (422, {"reason"})
    assert officer.get("/staff/inbox").status_code == 503
    assert officer.post("/staff/restore", reason="the disk broke").headers["Location"] == "/staff/retention"
    assert "Confirmed." in officer.get("/staff/retention").text
    assert minji.get("/staff/inbox").status_code == 200
    assert "nothing to confirm" in officer.get("/staff/restore").text


def test_what_the_operator_accepted_in_an_officers_place_is_on_every_officers_page_for_30_days(
    app: Flask, house: House
) -> None:
    begun = clock.now()
    rotation.note_restore(house, behind={"keys": 1})
    rotation.rotate(house, break_glass="she <is> ill")
    member, clerk = enrol(house, "oh@example.com", Role.privacy), desk_of(app, house, Role.consultation)
    oh = Desk(app).carry(member.sign_in(house))
    assert (
        "저장소가 복원되었거나 더 이상 열 수 없는 것이 있음을 확인했습니다." in oh.get("/staff/people").text
    )
    shown = "the operator accepted in place of an officer that a store was put back"
    for path in ("/staff/inbox", "/staff/people", "/staff/retention", "/staff/restore"):
        text = oh.get(f"{path}?lang=en").text
        assert (shown in text, "she &lt;is&gt; ill" in text) == (True, True), path
    assert "she &lt;is&gt; ill" not in clerk.get("/staff/inbox").text
    (link,) = re.findall(r'href="(/staff/ledger\?[^"]+)"', oh.get("/staff/account").text)
    record = " ".join(oh.get(link.replace("&amp;", "&")).text.split())
    assert "in place of an officer she &lt;is&gt; ill" in record
    for hours, still in ((-1, True), (1, False)):
        with time_machine.travel(begun + timedelta(days=30, hours=hours), tick=True):
            oh = Desk(app).carry(member.sign_in(house))
            assert (shown in oh.get("/staff/retention?lang=en").text) is still


@pytest.mark.promise("P12")
def test_a_server_without_the_archives_key_says_so(house: House, officer: Desk) -> None:
    archive_id = archive.order(house, OH, sent(house), statute="contract", items=["name"], reason="r")
    for file in house.settings.archive_keyring_path.iterdir():
        file.rename(file.with_suffix(".elsewhere"))
    house.custody.archive.__dict__.pop("secret", None)
    answer = officer.post(f"/staff/archive/{archive_id}/open", reason="a look")
    assert answer.status_code == 503
    assert "does not hold the archive's keys" in answer.text
    assert cast.ITEMS["name"] not in answer.text


def test_what_cannot_be_opened_is_said_and_given_up_only_with_a_reason(house: House, officer: Desk) -> None:
    assert "cannot be opened" not in officer.get("/staff/retention").text
    losses.note(house, {4711: 815})
    assert "1 inquiry or account cannot be opened" in officer.get("/staff/retention").text
    assert officer.get("/staff/inbox").status_code == 200  # an alarm closes nothing
    page = officer.get("/staff/restore").text
    assert "<code>815</code>" in page
    assert "given up for good" in page
    assert officer.post("/staff/restore", reason="").status_code == 422
    officer.post("/staff/restore", reason="no copy is left")
    assert losses.waiting(house) == ()
    assert "cannot be opened" not in officer.get("/staff/retention").text

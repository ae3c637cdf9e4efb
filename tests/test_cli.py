"""The commands: what they print, for people and for programs, and the status with which they leave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from click.testing import Result
from sqlalchemy import update

from inquiries import clock, create_app
from inquiries.rules.permissions import Role
from inquiries.services import anchors, enrolment, grants, inbox, records, recovery, retention, rotation
from inquiries.services.house import House, open_house
from inquiries.settings import HOME, Settings
from inquiries.stores.live.tables import groups
from tests.cast import MINJI, send
from tests.running import ROOT
from tests.staff import enrol, officer

Command = Callable[..., Result]


@pytest.fixture
def command(house: House) -> Command:
    """A command on the house, in this process."""
    runner = create_app(house.settings, house).test_cli_runner()

    def run(*words: str) -> Result:
        return runner.invoke(args=list(words))

    return run


def read(result: Result) -> Any:
    """The one JSON object that it printed."""
    assert result.stdout.count("\n") == 1, result.output
    return json.loads(result.stdout)


# -- init ----------------------------------------------------------------------------------------


def test_init_makes_everything_and_prints_the_first_officers_link(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings()
    runner = create_app(settings).test_cli_runner()
    first = runner.invoke(args=["init"])
    assert first.exit_code == 0
    assert f"Ready in {settings.instance}" in first.stdout
    token = first.stdout.rpartition("/staff/enrol/")[2].strip()
    again = runner.invoke(args=["init"])
    assert again.exit_code == 0
    fresh = again.stdout.rpartition("/staff/enrol/")[2].strip()
    assert token != fresh
    house = open_house(settings)
    try:
        assert enrolment.invitation(house, fresh).email == "privacy@example.com"
        enrol(house, "minji@example.com", Role.privacy)
    finally:
        house.close()
    assert "/staff/enrol/" not in runner.invoke(args=["init"]).stdout


def test_before_init_a_command_says_what_to_do(make_settings: Callable[..., Settings]) -> None:
    runner = create_app(make_settings()).test_cli_runner()
    result = runner.invoke(args=["sweep"])
    assert result.exit_code == 1
    assert "flask --app app init" in result.stderr


def test_a_refused_policy_stops_init_with_its_key_path(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(make_settings().policy.read_text("utf-8").replace("[officer]", "[officier]"), "utf-8")
    settings = make_settings(policy=policy)
    result = create_app(settings).test_cli_runner().invoke(args=["init"])
    assert result.exit_code == 1
    assert "officer" in result.stderr
    assert not settings.instance.exists()


# -- policy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "jne-works", "leje", "kt-nexr", "clunix", "tiki-jne"])
def test_policy_check_accepts_every_profile(command: Command, name: str) -> None:
    result = command("policy", "check", str(HOME / "policies" / f"{name}.toml"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert read(command("policy", "check", str(HOME / "policies" / f"{name}.toml"), "--json")) == {
        "ok": True, "errors": [],
    }  # fmt: skip


def test_policy_check_names_path_reason_and_promise(command: Command, tmp_path: Path) -> None:
    broken = tmp_path / "policy.toml"
    source = (HOME / "policies" / "default.toml").read_text("utf-8")
    broken.write_text(source.replace('access = "2 years"', 'access = "1 month"'), "utf-8")
    result = command("policy", "check", str(broken))
    assert result.exit_code == 1
    assert "records.access" in result.stdout
    assert "(P25)" in result.stdout
    told = command("policy", "check", str(broken), "--json")
    assert told.exit_code == 1
    (error,) = read(told)["errors"]
    assert (error["path"], error["promise"]) == ("records.access", "P25")
    assert error["message"]


def test_policy_check_takes_the_settings_file_by_default_and_refuses_what_is_none(
    command: Command, tmp_path: Path
) -> None:
    assert command("policy", "check").exit_code == 0
    (tmp_path / "not.toml").write_bytes(b"\xff\xfe\x00")
    assert command("policy", "check", str(tmp_path / "not.toml")).exit_code == 1
    missing = command("policy", "check", str(tmp_path / "missing.toml"))
    assert missing.exit_code in {1, 2}
    assert "Traceback" not in missing.output
    assert missing.exception is None or isinstance(missing.exception, SystemExit)


def test_policy_show_prints_what_is_in_force_as_it_was_written(command: Command, house: House) -> None:
    assert command("policy", "show").stdout == house.settings.policy.read_text("utf-8")


# -- staff ---------------------------------------------------------------------------------------


def test_staff_invite_prints_a_link_that_works_and_list_shows_who(command: Command, house: House) -> None:
    result = command("staff", "invite", "Minji@example.com", "--role", "consultation", "--type", "support")
    assert result.exit_code == 0
    token = result.stdout.strip().removeprefix("http://127.0.0.1:8000/staff/enrol/")
    invited = enrolment.invitation(house, token)
    assert (invited.email, invited.roles) == (
        "minji@example.com",
        {Role.consultation: frozenset({"support"})},
    )
    enrol(house, "bae@example.com", Role.business)
    listed = command("staff", "list").stdout.splitlines()
    assert listed == [
        "bae@example.com\tenrolled\tbusiness",
        "minji@example.com\tinvited\tconsultation",
        "privacy@example.com\tinvited\tconsultation, privacy",
    ]
    ((_, last),) = list(records.bodies(house, "rights"))[1:2]
    assert (last["act"], last["by"]) == ("invite", "operator")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("minji@example.com",), 2),
        (("minji@example.com", "--role", "admin"), 2),
        (("--role", "privacy"), 2),
        (("minji", "--role", "privacy"), 1),
        (("minji@example.com", "--role", "consultation", "--type", "nonsense"), 1),
    ],
)
def test_staff_invite_refuses(command: Command, words: tuple[str, ...], status: int) -> None:
    result = command("staff", "invite", *words)
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr


def test_staff_list_tells_programs_everything(command: Command, house: House) -> None:
    send(house)
    bae = enrol(house, "bae@example.com", Role.business)
    officer(house)
    inquiry = inbox.page(house, MINJI).rows[0].id
    given = ("--inquiry", str(inquiry), "--days", "3", "--reason", "a quote")
    assert command("staff", "grant", bae.email, *given).exit_code == 1  # an officer's to do
    assert command("staff", "grant", bae.email, *given, "--break-glass", "she is away").exit_code == 0
    told = {one["email"]: one for one in read(command("staff", "list", "--json"))["people"]}
    assert told["bae@example.com"]["state"] == "enrolled"
    assert told["bae@example.com"]["roles"] == {"business": ["*"]}
    assert (told["bae@example.com"]["trained_on"], told["bae@example.com"]["inbox_closed"]) == (None, False)
    (granted,) = told["bae@example.com"]["grants"]
    assert (granted["inquiry"], granted["reason"]) == (inquiry, "a quote")
    assert command("staff", "revoke", bae.email, "--inquiry", str(inquiry)).exit_code == 1  # without a reason
    done = read(
        command("staff", "revoke", bae.email, "--inquiry", str(inquiry), "--reason", "done", "--json")
    )
    assert done["email"] == "bae@example.com"
    assert grants.running(house) == ()


def test_staff_grant_and_revoke_change_roles(command: Command, house: House) -> None:
    officer(house)
    enrol(house, "minji@example.com", Role.consultation, types=("support",))

    def roles_after(*words: str) -> Any:
        return read(command("staff", *words, "--reason", "another team", "--json"))["roles"]

    minji = "minji@example.com"
    assert roles_after("grant", minji, "--role", "consultation", "--type", "affiliate") == {
        "consultation": ["affiliate", "support"]
    }
    assert roles_after("grant", minji, "--role", "business") == {
        "business": ["*"], "consultation": ["affiliate", "support"],
    }  # fmt: skip
    assert roles_after("revoke", minji, "--role", "consultation") == {"business": ["*"]}
    assert command("staff", "grant", minji, "--role", "privacy", "--reason", "x").exit_code == 1
    assert "break_glass" in command("staff", "grant", minji, "--role", "privacy", "--reason", "x").stderr
    trained = command("staff", "train", minji, "--on", f"{clock.now():%Y-%m-%d}", "--break-glass", "alone")
    assert trained.exit_code == 0
    assert command("staff", "revoke", minji, "--reason", "she left").stdout == f"{minji}\trevoked\t\n"
    last = command("staff", "revoke", "oh@example.com", "--reason", "she left")
    assert (last.exit_code, "last_officer" in last.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("grant", "nobody@example.com", "--role", "business", "--reason", "x"), 1),
        (("grant", "oh@example.com"), 2),
        (("grant", "oh@example.com", "--inquiry", "1"), 2),
        (("grant", "oh@example.com", "--inquiry", "1", "--days", "31"), 2),
        (("grant", "oh@example.com", "--role", "privacy", "--inquiry", "1", "--days", "3"), 2),
        (("revoke", "oh@example.com", "--role", "privacy", "--inquiry", "1", "--reason", "x"), 2),
        (("revoke", "oh@example.com"), 1),
        (("train", "oh@example.com"), 2),
    ],
)
def test_staff_commands_refuse(command: Command, house: House, words: tuple[str, ...], status: int) -> None:
    officer(house)
    result = command("staff", *words)
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr


# -- sweep ---------------------------------------------------------------------------------------

QUIET = {
    "due": 0, "destroyed": 0, "archived": 0, "held": 0, "failed": 0, "leftovers": 0, "max_lag_seconds": 0,
    "dry_run": False,
}  # fmt: skip


def test_sweep_tells_the_figures_of_the_contract(command: Command, house: House) -> None:
    send(house)
    assert read(command("sweep", "--json")) == QUIET
    with time_machine.travel(clock.now() + timedelta(days=366), tick=True):
        assert read(command("sweep", "--dry-run", "--json")) == QUIET | {"due": 2, "dry_run": True}
        told = read(command("sweep", "--confirm", "--json"))
        assert told["max_lag_seconds"] > 0
        assert told | {"max_lag_seconds": 0} == QUIET | {"due": 2, "destroyed": 2}
        assert "0 due, 0 destroyed" in command("sweep").stdout


def test_a_dry_run_of_another_day_changes_nothing(command: Command, house: House) -> None:
    send(house)
    in_a_year = f"{clock.now() + timedelta(days=366):%Y-%m-%d}"
    assert read(command("sweep", "--dry-run", "--as-of", in_a_year, "--json"))["due"] == 2
    in_a_month = f"{clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M:%S}+09:00"
    assert read(command("sweep", "--dry-run", "--as-of", in_a_month, "--json"))["due"] == 0
    assert read(command("sweep", "--json")) == QUIET


def test_a_day_without_a_zone_begins_at_midnight_of_the_policy(command: Command, house: House) -> None:
    """The default policy's zone is Seoul's: the first of January begins there at 15:00 UTC of the day before."""
    send(house, address=None, user_agent=None)
    midnight = datetime(2029, 12, 31, 15, tzinfo=UTC)
    for past, due in ((-1, 1), (0, 1), (1, 0)):  # seconds; midnight in UTC comes nine hours later
        with house.live.write() as connection:
            connection.execute(update(groups).values(due_at=midnight + timedelta(seconds=past)))
        for typed in (
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00+0900",
            "2029-12-31T15:00:00Z",
        ):
            assert read(command("sweep", "--dry-run", "--as-of", typed, "--json"))["due"] == due, typed
    assert "in the policy's time zone" in " ".join(command("sweep", "--help").stdout.split())


def test_forecast_tells_what_goes_on_which_day(command: Command, house: House) -> None:
    send(house)
    today = clock.now().astimezone(ZoneInfo("Asia/Seoul"))
    told = read(command("forecast", "--days", "100", "--json"))
    (line,) = told.pop("by_day")  # the visitor's data, after three months; the inquiry itself stays a year
    assert told == {"days": 100, "from": f"{today:%Y-%m-%d}", "overdue": 0, "held": 0, "archived": 0}
    assert (line["type"], line["count"]) == ("support", 1)
    assert 88 < (date.fromisoformat(line["date"]) - today.date()).days < 93
    assert read(command("forecast", "--json"))["by_day"] == []
    assert f"{line['date']} support: 1" in command("forecast", "--days", "100").stdout
    assert command("forecast", "--days", "0").exit_code == 2


def test_as_of_goes_with_a_dry_run_alone(command: Command) -> None:
    result = command("sweep", "--as-of", "2030-01-01")
    assert result.exit_code == 2
    assert command("sweep", "--dry-run", "--as-of", "tomorrow").exit_code == 2


def test_a_clock_that_cannot_be_right_stops_the_sweep_until_confirmed(command: Command, house: House) -> None:
    received = send(house)
    assert command("sweep").exit_code == 0  # what this process believes of the clock
    assert received.due is not None
    with time_machine.travel(received.due + timedelta(hours=1), tick=True):
        result = command("sweep")
        assert result.exit_code == 1
        assert "clock_suspect" in result.stderr
        assert "--confirm" in result.stderr
        assert command("sweep", "--confirm").exit_code == 0


def test_a_sweep_that_fails_in_part_leaves_with_1(command: Command, house: House) -> None:
    send(house)
    with house.live.write() as connection:
        connection.execute(update(groups).values(due_at=clock.now() - timedelta(hours=1)))
    with house.keys.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stop BEFORE INSERT ON keys BEGIN SELECT RAISE(ABORT, 'disk'); END"
        )
    result = command("sweep", "--json")
    assert result.exit_code == 1
    assert read(result)["failed"] > 0
    with house.keys.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER stop")
    assert read(command("sweep", "--json"))["failed"] == 0


# -- keys and ledger -----------------------------------------------------------------------------


def test_keys_rotate(command: Command, house: House) -> None:
    send(house)
    result = command("keys", "rotate")
    assert result.exit_code == 0
    assert result.stdout == "Epoch 2 is open; 0 keys re-wrapped; retired: 1.\n"
    assert "2 keys" in command("keys", "rotate").stdout


def test_keys_rotate_ends_a_restores_gate_only_in_the_officers_place(command: Command, house: House) -> None:
    rotation.note_restore(house)
    for words in ((), ("--break-glass", " ")):
        refused = command("keys", "rotate", *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "/staff/restore" in refused.stderr
        assert "--break-glass REASON" in refused.stderr
    assert command("keys", "rotate", "--confirm").exit_code == 2
    assert recovery.gate(house) is not None
    assert command("keys", "rotate", "--break-glass", "she is away").exit_code == 0
    assert recovery.gate(house) is None
    recorded = records.latest(house, "operation", "confirm_loss")
    assert recorded is not None
    assert recorded[1]["break_glass"] == "she is away"


def test_ledger_verify_and_head(command: Command, house: House) -> None:
    key = records.start_sealing(house)
    assert key is not None
    told = read(command("ledger", "verify", "--json"))
    heads = read(command("ledger", "head", "--json"))
    assert (told["ok"], told["problems"], told["heads"]) == (True, [], heads)
    assert told["entries"] == sum(head["n"] for head in heads.values())
    assert all(len(bytes.fromhex(head["hash"])) == 32 for head in heads.values())
    for written in (key, key.upper(), f" {key[:32]} {key[32:]}\n"):
        assert command("ledger", "verify", "--key", written).exit_code == 0
    assert command("ledger", "verify", "--key", "00" * 32).exit_code == 1
    assert command("ledger", "head").stdout.split()[0] in heads


def test_ledger_verify_takes_anchors_that_were_kept_elsewhere(
    command: Command, house: House, tmp_path: Path
) -> None:
    records.start_sealing(house)
    path = anchors.anchor_if_due(house)
    assert path is not None
    assert ", 1 anchors, 0 problems" in command("ledger", "verify").stdout
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy2(path, kept / "a.json")
    assert command("ledger", "verify", "--anchor", str(kept), "--anchor", str(path)).exit_code == 0
    (kept / "b.json").write_text("{}")
    told = command("ledger", "verify", "--anchor", str(kept), "--json")
    assert told.exit_code == 1
    assert read(told)["problems"] == [{"chain": "anchors", "n": 3, "kind": "unreadable"}]
    assert command("ledger", "verify", "--anchor", str(tmp_path / "none")).exit_code == 2
    assert command("certificate", "verify", str(path)).exit_code == 0


def test_ledger_verify_finds_and_names_what_was_changed(command: Command, house: House) -> None:
    with house.ledger.write() as connection:
        connection.exec_driver_sql("UPDATE bodies SET body = '{}' WHERE chain = 'operation' AND n = 1")
    result = command("ledger", "verify", "--json")
    assert result.exit_code == 1
    assert read(result)["problems"] == [{"chain": "operation", "n": 1, "kind": "changed_body"}]
    assert "operation 1: changed_body" in command("ledger", "verify").stdout


@pytest.mark.parametrize("key", ["zz", "abc", "ab", "00" * 31, "00" * 33, "٣" * 64, "-" * 64])
def test_a_malformed_key_is_a_usage_error(command: Command, house: House, key: str) -> None:
    records.start_sealing(house)
    result = command("ledger", "verify", "--key", key)
    assert result.exit_code == 2
    assert "64 hexadecimal digits" in result.stderr


def test_keys_status_says_what_is_final_and_what_could_still_be_brought_back(
    command: Command, house: House
) -> None:
    send(house)
    with time_machine.travel(clock.now() + timedelta(days=367)):
        assert not retention.sweep(house, confirm=True).failed
        data = read(command("keys", "status", "--json"))
        assert data["destructions"]["waiting_for_rotation"]["count"] == 2
        assert data["destructions"]["final"] == {"count": 0, "final": None}
        assert {"copy", "recovers", "until"} == set(data["copies"][0])
        words = command("keys", "status").stdout
        assert "Destroyed groups waiting for rotation: 2, final by 20" in words
        assert "ledger" in words


def test_keys_rotate_root(command: Command, house: House) -> None:
    old = house.custody.root
    result = command("keys", "rotate-root")
    assert (result.exit_code, result.stdout) == (0, "3 files are wrapped under the new root key.\n")
    assert result.stderr.splitlines()[-1] == "3 of 3 files"
    assert house.custody.root != old
    assert command("keys", "rotate-root", "--archive").stdout.startswith("1 files")
    result = command("keys", "rotate-root", "--new-root-file", str(house.settings.instance / "none"))
    assert (result.exit_code, "cannot be read" in result.stderr) == (3, True)


# -- in a process of its own ---------------------------------------------------------------------


def test_from_a_shell_in_any_directory(house: House, tmp_path: Path) -> None:
    environment = {**os.environ, "INQUIRIES_INSTANCE": str(house.settings.instance)}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(ROOT / "app.py"), "ledger", "verify", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ok"] is True

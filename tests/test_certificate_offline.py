"""A certificate checked away from the installation: by the command, and by the lines of docs/formats.md alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from inquiries import clock, create_app
from inquiries.services import certificates, retention, rotation
from inquiries.services.house import House
from inquiries.settings import load
from inquiries.stores import tombstones
from tests.cast import send
from tests.running import ROOT
from tests.stones import bury, standing


@pytest.fixture
def proof(house: House, tmp_path: Path) -> Path:
    """The file that Sora downloaded once the rotation was through."""
    receipt = send(house).receipt
    with time_machine.travel(clock.now() + timedelta(days=367)):
        assert not retention.sweep(house, confirm=True).failed
        rotation.rotate(house)
        document = certificates.for_receipt(house, receipt).document
    assert all(part.proof and part.final for part in document.destroyed)
    file = tmp_path / "proof.json"
    file.write_text(document.model_dump_json(indent=1), encoding="utf-8")
    return file


def verify(directory: Path, *words: str) -> Any:
    """The command, as somebody runs it who has no instance."""
    settings = load(instance=directory / "nothing here")
    result = create_app(settings).test_cli_runner().invoke(args=["certificate", "verify", *words])
    assert not settings.instance.exists()
    return result


def documented(directory: Path, file: Path, key: str) -> subprocess.CompletedProcess[str]:
    """The lines of the documentation, in a directory where nothing of ours can be imported."""
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (directory / "check.py").write_text(script, encoding="utf-8")
    words = [sys.executable, "-I", "check.py", str(file), key]
    return subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)


def changed(file: Path, **statement: str) -> Path:
    """The file with a word of the first statement changed."""
    data = json.loads(file.read_text())
    data["destroyed"][0]["statement"] |= statement
    forged = file.with_name("forged.json")
    forged.write_text(json.dumps(data))
    return forged


def early(file: Path) -> Path:
    """The file with its first part final when its epoch ended, and backups of keys that live no time."""
    data = json.loads(file.read_text())
    data["destroyed"][0]["final"] = data["epochs"][0]["retired"]
    forged = file.with_name("early.json")
    forged.write_text(json.dumps(data | {"key_backups_hours": 0}))
    return forged


def test_the_command_proves_a_certificate_without_an_instance(
    house: House, proof: Path, tmp_path: Path
) -> None:
    result = verify(tmp_path, str(proof), "--key", house.custody.verify_key.hex())
    assert result.exit_code == 0
    assert result.stdout.count("Proved: ") == 2
    assert "rule period 1 year" in result.stdout
    (main, visitor) = json.loads(proof.read_text())["destroyed"]
    for part in (main, visitor):
        said = f"Not yet final: {part['statement']['group']}, from {part['final']} on\n"
        assert said in result.stdout
    with time_machine.travel(datetime.fromisoformat(main["final"])):
        assert f"Final: main, since {main['final']}\n" in verify(tmp_path, str(proof)).stdout


def test_what_is_said_to_be_final_too_early_is_a_finding_and_not_shown_as_final(
    house: House, proof: Path, tmp_path: Path
) -> None:
    key = house.custody.verify_key.hex()
    forged = early(proof)
    result = verify(tmp_path, str(forged), "--key", key)
    assert (result.exit_code, "does not show it" in result.stderr) == (1, True)
    assert "Not yet final, as far as this file shows: main\n" in result.stdout
    done = documented(tmp_path, forged, key)
    assert (done.returncode, done.stderr) == (1, "final too early\n")


def test_without_a_key_it_says_whose_key_it_took(house: House, proof: Path, tmp_path: Path) -> None:
    result = verify(tmp_path, str(proof))
    assert result.exit_code == 0
    assert result.stdout.endswith(f"compare it with the one published:\n{house.custody.verify_key.hex()}\n")


def test_another_key_or_another_word_is_a_finding(house: House, proof: Path, tmp_path: Path) -> None:
    result = verify(tmp_path, str(proof), "--key", "ab" * 32)
    assert (result.exit_code, "another verify key" in result.stderr) == (1, True)
    forged = changed(proof, reason="closed")
    result = verify(tmp_path, str(forged), "--key", house.custody.verify_key.hex())
    assert (result.exit_code, "not the one that was signed" in result.stderr) == (1, True)


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    result = verify(tmp_path, str(other))
    assert (result.exit_code, result.stderr) == (1, "seal_broken: this is no certificate of version 1\n")
    assert verify(tmp_path, str(tmp_path / "none.json")).exit_code == 2
    assert verify(tmp_path, str(other), "--key", "short").exit_code in {1, 2}


def test_the_documented_lines_prove_it_with_nothing_of_ours(
    house: House, proof: Path, tmp_path: Path
) -> None:
    done = documented(tmp_path, proof, house.custody.verify_key.hex())
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"proved {'group': '(\w+)'", done.stdout) == ["main", "visitor"]
    finals = [part["final"] for part in json.loads(proof.read_text())["destroyed"]]
    assert re.findall(r"} final (\S+)$", done.stdout, re.MULTILINE) == finals
    assert re.search(r"^epoch 1 ended \S+ proved$", done.stdout, re.MULTILINE)


def test_the_documented_lines_refuse_what_was_changed(house: House, proof: Path, tmp_path: Path) -> None:
    key = house.custody.verify_key.hex()
    assert "InvalidSignature" in documented(tmp_path, changed(proof, due="2020-01-01"), key).stderr
    data = json.loads(proof.read_text())
    data["epochs"][0]["retired"] = "2020-01-01T00:00:00.000000Z"
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(data))
    assert "InvalidSignature" in documented(tmp_path, forged, key).stderr


def test_the_documented_lines_find_their_way_in_trees_of_every_size(house: House, tmp_path: Path) -> None:
    for count in (1, 2, 3, 5, 7):
        with house.keys.write() as connection:
            bury(connection, [_stone(count * 100 + n, count) for n in range(count)])
        certificates.prove_intent(house, count, range(count * 100, count * 100 + count))
    with house.keys.read() as connection:
        buried = standing(connection, range(1000))
        proved = certificates._proved(connection, buried).values()
    assert len(proved) == 18
    parts = [{"statement": said, "proof": proof, "final": None} for said, proof in proved]
    data = {"epochs": [], "destroyed": parts}
    file = tmp_path / "proofs.json"
    file.write_text(json.dumps(data, default=lambda proof: proof.model_dump()))
    done = documented(tmp_path, file, house.custody.verify_key.hex())
    assert (done.returncode, done.stdout.count("proved")) == (0, 18)


def _stone(key: int, intent: int) -> tombstones.Tombstone:
    return tombstones.Tombstone(
        id=key, inquiry_id=key, group="main", reason="closed", type="support", due_at=clock.now(),
        policy_version=1, rule="after_closing 30 days", receipt_lookup=key.to_bytes(16), intent=intent,
        destroyed_at=clock.now(),
    )  # fmt: skip

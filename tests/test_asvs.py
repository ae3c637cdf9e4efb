"""docs/asvs.md and docs/security.md: nothing is left out, and what they name is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NUMBERS = Path(__file__).with_name("asvs-5.0.0.txt")
NUMBER = re.compile(r"\b\d{1,2}\.\d{1,2}\.\d{1,2}\b")
DOCUMENTS = ("docs/asvs.md", "docs/security.md")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def rows(document: str) -> list[list[str]]:
    lines = [line for line in text_of(document).splitlines() if line.startswith("| ") and line != "| | | | |"]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_each_requirement_of_levels_1_and_2_is_judged_once() -> None:
    listed = [line for line in NUMBERS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    wanted = NUMBER.findall(" ".join(listed))
    assert len(wanted) == len(set(wanted)) == 253
    judged = Counter(number for row in rows("docs/asvs.md") for number in NUMBER.findall(row[0]))
    assert judged == Counter(wanted)
    for first, _, state, why in rows("docs/asvs.md"):
        assert state in {"kept", "n/a", "open"}, first
        assert why, first
        assert state != "kept" or "`" in why, f"{first}: by which test or file?"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_named_is_there(document: str) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))
    named = re.findall(r"`([^`\n]+)`", text_of(document))
    assert {one for one in named if one.startswith("test_")} <= tests
    paths = [one for one in named if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.\w+|Makefile|requirements\.txt", one)]
    assert paths
    for one in paths:
        assert (ROOT / one).is_file(), one

"""What the checkers do not see: rooms that say their rule, files that stay small, a README that is true."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = sorted((ROOT / "inquiries").rglob("__init__.py"))
FILES = sorted((ROOT / "inquiries").rglob("*.py"))
# In two halves each, so that this file does not name what it forbids.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "un" + "pkg.com",
    "jsdel" + "ivr.net",
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if listed.returncode != 0:
        pytest.skip("not a checkout of git")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def pins(name: str) -> dict[str, str]:
    """Each package of a requirements file, with what stands behind it up to the next one."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        found["package"]: found["rest"]
        for found in re.finditer(
            r"^(?P<package>[a-z0-9-]+)(?P<rest>==.+\n(?:[ #].*\n?)*)", text, re.MULTILINE
        )
    }


@pytest.mark.parametrize("sheet", sorted((ROOT / "inquiries" / "static").glob("*.css")), ids=named)
def test_a_stylesheet_closes_what_it_opens_before_it_opens_a_medium(sheet: Path) -> None:
    """Else all that follows counts for narrow screens alone, or for print."""
    depth = 0
    for number, line in enumerate(sheet.read_text(encoding="utf-8").splitlines(), 1):
        assert depth == 0 or not line.startswith("@media"), f"{named(sheet)}, line {number}"
        depth += line.count("{") - line.count("}")
    assert depth == 0


@pytest.mark.parametrize("room", ROOMS, ids=named)
def test_a_room_says_its_rule(room: Path) -> None:
    assert ast.get_docstring(ast.parse(room.read_text(encoding="utf-8"))), f"{named(room)} has no docstring"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_stays_small_enough_to_read(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= 320, f"{named(file)} has {lines} lines; split it where it has two subjects"


def test_the_readme_names_only_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named_in_readme = set(re.findall(r"\bmake ([a-z]+)\b", readme))
    assert {"run", "test"} <= named_in_readme
    assert named_in_readme <= targets


def test_the_readme_links_only_to_what_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", readme)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_no_tracked_file_names_a_registry() -> None:
    # Where packages come from is the affair of the machine that installs them (a mirror, a wheelhouse).
    forbidden = re.compile("|".join(map(re.escape, REGISTRIES)).encode())
    assert [named(file) for file in tracked() if file.is_file() and forbidden.search(file.read_bytes())] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_its_hash(name: str) -> None:
    found = pins(name)
    assert len(found) > 20
    assert [package for package, rest in found.items() if "--hash=sha256:" not in rest] == []


def test_tests_run_on_what_runs() -> None:
    runtime, development = pins("requirements.txt"), pins("requirements-dev.txt")
    versions = {name: rest.split()[0] for name, rest in runtime.items()}
    assert {name: development[name].split()[0] for name in runtime} == versions

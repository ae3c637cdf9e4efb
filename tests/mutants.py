"""Holds mutmut's survivors against docs/mutation.md: each is explained there, and nothing else is.

    python -m tests.mutants

`make mutants` runs it after mutmut. A row of the file's tables names where a survivor lives, the words
that were changed, what became of them, and how many mutants of that function look like this.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

EXPLAINED = Path("docs/mutation.md")
KILLED = {"killed", "timeout"}  # a loop that no longer ends is noticed too
_ROW = re.compile(
    r"^\| `(?P<where>[^|]+)` \| (?P<was>[^|]+) \| (?P<becomes>[^|]+) \| (?P<times>\d+) \|$", re.MULTILINE
)
_TOKENS = re.compile(r"\w+|[<>=!]+|\W")
_NOTHING = "–"


class Survivor(NamedTuple):
    """A mutant that no test notices; `where` is `sealing/tags.py tag`."""

    where: str
    was: str
    becomes: str


def explained(text: str) -> Counter[Survivor]:
    """The survivors that the tables of docs/mutation.md explain, each with how often it is there."""
    rows = _ROW.finditer(text)
    return Counter(
        {Survivor(r["where"], _uncoded(r["was"]), _uncoded(r["becomes"])): int(r["times"]) for r in rows}
    )


def changed(diff: str) -> tuple[str, str]:
    """From a unified diff, the words that are gone and those that came instead."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    was, becomes = (
        _TOKENS.findall(" ".join(line[1:].strip() for line in lines if line.startswith(sign)))
        for sign in "-+"
    )
    head = _common(was, becomes)
    was, becomes = was[head:], becomes[head:]
    tail = _common(was[::-1], becomes[::-1])
    return "".join(was[: len(was) - tail]).strip(), "".join(becomes[: len(becomes) - tail]).strip()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    alike = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(alike, min(len(one), len(other)))


def _uncoded(cell: str) -> str:
    return "" if cell == _NOTHING else cell.strip("`")


def _coded(words: str) -> str:
    return f"`{words}`" if words else _NOTHING


def _found() -> Iterator[tuple[str, Survivor]]:
    """Each mutant's status, and what it is."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            function = name.rpartition(".")[2].partition("__mutmut_")[0]
            function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            status = status_by_exit_code[code]
            where = f"{path.relative_to('inquiries')} {function}"
            words = ("", "") if status in KILLED else changed(get_diff_for_mutant(name, path=path))
            yield status, Survivor(where, *words)


def main() -> int:
    """Print the figures and whatever is not as the file says; 1 if there is such a thing."""
    found = list(_found())
    statuses = Counter(status for status, _ in found)
    survivors = Counter(survivor for status, survivor in found if status not in KILLED)
    lines = [f"{len(found)} mutants: " + ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))]
    known = explained(EXPLAINED.read_text("utf-8"))
    for fault, rows in (("not explained", survivors - known), ("no longer there", known - survivors)):
        for (where, was, becomes), times in sorted(rows.items()):
            lines.append(f"{fault}: | `{where}` | {_coded(was)} | {_coded(becomes)} | {times} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(survivors != known)


if __name__ == "__main__":
    sys.exit(main())

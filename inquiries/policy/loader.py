"""From the text of a policy file to a Policy, or to every reason against it; knows nothing of versions."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inquiries.errors import PolicyProblem, PolicyRefused
from inquiries.policy import model
from inquiries.policy.floors import check

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy, the very text it was read from, and that text's SHA-256."""

    policy: model.Policy
    source: str
    digest: bytes


def load(path: Path) -> LoadedPolicy:
    """Read a policy file. Raises PolicyRefused, also when the file cannot be read."""
    try:
        raw = path.read_bytes()
        source = raw.decode()
    except OSError as error:
        raise PolicyRefused((PolicyProblem(path.name, f"cannot be read: {error.strerror}"),)) from None
    except UnicodeDecodeError:
        raise PolicyRefused((PolicyProblem(path.name, "is not text in UTF-8"),)) from None
    return LoadedPolicy(parse(source), source, sha256(raw).digest())


@lru_cache(maxsize=16)  # each start asks several times for the same text; what comes of it is frozen
def parse_published(source: str) -> model.Policy:
    """A policy that was published once: its floors were asked then, and a later one changes no promise."""
    return model.Policy.model_validate(_with_tuples(tomllib.loads(source)))


@lru_cache(maxsize=16)
def parse(source: str) -> model.Policy:
    """Turn the text of a policy into a Policy. Raises PolicyRefused with all that is wrong, in its order."""
    try:
        written = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise PolicyRefused((PolicyProblem("file", f"is not TOML: {error}"),)) from None
    try:
        policy = model.Policy.model_validate(_with_tuples(written))
    except ValidationError as error:
        problems: Sequence[PolicyProblem] = [_problem(fault) for fault in error.errors()]
    else:
        problems = check(policy)
        if not problems:
            return policy
    raise PolicyRefused(tuple(sorted(problems, key=lambda problem: _place(problem.path, written))))


def _with_tuples(written: object) -> Any:  # noqa: ANN401  TOML is whatever its author wrote
    """TOML's arrays as tuples, which is what the strict model takes."""
    if isinstance(written, dict):
        return {key: _with_tuples(value) for key, value in written.items()}
    return tuple(map(_with_tuples, written)) if isinstance(written, list) else written


# -- faults of shape, in words for a privacy officer -----------------------------------------------

# What a missing key is for, and whose promise a fault at it would break; the first that fits counts.
_MEANING: tuple[tuple[str, str | None, str], ...] = (
    ("controller", None, "the notice says whose form this is"),
    ("jurisdiction", None, "it decides which law's limits hold"),
    ("time_zone", "P08", "due dates are days of the calendar in one time zone"),
    ("languages", "P03", "the notice is made in each of them"),
    ("officer", "P38", "people must know whom to ask: role and contact"),
    ("deputy", "P38", "a deputy has a role and a contact"),
    ("dispute_bodies", "P38", "people must know where to turn"),
    ("items", "P01", "only declared items are collected"),
    ("types.*.required", "P01", "an inquiry type says which items it needs"),
    ("types.*.optional", "P01", "an inquiry type says which items are free"),
    ("types.*.period", "P08", "each inquiry type says how long it is kept"),
    ("types.*.after_closing", "P09", "closing brings the destruction forward"),
    ("types", "P03", "the notice says purpose, items, period, and what refusing costs"),
    ("purposes.*.period", "P16", "an optional purpose has a period of its own"),
    ("purposes", "P03", "required and optional consent are asked apart"),
    ("visitor", "P04", "what is recorded of a visit is disclosed: items, purpose, period"),
    ("minimum", "P14", "the shortest keeping that the policy knows"),
    ("records.rights", "P24", "records of rights granted are kept"),
    ("records.review", "P26", "the officer looks through the accesses and signs"),
    ("records", "P25", "access records are kept"),
    ("deadlines.destruction", "P10", "what is due is destroyed in time"),
    ("deadlines.requests", "P22", "requests are answered in time"),
    ("deadlines.breach", None, "a breach is announced in time"),
    ("deadlines", "P37", "changes are announced beforehand"),
    ("processors.*.country", "P36", "a transfer abroad needs a basis"),
    ("processors.*.transfer_basis", "P36", "a transfer abroad needs a basis"),
    ("processors", "P33", "processors are disclosed, under contract"),
    ("recipients.*.country", "P36", "a transfer abroad needs a basis"),
    ("recipients.*.transfer_basis", "P36", "a transfer abroad needs a basis"),
    ("recipients", "P34", "who is given items is disclosed, with the basis"),
    ("authorities.*.country", "P36", "a transfer abroad needs a basis"),
    ("authorities", "P35", "to whom a law can order a disclosure, and which law"),
    ("statutes", "P13", "what a law orders kept names the law and the period"),
)

_SHAPES = {
    "string_type": "must be text, in quotation marks",
    "int_type": "must be a whole number, without quotation marks",
    "bool_type": "must be true or false, without quotation marks",
    "tuple_type": "must be a list, in square brackets",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of: {expected}",
    "value_error": "{error}",
}
_TABLES = ("dict_type", "mapping_type", "model_type", "model_attributes_type")

_KEYS = frozenset(
    field
    for part in vars(model).values()
    if isinstance(part, type) and issubclass(part, BaseModel)
    for field in part.model_fields
)


def _problem(fault: ErrorDetails) -> PolicyProblem:
    """One of pydantic's faults, translated; the value itself is never repeated."""
    steps: Steps = tuple(step for step in fault["loc"] if step != "[key]")
    promise, purpose = _meaning(steps)
    return PolicyProblem(_path(steps), _message(fault, str(steps[-1]), purpose), promise)


def _message(fault: ErrorDetails, key: str, purpose: str) -> str:
    kind = fault["type"]
    if kind == "missing":
        return f"is missing: {purpose}"
    if kind == "extra_forbidden":
        meant = get_close_matches(key, _KEYS, n=1)
        return "is not a key that a policy has" + (f'; is "{meant[0]}" meant?' if meant else "")
    if kind in _TABLES:
        return 'must be a table; a text is one of languages, such as { ko = "…", en = "…" }'
    return _SHAPES.get(kind, "is not possible here").format_map(fault.get("ctx", {}))


def _meaning(steps: Steps) -> tuple[str | None, str]:
    for pattern, promise, purpose in _MEANING:
        parts = pattern.split(".")
        if len(parts) <= len(steps) and all(
            part in ("*", step) for part, step in zip(parts, steps, strict=False)
        ):
            return promise, purpose
    return None, "a policy needs it"


# -- key paths -------------------------------------------------------------------------------------


def _path(steps: Steps) -> str:
    """The steps as a policy officer reads them: `types.support.required[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _place(path: str, written: object) -> tuple[int, ...]:
    """Where a key path stands in the file, for sorting; what is missing stands at its table's end."""
    place: list[int] = []
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(written, Mapping):
            keys = list(written)
            place.append(keys.index(step) if step in keys else len(keys))
            written = written.get(step)
        elif isinstance(written, list) and step.isdigit() and int(step) < len(written):
            place.append(int(step))
            written = written[int(step)]
    return tuple(place)

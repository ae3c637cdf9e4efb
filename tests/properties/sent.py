"""What anybody might send: what is valid, what is nearly so, and anything at all."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import strategies as st

from inquiries.policy import loader
from inquiries.settings import HOME
from tests.cast import ITEMS

POLICY = loader.load(HOME / "policies" / "default.toml").policy
TYPES = tuple(POLICY.types)

#: Letters of any script, marks, emoji; no control, no surrogate, none that reorders a line.
readable = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"])
awkward = st.sampled_from([
    "\0", "\x07", "\x1b[31m", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\udfff",
    "\ufffe", "\U0001ffff", "e\u0301", "\u1112\u1161\u11ab", "\r\n", "\r", "\t", "<script>", "' OR 1=1 --", "{{7*7}}",
    "%00", "%s", "\\u0000", "🏳️‍🌈", "가" * 200,
])  # fmt: skip
line = st.text(readable, min_size=1, max_size=60).filter(lambda text: text.strip() and text.isprintable())
text = st.one_of(line, st.builds("\n".join, st.lists(line, min_size=1, max_size=5)))
anything = st.one_of(
    st.text(max_size=300),
    st.lists(st.one_of(st.text(max_size=5), awkward), max_size=6).map("".join),
    st.sampled_from(
        ["", " ", "yes", "a" * 10_001, "가" * 10_000, "@", "a@b", "sora@example.com", "+82", "1"]
    ),
)
values = st.one_of(
    anything, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.binary(max_size=20),
    st.lists(st.text(max_size=5), max_size=3), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)  # fmt: skip
names = st.one_of(st.sampled_from([*ITEMS, "consent.inquiry", "_once", "main", "visitor", "id"]), anything)

valid = st.fixed_dictionaries(
    {"name": line, "email": st.just("Sora@example.com"), "content": text},
    optional={
        "company": line,
        "contact": st.sampled_from(["02-1234-5678", "+82 10 1234 5678", "010 9876 5432"]),
    },
)
items = st.one_of(
    valid,
    st.builds(lambda good, bad: {**good, **bad}, valid, st.dictionaries(names, values, max_size=2)),
    st.dictionaries(names, values, max_size=4),
)
consents = st.one_of(
    st.fixed_dictionaries({"inquiry": st.just(True)}, optional={"marketing": st.booleans()}),
    st.dictionaries(st.one_of(st.sampled_from(["inquiry", "marketing"]), anything), values, max_size=3),
)


def kept(value: str) -> str:
    """An item as it must be read back: trimmed, composed, its lines ended by line feeds."""
    for end in ("\r\n", "\r", "\u2028", "\u2029"):
        value = value.replace(end, "\n")
    return unicodedata.normalize("NFC", value.strip())


def expected(sent: dict[str, Any]) -> dict[str, str]:
    """What was sent, in the order of the form, as it must be read back."""
    return {
        name: kept(sent[name])
        for name in POLICY.items
        if isinstance(sent.get(name), str) and kept(sent[name])
    }

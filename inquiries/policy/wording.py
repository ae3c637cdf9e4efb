"""The product's own words in a notice, from `words/`, one file a language; the policy holds its own.

A change there changes only notices made from then on: whoever publishes a version keeps its text (P03).
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("ko", "en")

_WORDS = Path(__file__).parent / "words"


def say(phrase: str, language: str, **figures: object) -> str:
    """One phrase in one language, its {figures} filled in."""
    return phrases(language)[phrase].format_map(figures)


@cache
def phrases(language: str) -> dict[str, str]:
    """Every phrase of one language, by its name."""
    return tomllib.loads((_WORDS / f"{language}.toml").read_text("utf-8"))

"""A calendar period as the policy writes it ("1 year", "until withdrawn"); never adds it to a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any

_WRITTEN = re.compile(r"(?:(\d{1,3}) years?)?(?:(?:^| )(\d{1,4}) months?)?(?:(?:^| )(\d{1,5}) days?)?")
_UNTIL_WITHDRAWN = "until withdrawn"
_LONGEST_YEARS = 100

HOW_TO_WRITE = 'must be a period such as "1 year", "6 months", "30 days" or "until withdrawn"'

_UNITS = {
    "ko": (("년", "년"), ("개월", "개월"), ("일", "일")),
    "en": ((" year", " years"), (" month", " months"), (" day", " days")),
}
_OPEN_ENDED = {"ko": "동의를 철회하실 때까지", "en": "until you withdraw your consent"}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole calendar years, months and days; or, alone, "until withdrawn", which has no end of its own."""

    years: int = 0
    months: int = 0
    days: int = 0
    until_withdrawn: bool = False

    @classmethod
    def parse(cls, written: object) -> Period:
        """Read a period as written in the policy. Raises ValueError in words for its author."""
        if isinstance(written, Period):
            return written
        if not isinstance(written, str):
            raise ValueError(HOW_TO_WRITE)  # noqa: TRY004  pydantic turns a ValueError into a finding
        plain = " ".join(written.split())
        if plain == _UNTIL_WITHDRAWN:
            return cls(until_withdrawn=True)
        found = _WRITTEN.fullmatch(plain)
        if not plain or not found:
            raise ValueError(HOW_TO_WRITE)
        years, months, days = (int(figure or 0) for figure in found.groups())
        period = cls(years, months, days)
        if not cls(years=_LONGEST_YEARS).covers(period):
            raise ValueError(f"must not be longer than {_LONGEST_YEARS} years")
        return period

    @property
    def all_months(self) -> int:
        """Years and months as months: a calendar year is always twelve of them."""
        return self.years * 12 + self.months

    @property
    def is_zero(self) -> bool:
        """Whether it ends where it begins."""
        return not (self.all_months or self.days or self.until_withdrawn)

    def covers(self, other: Period) -> bool:
        """Whether it is never shorter than the other one, whatever day both begin on."""
        if self.until_withdrawn or other.until_withdrawn:
            return self.until_withdrawn
        if self.days == other.days:
            return self.all_months >= other.all_months
        return _span(self.all_months)[0] + self.days >= _span(other.all_months)[1] + other.days

    def in_words(self, language: str) -> str:
        """The period as the notice says it, such as "1년 6개월" or "1 year 6 months"."""
        if self.until_withdrawn:
            return _OPEN_ENDED[language]
        figures = (self.years, self.months, self.days)
        said = [
            f"{figure}{one if figure == 1 else more}"
            for figure, (one, more) in zip(figures, _UNITS[language], strict=True)
            if figure
        ]
        return " ".join(said) or f"0{_UNITS[language][2][1]}"

    @lru_cache(maxsize=256)  # noqa: B019 - of values that the few policies hold
    def __str__(self) -> str:
        """The period as the policy file writes it."""
        return _UNTIL_WITHDRAWN if self.until_withdrawn else self.in_words("en")


@cache
def _span(months: int) -> tuple[int, int]:
    """The fewest and the most days that so many months can have (from 1896 on: 1900 was no leap year)."""
    starts = [date(1896 + n // 12, n % 12 + 1, 1) for n in range(14 * 12)]
    ends = [date(d.year + (d.month - 1 + months) // 12, (d.month - 1 + months) % 12 + 1, 1) for d in starts]
    spans: list[timedelta] = [end - start for start, end in zip(starts, ends, strict=True)]
    return min(spans).days, max(spans).days


def json_schema() -> dict[str, Any]:
    """The period's JSON Schema, for `policy schema`."""
    return {"type": "string", "examples": ["1 year", "6 months", "30 days", _UNTIL_WITHDRAWN]}

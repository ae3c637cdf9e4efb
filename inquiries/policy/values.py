"""The plain values that a policy is written in; what is wrong with one is said in words for its author."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from datetime import time
from types import MappingProxyType
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from inquiries.policy.period import Period, json_schema

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")

Value = TypeVar("Value")
Parts = TypeVar("Parts", bound=Sized)


def _matching(pattern: str, message: str) -> AfterValidator:
    """Refuse what does not match the whole pattern, in our words."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _email(value: str) -> str:
    try:
        validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address") from None
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError('must be a time zone by its IANA name, such as "Asia/Seoul"') from None
    return value


def _bounded(period: Period) -> Period:
    if period.until_withdrawn:
        raise ValueError('must have an end of its own; "until withdrawn" is not possible here')
    return period


def some(parts: Parts) -> Parts:
    """Refuse what is empty."""
    if not parts:
        raise ValueError("must not be empty")
    return parts


def positive(period: Period) -> Period:
    """Refuse what ends where it begins."""
    if period.is_zero:
        raise ValueError("must be at least one day")
    return period


def _clock_time(value: object) -> time:
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a time of day such as "22:00"')
    return time(int(found[1]), int(found[2]))


Text = Annotated[str, _matching(r"(?s)\S(.*\S)?", "must not be empty, nor begin or end with a space")]
Name = Annotated[str, _matching(r"[a-z][a-z0-9_]{0,39}", "must be of small letters, digits and _")]
TypeName = Annotated[str, _matching(r"[a-z][a-z0-9_-]{0,39}", "must be of small letters, digits, _ and -")]
Language = Annotated[str, _matching(r"[a-z]{2}", 'must be a language of two small letters, such as "ko"')]
Country = Annotated[str, _matching(r"[A-Z]{2}", 'must be a country of two capital letters, such as "KR"')]
Email = Annotated[str, AfterValidator(_email)]
Phone = Annotated[str, _matching(r"[+0-9][0-9 ()-]{1,38}", "must be a telephone number")]
Url = Annotated[str, _matching(r"https?://[^\s<>\"']+", "must be an address that begins with https://")]
AnyPeriod = Annotated[Period, BeforeValidator(Period.parse), WithJsonSchema(json_schema())]
EndingPeriod = Annotated[AnyPeriod, AfterValidator(_bounded)]
ClockTime = Annotated[
    time, BeforeValidator(_clock_time), WithJsonSchema({"type": "string", "examples": ["22:00"]})
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Retention = Annotated[AnyPeriod, AfterValidator(positive)]
Table = Annotated[Mapping[Name, Value], AfterValidator(MappingProxyType)]

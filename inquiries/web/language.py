"""Which language a page speaks: asked for, else the browser's, else the policy's first; keeps no cookie.

A choice made on a public page travels in its links (`?lang=`) and in its forms (`language`). Staff keep
theirs in the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_datetime_format, get_time_format
from flask import Flask, g, has_request_context, request, session, url_for
from flask_babel import Babel, refresh
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from inquiries.errors import InquiriesError
from inquiries.services import publishing
from inquiries.web.current import house, settings

TRANSLATIONS: Final = Path(__file__).parent.parent / "translations"
SPOKEN: Final = ("ko", "en", *sorted(p.name for p in TRANSLATIONS.glob("*") if p.is_dir() and p.name != "ko"))

_PARTICLES: Final = re.compile(r"(\S)(['’”\"」)]*)(을\(를\)|이\(가\)|은\(는\)|과\(와\))")
_PAIRS: Final = {
    "을(를)": ("을", "를"),
    "이(가)": ("이", "가"),
    "은(는)": ("은", "는"),
    "과(와)": ("과", "와"),
}


@dataclass(frozen=True)
class Choice:
    """One language offered on a page, and the address of the same page in it."""

    code: str
    name: str
    url: str
    current: bool


def init_app(app: Flask) -> None:
    """Install Flask-Babel, the filters for dates, and the links that carry a choice on."""
    Babel(app, locale_selector=chosen, default_locale="en", default_translation_directories=str(TRANSLATIONS))
    app.url_defaults(_carry)
    app.jinja_env.filters.update(day=day, moment=moment, particles=particles)


def offered() -> tuple[str, ...]:
    """The languages of this page: the policy's in its order; staff pages speak all that we do."""
    if request.blueprint == "staff":
        return SPOKEN
    try:
        languages = publishing.in_force(house()).policy.languages
    except (InquiriesError, SQLAlchemyError, OSError):
        return SPOKEN  # a page that says why nothing can be accepted still speaks
    return _spoken(languages)


def chosen() -> str:
    """The language of this request."""
    if not has_request_context():
        return "en"
    found: str | None = g.get("language")
    if found is None:
        found = g.language = _choose()
    return found


def prefer(wanted: object) -> None:
    """Speak the language that a form's field or an API body names, if it is offered, and stay with it."""
    if isinstance(wanted, str) and wanted in offered():
        g.language = wanted
        g.language_asked = True
        refresh()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """For a part of a page that somebody else is to read: what is rendered within is in this language."""
    before, g.language = chosen(), code if code in SPOKEN else chosen()
    refresh()
    try:
        yield
    finally:
        g.language = before
        refresh()


def choices() -> tuple[Choice, ...]:
    """What the language links of this page offer; a page answered to a form leads back to the form."""
    languages = offered()
    if len(languages) < 2:  # noqa: PLR2004 - nothing to choose
        return ()
    now = chosen()
    return tuple(Choice(code, own_name(code), _here(code), code == now) for code in languages)


def day(value: datetime, zone: str | None = None) -> str:
    """A day in words, as the reader is used to: Monday, November 22, 2027; 2027년 11월 22일 월요일."""
    return format_date(_in(value, zone).date(), "full", locale=chosen())


def moment(value: datetime, zone: str | None = None) -> str:
    """A day and a time of day, without seconds."""
    local, language = _in(value, zone), chosen()
    joined: str = str(get_datetime_format("medium", locale=language))
    hours = get_time_format("short", locale=language).pattern.replace("a", "aaaa")  # 오전, where "a" gives AM
    time = format_time(local.time(), hours, locale=language)
    return joined.replace("{0}", time).replace("{1}", format_date(local.date(), "long", locale=language))


def particles(text: str) -> str:
    """Settle Korean particles by the sound before them: 이름을(를) becomes 이름을, 연락처을(를) 연락처를."""
    settled = _PARTICLES.sub(_particle, str(text))
    return Markup(settled) if isinstance(text, Markup) else settled  # noqa: S704 - only particles were changed


def _choose() -> str:
    languages = offered()
    wanted = request.args.get("lang") if request.query_string else None
    if wanted in languages:
        g.language_asked = True
        return str(wanted)
    if request.blueprint == "staff" and session.get("language") in languages:
        return str(session["language"])
    return _best(request.headers.get("Accept-Language"), languages)


@lru_cache(maxsize=16)
def _spoken(languages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for code in languages if code in SPOKEN) or SPOKEN


@lru_cache(maxsize=256)
def _best(accepted: str | None, languages: tuple[str, ...]) -> str:
    """What the browser asks for, of what is offered; such headers are few, and long to read."""
    return parse_accept_header(accepted, LanguageAccept).best_match(languages) or languages[0]


def _carry(endpoint: str, values: dict[str, Any]) -> None:
    """Keep an explicit choice in the links between public pages."""
    if endpoint.startswith(("public.", "subject.")) and has_request_context() and g.get("language_asked"):
        values.setdefault("lang", g.language)


def _here(code: str) -> str:
    if request.endpoint is None or request.endpoint == "static":
        return url_for("staff.home" if settings().surface == "staff" else "public.start", lang=code)
    values = {**(request.view_args or {}), "lang": code}
    if (
        request.method == "GET" and "_next" in request.args
    ):  # the page that answers a form is set once for all
        values["_next"] = request.args["_next"]
    return url_for(request.endpoint, **values)


def own_name(code: str) -> str:
    """What a language calls itself."""
    return (Locale(code).get_display_name(code) or code).capitalize()


def _in(value: datetime, zone: str | None) -> datetime:
    return value.astimezone(ZoneInfo(zone)) if zone else value


def _particle(found: re.Match[str]) -> str:
    before, quotes, pair = found.groups()
    closed = _ends_in_consonant(before)
    return f"{before}{quotes}{pair if closed is None else _PAIRS[pair][0 if closed else 1]}"


def _ends_in_consonant(letter: str) -> bool | None:
    """Whether a syllable or a digit, read aloud, ends in a consonant; None where one cannot tell."""
    if letter.isascii():
        return letter in "013678" if letter.isdigit() else None
    syllable = ord(letter) - 0xAC00
    return syllable % 28 != 0 if 0 <= syllable < 11172 else None  # noqa: PLR2004 - Hangul in Unicode

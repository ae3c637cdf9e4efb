"""How often one address may send or look up, counted under a keyed hash of it; keeps no address.

The counters are those of `limits`, the engine of Flask-Limiter. The extension itself is left out: finding
out at each request which of its rules apply costs 200 µs, a third of all that the web does for an inquiry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, cast

import structlog
from flask import Flask, current_app, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from inquiries import clock
from inquiries.services.attempts import network_of
from inquiries.settings import Settings
from inquiries.web import counters
from inquiries.web.current import house

#: What is counted, and how often one address may; `LIMIT_SUBMIT` and its like in the app's config replace it.
RULES: Final[Mapping[str, str]] = {
    "submit": "20 per 10 minutes",  # inquiries, by form or API; one rule: each asks the store of the counters
    "receipt": "5 per minute;30 per hour",  # codes that open nothing: guessing 125 bits is hopeless anyway
    "look": "60 per minute;600 per hour",  # whatever is asked with a code; each is work for the stores
    "unsubscribe": "600 per minute",  # links followed: mail providers do it for many from a few addresses
    "sign_in": "30 per minute;300 per hour",  # attempts at whichever accounts: each is work for Argon2
    "session": "60 per 10 minutes",  # staff pages asked for without one: each is a row before any sign-in
}

_log = structlog.get_logger()


class TooMany(TooManyRequests):
    """This address sent too much; it may try again after `retry_after` seconds."""


@dataclass(frozen=True)
class Counters:
    """The counters that all processes share, and those of this process for when they cannot be reached."""

    shared: FixedWindowRateLimiter
    own: FixedWindowRateLimiter

    def count(self, rules: str, scope: str) -> None:
        """Count this request once under every rule. Raises TooMany."""
        who = _who()
        for rule in _parsed(rules):
            if not self._hit(rule, scope, who):
                raise TooMany(retry_after=self._wait(rule, scope, who))

    def check(self, rules: str, scope: str) -> None:
        """Raise TooMany where the next one counted would; counts none."""
        who = _who()
        for rule in _parsed(rules):
            if not self._free(rule, scope, who):
                raise TooMany(retry_after=self._wait(rule, scope, who))

    def _free(self, rule: RateLimitItem, scope: str, who: str) -> bool:
        try:
            return self.shared.test(rule, scope, who)
        except StorageError:
            return self.own.test(rule, scope, who)

    def _hit(self, rule: RateLimitItem, scope: str, who: str) -> bool:
        """Intake does not stand still because a counter does: then each process counts by itself."""
        try:
            return self.shared.hit(rule, scope, who)
        except StorageError as failure:
            _log.warning("limits_unshared", kind=type(failure.storage_error).__name__)
            return self.own.hit(rule, scope, who)

    def _wait(self, rule: RateLimitItem, scope: str, who: str) -> int:
        try:
            ends = self.shared.get_window_stats(rule, scope, who).reset_time
        except StorageError:
            return rule.get_expiry()
        return max(1, round(ends - clock.now().timestamp()))


def init_app(app: Flask, settings: Settings) -> None:
    """Install the limits."""
    for what, rules in RULES.items():
        app.config.setdefault(_key(what), rules)
    shared = FixedWindowRateLimiter(counters.storage(settings.ratelimit_storage_uri))
    app.extensions["inquiries.limits"] = Counters(shared, FixedWindowRateLimiter(MemoryStorage()))


def count(what: str) -> None:
    """Count one of what `RULES` names. Raises TooMany."""
    _counters().count(current_app.config[_key(what)], what)


def count_look() -> None:
    """Count one thing asked with a receipt code. Raises TooMany, also to who sent too many that open nothing.

    Her own code is answered to them as a wrong one is: so nobody learns from being put off.
    """
    _counters().check(current_app.config[_key("receipt")], "receipt")
    count("look")


def _key(what: str) -> str:
    return f"LIMIT_{what.upper()}"


def _counters() -> Counters:
    return cast("Counters", current_app.extensions["inquiries.limits"])


@lru_cache(maxsize=16)
def _parsed(rules: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(rules)) if rules else ()


def _who() -> str:
    """The caller under a keyed hash: the counters hold no address."""
    address = network_of(request.remote_addr or "")
    key = house().custody.secret_key[:64]
    return blake2b(address.encode(), key=key, person=b"rate-limit", digest_size=16).hexdigest()

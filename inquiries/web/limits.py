"""How often one address may send or look up, counted under a keyed hash of it; keeps no address.

The counters are those of `limits`, the engine of Flask-Limiter. The extension itself is left out: finding
out at each request which of its rules apply costs 200 µs, a third of all that the web does for an inquiry.
"""

from __future__ import annotations

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

SUBMIT: Final = "20 per 10 minutes"  # one rule: each is a round trip to the store of the counters
RECEIPT: Final = "5 per minute;30 per hour"  # codes that open nothing: guessing 125 bits is hopeless anyway
LOOK: Final = "60 per minute;600 per hour"  # whatever is asked with a code; each is work for the stores
UNSUBSCRIBE: Final = "600 per minute"  # mail providers do it for many people from a few addresses
SIGN_IN: Final = "30 per minute;300 per hour"  # attempts of one address, at whichever accounts
SESSION: Final = "60 per 10 minutes"  # each is a row in the store before anybody has signed in

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
    """Install the limits; `LIMIT_SUBMIT` and its like in the app's config replace the figures."""
    app.config.setdefault("LIMIT_SUBMIT", SUBMIT)
    app.config.setdefault("LIMIT_RECEIPT", RECEIPT)
    app.config.setdefault("LIMIT_LOOK", LOOK)
    app.config.setdefault("LIMIT_UNSUBSCRIBE", UNSUBSCRIBE)
    app.config.setdefault("LIMIT_SIGN_IN", SIGN_IN)
    app.config.setdefault("LIMIT_SESSION", SESSION)
    shared = FixedWindowRateLimiter(counters.storage(settings.ratelimit_storage_uri))
    app.extensions["inquiries.limits"] = Counters(shared, FixedWindowRateLimiter(MemoryStorage()))


def count_submission() -> None:
    """Count one inquiry sent, by form or API. Raises TooMany."""
    _counters().count(current_app.config["LIMIT_SUBMIT"], "submit")


def count_look() -> None:
    """Count one thing asked with a receipt code. Raises TooMany, also to who sent too many that open nothing.

    Her own code is answered to them as a wrong one is: so nobody learns from being put off.
    """
    _counters().check(current_app.config["LIMIT_RECEIPT"], "receipt")
    _counters().count(current_app.config["LIMIT_LOOK"], "look")


def count_missed() -> None:
    """Count one code that opened nothing. Raises TooMany."""
    _counters().count(current_app.config["LIMIT_RECEIPT"], "receipt")


def count_unsubscribing() -> None:
    """Count one link to unsubscribe that was followed. Raises TooMany."""
    _counters().count(current_app.config["LIMIT_UNSUBSCRIBE"], "unsubscribe")


def count_sign_in() -> None:
    """Count one attempt to sign in: it bounds the work of Argon2 that one can ask for. Raises TooMany."""
    _counters().count(current_app.config["LIMIT_SIGN_IN"], "sign-in")


def count_session() -> None:
    """Count one staff page asked for without a session, which may begin one. Raises TooMany."""
    _counters().count(current_app.config["LIMIT_SESSION"], "session")


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

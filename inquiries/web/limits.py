"""How often one address may send or look up, counted under a keyed hash of it; keeps no address."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, cast

from flask import Flask, current_app, request
from flask_limiter import Limiter

from inquiries.settings import Settings
from inquiries.web.current import house

SUBMIT: Final = "10 per minute;100 per hour"
RECEIPT: Final = "5 per minute;30 per hour"  # guessing 125 bits is hopeless; this spares us the attempt


@dataclass(frozen=True)
class Limits:
    """Call one to count a request against it; raises `RateLimitExceeded` (429) when there were too many."""

    submission: Callable[[], None]
    receipt: Callable[[], None]


def init_app(app: Flask, settings: Settings) -> None:
    """Install the limits; `LIMIT_SUBMIT` and `LIMIT_RECEIPT` of the app's config replace the figures."""
    app.config.setdefault("LIMIT_SUBMIT", SUBMIT)
    app.config.setdefault("LIMIT_RECEIPT", RECEIPT)
    limiter = Limiter(_who, app=app, storage_uri=settings.ratelimit_storage_uri, strategy="fixed-window")
    app.extensions["inquiries.limits"] = Limits(
        submission=limiter.shared_limit(lambda: str(current_app.config["LIMIT_SUBMIT"]), scope="submit")(
            _submission
        ),
        receipt=limiter.shared_limit(lambda: str(current_app.config["LIMIT_RECEIPT"]), scope="receipt")(
            _receipt
        ),
    )


def count_submission() -> None:
    """Count one inquiry sent, by form or API. Raises RateLimitExceeded."""
    _limits().submission()


def count_receipt() -> None:
    """Count one receipt looked up. Raises RateLimitExceeded."""
    _limits().receipt()


def _limits() -> Limits:
    return cast("Limits", current_app.extensions["inquiries.limits"])


def _submission() -> None:
    """Stand for the act that is counted."""


def _receipt() -> None:
    """Stand for the act that is counted."""


def _who() -> str:
    """The caller under a keyed hash: the counters hold no address. A home's IPv6 network is one caller."""
    address = request.remote_addr or ""
    if ":" in address:
        try:
            address = str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
        except ValueError:
            address = "unreadable"
    return blake2b(
        address.encode(), key=house().secret_key[:64], person=b"rate-limit", digest_size=16
    ).hexdigest()

"""Which browser the tests use, and how it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHROMIUM: Final = Path("/usr/bin/chromium")  # as `make browser` installs it; else Playwright's own
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> Path | None:
    """The browser of this machine; None for the one that Playwright brings along."""
    return CHROMIUM if CHROMIUM.exists() else None

"""Which of staff's own words the person is told: none that could name or reach somebody (P17)."""

from __future__ import annotations

import re

#: An address, a link, a number that could be somebody's. Names cannot be told from words: the page on which
#: the reason is given says that the person will read it.
_REACHES_SOMEBODY = re.compile(r"@|://|www\.|\d[\d\s().-]{4,}\d")


def harmless(reason: str) -> bool:
    """Whether the reason for an opening is shown to the person as it was given."""
    return reason.isprintable() and _REACHES_SOMEBODY.search(reason) is None

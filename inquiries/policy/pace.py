"""How long the product itself takes to destroy for good: below that no policy can promise (P10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

SWEEP: Final = timedelta(hours=1)
ROTATION: Final = timedelta(hours=24)
KEY_BACKUPS_LIVE: Final = timedelta(hours=72)

#: From due until no copy brings it back, at the longest.
FINAL_WITHIN: Final = SWEEP + ROTATION + KEY_BACKUPS_LIVE

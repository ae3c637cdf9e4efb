"""For what items are read, and whether what the person agreed to covers it (P02); reads nothing."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from inquiries.policy.model import REQUIRED_PURPOSE
from inquiries.rules.retention import MAIN


class Use(StrEnum):
    """What somebody reads items for; whoever asks for the keys of an inquiry says which."""

    answer = "answer"  # what it was sent for: to list, open and answer it
    notify = "notify"  # to mail the person that there is an answer
    export = "export"  # a file for a purpose that she agreed to
    archive = "archive"  # what a law orders kept (P12)
    hold = "hold"  # why a legal hold keeps it (P14)
    disclose = "disclose"  # what a law orders disclosed to an authority (P35)
    guardian = "guardian"  # to ask a child's guardian (P07)
    rights = "rights"  # what she herself asks for, and the proof that it was she (P17)


#: These rest on a law, whatever was agreed to: PIPA 15(1)2, 18(2), 22-2(3), 35 to 37;
#: GDPR 6(1)c, 8(2), 12, 15 to 22.
BY_LAW = frozenset({Use.archive, Use.hold, Use.disclose, Use.guardian, Use.rights})


def covers(use: Use, group: str, agreed: Collection[str]) -> bool:
    """Whether this use may read this group of an inquiry; `agreed`: the purposes that she agreed to, still.

    The inquiry's own group serves the required purpose, a group that an optional consent made serves that
    one alone, and what is recorded of the visit serves none.
    """
    if use in BY_LAW:
        return True
    if group == MAIN:
        return REQUIRED_PURPOSE in agreed
    return use is Use.export and group in agreed

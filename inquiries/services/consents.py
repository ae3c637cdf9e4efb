"""The records of what somebody agreed to, each with the very text that was shown, and its proof (P03)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from inquiries.services.receipt import ConsentView
from inquiries.stores.live import policies
from inquiries.stores.live.inquiries import Consent


@dataclass(frozen=True)
class ConsentRecord:
    """A consent with the text beside the form; `shown_here` is False where another page had to show it.

    `same`: the digest of the text is the one that was recorded with the consent.
    """

    view: ConsentView
    language: str
    shown_here: bool
    text: str | None
    digest: str

    @property
    def same(self) -> bool:
        """Whether this is the very text."""
        return self.text is not None and sha256(self.text.encode()).hexdigest() == self.digest


def reproduced(
    connection: Connection, consents: Iterable[tuple[Consent, ConsentView]]
) -> Iterator[ConsentRecord]:
    """Each consent with its text, from what was published."""
    for row, view in consents:
        text = policies.notice_text(connection, row.notice_digest)
        yield ConsentRecord(view, row.language, row.notice_shown, text, row.notice_digest.hex())

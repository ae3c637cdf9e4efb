"""What was sent before it was certain who sends it: kept sealed in her session, done once she has proved it.

A form can arrive after its session has idled out, or ask for something that wants a fresh proof. Nothing is
done then, and nothing that was typed is lost. A draft is one person's: whoever else signs in drops it. It
came with the CSRF token of a session of hers, so no foreign page makes her send what she never typed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Final

from flask import redirect, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.wrappers import Response

from inquiries.web import sessions

FIELD: Final = "draft"  # the hidden field of the page that asks, and the session's own name for it
_NOT_KEPT: Final = ("csrf_token", FIELD)


@dataclass(frozen=True)
class Draft:
    """One interrupted POST: whose (a staff id), where to, its fields in order; the page names it by `key`."""

    key: str
    of: int
    path: str
    fields: tuple[tuple[str, str], ...]


def keep(of: int) -> None:
    """Keep what this request sent, for this person; whatever was kept before goes. Passwords are left out."""
    fields = tuple(
        (name, text)
        for name, text in request.form.items(multi=True)
        if name not in _NOT_KEPT and "password" not in name
    )
    made = Draft(os.urandom(8).hex(), of, request.full_path.rstrip("?"), fields)
    sessions.current()[FIELD] = json.dumps(asdict(made))


def worth_keeping() -> bool:
    """Whether something was typed or chosen, so that it would be lost."""
    return any(text.strip() for name, text in request.form.items() if name not in _NOT_KEPT)


def waiting() -> Draft | None:
    """What waits in this session."""
    written = sessions.current().get(FIELD)
    if written is None:
        return None
    kept = json.loads(written)
    return Draft(kept["key"], kept["of"], kept["path"], tuple((name, text) for name, text in kept["fields"]))


def drop() -> None:
    """Let go of what waits."""
    if FIELD in sessions.current():
        del sessions.current()[FIELD]


def finish() -> Response | None:
    """Have the browser send what waits to where it was meant for; None where the page named no draft.

    307 repeats this very POST there, with its CSRF token and the draft's key; `fill_in` puts the draft in
    the place of the rest.
    """
    draft = _named()
    return None if draft is None else redirect(draft.path, code=307)


def fill_in() -> None:
    """Where this request is the repeated one, let its form be the draft's; once."""
    draft = _named()
    if draft is not None and draft.path == request.full_path.rstrip("?"):
        request.form = ImmutableMultiDict(draft.fields)
        drop()


def _named() -> Draft | None:
    draft = waiting()
    return draft if draft is not None and request.form.get(FIELD) == draft.key else None

"""The copy of all that is held about a person, as a page and as a file; words it, and leaves nothing out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from flask import Response, make_response, render_template

from inquiries.services.copies import Copy
from inquiries.web import messages, subject_words
from inquiries.web.current import settings

FILE_NAME: Final = "my-inquiry.json"


def page(held: Copy, code: str) -> str:
    """To be read and printed; it holds the code, so that the file can be asked for from it."""
    return render_template("public/copy.html", code=code, words=subject_words, **shown(held))


def shown(held: Copy) -> dict[str, Any]:
    """What the page stands on, whoever asks for it."""
    return {"held": held, "view": held.view, "policy": held.view.policy, "states": messages.STATES}


def file(held: Copy) -> Response:
    """The same for machines (GDPR 20), moments in RFC 3339; its shape is in docs/formats.md."""
    response = make_response(json.dumps(_document(held), ensure_ascii=False, indent=1) + "\n")
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _document(held: Copy) -> dict[str, Any]:
    view = held.view
    return {
        "format": "inquiries copy",
        "version": 1,
        "made": _said(held.made_at),
        "controller": dict(view.policy.controller.root),
        "issuer": settings().origin,
        "inquiry": {
            "type": view.type,
            "state": view.state,
            "channel": view.channel,
            "entered": view.evidence
            and {"who": view.evidence.who, "how": view.evidence.how, "at": _said(view.evidence.at)},
            "language": held.language,
            "policy_version": view.policy_version,
            "received": _said(view.received_at),
            "answered": _said(held.answered_at),
            "closed": _said(held.closed_at),
            "held_until": _said(view.held_until),
            "suspended": view.suspended,
        },
        "parts": [
            {"group": part.name, "destroyed_on": _said(part.due_at), "items": dict(part.items)}
            for part in held.parts
        ],
        "consents": [
            {
                "purpose": one.view.purpose,
                "given": one.view.given,
                "recorded": _said(one.view.recorded_at),
                "withdrawn": _said(one.view.withdrawn_at),
                "policy_version": one.view.policy_version,
                "language": one.language,
                "shown_here": one.shown_here,
                "text": one.text,
                "sha256": one.digest,
                "same": one.same,
            }
            for one in held.consents
        ],
        "requests": [
            {
                "kind": one.kind,
                "about": list(one.subject),
                "channel": one.channel,
                "asked": _said(one.asked_at),
                "answered_by": _said(one.limit_at),
                "state": one.state,
                "because": one.because,
                "until": _said(one.until),
                "settled": _said(one.settled_at),
            }
            for one in view.requests
        ],
        "messages": [
            {"at": _said(one.at), "from": "you" if one.by is None else "controller", "text": one.text}
            for one in view.thread
        ],
        "corrections_under_way": dict(view.corrected),
        "opened": [
            {
                "at": _said(one.at),
                "role": one.role,
                "exported": one.exported,
                "given_to": one.to or None,
                "reason": one.reason,
                "reason_on_record": not one.told,
            }
            for one in view.openings
        ],
    }


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")

"""The officer's page of mail: whether it goes out, what could not be sent, and what she does about that."""

from __future__ import annotations

from typing import Final

from flask import render_template
from werkzeug.wrappers import Response

from inquiries.errors import NotFound
from inquiries.rules.permissions import Permission
from inquiries.services import mail as service
from inquiries.web import mail_words, sessions, templating
from inquiries.web.current import before, house
from inquiries.web.guards import needs, signed_in

_WORDS: Final = templating.own_words(mail_words)


@needs(Permission.see_mail)
def mail() -> str:
    """How the outbox stands."""
    return render_template(
        "staff/mail.html",
        outbox=service.overview(house(), signed_in(), before()),
        mail_words=_WORDS,
    )


@needs(Permission.see_mail)
def send_again(mail_id: int) -> Response:
    """Send once more what was given up."""
    try:
        service.again(house(), signed_in(), mail_id)
    except NotFound:
        return sessions.lead_to("staff.mail", "overtaken")
    return sessions.lead_to("staff.mail", "mail_again")


@needs(Permission.see_mail)
def drop(mail_id: int) -> Response:
    """Let go for good of what was given up."""
    try:
        service.drop(house(), signed_in(), mail_id)
    except NotFound:
        return sessions.lead_to("staff.mail", "overtaken")
    return sessions.lead_to("staff.mail", "mail_drop")

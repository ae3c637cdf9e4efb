"""Writes a message out: the text of its kind in its language, and the headers; knows no outbox, no relay.

A template's first line is the subject. Nothing in a text comes from what somebody wrote.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateNotFound, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inquiries.services.mail import Letter
from inquiries.settings import HOME

_FALLBACK = "en"
_TEXTS = ImmutableSandboxedEnvironment(
    loader=FileSystemLoader(HOME / "templates" / "mail"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=select_autoescape(),  # which plain text has no need of
)


def written(letter: Letter, *, to: str, sender: str, controller: str, origin: str) -> bytes:
    """The message with its headers, the same bytes however often; `to` is the address as relays take it.

    `Message-ID` names the message's own id, so that a second copy is known for one (RFC 5322, 3.6.4).
    """
    said = {**letter.facts, "controller": controller, "origin": origin}
    subject, _, body = _text(letter).render(said).partition("\n")
    message = EmailMessage(SMTP)
    message["From"] = Address(" ".join(controller.split()), addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(letter.queued_at)
    message["Message-ID"] = f"<{letter.id:x}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers
    message["Content-Language"] = letter.language
    message.set_content(body.strip() + "\n", charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _text(letter: Letter) -> Template:
    try:
        return _TEXTS.get_template(f"{letter.kind}.{letter.language}.txt")
    except TemplateNotFound:
        return _TEXTS.get_template(f"{letter.kind}.{_FALLBACK}.txt")

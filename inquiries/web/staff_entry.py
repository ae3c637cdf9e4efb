"""Where staff enter what came by telephone, on paper, by mail, fax or at an event; judges nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import ServiceUnavailable
from wtforms import DateTimeLocalField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # unknown to the stubs

from inquiries.errors import FieldError, IntakeClosed, InvalidItems, NoticeSuperseded, OnceReused
from inquiries.rules import entry as rules
from inquiries.rules.entry import Channel, Told
from inquiries.rules.permissions import Permission
from inquiries.services import entries, publishing
from inquiries.services.intake import Received, Submission
from inquiries.services.publishing import Published
from inquiries.web import drafts, forms, language, messages, once
from inquiries.web.current import house, settings
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

_log = structlog.get_logger()

SPEAKS: Final = "speaks"  # in which language the person was told what the notice says
_OWN: Final = ("csrf_token", drafts.FIELD, SPEAKS)

#: Why what was typed is shown again, where no field is at fault.
_REASONS: Final = (
    (NoticeSuperseded, _l("The notice has changed meanwhile. The person has to agree to the one below.")),
    (OnceReused, _l("This page entered another inquiry already. Send it again to enter this one, too.")),
    (IntakeClosed, _l("Not stored: the keys are being renewed. Please send it again in a moment.")),
    (SQLAlchemyError, _l("Not stored: a database did not answer. Please send it again in a moment.")),
)  # fmt: skip
_WORDS: Final[Mapping[str, Any]] = {
    "channel.required": _l("Please choose how it came."),
    "who.required": _l("Please say who agreed. Without that an inquiry is not entered."),
    "how.required": _l("Please say how the person agreed, and where that can be seen."),
    "at.required": _l("Please give the day and the time at which the person agreed."),
    "at.to_come": _l("This moment is still to come."),
    "at.another_notice": _l(
        "Another notice was in force then, or none. Please ask the person to agree to the one below."
    ),
}


class EvidenceForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`evidence.channel evidence.who evidence.how evidence.at`."""

    channel = SelectField(
        _l("How it came"),
        choices=[
            SelectChoice("", _l("Please choose")),
            *(SelectChoice(one.value, messages.CHANNELS[one]) for one in Channel),
        ],
        render_kw={"required": True},
    )
    who = StringField(
        _l("Who agreed"), render_kw={"required": True, "maxlength": rules.WHO_LIMIT, "autocomplete": "off"}
    )
    how = TextAreaField(
        _l("How the person agreed"), render_kw={"required": True, "maxlength": rules.HOW_LIMIT, "rows": 3}
    )
    at = DateTimeLocalField(_l("When"), render_kw={"required": True})


@needs(Permission.enter_inquiry)
def entry_types() -> str:
    """For which types something can be entered."""
    policy = publishing.in_force(house()).policy
    names = entries.types(house(), signed_in())
    return render_template("staff/entry_types.html", types={name: policy.types[name] for name in names})


@needs(Permission.enter_inquiry)
def enter(type_name: str) -> ResponseReturnValue:
    """The form of one type with the evidence above it; sent, the receipt code, to be handed over."""
    entries.permit(house(), signed_in(), type_name)
    published = publishing.in_force(house())
    speaks = published.policy.language(request.values.get(SPEAKS))
    if request.method != "POST":
        return _form(published, type_name, speaks)
    try:
        received = entries.enter(house(), signed_in(), _submission(type_name, speaks), _told(published))
    except InvalidItems as refused:
        return _form(published, type_name, speaks, errors=refused.errors), refused.status
    except tuple(error for error, _words in _REASONS) as failed:
        why = next(words for error, words in _REASONS if isinstance(failed, error))
        _log.warning("not_entered", reason=type(failed).__name__)
        status = getattr(failed, "status", ServiceUnavailable.code)
        return _form(publishing.in_force(house()), type_name, speaks, reason=str(why)), status
    return _entered(published, received, speaks)


def _submission(type_name: str, speaks: str) -> Submission:
    """What was typed. Raises InvalidItems for a page of yesterday, NoticeSuperseded."""
    sent: dict[str, object] = {
        name: values[0] if len(values) == 1 else values for name, values in request.form.lists()
    }
    nonce = once.read(sent.get("_once"))
    own = (*_OWN, *(name for name in sent if name.startswith(rules.FIELD)))
    items, consents = forms.sorted_out(sent, own)
    return Submission(
        type=type_name,
        items=items,
        consents=consents,
        language=speaks,
        notice_version=forms.version_seen(sent.get("_notice")),
        once=nonce,
    )


def _told(published: Published) -> Told:
    """The evidence as it was typed; its moment is told in the policy's time zone."""
    form = EvidenceForm(prefix=rules.FIELD)
    at: datetime | None = form.at.data
    zone = ZoneInfo(published.policy.time_zone)
    return Told(form.channel.data, form.who.data, form.how.data, at and at.replace(tzinfo=zone))


def _form(
    published: Published,
    type_name: str,
    speaks: str,
    *,
    errors: tuple[FieldError, ...] = (),
    reason: str | None = None,
) -> str:
    sheet = forms.sheet(published, type_name, speaks)
    evidence = EvidenceForm(prefix=rules.FIELD)
    found = _worded(errors, {**sheet.labels, **{one.name: str(one.label.text) for one in evidence}})
    return render_template(
        "staff/entry.html",
        sheet=sheet,
        form=sheet.fill(request.form.to_dict() if request.method == "POST" else None),
        evidence=evidence,
        speaks=speaks,
        languages=published.policy.languages,
        once=once.new(),
        errors=found,
        wrong={error.field: error.message for error in found},
        reason=reason,
    )


def _worded(errors: tuple[FieldError, ...], labels: Mapping[str, str]) -> tuple[Message, ...]:
    """Each fault in words: of the evidence ours, of everything else those of the public form."""
    own = {rules.FIELD + name: words for name, words in _WORDS.items()}
    return tuple(
        replace(one, message=str(own.get(f"{one.field}.{one.code}", one.message)))
        for one in messages.word(errors, labels)
    )


def _entered(published: Published, received: Received, speaks: str) -> str:
    """The page with the slip that is handed over, which is in the person's language."""
    with language.speaking(speaks):
        slip = render_template(
            "staff/slip.html",
            received=received,
            kind=published.policy.types[received.type].label.text(speaks),
            origin=settings().origin,
        )
    return render_template(
        "staff/entered.html",
        slip=Markup(slip),  # noqa: S704 - rendered above, where all was escaped
        received=received,
        mailed=settings().relay is not None,
    )

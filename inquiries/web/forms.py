"""The form of each inquiry type, made from the policy: labels, marks, kinds; decides nothing about values.

What a valid item is stands in `rules/items.py`, which this form and the API both ask. WTForms renders the
form and keeps what was typed; an inquiry that is accepted never passes through it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from flask import current_app
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, EmailField, Field, StringField, TelField, TextAreaField

from inquiries.errors import NoticeSuperseded
from inquiries.policy.model import Item, Minors, Policy
from inquiries.policy.notice import Notice
from inquiries.rules import minors
from inquiries.services.publishing import Published

CONSENT: Final = "consent."
CONTROLS: Final = frozenset({"_once", "_notice", "_next", "language"})

_KINDS: Final[Mapping[str, type[Field]]] = {
    "text": StringField,
    "email": EmailField,
    "phone": TelField,
    "long_text": TextAreaField,
}
_ATTRIBUTES: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {},
    "email": {"inputmode": "email", "spellcheck": "false", "autocapitalize": "none"},
    "phone": {"inputmode": "tel"},
    "long_text": {"rows": 8},
}


def sorted_out(
    fields: Mapping[str, object], others: Container[str] = ()
) -> tuple[dict[str, object], dict[str, object]]:
    """(items, consents) of what was sent, each still to be judged; `others` are fields of the page itself."""
    items: dict[str, object] = {}
    consents: dict[str, object] = {}
    for name, value in fields.items():
        if name.startswith(CONSENT):
            consents[name.removeprefix(CONSENT)] = True if value == "yes" else value
        elif name not in CONTROLS and name not in others:
            items[name] = value
    return items, consents


def version_seen(seen: object) -> int | None:
    """The version of the notice that the form showed; None for a form of the company's own.

    Raises NoticeSuperseded when it is no number: whatever she saw, she must see the notice in force.
    """
    if seen is None or seen == "":
        return None
    if isinstance(seen, str) and seen.isascii() and seen.isdigit() and len(seen) < 10:  # noqa: PLR2004
        return int(seen)
    raise NoticeSuperseded("_notice is not a number")


class InquiryForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """The base of every public form: without CSRF token, for there is no authority to borrow (DESIGN §6)."""

    class Meta:
        """No token, therefore no cookie either (P05)."""

        csrf = False


@dataclass(frozen=True)
class Sheet:
    """What the form of one type needs in one language; made once per published version."""

    version: int
    name: str
    title: str
    description: str
    form: type[InquiryForm]
    required: frozenset[str]
    hints: Mapping[str, str]
    labels: Mapping[str, str]
    items: tuple[str, ...]
    notice: Notice
    minors: Minors | None

    def fill(self, sent: Mapping[str, object] | None) -> InquiryForm:
        """The form, empty, or with what was typed."""
        if sent is None:
            return self.form(formdata=None)
        typed = MultiDict((name, text) for name, value in sent.items() for text in _texts(value))
        return self.form(formdata=typed)


def sheet(published: Published, type_name: str, language: str) -> Sheet:
    """The sheet of one inquiry type. Raises KeyError for a type that the policy does not declare."""
    made = cast(
        "dict[tuple[int, str, str], Sheet]", current_app.extensions.setdefault("inquiries.sheets", {})
    )
    key = (published.version, type_name, language)
    if key not in made:
        made[key] = _make(published, type_name, language)
    return made[key]


def _make(published: Published, type_name: str, language: str) -> Sheet:
    policy = published.policy
    kind = policy.types[type_name]
    notice = published.notice(type_name, language)
    consents = {f"{CONSENT}{c.purpose}": c.label for c in notice.consents}
    labels = {name: policy.items[name].label.text(language) for name in kind.items}
    hints = {name: hint.text(language) for name in kind.items if (hint := policy.items[name].hint)}
    return Sheet(
        version=published.version,
        name=type_name,
        title=kind.label.text(language),
        description=kind.description.text(language),
        form=_form(policy, kind.items, frozenset(kind.required), labels, consents),
        required=frozenset(kind.required),
        hints=hints,
        labels={**labels, **consents, **(_guardian_labels() if policy.minors else {})},
        items=kind.items,
        notice=notice,
        minors=policy.minors,
    )


def _guardian_labels() -> dict[str, str]:
    return {
        minors.NEEDED: _("Your age"),
        minors.NAME: _("Name of your legal guardian"),
        minors.CONTACT: _("E-mail address or telephone number of your legal guardian"),
    }


def _form(
    policy: Policy,
    items: tuple[str, ...],
    required: frozenset[str],
    labels: Mapping[str, str],
    consents: Mapping[str, str],
) -> type[InquiryForm]:
    """One WTForms class; its attributes are prefixed, so that no item can shadow a method of the form."""
    members: dict[str, Any] = {
        f"item_{name}": _field(policy.items[name], name, labels[name], needed=name in required)
        for name in items
    }
    members |= {
        f"consent_{name.removeprefix(CONSENT)}": BooleanField(text, name=name)
        for name, text in consents.items()
    }
    return type("InquiryForm", (InquiryForm,), members)


def _field(item: Item, name: str, label: str, *, needed: bool) -> Field:
    attributes: dict[str, Any] = {**_ATTRIBUTES[item.kind], "maxlength": item.max_length}
    if item.autocomplete:
        attributes["autocomplete"] = item.autocomplete
    if needed:
        attributes["required"] = True
    return _KINDS[item.kind](label, name=name, render_kw=attributes)


def _texts(value: object) -> tuple[str, ...]:
    """What can be shown again of one field: the first text of several, nothing of a file."""
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, str)), None)
    return (value,) if isinstance(value, str) else ()

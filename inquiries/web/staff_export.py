"""The page of exports: what is asked for, and the encrypted file; what may leave is the service's matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, PasswordField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # unknown to the stubs

from inquiries.errors import FieldError, InvalidExport
from inquiries.rules.exporting import Format
from inquiries.rules.permissions import Permission
from inquiries.services import exports as service
from inquiries.services import provision, publishing
from inquiries.services.actor import REASON_LIMIT
from inquiries.services.exports import Export, Wish
from inquiries.services.passwords import LONGEST, SHORTEST
from inquiries.services.provision import Way
from inquiries.web import language, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message


class ExportForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`purpose to type first last form reason certificate password`."""

    purpose = SelectField(_l("Purpose"), render_kw={"required": True})
    to = SelectField(_l("For whom"))
    type = SelectField(_l("Type"))
    first = DateField(_l("Received from"))
    last = DateField(_l("Received until"))
    form = SelectField(
        _l("Format"),
        choices=[
            SelectChoice(Format.csv.value, _l("Table (CSV), for spreadsheets")),
            SelectChoice(Format.json.value, "JSON"),
        ],
    )
    reason = TextAreaField(_l("Reason"), render_kw={"required": True, "rows": 3, "maxlength": REASON_LIMIT})
    certificate = TextAreaField(
        _l("The recipient's OpenPGP certificate"),
        render_kw={"rows": 4, "maxlength": 30_000, "spellcheck": "false", "autocomplete": "off"},
    )
    password = PasswordField(
        _l("Or a passphrase"), render_kw={"maxlength": LONGEST, "autocomplete": "new-password"}
    )


@needs(Permission.export, fresh=True)
def export() -> ResponseReturnValue:
    """The form; sent, the answer is the file."""
    form = _form()
    if not form.is_submitted():
        return _page(form)
    try:
        made = service.export(house(), signed_in(), _wish(form))
    except InvalidExport as invalid:
        return _page(form, invalid.errors), invalid.status
    return as_file(made)


def as_file(made: Export) -> Response:
    """The encrypted file as the answer."""
    answer = make_response(made.sealed)
    answer.mimetype = "application/octet-stream"
    answer.headers["Content-Disposition"] = f"attachment; filename={made.name}"
    return answer


def _form() -> ExportForm:
    form = ExportForm()
    policy, spoken = publishing.in_force(house()).policy, language.chosen()
    form.purpose.choices = [
        SelectChoice(name, one.label.text(spoken)) for name, one in policy.purposes.items()
    ]
    form.to.choices = [
        SelectChoice("", _("for ourselves")),
        *(
            SelectChoice(key, f"{one.entry.name.text(spoken)} ({one.entry.country})")
            for key, one in provision.register(policy).items()
            if one.sort in provision.TO[Way.export]
        ),
    ]
    form.type.choices = [
        SelectChoice("", _("all")),
        *(SelectChoice(name, staff_words.type_label(name)) for name in policy.types),
    ]
    return form


def _wish(form: ExportForm) -> Wish:
    return Wish(
        purpose=form.purpose.data or "",
        to=form.to.data or "",
        type=form.type.data or None,
        first=form.first.data,
        last=form.last.data,
        form=form.form.data or "",
        reason=form.reason.data,
        certificate=form.certificate.data or "",
        passphrase=form.password.data or "",
    )


def _page(form: ExportForm, faults: tuple[FieldError, ...] = ()) -> str:
    order = tuple(form._fields).index
    errors = tuple(
        Message(one.field, one.code, _worded(one), f"field-{one.field}")
        for one in sorted(faults, key=lambda one: order(one.field))
    )
    return render_template(
        "staff/export.html",
        form=form,
        left=service.left_today(house(), signed_in()),
        most=service.MOST_A_DAY,
        shortest=SHORTEST,
        errors=errors,
        faults={one.field: one.message for one in errors},
    )


def _worded(error: FieldError) -> str:
    figures: dict[str, Any] = dict(error.params)
    words = {
        "purpose.required": _("Please choose for what it is used."),
        "purpose.nothing": _("Nobody's inquiry fits: nothing was exported."),
        "purpose.enough": _("You have made as many exports as a day allows. Nothing was exported."),
        "purpose.moving": _(
            "Inquiries were being withdrawn meanwhile. Nothing was exported; please try again."
        ),
        "to.unregistered": _("This does not stand in the register. Nothing was exported."),
        "to.basis": _("The people agreed to this provision with another purpose. Please choose that one."),
        "type.unknown_type": _("The policy no longer has this type."),
        "first.too_many": _(
            "More than %(max)s inquiries fit. Please choose fewer days or one type.", max=figures.get("max")
        ),
        "last.before_first": _("The last day lies before the first."),
        "form.required": _("Please choose a format."),
        "reason.required": _("Please say why."),
        **for_whom(figures),
    }
    return str(words[f"{error.field}.{error.code}"])


def for_whom(figures: Mapping[str, Any]) -> dict[str, str]:
    """What may be wrong with the one for whom a file is encrypted, by field and code."""
    return {
        "certificate.both": _("Please give either a certificate or a passphrase."),
        "certificate.unreadable": _("This is no OpenPGP certificate. Please paste the whole public key."),
        "certificate.private_key": _(
            "This holds a private key, which is nobody else's to have. Please paste the public key alone."
        ),
        "certificate.revoked": _("This certificate was revoked."),
        "certificate.expired": _("This certificate has expired."),
        "certificate.cannot_encrypt": _("Nothing can be encrypted to this certificate: it only signs."),
        "password.nobody": _("Please give the recipient's certificate or a passphrase."),
        "password.too_short": _("The passphrase has at least %(min)s characters.", min=figures.get("min")),
        "password.too_long": _("The passphrase has at most %(max)s characters.", max=figures.get("max")),
        "password.too_simple": _("The passphrase is too simple."),
    }

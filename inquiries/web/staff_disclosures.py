"""The pages of disclosures to authorities: put down, approved by another, handed over; decides nothing."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # unknown to the stubs

from inquiries.errors import FieldError, InvalidDisclosure, Suspended, WrongState
from inquiries.rules import procedure
from inquiries.rules.permissions import Permission
from inquiries.rules.procedure import Ordered, Stand
from inquiries.services import disclosures as service
from inquiries.services import inbox, provision, publishing
from inquiries.services.passwords import SHORTEST
from inquiries.services.provision import Sort
from inquiries.web import language, sessions, staff_words
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message
from inquiries.web.staff_export import ExportForm, as_file, for_whom

STANDS: Final = {
    Stand.asked: _l("waits for a second person"),
    Stand.approved: _l("approved, not handed over yet"),
    Stand.refused: _l("refused"),
    Stand.left: _l("handed over"),
    Stand.lapsed: _l("lapsed"),
}
_LINE: Final = {"required": True, "maxlength": procedure.TEXT_LIMIT, "autocomplete": "off"}


class OrderForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`to statute document dated requester`; the items and `quiet` are boxes of the page's own."""

    to = SelectField(_l("Authority"), render_kw={"required": True})
    statute = StringField(_l("Which law orders it"), render_kw=_LINE)
    document = StringField(_l("Number of the document"), render_kw=_LINE)
    dated = DateField(_l("Date of the document"), render_kw={"required": True})
    requester = StringField(_l("Which office asks"), render_kw=_LINE)


class FileForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF brings no types
    """`certificate password`."""

    certificate = ExportForm.certificate
    password = ExportForm.password


@needs(Permission.provide, fresh=True)
def disclose(inquiry_id: int) -> ResponseReturnValue:
    """The form; sent, the order waits for another officer."""
    form, status = _order_form(), 200
    errors: tuple[Message, ...] = ()
    if request.method == "POST":
        try:
            number = service.ask(house(), signed_in(), inquiry_id, _ordered(form))
        except InvalidDisclosure as invalid:
            errors, status = _messages(invalid), invalid.status
        except Suspended:
            return sessions.lead_to("staff.inquiry", "overtaken", inquiry_id=inquiry_id)
        else:
            return sessions.lead_to("staff.disclosure", "disclosure_asked", number=number)
    summary = inbox.summary(house(), signed_in(), inquiry_id)
    page = render_template(
        "staff/disclose.html",
        inquiry=summary,
        form=form,
        labels={name: staff_words.item_label(summary.policy, name) for name in summary.masked},
        ticked=request.form.getlist("items"),
        quiet=request.form.get("quiet") == "yes",
        errors=errors,
        faults={error.field: error.message for error in errors},
    )
    return page, status


@needs(Permission.provide)
def disclosure(number: int) -> str:
    """One order, and what is to be done with it."""
    return _page(number)


@needs(Permission.provide, fresh=True)
def approve(number: int) -> ResponseReturnValue:
    """The second person's word."""
    try:
        service.approve(house(), signed_in(), number)
    except InvalidDisclosure as invalid:
        return _page(number, _messages(invalid)), invalid.status
    except (WrongState, Suspended):
        return sessions.lead_to("staff.disclosure", "overtaken", number=number)
    return sessions.lead_to("staff.disclosure", "disclosure_approved", number=number)


@needs(Permission.provide, fresh=True)
def refuse_disclosure(number: int) -> Response:
    """Nothing leaves."""
    try:
        service.refuse(house(), signed_in(), number)
    except WrongState:
        return sessions.lead_to("staff.disclosure", "overtaken", number=number)
    return sessions.lead_to("staff.disclosure", "disclosure_refused", number=number)


@needs(Permission.provide, fresh=True)
def hand_over(number: int) -> ResponseReturnValue:
    """The answer is the file. A GET (a reload, another language) leads to the order."""
    if request.method == "GET":
        return sessions.lead_to("staff.disclosure", number=number)
    try:
        made = service.hand_over(
            house(),
            signed_in(),
            number,
            certificate=request.form.get("certificate", ""),
            passphrase=request.form.get("password", ""),
        )
    except InvalidDisclosure as invalid:
        return _page(number, _messages(invalid)), invalid.status
    except (WrongState, Suspended):
        return sessions.lead_to("staff.disclosure", "overtaken", number=number)
    return as_file(made)


def _page(number: int, errors: tuple[Message, ...] = ()) -> str:
    policy = publishing.in_force(house()).policy
    one = service.order(house(), signed_in(), number)
    party = provision.register(policy).get(one.ordered.to)
    return render_template(
        "staff/disclosure.html",
        one=one,
        stand=STANDS[one.stand],
        party=one.ordered.to if party is None else party.entry.name.text(language.chosen()),
        items=[
            staff_words.item_label(policy, name) if name in policy.items else name
            for name in one.ordered.items
        ],
        form=FileForm(),
        shortest=SHORTEST,
        errors=errors,
        faults={error.field: error.message for error in errors},
    )


def _order_form() -> OrderForm:
    form = OrderForm()
    parties = provision.register(publishing.in_force(house()).policy)
    form.to.choices = [
        SelectChoice("", _("Please choose")),
        *(
            SelectChoice(key, one.entry.name.text(language.chosen()))
            for key, one in parties.items()
            if one.sort is Sort.authorities
        ),
    ]
    return form


def _ordered(form: OrderForm) -> Ordered:
    return Ordered(
        to=form.to.data or "",
        statute=form.statute.data or "",
        document=form.document.data or "",
        dated=form.dated.data,
        requester=form.requester.data or "",
        items=tuple(request.form.getlist("items")),
        quiet=request.form.get("quiet") == "yes",
    )


def _messages(invalid: InvalidDisclosure) -> tuple[Message, ...]:
    order = ("to", "statute", "document", "dated", "requester", "items", "certificate", "password")
    found = sorted(invalid.errors, key=lambda one: order.index(one.field) if one.field in order else 0)
    return tuple(Message(one.field, one.code, _worded(one), f"field-{one.field}") for one in found)


def _worded(error: FieldError) -> str:
    figures: dict[str, Any] = dict(error.params)
    words = {
        "to.unregistered": _("This authority does not stand in the register. Nothing is disclosed."),
        "statute.required": _("Please name the law that orders it."),
        "document.required": _("Please give the number of the document."),
        "dated.required": _("Please give the date of the document."),
        "dated.to_come": _("This day is still to come."),
        "requester.required": _("Please name the office that asks."),
        "items.required": _("Please tick the least that the order asks for."),
        "items.undeclared": _("The inquiry does not hold one of these items. Please tick them anew."),
        "approve.own": _("You put this down yourself: another officer has to approve it."),
        **for_whom(figures),
    }
    found = words.get(f"{error.field}.{error.code}")
    return str(found or _("Please use at most %(max)s plain characters.", max=procedure.TEXT_LIMIT))

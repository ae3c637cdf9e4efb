"""The ledger's pages: records by what is asked for, what was destroyed of an inquiry, the review to sign."""

from __future__ import annotations

from typing import Final, get_args

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from inquiries.errors import FieldError, ReasonRequired, WrongState
from inquiries.rules.permissions import Permission
from inquiries.services import inspection, publishing, records
from inquiries.services import review as reviews
from inquiries.services.actor import on_one_line
from inquiries.services.inspection import Asked
from inquiries.web import destroyed, ledger_words, sessions, staff_words, templating
from inquiries.web.current import before, day, house, number
from inquiries.web.guards import needs, signed_in
from inquiries.web.messages import Message

_WORDS: Final = templating.own_words(ledger_words)


@needs(Permission.see_ledger)
def ledger() -> str:
    """Figures first, then the records that were asked for, the newest on top."""
    asked = _asked()
    found = inspection.page(house(), signed_in(), asked)
    return render_template(
        "staff/ledger.html",
        asked=asked,
        page_of=found,
        destroyed=None if found.destroyed is None else destroyed.for_officer(found.destroyed),
        figures=inspection.figures(house()),
        filters=_filters(asked),
        ledger_words=_WORDS,
    )


@needs(Permission.see_ledger)
def proof(number: int) -> Response:
    """The file that proves what was destroyed of one inquiry."""
    return destroyed.file(inspection.proof(house(), signed_in(), number))


@needs(Permission.see_ledger, fresh=True)
def review() -> ResponseReturnValue:
    """What is marked since the last review; signed, it goes on record."""
    if request.method == "GET":
        return _review()
    up_to = number(request.form, "up_to") or 0
    try:
        reviews.sign(house(), signed_in(), up_to, request.form.get("remark", ""))
    except ReasonRequired:
        return _review(staff_words.messages((FieldError("remark", "required"),))), ReasonRequired.status
    except WrongState:
        return sessions.lead_to("staff.review", "overtaken")
    return sessions.lead_to("staff.ledger", "review")


def _review(errors: tuple[Message, ...] = ()) -> str:
    return render_template(
        "staff/ledger_review.html",
        pending=reviews.pending(house(), signed_in()),
        signed=reviews.signed(house()),
        rules=publishing.in_force(house()).policy.records.unusual,
        ledger_words=_WORDS,
        errors=errors,
    )


def _asked() -> Asked:
    """The filters of the address; what is none is left out."""
    given = request.args
    chain = given.get("chain", "")
    chains: tuple[records.Chain, ...] = get_args(records.Chain)
    outcome = given.get("outcome", "")
    return Asked(
        chain=next((one for one in chains if one == chain), "access"),
        act=on_one_line(given.get("act")) or None,
        staff=number(given, "person"),
        inquiry=number(given, "inquiry"),
        outcome=outcome if outcome in ledger_words.OUTCOMES else None,
        first=day(given, "first"),
        last=day(given, "last"),
        before=before(),
    )


def _filters(asked: Asked) -> dict[str, str]:
    """The filters as the links of the page carry them on."""
    named = {
        "chain": asked.chain if asked.chain != "access" else None,
        "act": asked.act,
        "person": asked.staff,
        "inquiry": asked.inquiry,
        "outcome": asked.outcome,
        "first": asked.first,
        "last": asked.last,
    }
    return {name: str(value) for name, value in named.items() if value is not None}

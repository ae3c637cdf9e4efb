"""What becomes due when, what is held or archived, what failed, and each run with its certificate."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from inquiries import clock
from inquiries.errors import FieldError, ReasonRequired
from inquiries.rules.permissions import Permission
from inquiries.services import archive, certificates, holds, losses, publishing
from inquiries.services import outlook as service
from inquiries.services.outlook import Outlook
from inquiries.web import charts, sessions, staff_words
from inquiries.web.current import before, house
from inquiries.web.guards import needs, signed_in


@needs(Permission.see_retention)
def retention() -> str:
    """The figures first, then the chart, what is held, and the runs."""
    return _page()


@needs(Permission.hold_inquiry, fresh=True)
def release(hold_id: int) -> ResponseReturnValue:
    """End a hold; without a reason the page is shown again, with what is missing at that hold."""
    try:
        holds.release(house(), signed_in(), hold_id, request.form.get("reason", ""))
    except ReasonRequired:
        return _page(FieldError(f"release-{hold_id}", "release_reason")), ReasonRequired.status
    return sessions.lead_to("staff.retention", "release")


def _page(*faults: FieldError) -> str:
    outlook = service.of(house())
    types = _types(outlook)
    rows = [[week.counts.get(name, 0) for name in types] for week in outlook.by_week]
    return render_template(
        "staff/retention.html",
        outlook=outlook,
        lost=len(losses.waiting(house())),
        alarm_after=service.ALARM_AFTER,
        this_week=sum(rows[0]) if rows else 0,
        now=clock.now(),
        types=types,
        rows=rows,
        chart=charts.stacked(rows),
        held=holds.listed(house(), signed_in(), before()),
        archived=archive.counts(house()),
        errors=staff_words.messages(faults),
    )


@needs(Permission.see_retention)
def run(number: int) -> str:
    """One run's certificate as a page."""
    return render_template("staff/run.html", number=number, document=certificates.of_run(house(), number))


@needs(Permission.see_retention)
def run_file(number: int) -> Response:
    """One run's certificate as a file, to be checked elsewhere."""
    text = certificates.of_run(house(), number).model_dump_json(indent=2)
    answer = Response(f"{text}\n", mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="destruction-run-{number}.json"'
    return answer


def _types(outlook: Outlook) -> tuple[str, ...]:
    """The types that become due: those that the policy declares in its order, then those it did once."""
    present = {name for week in outlook.by_week for name, count in week.counts.items() if count}
    declared = publishing.in_force(house()).policy.types
    return (*(name for name in declared if name in present), *sorted(present - set(declared)))

"""The pages of whoever follows a link that we mailed or exported: each does one thing; no cookie, no session.

A token is the whole authority, so no origin is asked: mail programs send by themselves (RFC 8058). The token
stands in no log; one that is unknown, or of what is gone, is answered as any other.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from inquiries.errors import NotFound
from inquiries.services import guardians, unsubscribing
from inquiries.web import body, language, limits
from inquiries.web.current import house
from inquiries.web.guards import audience

pages: Final = Blueprint("linked", __name__)

_ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")


@pages.route("/unsubscribe/<token>", methods=["GET", "POST"])
@audience("public")
def unsubscribe(token: str) -> str:
    """A page with one button; the button, or a mail program, sends what RFC 8058 says."""
    limits.count("unsubscribe")
    if request.method != "POST":
        return render_template("public/unsubscribe.html", token=token)
    fields = body.form(request)
    language.prefer(fields.get("language"))
    name, value = _ONE_CLICK
    if fields.get(name) != value:
        return render_template("public/unsubscribe.html", token=token)
    unsubscribing.unsubscribe(house(), token)
    return render_template("public/unsubscribed.html")


@pages.route("/guardian/<token>", methods=["GET", "POST"])
@audience("public")
def guardian(token: str) -> ResponseReturnValue:
    """What a child sent, by which notice; the guardian agrees, or has it destroyed. It works once."""
    limits.count_look()
    fields = body.form(request) if request.method == "POST" else {}
    language.prefer(fields.get("language"))
    found = guardians.invitation(house(), token)
    decision = fields.get("decision")
    if found is None:
        limits.count("receipt")
        return render_template("public/guardian_unknown.html"), NotFound.status
    if decision in ("agree", "refuse") and guardians.decide(house(), token, agrees=decision == "agree"):
        return render_template("public/guardian_done.html", agreed=decision == "agree")
    notice = found.published.notice(found.type, language.chosen())
    return render_template("public/guardian.html", asked=found, notice=notice, token=token)

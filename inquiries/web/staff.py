"""The staff pages: their routes, their session, and what each of them shows around its own matter."""

from __future__ import annotations

import hmac
from typing import Any, Final, cast

from flask import Blueprint, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from inquiries.errors import ArchiveClosed, NotFound, TrainingLapsed
from inquiries.rules.permissions import Permission
from inquiries.services import mail, people, register_view, request_deadlines, review
from inquiries.services.actor import Actor
from inquiries.services.ids import LARGEST_ID
from inquiries.web import (
    guards,
    language,
    people_words,
    sessions,
    staff_access,
    staff_account,
    staff_archive,
    staff_disclosures,
    staff_entry,
    staff_export,
    staff_grants,
    staff_guardian,
    staff_holds,
    staff_inbox,
    staff_ledger,
    staff_mail,
    staff_people,
    staff_provision,
    staff_requests,
    staff_restore,
    staff_retention,
    staff_thread,
    staff_words,
    subject_words,
    templating,
)
from inquiries.web.current import house

pages: Final = Blueprint("staff", __name__, url_prefix=sessions.PREFIX)

_ID: Final = f"<int(max={LARGEST_ID}):{{}}>"  # what a store can hold
_INQUIRY: Final = f"/inquiries/{_ID.format('inquiry_id')}"
_ARCHIVED: Final = f"/archive/{_ID.format('archive_id')}"
_PERSON: Final = f"/people/{_ID.format('staff_id')}"
_RUN: Final = f"/retention/runs/{_ID.format('number')}"
_DISCLOSURE: Final = f"/disclosures/{_ID.format('number')}"
_REQUEST: Final = f"/requests/{_ID.format('request_id')}"
_MAIL: Final = f"/mail/{_ID.format('mail_id')}"
_WORDS: Final = templating.own_words(staff_words)
_REQUEST_WORDS: Final = templating.own_words(subject_words)
_PEOPLE_WORDS: Final = templating.own_words(people_words)
_GET: Final = ["GET"]
_POST: Final = ["POST"]

# Who may call each is declared at the view (`needs`, `audience`).
pages.add_url_rule("/", view_func=staff_access.home, methods=_GET)
pages.add_url_rule("/sign-in", view_func=staff_access.sign_in, methods=_GET + _POST)
pages.add_url_rule("/confirm", view_func=staff_access.confirm, methods=_GET + _POST)
pages.add_url_rule("/account", view_func=staff_account.account, methods=_GET)
pages.add_url_rule("/account/sessions", view_func=staff_account.end_sessions, methods=_POST)
pages.add_url_rule("/account/password", view_func=staff_account.password, methods=_GET + _POST)
pages.add_url_rule("/account/app", view_func=staff_account.app, methods=_GET + _POST)
pages.add_url_rule("/account/recovery-codes", view_func=staff_account.recovery_codes, methods=_GET + _POST)
pages.add_url_rule("/account/passkeys", view_func=staff_account.add_passkey, methods=_GET + _POST)
pages.add_url_rule("/account/passkeys/remove", view_func=staff_account.remove_passkey, methods=_POST)
pages.add_url_rule("/passkey-options", view_func=staff_account.passkey_options, methods=_POST)
pages.add_url_rule("/sign-out", view_func=staff_access.sign_out, methods=_POST)
pages.add_url_rule("/enrol/<token>", view_func=staff_access.enrol, methods=_GET + _POST)
pages.add_url_rule("/inbox", view_func=staff_inbox.inbox, methods=_GET)
pages.add_url_rule("/search", view_func=staff_inbox.search, methods=_GET + _POST)
pages.add_url_rule("/enter", view_func=staff_entry.entry_types, methods=_GET)
pages.add_url_rule("/enter/<type_name>", view_func=staff_entry.enter, methods=_GET + _POST)
pages.add_url_rule(_INQUIRY, view_func=staff_inbox.inquiry, methods=_GET)
pages.add_url_rule(f"{_INQUIRY}/open", view_func=staff_inbox.open_inquiry, methods=_GET + _POST)
pages.add_url_rule(f"{_INQUIRY}/answered", view_func=staff_inbox.answered, methods=_POST)
pages.add_url_rule(f"{_INQUIRY}/close", view_func=staff_inbox.close, methods=_POST)
pages.add_url_rule(f"{_INQUIRY}/reopen", view_func=staff_inbox.reopen, methods=_POST)
pages.add_url_rule(f"{_INQUIRY}/reply", view_func=staff_thread.reply, methods=_GET + _POST)
pages.add_url_rule(f"{_INQUIRY}/note", view_func=staff_thread.note, methods=_GET + _POST)
pages.add_url_rule(f"{_INQUIRY}/hold", view_func=staff_holds.hold, methods=_GET + _POST)
pages.add_url_rule(f"{_INQUIRY}/guardian", view_func=staff_guardian.guardian, methods=_GET + _POST)
pages.add_url_rule(f"{_INQUIRY}/archive", view_func=staff_archive.move, methods=_GET + _POST)
pages.add_url_rule("/archive", view_func=staff_archive.archive, methods=_GET)
pages.add_url_rule(_ARCHIVED, view_func=staff_archive.archived, methods=_GET)
pages.add_url_rule(f"{_ARCHIVED}/open", view_func=staff_archive.open_archived, methods=_GET + _POST)
pages.add_url_rule("/retention", view_func=staff_retention.retention, methods=_GET)
pages.add_url_rule(f"{_RUN}.json", view_func=staff_retention.run_file, methods=_GET)
pages.add_url_rule(_RUN, view_func=staff_retention.run, methods=_GET)
pages.add_url_rule(
    f"/holds/{_ID.format('hold_id')}/release", view_func=staff_retention.release, methods=_POST
)
pages.add_url_rule("/requests", view_func=staff_requests.requests, methods=_GET)
pages.add_url_rule("/requests/history", "requests_history", staff_requests.history, methods=_GET)
pages.add_url_rule("/requests/new", "new_request", staff_requests.new, methods=_GET + _POST)
pages.add_url_rule(_REQUEST, "request", staff_requests.one, methods=_GET)
pages.add_url_rule(f"{_REQUEST}/owner", "request_owner", staff_requests.assign, methods=_POST)
pages.add_url_rule(f"{_REQUEST}/proof", "request_proof", staff_requests.prove, methods=_POST)
pages.add_url_rule(f"{_REQUEST}/carry-out", "request_carry_out", staff_requests.carry_out, methods=_POST)
pages.add_url_rule(f"{_REQUEST}/refuse", "request_refuse", staff_requests.refuse, methods=_POST)
pages.add_url_rule(f"{_REQUEST}/copy", "request_copy", staff_requests.copy, methods=_GET + _POST)
pages.add_url_rule(f"{_REQUEST}/given", "request_given", staff_requests.given, methods=_POST)
pages.add_url_rule("/mail", view_func=staff_mail.mail, methods=_GET)
pages.add_url_rule(f"{_MAIL}/again", "mail_again", staff_mail.send_again, methods=_POST)
pages.add_url_rule(f"{_MAIL}/drop", "mail_drop", staff_mail.drop, methods=_POST)
pages.add_url_rule("/export", view_func=staff_export.export, methods=_GET + _POST)
pages.add_url_rule("/provision", "provision", staff_provision.register, methods=_GET)
pages.add_url_rule(f"{_INQUIRY}/disclose", view_func=staff_disclosures.disclose, methods=_GET + _POST)
pages.add_url_rule(_DISCLOSURE, view_func=staff_disclosures.disclosure, methods=_GET)
pages.add_url_rule(f"{_DISCLOSURE}/approve", "disclosure_approve", staff_disclosures.approve, methods=_POST)
pages.add_url_rule(
    f"{_DISCLOSURE}/refuse", "disclosure_refuse", staff_disclosures.refuse_disclosure, methods=_POST
)
pages.add_url_rule(
    f"{_DISCLOSURE}/file", "disclosure_file", staff_disclosures.hand_over, methods=_GET + _POST
)
pages.add_url_rule("/people", view_func=staff_people.people, methods=_GET)
pages.add_url_rule("/people/invite", view_func=staff_people.invite, methods=_GET + _POST)
pages.add_url_rule("/people/register", view_func=staff_people.register, methods=_GET)
pages.add_url_rule("/people/seals", view_func=staff_people.start_seals, methods=_POST)
pages.add_url_rule(_PERSON, view_func=staff_people.person, methods=_GET)
pages.add_url_rule(f"{_PERSON}/rights", view_func=staff_people.change, methods=_POST)
pages.add_url_rule(f"{_PERSON}/training", view_func=staff_people.train, methods=_POST)
pages.add_url_rule(f"{_PERSON}/invitation", view_func=staff_people.invite_again, methods=_POST)
pages.add_url_rule(f"{_PERSON}/renewal", view_func=staff_people.invite_anew, methods=_POST)
pages.add_url_rule(f"{_PERSON}/revoke", view_func=staff_people.revoke, methods=_POST)
pages.add_url_rule(f"{_INQUIRY}/grant", view_func=staff_grants.grant, methods=_GET + _POST)
pages.add_url_rule(f"/grants/{_ID.format('grant_id')}/cancel", view_func=staff_grants.cancel, methods=_POST)
pages.add_url_rule("/ledger", view_func=staff_ledger.ledger, methods=_GET)
pages.add_url_rule(
    f"/ledger/destroyed/{_ID.format('number')}.json", "proof", staff_ledger.proof, methods=_GET
)
pages.add_url_rule("/ledger/review", view_func=staff_ledger.review, methods=_GET + _POST)
pages.add_url_rule("/restore", view_func=staff_restore.restore, methods=_GET + _POST)


@pages.before_request
def _load() -> ResponseReturnValue | None:
    """Find the session; a language asked for by link is kept in it. After a restore the gate comes next."""
    key = hmac.digest(house().custody.secret_key, b"inquiries staff csrf", "sha256")
    current_app.config.setdefault("WTF_CSRF_SECRET_KEY", key)  # known once the house is open
    sessions.load()
    wanted = request.args.get("lang")
    if wanted in language.SPOKEN:
        sessions.current().language = wanted
    return staff_restore.closed()


@pages.context_processor
def _around() -> dict[str, Any]:
    """Who is signed in, the words of the staff pages, and, once asked, what each page says on top."""
    actor = guards.current_actor()
    officer = actor is not None and actor.may(Permission.manage_people).allowed
    return {
        "actor": actor,
        "words": _WORDS,
        "people_words": _PEOPLE_WORDS,
        "request_words": _REQUEST_WORDS,
        "codes_left": sessions.current().codes_left,
        "stuck_mail": lambda: mail.trouble(house()),
        "broken_glass": lambda: register_view.broken_glass(house()) if officer else (),
        "requests_now": lambda: _requests_as_they_stand(actor),
        "review": lambda: review.state(house()) if officer else None,
        "take_said": lambda: staff_words.SAID.get(sessions.current().take_said() or ""),
    }


def _requests_as_they_stand(actor: Actor | None) -> request_deadlines.Figures | None:
    """For the navigation and the banner of who handles them; asked once a page."""
    if actor is None or not actor.may(Permission.handle_requests).allowed:
        return None
    if "request_figures" not in g:
        g.request_figures = request_deadlines.figures(house())
    return cast("request_deadlines.Figures", g.request_figures)


@pages.errorhandler(CSRFError)
def _stale(_refused: CSRFError) -> tuple[str, int]:
    """A page that stood open longer than its session: nothing was done, and she is told where to go on."""
    return render_template("staff/stale.html"), 400


@pages.errorhandler(ArchiveClosed)
def _keyless(_closed: ArchiveClosed) -> tuple[str, int]:
    """This process serves the pages without the archive's keys; somewhere else they are."""
    return render_template("staff/archive_closed.html"), ArchiveClosed.status


@pages.errorhandler(TrainingLapsed)
def _untrained(_lapsed: TrainingLapsed) -> tuple[str, int]:
    """Her inbox is closed until somebody records a new training; what mends it stays open (P27)."""
    others = [one for one in people.officers(house()).values() if one != guards.signed_in().email]
    return render_template("staff/lapsed.html", officers=others), TrainingLapsed.status


@pages.errorhandler(NotFound)
def _missing(_nothing: NotFound) -> tuple[str, int]:
    """Unknown, destroyed, used up, or not this person's: one page for all."""
    return render_template("staff/missing.html"), NotFound.status

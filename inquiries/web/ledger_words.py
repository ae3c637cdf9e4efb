"""How chains, acts, marks and facts of the ledger are called on its pages; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inquiries.rules.unusual import Mark
from inquiries.stores.types import from_microseconds
from inquiries.web import language, staff_words

CHAINS: Final[Mapping[str, str]] = {
    "access": _l("Access"),
    "rights": _l("Rights"),
    "requests": _l("Requests"),
    "destruction": _l("Destruction"),
    "provision": _l("Provision"),
    "operation": _l("Operation"),
}

OUTCOMES: Final[Mapping[str, str]] = {"done": _l("done"), "refused": _l("refused")}

MARKS: Final[Mapping[Mark, str]] = {
    Mark.many: _l("Many openings"),
    Mark.night: _l("At night"),
    Mark.other_types: _l("Other types than one's own"),
    Mark.refused: _l("Many refusals"),
}

ACTS: Final[Mapping[str, str]] = {
    # signing in
    "sign_in": _l("sign in"),
    "sign_out": _l("sign out"),
    "sign_out_everywhere": _l("sign out everywhere"),
    # reading
    "list": _l("list"),
    "search": _l("search"),
    "look": _l("look, masked"),
    "open": _l("open"),
    "list_holds": _l("list holds"),
    "list_archive": _l("list the archive"),
    "look_archived": _l("look in the archive"),
    "open_archived": _l("open from the archive"),
    "read_ledger": _l("read the ledger"),
    "review_accesses": _l("look through the accesses"),
    "take_proof": _l("take the proof of destruction"),
    # working on an inquiry
    "answer": _l("mark as answered"),
    "close": _l("close"),
    "reopen": _l("reopen"),
    "hold": _l("place a hold"),
    "release": _l("release a hold"),
    "archive": _l("move to the archive"),
    # requests of persons
    "look_request": _l("look at a request"),
    "assign_request": _l("say who sees to a request"),
    "enter_request": _l("enter a request"),
    "prove_request": _l("record who asks"),
    "carry_out_request": _l("carry a request out"),
    "refuse_request": _l("refuse a request"),
    "open_for_copy": _l("open for a copy to hand over"),
    "hand_over": _l("hand a copy over"),
    "asked": _l("asked"),
    "waits": _l("waits"),
    "proved": _l("proved who asks"),
    "refused": _l("refused"),
    # what was refused, by the right that it needed
    "use": _l("read without a consent"),
    "own_session": _l("use a session"),
    "list_inquiries": _l("list"),
    "search_inquiries": _l("search"),
    "open_inquiry": _l("open"),
    "answer_inquiry": _l("mark as answered"),
    "note_inquiry": _l("write a note"),
    "close_inquiry": _l("close"),
    "reopen_inquiry": _l("reopen"),
    "look_guardian": _l("look up a guardian"),
    "enter_guardian": _l("enter a guardian's consent"),
    "enter_inquiry": _l("enter an inquiry"),
    "handle_requests": _l("handle requests"),
    "hold_inquiry": _l("hold"),
    "open_archive": _l("open the archive"),
    "provide": _l("provide to others"),
    "export": _l("export"),
    "manage_people": _l("manage people"),
    "grant_access": _l("grant access"),
    "publish_policy": _l("publish a policy"),
    "see_retention": _l("see the retention page"),
    "see_ledger": _l("see the ledger"),
    "see_audit": _l("see the audit"),
    # what left
    "mail": _l("hand mail to the relay"),
    "disclosure": _l("disclose to an authority"),
    "disclosure_asked": _l("put down a disclosure"),
    "disclosure_approved": _l("approve a disclosure"),
    "disclosure_refused": _l("refuse a disclosure"),
    "told": _l("tell who was given it"),
    # rights
    "invite": _l("invite"),
    "enrol": _l("enrol"),
    "revoke": _l("revoke"),
    # destruction and operation
    "intent": _l("destruction begun"),
    "done": _l("destruction done"),
    "sweep": _l("sweep"),
    "sweep_failed": _l("sweep failed"),
    "rotate": _l("keys renewed"),
    "rotate_root": _l("root key replaced"),
    "publish": _l("policy published"),
    "shorten": _l("periods shortened"),
    "quarantine": _l("envelope in quarantine"),
    "unopenable": _l("looked for what does not open"),
    "confirm_loss": _l("loss accepted"),
    "restore": _l("restore noticed"),
    "archive_lost": _l("move to the archive lost"),
    "clock_confirmed": _l("clock confirmed"),
    "unsealed": _l("not sealed for a while"),
    "anchor": _l("anchored outside"),
    "suppression_lifted": _l("agreed again after unsubscribing"),
    "review": _l("review signed"),
    "review_reminded": _l("officer reminded of the review"),
}

_FACTS: Final[Mapping[str, str]] = {
    "type": _l("type"),
    "state": _l("state"),
    "role": _l("role"),
    "rows": _l("lines"),
    "newest": _l("newest"),
    "oldest": _l("oldest"),
    "first": _l("first"),
    "last": _l("last"),
    "last_seal": _l("last seal"),
    "kind": _l("kind"),
    "why": _l("why"),
    "factor": _l("second factor"),
    "chain": _l("chain"),
    "person": _l("person"),
    "act": _l("act"),
    "outcome": _l("outcome"),
    "how": _l("how"),
    "hold": _l("hold"),
    "holds": _l("holds that run"),
    "long_holds": _l("of these for more than a year"),
    "basis": _l("basis"),
    "until": _l("until"),
    "set": _l("in force since"),
    "at": _l("at"),
    "asked_at": _l("asked at"),
    "target_at": _l("to be done by"),
    "limit_at": _l("promised by"),
    "archive": _l("archive no."),
    "statute": _l("statute"),
    "items": _l("items"),
    "roles": _l("roles"),
    "types": _l("types"),
    "version": _l("version"),
    "epoch": _l("epoch"),
    "groups": _l("groups"),
    "intent": _l("intent"),
    "due": _l("due"),
    "destroyed": _l("destroyed"),
    "archived": _l("archived"),
    "held": _l("held"),
    "failed": _l("failed"),
    "leftovers": _l("leftovers"),
    "marked": _l("marked"),
    "openings": _l("openings"),
    "up_to": _l("up to no."),
    "remark": _l("remark"),
    "file": _l("file"),
    "purpose": _l("purpose"),
    "use": _l("read for"),
    "group": _l("group"),
    "received_from": _l("received from"),
    "received_before": _l("received before"),
    "form": _l("format"),
    "to": _l("to"),
    "country": _l("country"),
    "transfer_basis": _l("basis of the transfer abroad"),
    "because": _l("why"),
    "export": _l("access record no."),
    "of": _l("disclosure no."),
    "document": _l("document"),
    "dated": _l("dated"),
    "requester": _l("asked for by"),
    "asked_by": _l("put down by"),
    "approved_by": _l("approved by"),
    "quiet": _l("the person is not told"),
    "mail": _l("message no."),
    "through": _l("through"),
    "request": _l("request"),
    "channel": _l("way of asking"),
    "owner": _l("seen to by"),
    "identity": _l("identity"),
    "authority": _l("authority"),
    "break_glass": _l("in place of an officer"),
}


_MOMENTS: Final = frozenset({
    "until", "last_seal", "received_from", "received_before", "set", "at", "asked_at", "target_at",
    "limit_at",
})  # fmt: skip


def act(name: str) -> str:
    """An act in words; one that no page knows yet under its own name."""
    return str(ACTS.get(name, name.replace("_", " ")))


def fact(name: str) -> str:
    """The name of a fact in words."""
    return str(_FACTS.get(name, name.replace("_", " ")))


def fact_text(name: str, text: str) -> str:
    """What a fact says, in words where it has some: moments, types, acts, chains."""
    if name in _MOMENTS:
        moment = from_microseconds(int(text)) if text.isdigit() else datetime.fromisoformat(text)
        return language.moment(moment, staff_words.zone())
    if name == "chain":
        return str(CHAINS.get(text, text))
    if name == "type":
        return staff_words.type_label(text)
    return act(text) if name == "act" else text


def by(who: str) -> str:
    """Who changed a right."""
    return str(_("the operator")) if who == "operator" else who

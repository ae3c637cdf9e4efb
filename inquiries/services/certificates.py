"""Proofs of destruction: signs what was destroyed together, and gives each inquiry and each run its proof.

Signing needs the installation's key, and happens once per intent of the ledger; giving needs none (checking:
`sealing/documents.py`). Nothing in a certificate leads to anybody: it holds ids, dates, words of the policy.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.sealing import certificates as sealing
from inquiries.sealing import documents, receipts
from inquiries.services import destroyed_parts, intents
from inquiries.services.destroyed_parts import DestroyedPart, DestroyedParts
from inquiries.services.house import House
from inquiries.services.keys import MAIL
from inquiries.stores import ledger, tombstones
from inquiries.stores.types import from_microseconds, to_microseconds

SECOND = 1_000_000  # in microseconds


def prove_intent(house: House, intent: int, ids: Sequence[int]) -> None:
    """Sign the tombstones that this intent wrote, in the order of `ids`; repeatable.

    A tombstone of an earlier intent among them has its proof already.
    """
    with house.keys.read() as connection:
        stones = tombstones.of_intent(connection, intent, ids)
    if not stones:
        return
    root = sealing.root(_leaves(intent, stones))
    signature = sealing.sign_root(house.custody.signing_seed, intent, len(stones), root)
    ids = tuple(stone[0] for stone in stones)
    counts = Counter((stone[4], stone[5]) for stone in stones)
    proof = tombstones.Proof(intent, ids, root, clock.now(), signature, counts)
    with house.keys.write() as connection:
        tombstones.prove(connection, proof)


# -- what is said of one destroyed group -----------------------------------------------------------

_VARYING = ("due", "id", "lag_seconds", "receipt")


def _leaves(intent: int, stones: Iterable[tombstones.Plain]) -> list[bytes]:
    """The leaves of the stones, in order; what those of one intent have in common is written once."""
    forms: dict[tuple[Any, ...], sealing.Form] = {}
    leaves = []
    for stone in stones:
        key, due, receipt, *common = stone
        destroyed = stone[-1]
        form = forms.get(shared := tuple(common))
        if form is None:
            form = forms[shared] = sealing.Form(_statement(intent, stone), _VARYING)
        lag = _lag(due, destroyed)
        leaves.append(
            form.leaf(
                "null" if due is None else f'"{_written(due)}"',
                f'"{key}"',
                "null" if lag is None else lag,
                "null" if receipt is None else f'"{receipt.hex()}"',
            )
        )
    return leaves


def _statement(intent: int, stone: tombstones.Plain) -> dict[str, str | int | None]:
    """What is said of one destroyed group; its canonical JSON is a leaf. Moments are RFC 3339 in UTC.

    `id` is text: not every reader of JSON keeps 63 bits of a number. `receipt` is the lookup id (hex):
    whoever has the code derives it, and sees that this is her inquiry. `lag_seconds` is the time from due
    to destroyed; None when it was not yet due, or had no due date. With the end of `epoch` it is final.
    """
    key, due, receipt, group, kind, reason, rule, policy_version, epoch, destroyed = stone
    return {
        "id": str(key),
        "intent": intent,
        "group": group,
        "type": kind,
        "reason": reason,
        "rule": rule,
        "policy_version": policy_version,
        "receipt": None if receipt is None else receipt.hex(),
        "epoch": epoch,
        "due": None if due is None else _written(due),
        "destroyed": _written(destroyed),
        "lag_seconds": _lag(due, destroyed),
    }


def _lag(due: int | None, destroyed: int) -> int | None:
    return None if due is None or due > destroyed else (destroyed - due) // SECOND


def _written(microseconds: int) -> str:
    return documents.written(from_microseconds(microseconds))


# -- of one inquiry ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class InquiryCertificate:
    """What was destroyed of one inquiry, what of it still stands (names of groups), and the file."""

    parts: tuple[DestroyedPart, ...]
    remaining: tuple[str, ...]
    document: documents.InquiryDocument


def for_receipt(house: House, typed: str) -> InquiryCertificate:
    """The certificate of the inquiry that this receipt belongs to; runs on the public surface.

    Raises:
        NotFound: nothing was destroyed under this code: unknown and living are one answer (P21).
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    return of_lookup(house, receipts.lookup_id(receipts.normalise(typed)))


def of_lookup(house: House, lookup: bytes) -> InquiryCertificate:
    """The certificate of the inquiry with this lookup id. Raises NotFound."""
    return _certificate(house, destroyed_parts.of_lookup(house, lookup))


def of_inquiry(house: House, inquiry_id: int) -> InquiryCertificate:
    """The same certificate, by the number of the inquiry or of its archived copy. Raises NotFound."""
    return _certificate(house, destroyed_parts.of_inquiry(house, inquiry_id))


def _certificate(house: House, found: DestroyedParts) -> InquiryCertificate:
    with house.keys.read() as connection:
        proved = _proved(connection, [part.stone for part in found.parts])
    return InquiryCertificate(
        parts=found.parts,
        remaining=found.remaining,
        document=documents.InquiryDocument(
            issued=documents.written(clock.now()),
            issuer=house.settings.origin,
            verify_key=house.custody.verify_key.hex(),
            key_backups_hours=documents.KEY_BACKUPS_HOURS,
            destroyed=tuple(
                documents.Destroyed(
                    statement=proved[part.stone.id][0],
                    proof=proved[part.stone.id][1],
                    final=None if part.final is None else documents.written(part.final),
                )
                for part in found.parts
            ),
            remaining=found.remaining,
            epochs=tuple(
                documents.EndedEpoch(
                    number=row.number,
                    public_key=row.public_key.hex(),
                    retired=documents.written(row.at),
                    signature=row.signature.hex(),
                )
                for row in found.ended
            ),
        ),
    )


Statement = dict[str, str | int | None]


def _proved(
    connection: Connection, buried: Sequence[tombstones.Tombstone]
) -> dict[int, tuple[Statement, documents.Proof | None]]:
    """Id → its statement, and its proof if it was signed already."""
    found: dict[int, tuple[Statement, documents.Proof | None]] = {}
    for intent in sorted({one.intent for one in buried}):
        wanted = [one.id for one in buried if one.intent == intent]
        proof = tombstones.proof_of(connection, intent)
        for stone in tombstones.of_intent(connection, intent, wanted):
            found[stone[0]] = _statement(intent, stone), None
        if proof is not None:
            stones = tombstones.of_intent(connection, intent, proof.ids)
            leaves = _leaves(intent, stones)
            for index, stone in enumerate(stones):
                if stone[0] in found:
                    found[stone[0]] = _statement(intent, stone), _place(proof, leaves, index)
    return found


def _place(proof: tombstones.Proof, leaves: Sequence[bytes], index: int) -> documents.Proof:
    return documents.Proof(
        index=index,
        count=len(leaves),
        path=tuple(node.hex() for node in sealing.path(leaves, index)),
        root=proof.root.hex(),
        signature=proof.signature.hex(),
    )


# -- of one run -------------------------------------------------------------------------------------

_NOT_SAID = frozenset(
    {"act", "forecast", "looked_at"}
)  # what the next sweep needs of the record, and nobody else


def of_run(house: House, record: int) -> documents.RunDocument:
    """The certificate of one sweep, from its record in the ledger; always the same for the same record.

    Beside the record's own figures it says what was destroyed `since` the sweep before, per inquiry type and
    per reason, with the longest lag; which runs failed in between; and the ledger's heads of that moment.

    Raises:
        NotFound: the ledger has no such record, or its body's period has ended.
    """
    with house.ledger.read() as connection:
        found = ledger.read(connection, "operation", record - 1, 1)
    body = json.loads(found[0].body) if found and found[0].n == record and found[0].body else {}
    if body.get("act") != "sweep":
        raise NotFound(f"operation {record} is no sweep, or its period has ended")
    statement = {"record": record, "at": documents.written(found[0].at)}
    statement |= {name: value for name, value in body.items() if name not in _NOT_SAID}
    if "heads" in body:
        until, since = body["heads"].get("destruction", [0])[0], body["since"]
        statement |= _destroyed_between(house, since.get("destruction", 0), until)
        statement["failed_runs"] = _failed_between(house, since.get("operation", 0), record)
    signature = sealing.sign_statement(house.custody.signing_seed, documents.RUN, statement)
    return documents.RunDocument(
        issuer=house.settings.origin,
        verify_key=house.custody.verify_key.hex(),
        statement=statement,
        signature=signature.hex(),
    )


def _destroyed_between(house: House, since: int, until: int) -> dict[str, Any]:
    """Per type and per reason: how many groups, and the longest time from due to intent; of mail how many."""
    figures: dict[str, dict[str, dict[str, int]]] = {"by_type": {}, "by_reason": {}}
    mail = 0
    for at, body in _between(house, "destruction", since, until):
        for cohort in intents.read(body):
            if cohort.group == MAIL:
                mail += len(cohort.members)
                continue
            due = [due for _, _, due in cohort.members if due is not None]
            late = max(0, to_microseconds(at) - min(due)) // SECOND if due else 0
            for which, name in (("by_type", cohort.type), ("by_reason", cohort.reason)):
                one = figures[which].setdefault(name, {"destroyed": 0, "max_lag_seconds": 0})
                one["destroyed"] += len(cohort.members)
                one["max_lag_seconds"] = max(one["max_lag_seconds"], late)
    return {**figures, "mail": mail}


def longest_lag(house: House, since: int, until: int) -> int:
    """Seconds from due to intent, at the longest, in the records after `since` up to `until`."""
    by_reason = _destroyed_between(house, since, until)["by_reason"]
    return max((one["max_lag_seconds"] for one in by_reason.values()), default=0)


def _failed_between(house: House, since: int, until: int) -> list[dict[str, Any]]:
    return [
        {"at": documents.written(at), "failed": body["failed"], "error": body["error"]}
        for at, body in _between(house, "operation", since, until)
        if body["act"] == "sweep_failed"
    ]


def _between(house: House, chain: str, since: int, until: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """(when, body) of the records after `since` up to `until`."""
    with house.ledger.read() as connection:
        for entry in ledger.read_all(connection, chain, since):
            if entry.n > until:
                return
            if entry.body is not None:
                yield entry.at, json.loads(entry.body)

"""Proofs of destruction: signs what was destroyed together, and gives each inquiry and each run its proof.

Signing needs the installation's key, and happens once per intent of the ledger; giving and checking need
none. Nothing in a certificate leads to anybody: it holds ids, dates and words of the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from inquiries import clock
from inquiries.sealing import certificates as sealing
from inquiries.services.house import House
from inquiries.stores import tombstones
from inquiries.stores.types import from_microseconds

SECOND = timedelta(seconds=1) // timedelta(microseconds=1)


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
    proof = tombstones.Proof(intent, tuple(stone[0] for stone in stones), root, clock.now(), signature)
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
        lag = "null" if due is None or due > destroyed else (destroyed - due) // SECOND
        leaves.append(
            form.leaf(
                "null" if due is None else f'"{_moment(due)}"',
                key,
                lag,
                "null" if receipt is None else f'"{receipt.hex()}"',
            )
        )
    return leaves


def _statement(intent: int, stone: tombstones.Plain) -> dict[str, Any]:
    """What is said of one destroyed group; its canonical JSON is a leaf. Moments are RFC 3339 in UTC.

    `receipt` is the lookup id (hex): whoever has the code derives it, and sees that this is her inquiry.
    `lag_seconds` is the time from due to destroyed; None when it was not yet due, or had no due date.
    """
    key, due, receipt, group, kind, reason, rule, policy_version, destroyed = stone
    return {
        "id": key,
        "intent": intent,
        "group": group,
        "type": kind,
        "reason": reason,
        "rule": rule,
        "policy_version": policy_version,
        "receipt": None if receipt is None else receipt.hex(),
        "due": None if due is None else _moment(due),
        "destroyed": _moment(destroyed),
        "lag_seconds": None if due is None or due > destroyed else (destroyed - due) // SECOND,
    }


def _moment(microseconds: int) -> str:
    return f"{from_microseconds(microseconds).isoformat(timespec='microseconds')[:-6]}Z"

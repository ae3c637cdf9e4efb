"""The register of rights: whatever changes them is on record before it holds (P24); judges no change itself.

The ledger's chain `rights` leads, the live store follows. Each record says how things stand after it, and
each person's row up to which record it is carried out: so what a crash cut short, or a live store that was
put back has forgotten, is carried out before the next change and at every start. It follows both ways, what
was given and what was taken; an older ledger, which knows nothing newer, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, RightsRefused
from inquiries.rules.permissions import ALL_TYPES, Permission, Role, allowed
from inquiries.services import publishing, records
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.services.sessions import scopes
from inquiries.stores.live import grants, inquiries
from inquiries.stores.live import staff as store
from inquiries.stores.types import from_microseconds

#: What changes rights. The chain holds other acts besides, such as the use of a recovery code.
CHANGES = ("invite", "enrol", "change", "grant", "cancel", "training", "revoke", "expire")

OPERATOR = "operator"
TIME = "time"  # what ended by itself

Pairs = list[tuple[str, str]]  # role and inquiry type, * for all


@contextmanager
def change(house: House, by: Actor | None, permission: Permission) -> Iterator[Connection]:
    """A transaction of the live store in which rights may change: one at a time, on every host.

    Whoever acts must still be allowed to: her roles are read again inside, so that of two officers who
    revoke each other only one does. `by` is None for the operator.

    Raises:
        NotFound: she is not, any more; recorded.
    """
    with house.live.write() as live:
        house.live.gate(live, "staff", exclusive=True)
        follow(house, live)
        if by is not None and not allowed(_held(live, by.staff_id), permission).allowed:
            records.access(house, act=permission.value, actor=by, outcome="refused")
            raise NotFound(f"{permission.value}: not permitted")
        yield live


def _held(live: Connection, staff_id: int) -> Mapping[Role, frozenset[str]]:
    person = store.by_id(live, staff_id)
    active = person is not None and person.enrolled_at is not None and person.revoked_at is None
    return scopes(store.roles(live, staff_id)) if active else {}


def put(
    house: House,
    live: Connection,
    *,
    act: str,
    by: Actor | str | None,
    staff_id: int,
    detail: Mapping[str, Any],
) -> int:
    """Record a change within its own transaction, durable before that commits. Returns the record's number.

    A change without a record must not be; a record whose change was cut short is followed. `by` is None for
    the operator, `TIME` for what ended by itself.
    """
    number = records.rights(house, act=act, by=by, staff_id=staff_id, detail=detail)
    store.follow(live, staff_id, number)
    return number


def glass(house: House, by: Actor | None, reason: str | None) -> dict[str, str]:
    """What the record says besides when the operator does what is an officer's to do (DESIGN §5).

    Raises:
        RightsRefused: there is an officer, and no reason to pass her by.
    """
    if by is not None or not records.officer_known(house):
        return {}
    reason = on_one_line(reason)
    if not reason:
        raise RightsRefused("role", "break_glass")
    return {"break_glass": reason}


def reasoned(reason: str | None) -> dict[str, str]:
    """The reason as it goes on record. Raises RightsRefused when there is none."""
    said = on_one_line(reason)
    if not said:
        raise RightsRefused("reason", "required")
    return {"reason": said}


def checked_pairs(house: House, roles: Collection[Role], types: Collection[str]) -> Pairs:
    """Pairs of role and type as the store keeps them; `types` empty means all.

    Raises:
        RightsRefused: no role, or a type that the policy does not declare.
    """
    if not roles:
        raise RightsRefused("role", "required")
    if not set(types) <= {*publishing.in_force(house).policy.types, *ALL_TYPES}:
        raise RightsRefused("type", "unknown_type")
    wanted = sorted(set(types or ALL_TYPES))
    return [
        (role.value, kind)
        for role in sorted(set(roles))
        for kind in (wanted if role is Role.consultation else ALL_TYPES)
    ]


def on_record(email: str, pairs: Pairs) -> dict[str, object]:
    """How roles and types stand in a record."""
    types = sorted(kind for role, kind in pairs if role == Role.consultation)
    return {"email": email, "roles": sorted({role for role, _ in pairs}), "types": types}


# -- what was forgotten --------------------------------------------------------------------------


@dataclass(frozen=True)
class Followed:
    """What had to be carried out again: people whose access ended, other changes; and whether a crash did it.

    A crash leaves the newest record alone undone. `lost`: people who had enrolled and must do so again.
    """

    ended: int = 0
    changed: int = 0
    lost: int = 0
    cut_short: bool = False

    @property
    def restored(self) -> bool:
        """Whether only a live store that was put back explains it."""
        return bool(self.ended + self.changed + self.lost) and not self.cut_short


def catch_up(house: House) -> Followed:
    """Carry out what the register knows and live does not."""
    with house.live.write() as live:
        house.live.gate(live, "staff", exclusive=True)
        return follow(house, live)


def follow(house: House, live: Connection) -> Followed:
    """The same within a transaction that has the gate."""
    known = store.followed(live)
    later = [(n, body) for n, body in records.bodies(house, "rights", known) if body["act"] in CHANGES]
    counts = {"ended": 0, "changed": 0}
    for number, body in later:
        staff_id = int(body["staff"])
        if _stands(live, staff_id, body["detail"]) and _carry_out(live, staff_id, body):
            counts["ended" if body["act"] == "revoke" else "changed"] += 1
        store.follow(live, staff_id, number)
    enrolled = {int(body["staff"]) for _, body in later if body["act"] == "enrol"}
    lost = [one for one in enrolled if _must_enrol_again(live, one)]
    return Followed(**counts, lost=len(lost), cut_short=len(later) == 1)


def _stands(live: Connection, staff_id: int, detail: Mapping[str, Any]) -> bool:
    """Whether the person has a row; made anew, without password and second factor, where it is forgotten."""
    if store.by_id(live, staff_id) is not None:
        return True
    email = detail.get("email")
    if email is None or store.by_email(live, email) is not None:
        return False
    store.add(live, staff_id, email, clock.now())
    return True


def _must_enrol_again(live: Connection, staff_id: int) -> bool:
    person = store.by_id(live, staff_id)
    return person is not None and person.enrolled_at is None and person.revoked_at is None


def _carry_out(live: Connection, staff_id: int, body: Mapping[str, Any]) -> bool:
    """Bring one person's row to where the record says it stands; whether that changed anything."""
    act, detail = body["act"], body["detail"]
    if act in ("invite", "enrol", "change"):
        return _hold(live, staff_id, detail)
    if act == "revoke":
        return store.revoke(live, staff_id, clock.now())
    if act == "training":
        store.train(live, staff_id, date.fromisoformat(detail["on"]), detail["plan"])
        return True
    if act == "grant":
        return _grant(live, staff_id, body)
    return "grant" in detail and grants.end(live, int(detail["grant"]))


def _hold(live: Connection, staff_id: int, detail: Mapping[str, Any]) -> bool:
    pairs = {(role, kind) for role in detail["roles"] for kind in _types(role, detail)}
    changed = pairs != set(store.roles(live, staff_id))
    if changed:
        store.set_roles(live, staff_id, sorted(pairs))
    if Role.business not in detail["roles"]:
        grants.end_all(live, staff_id)
    if "on" in detail:
        store.train(live, staff_id, date.fromisoformat(detail["on"]), detail["plan"])
    return changed


def _types(role: str, detail: Mapping[str, Any]) -> list[str]:
    return detail["types"] if role == Role.consultation else sorted(ALL_TYPES)


def _grant(live: Connection, staff_id: int, body: Mapping[str, Any]) -> bool:
    """Only what still stands, is not due, and has time left."""
    detail, now = body["detail"], clock.now()
    until = from_microseconds(detail["until"])
    inquiry = int(detail["inquiry"])
    if until <= now or inquiries.readable(live, inquiry, now) is None:
        return False
    by = body["by"] if isinstance(body["by"], int) else None
    row = grants.GrantRow(int(detail["grant"]), staff_id, inquiry, detail["reason"], by, now, until)
    grants.put(live, row)
    return True

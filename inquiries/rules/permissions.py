"""Who may do what: the one table of roles and permissions (P23); never asks who somebody is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

ALL_TYPES = frozenset({"*"})  # a scope that holds every inquiry type, also those declared later


class Role(StrEnum):
    """Exactly three (P23); a person may hold several."""

    consultation = "consultation"
    business = "business"
    privacy = "privacy"


class Permission(StrEnum):
    """What a route, a command or a service asks to be allowed."""

    own_session = "own_session"
    list_inquiries = "list_inquiries"
    search_inquiries = "search_inquiries"
    open_inquiry = "open_inquiry"
    answer_inquiry = "answer_inquiry"
    note_inquiry = "note_inquiry"
    close_inquiry = "close_inquiry"
    reopen_inquiry = "reopen_inquiry"
    enter_inquiry = "enter_inquiry"
    handle_requests = "handle_requests"
    hold_inquiry = "hold_inquiry"
    open_archive = "open_archive"
    provide = "provide"
    export = "export"
    manage_people = "manage_people"
    grant_access = "grant_access"
    publish_policy = "publish_policy"
    see_retention = "see_retention"
    see_mail = "see_mail"
    see_ledger = "see_ledger"
    see_audit = "see_audit"


class _Scope(Enum):
    """Over which inquiries a role has a permission."""

    everything = 1
    own_types = 2
    granted = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, whether with a reason only, whether only lapsed training forbids it."""

    allowed: bool
    needs_reason: bool = False
    lapsed: bool = False


REFUSED = Decision(allowed=False)

#: What puts before somebody what people wrote, or works on it: closed while her training has lapsed (P27).
#: Everything else stays open, so that she can mend it and an officer can go on with her duties.
HANDLING = frozenset({
    Permission.list_inquiries,
    Permission.search_inquiries,
    Permission.open_inquiry,
    Permission.answer_inquiry,
    Permission.note_inquiry,
    Permission.close_inquiry,
    Permission.reopen_inquiry,
    Permission.enter_inquiry,
    Permission.handle_requests,
    Permission.open_archive,
    Permission.provide,
    Permission.export,
})  # fmt: skip

_Rule = tuple[_Scope, bool]  # the scope, and whether a reason is needed
_DESK: _Rule = (_Scope.own_types, False)
_OFFICE: _Rule = (_Scope.everything, False)
_OFFICE_WITH_REASON: _Rule = (_Scope.everything, True)

_TABLE: Mapping[Permission, Mapping[Role, _Rule]] = {
    Permission.own_session: dict.fromkeys(Role, _OFFICE),
    Permission.list_inquiries: {
        Role.consultation: _DESK,
        Role.business: (_Scope.granted, False),
        Role.privacy: _OFFICE,
    },
    Permission.search_inquiries: {Role.consultation: _DESK, Role.privacy: _OFFICE},
    Permission.open_inquiry: {
        Role.consultation: _DESK,
        Role.business: (_Scope.granted, True),
        Role.privacy: _OFFICE_WITH_REASON,
    },
    Permission.answer_inquiry: {Role.consultation: _DESK},
    Permission.note_inquiry: {Role.consultation: _DESK},
    Permission.close_inquiry: {Role.consultation: _DESK},
    Permission.reopen_inquiry: {Role.consultation: _DESK},
    Permission.enter_inquiry: {Role.consultation: _DESK},
    Permission.handle_requests: {Role.privacy: _OFFICE_WITH_REASON},
    Permission.hold_inquiry: {Role.privacy: _OFFICE_WITH_REASON},
    Permission.open_archive: {Role.privacy: _OFFICE_WITH_REASON},
    Permission.provide: {Role.privacy: _OFFICE_WITH_REASON},
    Permission.export: {Role.privacy: _OFFICE_WITH_REASON},
    Permission.manage_people: {Role.privacy: _OFFICE},
    Permission.grant_access: {Role.privacy: _OFFICE},
    Permission.publish_policy: {Role.privacy: _OFFICE},
    Permission.see_retention: {Role.privacy: _OFFICE},
    Permission.see_mail: {Role.privacy: _OFFICE},
    Permission.see_ledger: {Role.privacy: _OFFICE},
    Permission.see_audit: {Role.privacy: _OFFICE},
}


def allowed(
    roles: Mapping[Role, frozenset[str]],
    permission: Permission,
    inquiry_type: str | None = None,
    *,
    granted: bool = False,
    lapsed: bool = False,
) -> Decision:
    """Decide whether somebody with these roles may do this; no reason if any of her roles needs none.

    `roles` maps each role to the inquiry types it is held for (`ALL_TYPES` for every one; only
    consultation is bound to types). `inquiry_type` is None where the act is not about one inquiry: then a
    desk with any type will do, and `listable` says which. `granted`: the inquiry is granted to business.
    `lapsed`: her training has.
    """
    rules = _TABLE[permission]
    reasons = [
        rules[role][1]
        for role, types in roles.items()
        if role in rules and _within(rules[role][0], types, inquiry_type, granted=granted)
    ]
    if reasons and lapsed and permission in HANDLING:
        return Decision(allowed=False, lapsed=True)
    return Decision(allowed=True, needs_reason=all(reasons)) if reasons else REFUSED


def acting_role(
    roles: Mapping[Role, frozenset[str]],
    permission: Permission,
    inquiry_type: str | None = None,
    *,
    granted: bool = False,
) -> Role:
    """In which of her roles somebody who is allowed does it: one that needs no reason, if she holds one.

    Raises:
        ValueError: none of her roles allows it.
    """
    found = {
        role: allowed({role: types}, permission, inquiry_type, granted=granted)
        for role, types in roles.items()
    }
    able = [role for role in Role if role in found and found[role].allowed]
    if not able:
        raise ValueError(f"{permission.value} is not allowed")
    return min(able, key=lambda role: found[role].needs_reason)


def raises(before: Mapping[Role, frozenset[str]], after: Mapping[Role, frozenset[str]]) -> bool:
    """Whether somebody would hold afterwards what she does not hold before: a role, or a type in one."""
    return not all(
        role in before and (before[role] >= ALL_TYPES or types <= before[role])
        for role, types in after.items()
    )


def listable(roles: Mapping[Role, frozenset[str]], declared: Iterable[str]) -> frozenset[str]:
    """Which of the declared types somebody with these roles sees whole in the list (grants come on top)."""
    return frozenset(name for name in declared if allowed(roles, Permission.list_inquiries, name).allowed)


def _within(scope: _Scope, types: frozenset[str], inquiry_type: str | None, *, granted: bool) -> bool:
    if scope is _Scope.everything:
        return True
    if scope is _Scope.granted:
        return granted
    return bool(types) if inquiry_type is None else not types.isdisjoint({*ALL_TYPES, inquiry_type})

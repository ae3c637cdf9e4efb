"""Every role, alone and with others, with every permission (P23)."""

from __future__ import annotations

from itertools import product

import pytest

from inquiries.rules.permissions import (
    ALL_TYPES,
    Decision,
    Permission,
    Role,
    acting_role,
    allowed,
    listable,
    raises,
)

NO, YES, WITH_REASON = (
    Decision(allowed=False),
    Decision(allowed=True),
    Decision(allowed=True, needs_reason=True),
)

DESK = {
    Permission.answer_inquiry,
    Permission.note_inquiry,
    Permission.close_inquiry,
    Permission.reopen_inquiry,
    Permission.enter_inquiry,
}
OFFICE_WITH_REASON = {
    Permission.handle_requests,
    Permission.hold_inquiry,
    Permission.open_archive,
    Permission.provide,
    Permission.export,
}
OFFICE = {
    Permission.manage_people,
    Permission.grant_access,
    Permission.publish_policy,
    Permission.see_retention,
    Permission.see_mail,
    Permission.see_ledger,
    Permission.see_audit,
}
EVERYBODY = {Permission.own_session}
LOOKING = {Permission.list_inquiries, Permission.search_inquiries, Permission.open_inquiry}

MINJI = {Role.consultation: frozenset({"support"})}
BAE = {Role.business: frozenset[str]()}
OH = {Role.privacy: frozenset[str]()}
FIRST = OH | {Role.consultation: ALL_TYPES}
EVE: dict[Role, frozenset[str]] = {}


def test_every_permission_is_in_the_table_of_this_test() -> None:
    assert set(Permission) == DESK | OFFICE_WITH_REASON | OFFICE | EVERYBODY | LOOKING


def test_roles_and_permissions_are_kept_under_their_own_names() -> None:
    for kept in (Role, Permission):
        assert [one.value for one in kept] == list(kept.__members__)
    assert list(ALL_TYPES) == ["*"]


def expected(role: Role, permission: Permission, *, own: bool, granted: bool) -> Decision:
    if permission in EVERYBODY:
        return YES
    if role is Role.consultation:
        return YES if own and permission in DESK | LOOKING else NO
    if role is Role.business:
        answers = {Permission.list_inquiries: YES, Permission.open_inquiry: WITH_REASON}
        return answers.get(permission, NO) if granted else NO
    if permission in OFFICE | {Permission.list_inquiries, Permission.search_inquiries}:
        return YES
    return WITH_REASON if permission in OFFICE_WITH_REASON | {Permission.open_inquiry} else NO


@pytest.mark.promise("P23")
@pytest.mark.parametrize(
    ("role", "permission", "own", "granted"), list(product(Role, Permission, (True, False), (True, False)))
)
def test_every_role_with_every_permission(
    role: Role, permission: Permission, *, own: bool, granted: bool
) -> None:
    inquiry_type = "support" if own else "recruitment"
    decision = allowed({role: frozenset({"support"})}, permission, inquiry_type, granted=granted)
    assert decision == expected(role, permission, own=own, granted=granted)


@pytest.mark.parametrize("permission", Permission)
def test_who_holds_no_role_may_do_nothing(permission: Permission) -> None:
    assert allowed(EVE, permission, "support", granted=True) == NO


@pytest.mark.parametrize("permission", Permission)
def test_several_roles_allow_what_any_allows_and_ask_a_reason_only_if_all_do(permission: Permission) -> None:
    single = [allowed(roles, permission, "support", granted=True) for roles in (MINJI, BAE, OH)]
    together = allowed(MINJI | BAE | OH, permission, "support", granted=True)
    assert together.allowed is any(decision.allowed for decision in single)
    assert together.needs_reason is all(d.needs_reason for d in single if d.allowed)


def test_an_officer_who_also_consults_needs_a_reason_outside_her_desk_only() -> None:
    both = MINJI | OH
    assert allowed(both, Permission.open_inquiry, "support") == YES
    assert allowed(both, Permission.open_inquiry, "recruitment") == WITH_REASON
    assert allowed(both, Permission.close_inquiry, "recruitment") == NO


def test_the_first_officer_consults_on_every_type_also_on_later_ones() -> None:
    for inquiry_type in ("support", "declared-later"):
        assert allowed(FIRST, Permission.open_inquiry, inquiry_type) == YES
        assert allowed(FIRST, Permission.close_inquiry, inquiry_type) == YES


def test_a_desk_without_types_sees_nothing() -> None:
    nobody = {Role.consultation: frozenset[str]()}
    assert allowed(nobody, Permission.list_inquiries) == NO
    assert allowed(nobody, Permission.open_inquiry, "support") == NO


def test_without_a_type_a_desk_may_list_and_sees_its_own() -> None:
    declared = ("introduction", "support")
    assert allowed(MINJI, Permission.list_inquiries) == YES
    assert listable(MINJI, declared) == {"support"}
    assert listable(FIRST, declared) == listable(OH, declared) == set(declared)
    assert listable(BAE, declared) == listable(EVE, declared) == set()


def test_the_type_of_all_types_is_no_type_of_an_inquiry() -> None:
    assert allowed(MINJI, Permission.open_inquiry, "*") == NO


# -- in which role ---------------------------------------------------------------------------------


@pytest.mark.promise("P23")
@pytest.mark.parametrize(
    ("roles", "permission", "inquiry_type", "granted", "role"),
    [
        (MINJI, Permission.open_inquiry, "support", False, Role.consultation),
        (MINJI | BAE | OH, Permission.open_inquiry, "support", True, Role.consultation),
        (OH | BAE | MINJI, Permission.open_inquiry, "support", True, Role.consultation),
        (MINJI | BAE, Permission.open_inquiry, "recruitment", True, Role.business),
        (MINJI | BAE | OH, Permission.open_inquiry, "recruitment", False, Role.privacy),
        (OH | BAE, Permission.list_inquiries, None, True, Role.business),
        (MINJI | OH, Permission.handle_requests, "support", False, Role.privacy),
        (MINJI | OH, Permission.list_inquiries, None, False, Role.consultation),
    ],
)
def test_it_is_done_in_a_role_that_allows_it_and_needs_no_reason_if_there_is_one(
    roles: dict[Role, frozenset[str]],
    permission: Permission,
    inquiry_type: str | None,
    granted: bool,  # noqa: FBT001
    role: Role,
) -> None:
    assert acting_role(roles, permission, inquiry_type, granted=granted) is role


@pytest.mark.parametrize("roles", [EVE, BAE, MINJI])
def test_who_is_not_allowed_does_it_in_no_role(roles: dict[Role, frozenset[str]]) -> None:
    with pytest.raises(ValueError, match=r"^open_inquiry is not allowed$"):
        acting_role(roles, Permission.open_inquiry, "recruitment")


# -- lapsed training (P27) -----------------------------------------------------------------------

#: What somebody may go on with whose training has lapsed.
STAYS = EVERYBODY | OFFICE | {Permission.hold_inquiry}


@pytest.mark.promise("P27")
@pytest.mark.parametrize("permission", Permission)
def test_lapsed_training_closes_what_shows_inquiries_and_nothing_else(permission: Permission) -> None:
    everything = MINJI | BAE | OH
    before = allowed(everything, permission, "support", granted=True)
    after = allowed(everything, permission, "support", granted=True, lapsed=True)
    assert after == (before if permission in STAYS else Decision(allowed=False, lapsed=True))


@pytest.mark.promise("P27")
def test_who_may_not_anyway_is_not_told_of_her_training() -> None:
    assert allowed(MINJI, Permission.open_inquiry, "recruitment", lapsed=True) == NO
    assert allowed(MINJI, Permission.export, lapsed=True) == NO


# -- raising (P24) -------------------------------------------------------------------------------


@pytest.mark.promise("P24")
@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (MINJI, MINJI, False),
        (MINJI, EVE, False),
        (MINJI, {Role.consultation: frozenset({"recruitment"})}, True),
        (MINJI, {Role.consultation: ALL_TYPES}, True),
        ({Role.consultation: ALL_TYPES}, MINJI, False),
        (FIRST, {Role.consultation: frozenset({"support"}), Role.privacy: frozenset()}, False),
        (FIRST, OH, False),
        (OH, FIRST, True),
        (OH, BAE, True),
        (EVE, OH, True),
    ],
)
def test_a_role_or_a_type_more_is_raising(
    before: dict[Role, frozenset[str]], after: dict[Role, frozenset[str]], *, more: bool
) -> None:
    assert raises(before, after) is more

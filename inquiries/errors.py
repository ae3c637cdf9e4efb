"""The failures of the domain, each with its HTTP and exit status; no message holds a plaintext item.

The web turns them into answers in one place (`web/failures.py`), the commands into exit statuses in
one place (`cli.py`). Messages here are for the log and the operator; what a person reads is worded,
in her language, by the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import ClassVar


class InquiriesError(Exception):
    """The root: anything that this product refuses or could not do."""

    status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1
    code: ClassVar[str] = "failed"


# -- settings and policy -------------------------------------------------------------------------


class UnsafeSetting(InquiriesError):
    """A setting is unknown, malformed or unsafe; the start stops and names its key."""

    exit_status = 3
    code = "unsafe_setting"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class NotInitialised(InquiriesError):
    """The stores do not exist yet; `flask --app app init` or `make run` makes them."""

    status = 503
    code = "not_initialised"


@dataclass(frozen=True)
class PolicyProblem:
    """One fault of a policy file: where it stands, what is wrong, whose promise it would break."""

    path: str
    message: str
    promise: str | None = None


class PolicyRefused(InquiriesError):
    """The policy file breaks a rule; `problems` holds every fault found, in the file's order."""

    code = "policy_refused"

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__("; ".join(f"{p.path}: {p.message}" for p in problems))
        self.problems = problems


# -- intake --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldError:
    """One fault of one field: its form name, a code that the pages word, and the code's figures."""

    field: str
    code: str
    params: Mapping[str, int | str] = dataclass_field(default_factory=dict)


class InvalidFields(InquiriesError):
    """A form cannot be accepted as it was sent; `errors` holds every fault, in the form's order."""

    status = 422
    code = "invalid_fields"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(", ".join(f"{e.field}: {e.code}" for e in errors))
        self.errors = errors


class InvalidItems(InvalidFields):
    """What was sent breaks the declared form."""

    code = "invalid_items"


class UnknownType(InquiriesError):
    """The policy declares no such inquiry type."""

    status = 404
    code = "unknown_type"


class NoticeSuperseded(InquiriesError):
    """The person saw an older notice than the one in force; she must see the new one first (P03)."""

    status = 409
    code = "notice_superseded"


class OnceReused(InquiriesError):
    """Other content came under a `_once` or Idempotency-Key that was already used."""

    status = 409
    code = "once_reused"


class IntakeClosed(InquiriesError):
    """Nothing can be accepted now: the stores and the keyring do not agree, or no epoch is open."""

    status = 503
    code = "intake_closed"


# -- access --------------------------------------------------------------------------------------


class NotFound(InquiriesError):
    """Unknown, destroyed, or not this person's to see: one answer for all three (P21, P23)."""

    status = 404
    code = "not_found"


class Suspended(InquiriesError):
    """The person asked that nothing of the inquiry is shown, sent or exported (P19)."""

    status = 409
    code = "suspended"


class ReasonRequired(InquiriesError):
    """This role opens an inquiry only with a reason (DESIGN §5)."""

    status = 422
    code = "reason_required"


class TrainingLapsed(InquiriesError):
    """Her training has lapsed, and with it her inbox is closed until somebody renews it (P27)."""

    status = 403
    code = "training_lapsed"


class RightsRefused(InvalidFields):
    """A change of rights lacks what it must say, or is not this person's to make (P24)."""

    code = "rights_refused"

    def __init__(self, field: str, code: str, **params: int) -> None:
        super().__init__((FieldError(field, code, params),))
        self.args = (f"{field}: {code}; {_RIGHTS.get(code, 'see --help')}",)


_RIGHTS: Mapping[str, str] = {
    "required": "say it",
    "invalid_email": "give an address such as name@example.com",
    "unknown_type": "the policy declares no such inquiry type",
    "enrolled": "she has access; change her rights instead of inviting her",
    "revoked": "an access that was taken away is not given again; use another address",
    "unchanged": "she holds exactly this already",
    "own_rights": "nobody raises her own rights; ask another officer",
    "last_officer": "she is the last officer; enrol another one first",
    "break_glass": "this is an officer's to do; with --break-glass REASON it is done, recorded and shown",
    "not_business": "only somebody of the business role can be granted an inquiry",
    "not_within": "a grant ends within 30 days",
    "to_come": "the day is still to come",
    "long_ago": "a training of that day has lapsed already",
}


class WrongState(InquiriesError):
    """The inquiry's state does not allow this act."""

    status = 409
    code = "wrong_state"


class InvalidHold(InvalidFields):
    """A legal hold names its basis, its reason and an end that is to come (P14)."""

    code = "invalid_hold"


class InvalidArchival(InvalidFields):
    """A move to the archive names a statute of the policy and items that the inquiry has (P12, P13)."""

    code = "invalid_archival"


class InvalidExport(InvalidFields):
    """An export names its purpose, its reason, its form and for whom it is encrypted (P02, P29)."""

    code = "invalid_export"


class InvalidDisclosure(InvalidFields):
    """A disclosure lacks statute, document, items, the second person, or somebody it is sealed for (P35)."""

    code = "invalid_disclosure"


class NotRegistered(InquiriesError):
    """What was to leave had a destination that the policy's register does not name for it (P33 to P36)."""

    status = 422
    code = "not_registered"


class Held(InquiriesError):
    """A legal hold runs on this inquiry: nothing of it is destroyed, nor moved to the archive (P14)."""

    status = 409
    code = "held"


class ArchiveClosed(InquiriesError):
    """This process does not hold the half of the archive's key pair that it needs; another one may (P12)."""

    status = 503
    code = "archive_closed"


class SignInRefused(InquiriesError):
    """E-mail, password or code is wrong, or the account is locked: one answer for all (P31, P32)."""

    status = 422
    code = "sign_in_refused"


class ReceiptMalformed(InquiriesError):
    """What was typed cannot be a receipt code."""

    status = 404
    code = "not_found"


# -- cryptography and stores ---------------------------------------------------------------------


class SealBroken(InquiriesError):
    """A sealed value was changed, moved, cut, or belongs to another key."""

    code = "seal_broken"


class KeyUnavailable(InquiriesError):
    """The keyring holds no secret for this epoch: never had it, or it was retired."""

    code = "key_unavailable"


class ClockSuspect(InquiriesError):
    """The clock or the number due is not believable; the sweep waits for `--confirm` (DESIGN §3)."""

    code = "clock_suspect"


class JobBusy(InquiriesError):
    """Another process is doing this job now."""

    code = "busy"


class SweepFailed(InquiriesError):
    """Something that is due could not be destroyed; the ledger says how much, and what failed."""

    code = "sweep_failed"


class RotationIncomplete(InquiriesError):
    """An epoch cannot be retired yet; the message says what stands against it."""

    code = "rotation_incomplete"

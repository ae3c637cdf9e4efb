"""What a valid item and a valid consent are; the form and the API both ask here (P01, P03); words nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from inquiries.errors import FieldError, InvalidItems, UnknownType
from inquiries.policy.model import InquiryType, Item, Policy

CONSENT_FIELD = "consent."  # the form's name of a consent is this and the purpose

# C0 and C1 controls, lone surrogates, noncharacters: what no person types and no database or mail carries
# unharmed. Long text may hold tab and line feed, a single line neither.
_NEVER = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
_NEVER_IN_TEXT = re.compile(f"[{_NEVER}]")
_NEVER_IN_LINE = re.compile(f"[{_NEVER}\t\n]")
# Overrides, embeddings and isolates reorder what staff read around them; the plain marks of Hebrew and
# Arabic (U+200E, U+200F, U+061C) stay allowed.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NONCHARACTERS = frozenset(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_LINE_ENDS = ("\r\n", "\r", "\u2028", "\u2029")
# Nothing to see: spaces, zero-width characters, soft hyphen, the fillers of Hangul and Braille.
_BLANK = re.compile("[\\s\u00ad\u115f\u1160\u180e\u200b-\u200f\u2060\u2800\u3164\ufeff\uffa0]*")

# Everyday addresses and Korean mobile numbers are decided without email-validator and phonenumbers (1 µs for
# their 30); tests hold each pair together. Punycode ("--") and reserved names go the long way.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EVERYDAY_EMAIL = re.compile(
    rf"(?=.{{1,254}}\Z)(?=[^@]{{1,64}}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:{_LABEL}\.)+([A-Za-z]{{2,24}})",
)
_RESERVED = frozenset(SPECIAL_USE_DOMAIN_NAMES)
_EVERYDAY_MOBILE = re.compile(r"010[- ]?([0-9]{4})[- ]?([0-9]{4})")
_PHONE = re.compile(r"\(?\+?[\d(][\d\s().\-–/]*(?:(?:ext\.?|x|#)\s*\d{1,6})?", re.IGNORECASE)

_MOST_UNDECLARED = 20  # named in one answer; the rest adds nothing
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Accepted:
    """Items in the form's order, trimmed, in NFC, empty ones left out; each purpose offered, given or not."""

    items: Mapping[str, str]
    consents: Mapping[str, bool]


class _Fault(Exception):
    """One item is not valid; turned into a FieldError."""

    def __init__(self, code: str, **params: int) -> None:
        self.code = code
        self.params = params


def validate(
    policy: Policy,
    type_name: str,
    items: Mapping[str, object],
    consents: Mapping[str, object],
) -> Accepted:
    """Accept what was sent for an inquiry type, or raise InvalidItems with every fault, or UnknownType.

    Consents come by purpose: `True` or the form's "yes" gives, `False` or absence does not. Codes:
    required, not_text, too_long (max), control_character, bidi_control, invalid_email, invalid_phone,
    undeclared, consent_required, consent_invalid.
    """
    kind = policy.types.get(type_name)
    if kind is None:
        raise UnknownType(type_name)
    purposes = kind.purposes
    accepted, errors = _accept(policy, kind, items)
    given = {purpose: _given(consents.get(purpose, False)) for purpose in purposes}
    for purpose, answer in given.items():
        if answer is None:
            errors.append(FieldError(CONSENT_FIELD + purpose, "consent_invalid"))
        elif not answer and policy.purposes[purpose].required:
            errors.append(FieldError(CONSENT_FIELD + purpose, "consent_required"))
    errors.extend(_undeclared(items, kind.items))
    errors.extend(_undeclared(consents, purposes, CONSENT_FIELD))
    if errors:
        raise InvalidItems(tuple(errors))
    return Accepted(accepted, {purpose: bool(answer) for purpose, answer in given.items()})


def validate_items(policy: Policy, type_name: str, items: Mapping[str, object]) -> Mapping[str, str]:
    """Accept the whole of an inquiry's items as they are to be after a correction (P17); faults as above."""
    kind = policy.types.get(type_name)
    if kind is None:
        raise UnknownType(type_name)
    accepted, errors = _accept(policy, kind, items)
    errors.extend(_undeclared(items, kind.items))
    if errors:
        raise InvalidItems(tuple(errors))
    return accepted


def _accept(
    policy: Policy, kind: InquiryType, items: Mapping[str, object]
) -> tuple[dict[str, str], list[FieldError]]:
    """The declared items as they are kept, empty ones left out, and every fault."""
    errors: list[FieldError] = []
    accepted: dict[str, str] = {}
    for name in kind.items:
        try:
            text = _clean(policy.items[name], items.get(name, ""), policy.home)
        except _Fault as fault:
            errors.append(FieldError(name, fault.code, fault.params))
            continue
        if text:
            accepted[name] = text
        elif name in kind.required:
            errors.append(FieldError(name, "required"))
    return accepted, errors


def free_text(field: str, value: object, limit: int) -> str:
    """A text that is no item, kept as one of kind `long_text` would be. Raises InvalidItems."""
    return _text(field, value, limit, long=True)


def _text(field: str, value: object, limit: int, *, long: bool) -> str:
    try:
        text = _cleaned(value, long=long, limit=limit)
    except _Fault as fault:
        raise InvalidItems((FieldError(field, fault.code, fault.params),)) from None
    if not text:
        raise InvalidItems((FieldError(field, "required"),))
    return text


def text_or_fault(
    faults: list[FieldError], field: str, value: object, limit: int, *, long: bool = True
) -> str:
    """`free_text`, or a single line, of a form with more fields: where refused empty, and a fault more."""
    try:
        return _text(field, value, limit, long=long)
    except InvalidItems as refused:
        faults.extend(refused.errors)
        return ""


def normal_email(text: str) -> str | None:
    """The one spelling of an address under which it is looked up, or None if it is none.

    Lower case as a whole: no mail host in use tells `Sora@` from `sora@`, and a request to find her data
    must not miss what she sent in another case.
    """
    everyday = _EVERYDAY_EMAIL.fullmatch(text)
    if everyday and "--" not in text and everyday[1].lower() not in _RESERVED:
        return text.lower()
    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        return None


def normal_phone(text: str, region: str | None) -> str | None:
    """The number in E.164, or None if it can be none; `region` is the country of numbers without a code.

    Asks whether the number is possible (its length), not whether its range is known to be assigned: a
    person with a new number must not be turned away by our older list.
    """
    if region == "KR" and (mobile := _EVERYDAY_MOBILE.fullmatch(text)):
        return f"+8210{mobile[1]}{mobile[2]}"
    if not _PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _clean(item: Item, value: object, region: str | None) -> str:
    """The item's text as it is kept; empty if there is nothing to see in it."""
    text = _cleaned(value, long=item.kind == "long_text", limit=item.max_length)
    if text and item.kind == "email" and normal_email(text) is None:
        raise _Fault("invalid_email")
    if text and item.kind == "phone" and normal_phone(text, region) is None:
        raise _Fault("invalid_phone")
    return text


def _cleaned(value: object, *, long: bool, limit: int) -> str:
    if not isinstance(value, str):
        raise _Fault("not_text")
    for end in _LINE_ENDS:
        value = value.replace(end, "\n")
    text = unicodedata.normalize("NFC", value.strip())
    if not all(map(str.isprintable, text.split("\n") if long else (text,))):
        if _BIDI.search(text):
            raise _Fault("bidi_control")
        if (_NEVER_IN_TEXT if long else _NEVER_IN_LINE).search(text) or _NONCHARACTERS.intersection(text):
            raise _Fault("control_character")
    if _BLANK.fullmatch(text):
        return ""
    if len(text) > limit:
        raise _Fault("too_long", max=limit)
    return text


def _given(answer: object) -> bool | None:
    """The form sends "yes" or nothing, the API true or false; anything else is no answer."""
    if answer is True or answer == "yes":
        return True
    return False if answer is False else None


def _undeclared(sent: Iterable[str], declared: tuple[str, ...], prefix: str = "") -> Iterator[FieldError]:
    """Fields that the policy does not declare, by names made safe to show."""
    unknown = [name for name in sent if name not in declared]
    for name in unknown[:_MOST_UNDECLARED]:
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:_LONGEST_NAME])
        yield FieldError(prefix + shown, "undeclared")

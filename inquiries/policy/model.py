"""The policy file as frozen objects: what it may say and in which shape; never reads a file.

What a policy must not go below is in `floors.py`; `loader.parse` is the only door that asks both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    model_validator,
)

from inquiries.policy.period import Period
from inquiries.policy.values import (
    AnyPeriod,
    ClockTime,
    Country,
    Email,
    EndingPeriod,
    Language,
    Name,
    Phone,
    Retention,
    Table,
    Text,
    TimeZone,
    TypeName,
    Url,
    positive,
    some,
)

MAX_ITEM_LENGTH = 10_000
REQUIRED_PURPOSE = "inquiry"
RESERVED = ("language",)  # fields of every form, so no item may bear their names
GROUPS = ("main", "visitor", "archive")  # names of groups of data keys, so no purpose may bear them

_NONE: Any = Field(default_factory=lambda: MappingProxyType({}))

ItemKind = Literal["text", "email", "phone", "long_text"]
Basis = Literal["consent", "law", "agreement"]
TransferBasis = Literal["consent", "law", "contract", "certification", "adequacy"]
ContractTerm = Literal["purpose_only", "safeguards", "sub_processing", "damages"]


class Part(BaseModel):
    """A part of the policy: strict, frozen, without keys that nobody knows."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class LocalText(RootModel[Annotated[Mapping[Language, Text], AfterValidator(MappingProxyType)]]):
    """One text in several languages; the floors see to it that each language of the policy is there."""

    model_config = ConfigDict(strict=True, frozen=True)

    def text(self, language: str) -> str:
        """The text in this language, else in the one written first."""
        return self.root.get(language) or next(iter(self.root.values()))


class Contact(Part):
    """Who answers for personal information: a role and how to reach it, never a person's name (P38)."""

    role: LocalText
    email: Email
    phone: Phone | None = None


class DisputeBody(Part):
    """A public body to which a data subject can turn (P38)."""

    name: LocalText
    phone: Phone | None = None
    url: Url | None = None


class Item(Part):
    """One item that a form may ask for; `max_length` counts characters after normalisation."""

    label: LocalText
    kind: ItemKind
    max_length: Annotated[int, Field(ge=1, le=MAX_ITEM_LENGTH)]
    autocomplete: Text | None = None
    hint: LocalText | None = None


class InquiryType(Part):
    """One kind of inquiry: what it asks, why, for how long, and what refusing costs (P03, P08, P09)."""

    label: LocalText
    description: LocalText
    purpose: LocalText
    required: tuple[Name, ...]
    optional: tuple[Name, ...] = ()
    period: Retention
    after_closing: EndingPeriod = Period(days=30)
    refusal: LocalText
    _items: tuple[str, ...] = PrivateAttr(default=())
    _purposes: tuple[str, ...] = PrivateAttr(default=())

    @cached_property  # pydantic finds a private attribute by a long way, and every inquiry asks for these
    def items(self) -> tuple[str, ...]:
        """Its items, required and optional, in the policy's order: the order of the form."""
        return self._items

    @cached_property
    def purposes(self) -> tuple[str, ...]:
        """The purposes its form asks consent for: the required one, then those whose items it has."""
        return self._purposes


class Purpose(Part):
    """One purpose that is consented to; `text` stands at the box, `label` names it in tables (P02, P03).

    Optional purposes keep their own copies of `items` for their own `period`; the required one takes
    items, period and refusal from the inquiry type.
    """

    label: LocalText
    text: LocalText
    required: bool
    items: tuple[Name, ...] = ()
    period: Retention | None = None
    refusal: LocalText | None = None


class Minors(Part):
    """Below which age a legal guardian must agree, and whether such inquiries are taken at all (P07)."""

    age: Annotated[int, Field(ge=1, le=21)] = 14
    allowed: bool = False


class Visitor(Part):
    """What is recorded of the visit itself, why, and for how long (P04)."""

    items: Annotated[tuple[Literal["address", "user_agent"], ...], AfterValidator(some)]
    purpose: LocalText
    period: Annotated[EndingPeriod, AfterValidator(positive)]


class Unusual(Part):
    """What marks an access for the officer's review (P25); night is told in the policy's zone."""

    opens_in_hour: Annotated[int, Field(ge=1, le=500)] = 30
    opens_in_day: Annotated[int, Field(ge=1, le=2000)] = 100
    refusals_in_day: Annotated[int, Field(ge=1, le=100)] = 10
    night_from: ClockTime = time(22)
    night_until: ClockTime = time(6)


class Records(Part):
    """How long the ledger keeps access records (P25) and records of rights granted (P24).

    `review`: how often the officer looks through the accesses and signs that she has (P25, P26).
    """

    access: EndingPeriod = Period(years=2)
    rights: EndingPeriod = Period(years=3)
    review: Annotated[EndingPeriod, AfterValidator(positive)] = Period(months=1)
    unusual: Unusual = Unusual()


class Plan(Part):
    """The internal management plan: its version, how often people are trained on it, newcomers' grace."""

    version: Annotated[Text, Field(max_length=40)] = "1"
    training: Annotated[EndingPeriod, AfterValidator(positive)] = Period(years=1)
    newcomers: EndingPeriod = Period(days=30)


class Deadlines(Part):
    """Time limits that the policy promises (P10, P22, P37, and the table of parameters)."""

    destruction: EndingPeriod = Period(days=5)
    requests: EndingPeriod = Period(days=10)
    requests_target: EndingPeriod = Period(days=3)  # what we set ourselves; never beyond `requests`
    breach: EndingPeriod = Period(days=3)
    changes: EndingPeriod = Period(days=7)
    significant_changes: EndingPeriod = Period(days=30)


class Processor(Part):
    """A company that processes on the controller's behalf, under contract (P33); `hosts` are its servers.

    `contact`, here and below: who is told of a correction or deletion of what was given (P20).
    """

    name: LocalText
    work: LocalText
    country: Country
    contract_terms: tuple[ContractTerm, ...]
    hosts: tuple[Text, ...] = ()
    transfer_basis: TransferBasis | None = None
    contact: Email | None = None


class Recipient(Part):
    """A third party to which items are provided, on a basis (P34); abroad also on a transfer basis (P36).

    `consent`: the optional purpose whose consent is the basis, where that is consent.
    """

    name: LocalText
    purpose: LocalText
    items: tuple[Name, ...]
    period: AnyPeriod
    country: Country
    basis: Basis
    consent: Name | None = None
    transfer_basis: TransferBasis | None = None
    contact: Email | None = None


class Authority(Part):
    """A public body to which a law can order a disclosure, and which law (P35); at home, or in `country`."""

    name: LocalText
    statute: LocalText
    country: Country | None = None
    transfer_basis: TransferBasis | None = None
    contact: Email | None = None


class Statute(Part):
    """A record that a law orders kept, which law, and for how long (P13)."""

    name: LocalText
    statute: LocalText
    period: EndingPeriod
    items: tuple[Name, ...] = ()


class Policy(Part):
    """What a company promises to the people who write to it; everything else follows from it."""

    controller: LocalText
    jurisdiction: Literal["KR", "EU", "ID"]
    country: Country | None = None
    time_zone: TimeZone
    languages: Annotated[tuple[Language, ...], AfterValidator(some)]
    officer: Contact
    deputy: Contact | None = None
    dispute_bodies: tuple[DisputeBody, ...] = ()
    items: Annotated[Table[Item], AfterValidator(some)]
    types: Annotated[Mapping[TypeName, InquiryType], AfterValidator(MappingProxyType), AfterValidator(some)]
    purposes: Table[Purpose]
    visitor: Visitor | None = None
    minors: Minors | None = None
    minimum: Annotated[EndingPeriod, AfterValidator(positive)] | None = None
    records: Records = Records()
    plan: Plan = Plan()
    deadlines: Deadlines = Deadlines()
    processors: Table[Processor] = _NONE
    recipients: Table[Recipient] = _NONE
    authorities: Table[Authority] = _NONE
    statutes: Table[Statute] = _NONE

    @model_validator(mode="after")
    def _arrange(self) -> Self:
        """Tell each inquiry type the order of its form and the purposes that it can offer."""
        for kind in self.types.values():
            asked = {*kind.required, *kind.optional}
            kind._items = tuple(name for name in self.items if name in asked)  # noqa: SLF001
            kind._purposes = tuple(  # noqa: SLF001
                sorted(
                    (name for name, p in self.purposes.items() if p.required or asked.issuperset(p.items)),
                    key=lambda name: not self.purposes[name].required,
                ),
            )
        return self

    @property
    def home(self) -> str | None:
        """The controller's country: the region of telephone numbers without a country code."""
        return self.country or (None if self.jurisdiction == "EU" else self.jurisdiction)

    def language(self, wanted: str | None) -> str:
        """The wanted language if the policy speaks it, else the one it lists first."""
        return wanted if wanted in self.languages else self.languages[0]

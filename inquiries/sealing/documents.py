"""The certificates as files: their shape, and their check offline with a verify key in hand; pure.

Hashes, keys and signatures are hex; moments are RFC 3339 in UTC with microseconds (docs/formats.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from inquiries.errors import SealBroken
from inquiries.sealing import certificates, epochs

RUN = "sweep"  # what a run's signed statement is about
ANCHOR = "ledger anchor"
#: How long a backup of the keys lives, in version 1: signed nowhere, so no file may say another time.
KEY_BACKUPS_HOURS = 72

Number = Annotated[int, Field(ge=0, lt=2**53)]
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
Said = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Proof(_Shape):
    """Where the statement stands in the tree of its intent, and the tree's signed root."""

    index: Number
    count: Number
    path: tuple[Hex, ...]
    root: Hex
    signature: Hex


class Destroyed(_Shape):
    """One destroyed group: what is said of it, its proof (None: not signed yet), since when it is final."""

    statement: dict[str, str | int | None]
    proof: Proof | None
    final: Said | None


class EndedEpoch(_Shape):
    """The signed record that an epoch was retired: its keys were erased."""

    number: Number
    public_key: Hex
    retired: Said
    signature: Hex


class InquiryDocument(_Shape):
    """The certificate of one inquiry.

    Signed are each statement (through its proof) and each epoch's record. Checked against them is `final`: it
    is never earlier than they show. Checked besides are `key_backups_hours`, which the version fixes, and
    `verify_key`. `issued`, `issuer`, `remaining`, and that a part is not yet final, are only said.
    """

    format: Literal["inquiries destruction certificate"] = "inquiries destruction certificate"
    version: Literal[1] = 1
    issued: Said
    issuer: str
    verify_key: Hex
    key_backups_hours: Number
    destroyed: tuple[Destroyed, ...]
    remaining: tuple[str, ...]
    epochs: tuple[EndedEpoch, ...]


class RunDocument(_Shape):
    """The certificate of one sweep."""

    format: Literal["inquiries sweep certificate"] = "inquiries sweep certificate"
    version: Literal[1] = 1
    issuer: str
    verify_key: Hex
    statement: dict[str, Any]
    signature: Hex


class Head(_Shape):
    """The newest entry of a chain."""

    n: Number
    hash: Hex


class SealHead(_Shape):
    """The newest seal."""

    n: Number
    mac: Hex


class AnchorStatement(_Shape):
    """Where the ledger stood at a moment: each chain's newest entry, and the newest seal over them."""

    at: Said
    heads: dict[str, Head]
    seal: SealHead | None


class AnchorDocument(_Shape):
    """What is kept outside of the ledger, so that nobody can put an older or another one in its place."""

    format: Literal["inquiries ledger anchor"] = "inquiries ledger anchor"
    version: Literal[1] = 1
    issuer: str
    verify_key: Hex
    statement: AnchorStatement
    signature: Hex


Document = InquiryDocument | RunDocument | AnchorDocument
_DOCUMENT: TypeAdapter[Document] = TypeAdapter(Annotated[Document, Field(discriminator="format")])


def written(moment: datetime) -> str:
    """The moment as certificates say it."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def read(file: str | bytes) -> Document:
    """The certificate, or the anchor, in a JSON file.

    Raises:
        SealBroken: it is none, or not of this version.
    """
    try:
        return _DOCUMENT.validate_json(file)
    except ValidationError:
        raise SealBroken("this is no certificate of version 1") from None


@dataclass(frozen=True)
class Checked:
    """What a check found: statements that are proved, and everything that is wrong, in plain words.

    `finals`: of an inquiry, each group that is proved to be destroyed, and from when on it is final; None:
    not yet, as far as the file shows.
    """

    proved: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    finals: tuple[tuple[str, datetime | None], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of it is proved."""
        return not self.problems


def check(document: Document, verify_key: bytes) -> Checked:
    """Check what is signed, and what follows from it; the key comes from where it is published."""
    problems = [] if document.verify_key == verify_key.hex() else ["it names another verify key"]
    if isinstance(document, RunDocument | AnchorDocument):
        of = "the run" if isinstance(document, RunDocument) else "the anchor"
        fault = _fault(_check_statement, document, verify_key)
        proved = () if fault else (said(document),)
        return Checked(proved, (*problems, *(f"{of}: {one}" for one in fault)))
    return _check_inquiry(document, verify_key, problems)


def _check_inquiry(document: InquiryDocument, verify_key: bytes, problems: list[str]) -> Checked:
    if document.key_backups_hours != KEY_BACKUPS_HOURS:
        problems.append(f"it says that backups of the keys live another time than {KEY_BACKUPS_HOURS} hours")
    if not document.destroyed:
        problems.append("it says of nothing that it was destroyed")
    ended: dict[str | int | None, datetime] = {}
    for epoch in document.epochs:
        fault = _fault(_check_epoch, epoch, verify_key)
        problems += [f"epoch {epoch.number}: {one}" for one in fault]
        if not fault:
            ended[epoch.number] = _moment(epoch.retired)
    stands: list[dict[str, Any]] = []
    finals: list[tuple[str, datetime | None]] = []
    for part in document.destroyed:
        unproved = _fault(_check_proof, part, verify_key)
        not_final = _fault(_check_final, part, ended)
        problems += [f"{part.statement.get('id')}: {one}" for one in (*unproved, *not_final)]
        if not unproved:
            stands.append(dict(part.statement))
            final = None if part.final is None or not_final else _moment(part.final)
            finals.append((str(part.statement.get("group")), final))
    return Checked(tuple(stands), tuple(problems), tuple(finals))


def _fault(step: Callable[..., None], *given: object) -> tuple[str, ...]:
    try:
        step(*given)
    except SealBroken as broken:
        return (str(broken),)
    return ()


def said(document: RunDocument | AnchorDocument) -> dict[str, Any]:
    """What the document's signature is about."""
    return document.statement if isinstance(document, RunDocument) else document.statement.model_dump()


def _check_statement(document: RunDocument | AnchorDocument, verify_key: bytes) -> None:
    statement = said(document)
    try:
        certificates.canonical(statement)
    except ValueError:
        raise SealBroken("not a number that JSON knows") from None
    use = RUN if isinstance(document, RunDocument) else ANCHOR
    certificates.verify_statement(verify_key, use, statement, bytes.fromhex(document.signature))


def _check_epoch(one: EndedEpoch, verify_key: bytes) -> None:
    record = epochs.EpochRecord(one.number, bytes.fromhex(one.public_key), "retired", _moment(one.retired))
    epochs.verify_record(verify_key, record, bytes.fromhex(one.signature))


def _check_proof(one: Destroyed, verify_key: bytes) -> None:
    proof, intent = one.proof, one.statement.get("intent")
    if proof is None or not isinstance(intent, int):
        raise SealBroken("not signed yet")
    path = [bytes.fromhex(node) for node in proof.path]
    root = certificates.root_from(certificates.leaf(one.statement), proof.index, proof.count, path)
    if root.hex() != proof.root:
        raise SealBroken("the statement is not the one that was signed")
    certificates.verify_root(verify_key, intent, proof.count, root, bytes.fromhex(proof.signature))


def _check_final(one: Destroyed, ended: Mapping[str | int | None, datetime]) -> None:
    if one.final is None:
        return
    retired = ended.get(one.statement.get("epoch"))
    destroyed = _moment(str(one.statement.get("destroyed")))
    if retired is None or _moment(one.final) - max(retired, destroyed) < timedelta(hours=KEY_BACKUPS_HOURS):
        raise SealBroken("it is said to be final, and the end of its epoch does not show it")


def _moment(said: str) -> datetime:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise SealBroken("no such day") from None
    if moment.tzinfo is None:  # in a statement that nobody signed, as like as not
        raise SealBroken("no such day")
    return moment

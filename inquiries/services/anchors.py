"""Anchors: where the ledger stands, signed and put outside of it daily, and held against it again (P25).

Whoever replaces ledger and keyring by older ones replaces no copy of an anchor that was taken elsewhere. A
file in `instance/anchors/` is there to be taken; the officer gets the same by mail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final

import structlog

from inquiries import clock
from inquiries.errors import IntakeClosed, SealBroken
from inquiries.sealing import certificates, documents
from inquiries.services import mail, publishing, records
from inquiries.services.house import House
from inquiries.services.records import Problem
from inquiries.stores import ledger

log = structlog.get_logger()

EVERY: Final = timedelta(hours=24)
LATE: Final = timedelta(hours=48)
DIRECTORY: Final = "anchors"


def last(house: House) -> datetime | None:
    """When the ledger was anchored last."""
    found = records.latest(house, "operation", "anchor")
    return None if found is None else found[0]


def late(house: House) -> bool:
    """Whether an anchor is missing for longer than a failed day or so, counted from the first seal on."""
    since = last(house)
    if since is None:
        with house.ledger.read() as connection:
            first = next(ledger.all_seals(connection), None)
        since = None if first is None else first.at
    return since is not None and clock.now() - since > LATE


def anchor_if_due(house: House) -> Path | None:
    """Write today's anchor and mail it to the officer; None where it was done, or nothing is sealed yet.

    The file comes first: a crash leaves one too many, never a record of one that is not there.

    Raises:
        JobBusy: another process is at it.
    """
    with house.ledger.job("anchor"):
        before = last(house)
        if records.last_sealed(house) is None or (before is not None and clock.now() < before + EVERY):
            return None
        document = made(house)
        path = _write(house, document)
        mailed = _mail(house, document)
        heads = {chain: head.n for chain, head in document.statement.heads.items()}
        body = {"act": "anchor", "file": path.name, "mailed": mailed, "heads": heads}
        records.append(house, "operation", body)
        log.info("ledger.anchored", file=path.name, mailed=mailed)
        return path


def made(house: House) -> documents.AnchorDocument:
    """An anchor of where the ledger stands now."""
    heads = records.heads(house)
    with house.ledger.read() as connection:
        seal = ledger.last_seal(connection)
    statement = documents.AnchorStatement(
        at=documents.written(clock.now()),
        heads={chain: documents.Head(n=n, hash=digest.hex()) for chain, (n, digest) in sorted(heads.items())},
        seal=None if seal is None else documents.SealHead(n=seal.n, mac=seal.mac.hex()),
    )
    seed = house.custody.signing_seed
    signature = certificates.sign_statement(seed, documents.ANCHOR, statement.model_dump())
    return documents.AnchorDocument(
        issuer=house.settings.origin,
        verify_key=house.custody.verify_key.hex(),
        statement=statement,
        signature=signature.hex(),
    )


def _write(house: House, document: documents.AnchorDocument) -> Path:
    """Under the moment's name, never over another, readable alone; durable on return."""
    directory = house.settings.instance / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / f"{document.statement.at.replace(':', '-')}.json"
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    with os.fdopen(opened, "wb") as file:
        file.write(_text(document).encode())
        file.flush()
        os.fsync(file.fileno())
    listing = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)
    return path


def _mail(house: House, document: documents.AnchorDocument) -> bool:
    """Queue it for the officer of the policy, where mail is configured."""
    if house.settings.relay is None:
        return False
    said = publishing.in_force(house).policy
    with suppress(IntakeClosed), house.live.write() as connection:  # tomorrow's says no less
        facts = {"anchor": _text(document)}
        mail.queue(
            house, connection, kind=mail.Kind.anchored, to=said.officer.email, language=said.languages[0],
            facts=facts,
        )  # fmt: skip
        return True
    return False


def _text(document: documents.AnchorDocument) -> str:
    return document.model_dump_json(indent=1) + "\n"


# -- held against the ledger -----------------------------------------------------------------------


def of_instance(house: House) -> list[Path]:
    """The anchors that lie here, the oldest first."""
    return sorted((house.settings.instance / DIRECTORY).glob("*.json"))


def problems(house: House, files: list[Path]) -> Iterator[Problem]:
    """What in the ledger is not as the anchors in these files say; a number of `anchors` counts the files.

    An anchor that this installation did not sign is one too: it may be made to discredit the ledger.
    """
    with house.ledger.read() as connection:
        for n, path in enumerate(files, 1):
            try:
                document = read(path.read_bytes())
            except (SealBroken, OSError):
                yield Problem("anchors", n, "unreadable")
                continue
            if not documents.check(document, house.custody.verify_key).ok:
                yield Problem("anchors", n, "not_ours")
            said = document.statement
            for chain, head in said.heads.items():
                if ledger.hash_of(connection, chain, head.n) != bytes.fromhex(head.hash):
                    yield Problem(chain, head.n, "not_as_anchored")
            seal = said.seal
            if seal is not None and ledger.mac_of(connection, seal.n) != bytes.fromhex(seal.mac):
                yield Problem("seals", seal.n, "not_as_anchored")


def read(file: bytes) -> documents.AnchorDocument:
    """The anchor in a file, or in a mail that was saved as one. Raises SealBroken."""
    if not file.lstrip().startswith(b"{"):
        text = message_from_bytes(file, policy=policy.default).get_body(("plain",))
        written = "" if text is None else str(text.get_content())
        file = written[written.find("{") : written.rfind("}") + 1].encode()
    document = documents.read(file)
    if not isinstance(document, documents.AnchorDocument):
        raise SealBroken("this is no anchor of a ledger")
    return document

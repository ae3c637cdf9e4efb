"""The commands for keys, ledger and proofs: thin Click over services, and holds no rule."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from inquiries import clock
from inquiries.console import as_json, here, printed, said
from inquiries.sealing import documents
from inquiries.services import anchors, finality, records, root_rotation, rotation
from inquiries.settings import key_in

# -- keys ----------------------------------------------------------------------------------------


@click.group()
def keys() -> None:
    """The key hierarchy."""


@keys.command("rotate")
@click.option(
    "--break-glass",
    metavar="REASON",
    help="Accept in the officer's place that what cannot be opened stays behind, and that a store was put "
    "back; recorded, and shown to every officer for 30 days.",
)
@said
def keys_rotate(*, break_glass: str | None) -> None:
    """Open a new epoch, re-wrap every living key, end the earlier epochs: destruction becomes final."""
    done = rotation.rotate(here().house(), break_glass=break_glass)
    click.echo(f"Epoch {done.epoch} is open; {done.rewrapped} keys re-wrapped; retired: {len(done.retired)}.")


@keys.command("rotate-root")
@click.option(
    "--new-root-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The new root key, where the present one is given from outside: 32 bytes in hex or base64.",
)
@click.option("--archive", is_flag=True, help="The archive's root key.")
@said
def keys_rotate_root(*, new_root_file: Path | None, archive: bool) -> None:
    """Wrap the keyring under a new root key, while everything goes on; cut short, run it again."""
    new = None if new_root_file is None else key_in(new_root_file)
    moved = root_rotation.rotate(
        here().house(),
        new,
        archive=archive,
        told=lambda done, of: click.echo(f"{done} of {of} files", err=True),
    )
    click.echo(f"{moved} files are wrapped under the new root key.")
    if new is not None:
        name = "ARCHIVE_ROOT_KEY" if archive else "ROOT_KEY"
        click.echo(f"Now let INQUIRIES_{name}_FILE name the new file, and start every process again.")
        click.echo("Then destroy the old root key: backups of the keyring open under it until they expire.")


@keys.command("status")
@as_json
@said
def keys_status(*, as_json: bool) -> None:
    """Say which destructions are final, and what could still be brought back from where, until when."""
    now = finality.status(here().house())
    counts = {
        "final": now.final,
        "waiting_for_key_backups": now.waiting_for_backups,
        "waiting_for_rotation": now.waiting_for_rotation,
    }
    data = {
        "epoch": now.epoch,
        "rotation_due": now.rotation_due.isoformat(),
        "restored_at": now.restored_at and now.restored_at.isoformat(),
        "destructions": {
            name: {"count": one.count, "final": one.moment and one.moment.isoformat()}
            for name, one in counts.items()
        },
        "copies": [
            {"copy": copy.name, "recovers": copy.recovers, "until": copy.until and copy.until.isoformat()}
            for copy in now.copies
        ],
    }
    lines = [f"Epoch {now.epoch} is open; the next rotation is due {_moment(now.rotation_due)}."]
    if now.restored_at is not None:
        lines.append(
            f"A store was put back {_moment(now.restored_at)}: nothing becomes final until confirmed."
        )
    lines += [
        f"Destroyed groups {name.replace('_', ' ')}: {one.count}"
        + (f", {'since' if name == 'final' else 'final by'} {_moment(one.moment)}" if one.moment else "")
        for name, one in counts.items()
    ]
    lines += ["", *_table([("copy", "what it could still give", "until"), *map(_row, now.copies)])]
    printed(as_json, data, "\n".join(lines))


def _row(copy: finality.Copy) -> tuple[str, str, str]:
    return copy.name, copy.recovers, "-" if copy.until is None else _moment(copy.until)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows in columns, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


# -- ledger --------------------------------------------------------------------------------------


@click.group()
def ledger() -> None:
    """The records and their proof."""


@ledger.command("verify")
@click.option("--key", help="The first seal key in hex, as the first officer keeps it.")
@click.option(
    "--anchor",
    "given",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="An anchor that was kept elsewhere: its file, a mail saved as one, or a directory of files.",
)
@as_json
@said
def ledger_verify(*, key: str | None, given: tuple[Path, ...], as_json: bool) -> None:
    """Check every link, body and seal, and the ledger against its anchors: those here and those given."""
    house = here().house()
    verdict = records.verify(house, None if key is None else _key(key))
    files = anchors.of_instance(house) + [file for one in given for file in _files(one)]
    found = (*verdict.problems, *anchors.problems(house, files))
    problems = [{"chain": p.chain, "n": p.n, "kind": p.kind} for p in found]
    data = {
        "ok": not problems,
        "entries": verdict.entries,
        "heads": _heads(verdict.heads),
        "problems": problems,
    }
    words = [f"{verdict.entries} entries, {len(files)} anchors, {len(problems) + verdict.more} problems"]
    words += [f"{p['chain']} {p['n']}: {p['kind']}" for p in problems]
    words += [f"and {verdict.more} more"] if verdict.more else []
    printed(as_json, data, "\n".join(words))
    if problems:
        raise SystemExit(1)


def _files(given: Path) -> list[Path]:
    """The file, or those of a directory."""
    return sorted(one for one in given.iterdir() if one.is_file()) if given.is_dir() else [given]


def _key(written: str) -> bytes:
    """The 32 bytes of a key, as somebody wrote them down."""
    digits = "".join(written.split())
    if len(digits) != 64 or set(digits) - set(string.hexdigits):  # noqa: PLR2004
        raise click.UsageError("--key is 64 hexadecimal digits")
    return bytes.fromhex(digits)


@ledger.command("head")
@as_json
@said
def ledger_head(*, as_json: bool) -> None:
    """Print each chain's newest entry, to be kept elsewhere."""
    heads = _heads(records.heads(here().house()))
    words = "\n".join(f"{name} {head['n']} {head['hash']}" for name, head in heads.items())
    printed(as_json, heads, words)


def _heads(heads: Any) -> dict[str, Any]:  # noqa: ANN401 - the records' own mapping
    return {name: {"n": n, "hash": digest.hex()} for name, (n, digest) in sorted(heads.items())}


# -- proofs --------------------------------------------------------------------------------------


@click.group()
def certificate() -> None:
    """Proofs of destruction."""


@certificate.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--key", help="The verify key in hex, as it is published on /privacy.")
@said
def certificate_verify(file: Path, key: str | None) -> None:
    """Check a certificate offline: what was signed by the holder of the key, and since when it is final."""
    document = documents.read(file.read_bytes())
    checked = documents.check(document, _key(key or document.verify_key))
    for statement in checked.proved:
        words = (f"{name} {value}" for name, value in sorted(statement.items()) if value is not None)
        click.echo(f"Proved: {', '.join(words)}")
    for group, final in checked.finals:
        click.echo(_final(group, final))
    for problem in checked.problems:
        click.echo(f"Not proved: {problem}", err=True)
    if key is None:
        click.echo("Checked with the key that the file itself names; compare it with the one published:")
        click.echo(document.verify_key)
    if not checked.ok:
        raise SystemExit(1)


def _final(group: str, moment: datetime | None) -> str:
    if moment is None:
        return f"Not yet final, as far as this file shows: {group}"
    at = documents.written(moment)
    return f"Final: {group}, since {at}" if moment <= clock.now() else f"Not yet final: {group}, from {at} on"

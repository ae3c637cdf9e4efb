"""The commands: thin Click over services; turns failures into exit statuses, and holds no rule.

Exit status: 0 done, 1 a finding or a partial failure, 2 usage, 3 an unsafe setting.
"""

from __future__ import annotations

import functools
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from inquiries.errors import InquiriesError, PolicyRefused
from inquiries.policy import loader
from inquiries.rules.permissions import Role
from inquiries.services import installation, people, publishing, records, retention, rotation
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.worker import main as run_worker

Command = TypeVar("Command", bound=Callable[..., Any])
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class Context:
    """What the commands stand on; `house()` opens it at its first use."""

    def __init__(self, opened: Callable[[], House], settings: Settings) -> None:
        self.house = opened
        self.settings = settings


_context: list[Context] = []


def install(group: click.Group, opened: Callable[[], House], settings: Settings) -> None:
    """Add every command to the application's own."""
    _context[:] = [Context(opened, settings)]
    for command in (init, policy, staff, sweep, forecast, keys, ledger, worker):
        group.add_command(command)


def _here() -> Context:
    return _context[0]


def _said(command: Command) -> Command:
    """Say a failure of the domain in one line and leave with its status."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any command
        try:
            return command(*args, **kwargs)
        except InquiriesError as failed:
            click.echo(f"{failed.code}: {failed}", err=True)
            raise SystemExit(failed.exit_status) from None

    return cast("Command", wrapped)


def _print(as_json: bool, data: dict[str, Any], words: str) -> None:  # noqa: FBT001 - Click's flag
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else words)


# -- starting ------------------------------------------------------------------------------------


@click.command()
@_said
def init() -> None:
    """Make what is missing, bring everything in order, print the first officer's enrolment link."""
    settings = _here().settings
    installed = installation.install(settings)
    click.echo(f"Ready in {settings.instance}.")
    if installed.recovered is not None and installed.recovered.unopenable:
        listed = ", ".join(map(str, installed.recovered.unopenable))
        click.echo(f"These inquiries cannot be opened: {listed}", err=True)
    if installed.enrolment is not None:
        click.echo(f"First officer: {enrolment_link(settings, installed.enrolment)}")
    installed.house.close()


def enrolment_link(settings: Settings, token: str) -> str:
    """Where an invitation is taken up."""
    return f"{settings.origin}/staff/enrol/{token}"


@click.command()
@click.option("--parent", type=int, hidden=True, help="Stop when this process is no longer our parent.")
@_said
def worker(parent: int | None) -> None:
    """Adopt, sweep, rotate and seal until told to stop."""
    run_worker(_here().house(), parent)


# -- policy --------------------------------------------------------------------------------------


@click.group()
def policy() -> None:
    """Check and show what is promised."""


@policy.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@as_json
def policy_check(file: Path | None, *, as_json: bool) -> None:
    """Check a policy file, by default the one of the settings."""
    try:
        loader.load(file or _here().settings.policy)
    except PolicyRefused as refused:
        problems = [{"path": p.path, "message": p.message, "promise": p.promise} for p in refused.problems]
        words = "\n".join(
            f"{p.path}: {p.message}{f' ({p.promise})' if p.promise else ''}" for p in refused.problems
        )
        _print(as_json, {"ok": False, "errors": problems}, words)
        raise SystemExit(refused.exit_status) from None
    _print(as_json, {"ok": True, "errors": []}, "The policy holds.")


@policy.command("show")
@_said
def policy_show() -> None:
    """Print the policy in force as it was published."""
    click.echo(publishing.source_in_force(_here().house()), nl=False)


# -- staff ---------------------------------------------------------------------------------------


@click.group()
def staff() -> None:
    """Invite people and list them."""


@staff.command("invite")
@click.argument("email")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role])
)
@click.option("--type", "types", multiple=True, help="An inquiry type for consultation; all when not given.")
@click.option("--break-glass", metavar="REASON", help="Invite an officer although one is enrolled; recorded.")
@_said
def staff_invite(email: str, roles: tuple[str, ...], types: tuple[str, ...], break_glass: str | None) -> None:
    """Invite a member of staff; prints the link, good once and for 72 hours."""
    token = people.invite(
        _here().house(),
        email=email,
        roles=[Role(role) for role in roles],
        by=None,
        types=types,
        break_glass=break_glass,
    )
    click.echo(enrolment_link(_here().settings, token))


@staff.command("list")
@_said
def staff_list() -> None:
    """List who may sign in, and as what."""
    for person in people.everyone(_here().house()):
        state = "revoked" if person.revoked else "enrolled" if person.enrolled else "invited"
        click.echo(f"{person.email}\t{state}\t{', '.join(sorted(person.roles))}")


# -- retention -----------------------------------------------------------------------------------


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what is due.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]), help="With --dry-run: due by then."
)
@click.option("--confirm", is_flag=True, help="Believe the clock and the number due.")
@as_json
@_said
def sweep(*, dry_run: bool, as_of: datetime | None, confirm: bool, as_json: bool) -> None:
    """Destroy what is due."""
    house = _here().house()
    if as_of is not None and not dry_run:
        raise click.UsageError("--as-of goes with --dry-run")
    if dry_run:
        moment = None if as_of is None else (as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC))
        swept = retention.dry_run(house, moment)
    else:
        swept = retention.sweep(house, confirm=confirm)
    words = (
        f"{swept.due} due, {swept.destroyed} destroyed, {swept.failed} failed, {swept.held} held, "
        f"{swept.leftovers} leftovers"
    )
    _print(as_json, vars(swept), words)
    if swept.failed:
        raise SystemExit(1)


@click.command()
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="From today on.")
@as_json
@_said
def forecast(*, days: int, as_json: bool) -> None:
    """Say what will be destroyed on which day."""
    seen = retention.forecast(_here().house(), days)
    by_day = [{"date": day.isoformat(), "type": kind, "count": count} for day, kind, count in seen.by_day]
    data = {
        "days": seen.days,
        "from": seen.first.isoformat(),
        "overdue": seen.overdue,
        "held": seen.held,
        "archived": seen.archived,
        "by_day": by_day,
    }
    words = [f"{seen.overdue} overdue, {seen.held} held, {seen.archived} of the archive"]
    words += [f"{line['date']} {line['type']}: {line['count']}" for line in by_day]
    _print(as_json, data, "\n".join(words))


# -- keys ----------------------------------------------------------------------------------------


@click.group()
def keys() -> None:
    """The key hierarchy."""


@keys.command("rotate")
@click.option("--confirm", is_flag=True, help="Accept that what cannot be opened stays behind; recorded.")
@_said
def keys_rotate(*, confirm: bool) -> None:
    """Open a new epoch, re-wrap every living key, end the earlier epochs: destruction becomes final."""
    done = rotation.rotate(_here().house(), confirm=confirm)
    click.echo(f"Epoch {done.epoch} is open; {done.rewrapped} keys re-wrapped; retired: {len(done.retired)}.")


# -- ledger --------------------------------------------------------------------------------------


@click.group()
def ledger() -> None:
    """The records and their proof."""


@ledger.command("verify")
@click.option("--key", help="The first seal key in hex, as the first officer keeps it.")
@as_json
@_said
def ledger_verify(*, key: str | None, as_json: bool) -> None:
    """Check every link, body and seal."""
    verdict = records.verify(_here().house(), None if key is None else _seal_key(key))
    problems = [{"chain": p.chain, "n": p.n, "kind": p.kind} for p in verdict.problems]
    data = {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "heads": _heads(verdict.heads),
        "problems": problems,
    }
    words = [f"{verdict.entries} entries, {len(problems)} problems"]
    words += [f"{p['chain']} {p['n']}: {p['kind']}" for p in problems]
    _print(as_json, data, "\n".join(words))
    if problems:
        raise SystemExit(1)


def _seal_key(written: str) -> bytes:
    """The 32 bytes of a seal key, as the first officer wrote them down."""
    digits = "".join(written.split())
    if len(digits) != 64 or set(digits) - set(string.hexdigits):  # noqa: PLR2004
        raise click.UsageError("--key is 64 hexadecimal digits")
    return bytes.fromhex(digits)


@ledger.command("head")
@as_json
@_said
def ledger_head(*, as_json: bool) -> None:
    """Print each chain's newest entry, to be kept elsewhere."""
    heads = _heads(records.heads(_here().house()))
    words = "\n".join(f"{name} {head['n']} {head['hash']}" for name, head in heads.items())
    _print(as_json, heads, words)


def _heads(heads: Any) -> dict[str, Any]:  # noqa: ANN401 - the records' own mapping
    return {name: {"n": n, "hash": digest.hex()} for name, (n, digest) in sorted(heads.items())}

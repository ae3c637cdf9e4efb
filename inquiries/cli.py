"""The commands: thin Click over services, and holds no rule; see also `cli_keys.py`, `cli_staff.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from inquiries.cli_keys import certificate, keys, ledger
from inquiries.cli_staff import enrolment_link, staff
from inquiries.console import as_json, here, printed, said, stand_on
from inquiries.errors import PolicyRefused
from inquiries.policy import loader
from inquiries.services import installation, outlook, publishing, retention
from inquiries.services.house import House
from inquiries.settings import Settings
from inquiries.worker import main as run_worker


def install(group: click.Group, opened: Callable[[], House], settings: Settings) -> None:
    """Add every command to the application's own."""
    stand_on(opened, settings)
    for command in (init, policy, staff, sweep, forecast, keys, ledger, certificate, worker):
        group.add_command(command)


# -- starting ------------------------------------------------------------------------------------


@click.command()
@said
def init() -> None:
    """Make what is missing, bring everything in order, print the first officer's enrolment link."""
    settings = here().settings
    installed = installation.install(settings)
    click.echo(f"Ready in {settings.instance}.")
    if installed.recovered is not None and installed.recovered.unopenable:
        listed = ", ".join(map(str, installed.recovered.unopenable))
        click.echo(f"These inquiries cannot be opened: {listed}", err=True)
    if installed.enrolment is not None:
        click.echo(f"First officer: {enrolment_link(settings, installed.enrolment)}")
    installed.house.close()


@click.command()
@click.option("--parent", type=int, hidden=True, help="Stop when this process is no longer our parent.")
@said
def worker(parent: int | None) -> None:
    """Adopt, sweep, rotate and seal until told to stop."""
    run_worker(here().house(), parent)


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
        loader.load(file or here().settings.policy)
    except PolicyRefused as refused:
        problems = [{"path": p.path, "message": p.message, "promise": p.promise} for p in refused.problems]
        words = "\n".join(
            f"{p.path}: {p.message}{f' ({p.promise})' if p.promise else ''}" for p in refused.problems
        )
        printed(as_json, {"ok": False, "errors": problems}, words)
        raise SystemExit(refused.exit_status) from None
    printed(as_json, {"ok": True, "errors": []}, "The policy holds.")


@policy.command("show")
@said
def policy_show() -> None:
    """Print the policy in force as it was published."""
    click.echo(publishing.source_in_force(here().house()), nl=False)


# -- retention -----------------------------------------------------------------------------------


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what is due.")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="With --dry-run: due by then; in the policy's time zone where none is given.",
)
@click.option("--confirm", is_flag=True, help="Believe the clock and the number due.")
@as_json
@said
def sweep(*, dry_run: bool, as_of: datetime | None, confirm: bool, as_json: bool) -> None:
    """Destroy what is due."""
    house = here().house()
    if as_of is not None and not dry_run:
        raise click.UsageError("--as-of goes with --dry-run")
    if dry_run:
        if as_of is not None and as_of.tzinfo is None:
            as_of = as_of.replace(tzinfo=ZoneInfo(publishing.in_force(house).policy.time_zone))
        swept = retention.dry_run(house, as_of)
    else:
        swept = retention.sweep(house, confirm=confirm)
    words = (
        f"{swept.due} due, {swept.destroyed} destroyed, {swept.failed} failed, {swept.held} held, "
        f"{swept.leftovers} leftovers"
    )
    printed(as_json, vars(swept), words)
    if swept.failed:
        raise SystemExit(1)


@click.command()
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="From today on.")
@as_json
@said
def forecast(*, days: int, as_json: bool) -> None:
    """Say what will be destroyed on which day."""
    seen = outlook.forecast(here().house(), days)
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
    printed(as_json, data, "\n".join(words))

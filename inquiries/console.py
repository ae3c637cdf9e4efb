"""What the commands stand on: the house and the settings, exit statuses, and how an answer is printed.

Exit status: 0 done, 1 a finding or a partial failure, 2 usage, 3 an unsafe setting.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from inquiries.errors import InquiriesError
from inquiries.services.house import House
from inquiries.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class Context:
    """What the commands stand on; `house()` opens it at its first use."""

    def __init__(self, opened: Callable[[], House], settings: Settings) -> None:
        self.house = opened
        self.settings = settings


_context: list[Context] = []


def stand_on(opened: Callable[[], House], settings: Settings) -> None:
    """Give every command this house; it is opened at its first use."""
    _context[:] = [Context(opened, settings)]


def here() -> Context:
    """What the commands stand on."""
    return _context[0]


def said(command: Command) -> Command:
    """Say a failure of the domain in one line and leave with its status."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any command
        try:
            return command(*args, **kwargs)
        except InquiriesError as failed:
            click.echo(f"{failed.code}: {failed}", err=True)
            raise SystemExit(failed.exit_status) from None

    return cast("Command", wrapped)


def printed(as_json: bool, data: dict[str, Any], words: str) -> None:  # noqa: FBT001 - Click's flag
    """Print one JSON object, or the words."""
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else words)

"""Installations that are made once in a process and then copied: a test gets one of its own in milliseconds.

What is copied is what `installation.install` made: the files of an instance, and on PostgreSQL the rows of each
store. Whoever tests the installing itself calls `installation.install`.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import time_machine

from inquiries import settings as settings_module
from inquiries.services import installation
from inquiries.services.house import House, open_house
from inquiries.settings import HOME, Settings
from tests import postgresql
from tests.postgresql import STORES

POLICY = HOME / "policies" / "default.toml"


def house(settings: Settings, installed: datetime | None = None) -> House:
    """A fresh installation of these settings, made at this moment or today.

    Its keys lie where they do by default: other places and keys from outside are not prepared.
    """
    assert not settings.instance.exists()
    if installed is None and time_machine.escape_hatch.is_travelling():
        return installation.install(settings).house  # its today is another one
    directory = _made(settings.policy.read_text(encoding="utf-8"), _urls(settings), installed)
    shutil.copytree(directory, settings.instance)
    for url in _urls(settings):
        postgresql.put_back(url, directory.parent.name)
    return open_house(settings)


def template(installed: datetime, policy: str) -> Path:
    """The instance directory that such houses on SQLite, with this policy, are copies of."""
    return _made(policy, (), installed)


def _urls(settings: Settings) -> tuple[str, ...]:
    given = tuple(getattr(settings, f"{store}_url") for store in STORES)
    assert all(given) or not any(given)
    return given if all(given) else ()


@cache
def _everything() -> tempfile.TemporaryDirectory[str]:
    """Where all templates lie; removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="inquiries-prepared-")


@cache
def _made(policy: str, urls: tuple[str, ...], installed: datetime | None) -> Path:
    name = sha256(repr((policy, urls, installed)).encode()).hexdigest()[:16]
    directory = Path(_everything().name) / name
    directory.mkdir()
    source = directory / "policy.toml"
    source.write_text(policy, encoding="utf-8")
    for url in urls:
        postgresql.empty(url)
    moment: AbstractContextManager[object] = (
        nullcontext() if installed is None else time_machine.travel(installed, tick=True)
    )
    with moment:
        settings = settings_module.load(
            instance=directory / "instance",
            policy=source,
            **{f"{store}_url": url for store, url in zip(STORES, urls, strict=False)},
        )
        installation.install(settings).house.close()
    for url in urls:
        postgresql.keep(url, name)
    return directory / "instance"

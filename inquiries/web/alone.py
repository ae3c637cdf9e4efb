"""Limits counted in memory hold for one process: a second one that serves this instance serves nothing (P32).

The first request takes `instance/web.lock`, which the system gives back when the process ends. Neither the
commands nor the worker come here.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from threading import Lock
from typing import Final

import structlog
from flask import Flask, current_app
from werkzeug.exceptions import ServiceUnavailable

from inquiries.errors import UnsafeSetting
from inquiries.settings import PREFIX, Settings
from inquiries.web.current import settings

LOCK: Final = "web.lock"  # in the instance
_KEPT: Final = "inquiries.alone"
_log = structlog.get_logger()


class _Held:
    """The lock, held for as long as an application of this process refers to it."""

    def __init__(self, descriptor: int) -> None:
        weakref.finalize(self, os.close, descriptor)


_held: weakref.WeakValueDictionary[Path, _Held] = weakref.WeakValueDictionary()
_taking: Final = Lock()


def init_app(app: Flask, chosen: Settings) -> None:
    """Where limits are counted in memory, look at every request before anything else does."""
    if chosen.ratelimit_storage_uri.startswith("memory"):
        app.before_request(_alone)


def _alone() -> None:
    if _KEPT in current_app.extensions:
        return
    instance = settings().instance
    if not instance.is_dir():
        return  # nothing was made here yet, and every page says so
    try:
        current_app.extensions[_KEPT] = _hold(instance / LOCK)
    except UnsafeSetting as refused:
        _log.error("refused", code=refused.code, key=refused.key, reason=refused.reason)
        raise ServiceUnavailable from None


def take(path: Path) -> int:
    """Lock this file; the descriptor by which it stays locked. Raises UnsafeSetting where another does it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UnsafeSetting(
            f"{PREFIX}RATELIMIT_STORAGE_URI",
            "another web process runs here, and limits in memory are not shared; name a Valkey",
        ) from None
    return descriptor


def _hold(path: Path) -> _Held:
    with _taking:
        held = _held.get(path)
        if held is None:
            held = _held[path] = _Held(take(path))
        return held

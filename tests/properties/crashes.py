"""Crashes in this process, so that thousands can be tried; tests/faults kills real ones."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect


class Crash(BaseException):
    """The process ends here: no handler of the product's may catch it."""


@dataclass
class Death:
    """Whether it came."""

    came: bool = False


@contextmanager
def dying_at(fatal: int | None, keyring: Path) -> Iterator[Death]:
    """Crash at the so-maniest commit, or step of writing the keyring, before or after it; no later one succeeds."""
    death, reached = Death(), 0

    def reach() -> None:
        nonlocal reached
        reached += 1
        if fatal is not None and reached >= fatal:
            death.came = True
            raise Crash

    def around(real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        reach()
        done = real(*args, **kwargs)
        reach()
        return done

    def moved(real: Callable[..., Any], path: Any, *args: Any, **kwargs: Any) -> Any:
        if str(path).startswith(str(keyring)):
            return around(real, path, *args, **kwargs)
        return real(path, *args, **kwargs)

    if fatal is None:
        yield death
        return
    wrapped = [
        (DefaultDialect, "do_commit", around),
        *((os, act, moved) for act in ("replace", "rename", "unlink")),
    ]
    with ExitStack() as patched:
        for owner, name, how in wrapped:
            patched.enter_context(_wrapped(owner, name, how))
        with suppress(Crash):
            yield death


@contextmanager
def _wrapped(owner: Any, name: str, around: Callable[..., Any]) -> Iterator[None]:
    real = getattr(owner, name)

    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(real, *args, **kwargs)

    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, real)

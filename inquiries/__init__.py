"""Inquiries: a contact-form backend that keeps its own privacy policy. Here is the wiring, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Flask

from inquiries import cli, logs, web
from inquiries import settings as settings_module
from inquiries.services import installation
from inquiries.services.house import House
from inquiries.settings import Settings

__version__ = "0.1.0"


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view is a coroutine; Flask would look at each, and at each hook, at every request."""
        return func


class _Opener:
    """Opens the house at its first use, once per process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._house: House | None = None

    def __call__(self) -> House:
        with self._lock:
            if self._house is None:
                self._house = installation.opened(self._settings)
            return self._house


def create_app(settings: Settings | None = None, house: House | None = None) -> Flask:
    """The application. Makes nothing on disk; the house is opened by the first request or command.

    Raises:
        UnsafeSetting: a setting is unknown, malformed or unsafe.
    """
    settings = settings or settings_module.load()
    logs.configure(development=settings.development)
    app = _App(__name__, template_folder=str(settings_module.HOME / "templates"))
    app.config["VERSION"] = __version__
    opened = (lambda: house) if house is not None else _Opener(settings)
    web.install(app, opened, settings)
    cli.install(app.cli, opened, settings)
    return app

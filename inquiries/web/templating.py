"""What a page's template may reach: what its view hands it, and nothing behind that; knows no page.

Flask hands every template its configuration, the request with its cookies, and the session; and any object
can be followed to its class, and from there to all that the process holds: settings, keys, stores. No page
needs that. So those names are gone, and templates run in Jinja's sandbox. A template that somebody changed,
or a text that came to be taken for one, still shows no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from flask import Flask, has_request_context, request
from flask.templating import Environment
from jinja2.sandbox import (
    UNSAFE_ASYNC_GENERATOR_ATTRIBUTES,
    UNSAFE_COROUTINE_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    SandboxedEnvironment,
)

_GONE: Final = ("config", "g", "session", "request", "get_flashed_messages")
_OF_FORMS: Final = frozenset({"meta", "Meta"})  # where a form keeps the key of its CSRF tokens
_LOOKED_AT: Final = frozenset(
    {"mro", "format", "format_map"}
    | _OF_FORMS
    | UNSAFE_GENERATOR_ATTRIBUTES
    | UNSAFE_COROUTINE_ATTRIBUTES
    | UNSAFE_ASYNC_GENERATOR_ATTRIBUTES
)


class Sandbox(SandboxedEnvironment, Environment):
    """Flask's environment in Jinja's sandbox: no underscore is followed, nor what leads out of it."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ANN401 - what a page is handed
        """Whether a template may follow this attribute."""
        return attr not in _OF_FORMS and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - what a page is handed
        """The attribute. A name that the sandbox refuses of no object is not looked at further.

        Asking it each time took a third of the time of a form's answer.
        """
        if attribute.startswith("_") or attribute in _LOOKED_AT:
            return super().getattr(obj, attribute)
        return Environment.getattr(self, obj, attribute)


@dataclass(frozen=True)
class Asked:
    """What a template knows of the request, under the name `request`: no header, no cookie, no form."""

    endpoint: str | None
    path: str
    args: Mapping[str, str]


def init_app(app: Flask) -> None:
    """Let every template of the application stand on this; before anything else asks for its templates."""
    app.jinja_environment = Sandbox
    for name in _GONE:
        app.jinja_env.globals.pop(name, None)
    app.context_processor(_asked)


def take_back(app: Flask) -> None:
    """Undo what Flask adds for each blueprint once more; after all of them are registered."""
    for added in app.template_context_processors.values():
        added[:] = [one for one in added if one.__module__ != Environment.__module__]


def own_words(module: ModuleType) -> SimpleNamespace:
    """What a module itself defines for templates: not what it imports, by which it reaches the house."""
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return SimpleNamespace(
        **{
            name: value
            for name, value in public.items()
            if name.isupper() or getattr(value, "__module__", None) == module.__name__
        }
    )


def _asked() -> dict[str, Any]:
    if not has_request_context():
        return {}
    return {"request": Asked(request.endpoint, request.path, request.args)}

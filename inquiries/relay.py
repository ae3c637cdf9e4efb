"""The mail relay as its URL names it; connects nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class Relay:
    """Where mail is handed in; `implicit_tls`: from the first byte on, else by STARTTLS."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None
    password: str | None = field(repr=False)


def parse(url: str) -> Relay:
    """`smtps://user:password@host:465` or `smtp://user:password@host:587`, user and port optional.

    Raises:
        ValueError: says what is wrong, never what was written.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with smtps:// or smtp://")
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be an address such as smtps://user:password@mail.example.com:465")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must name both user and password, or neither")
    return Relay(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        implicit_tls=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )

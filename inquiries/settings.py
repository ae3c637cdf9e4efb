"""The settings of one installation, from the environment or `instance/settings.toml`; reads, never writes.

Every key is documented in `docs/settings.md`, which a test holds equal to this class. An unknown or
unsafe value stops the start with the key's name, and never repeats the value, which may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from inquiries import relay
from inquiries.errors import UnsafeSetting

PREFIX = "INQUIRIES_"
_STORES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
Store = Literal["live", "keys", "archive", "ledger"]
_NAMES: tuple[Store, ...] = get_args(Store)
_COUNTERS = (
    "memory://", "valkey://", "valkeys://", "valkey+unix://", "redis://", "rediss://", "redis+unix://",
)  # fmt: skip
HOME = Path(__file__).resolve().parent.parent  # the checkout
Listed = Annotated[tuple[str, ...], NoDecode]
_DEFAULT_PORTS = {"http": 80, "https": 443}  # which no browser writes into `Origin`


class Settings(BaseSettings):
    """What the environment says; `load()` is the way to make one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    instance: Path = HOME / "instance"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    policy: Path = HOME / "policies" / "default.toml"
    live_url: str = ""
    keys_url: str = ""
    archive_url: str = ""
    ledger_url: str = ""
    keyring: Path | None = None
    root_key: SecretStr | None = None
    root_key_file: Path | None = None
    archive_root_key: SecretStr | None = None
    archive_root_key_file: Path | None = None
    secret_key: SecretStr | None = None
    surface: Literal["all", "public", "staff"] = "all"
    base_url: str = ""
    allowed_origins: Listed = ()
    staff_networks: Listed = ()
    ratelimit_storage_uri: str = "memory://"
    smtp_url: SecretStr | None = None
    mail_from: str = ""
    trusted_proxies: int = Field(0, ge=0, le=10)

    @field_validator("allowed_origins", "staff_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the environment holds
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("instance", "policy", "keyring", "root_key_file", "archive_root_key_file")
    @classmethod
    def _from_home(cls, value: Path | None) -> Path | None:
        """A relative path begins at the checkout, wherever server, worker or command was started."""
        return None if value is None else HOME / value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; there is no third place."""
        del dotenv_settings, file_secret_settings
        given = init_settings().get("instance") or os.environ.get(f"{PREFIX}INSTANCE") or "instance"
        file = TomlConfigSettingsSource(settings_cls, HOME / given / "settings.toml")
        return init_settings, env_settings, file

    # -- what follows from them ------------------------------------------------------------------

    @cached_property
    def origin(self) -> str:
        """Our own origin, as a browser would send it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS["http"] else f":{self.port}"
        return self.base_url.rstrip("/") or f"http://{host}{port}"

    @cached_property
    def development(self) -> bool:
        """Whether BASE_URL is loopback: then http and an unannounced policy are allowed."""
        return is_loopback(urlsplit(self.origin).hostname or "")

    @cached_property
    def passkey_name(self) -> str | None:
        """The name that passkeys are bound to (the relying party id): BASE_URL's host; None for a number."""
        host = urlsplit(self.origin).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host
        return None

    @cached_property
    def keyring_path(self) -> Path:
        """The keyring directory."""
        return self.keyring or self.instance / "keyring"

    @cached_property
    def archive_keyring_path(self) -> Path:
        """The directory of the archive's private key."""
        return self.instance / "archive-keyring"

    def store_url(self, store: Store) -> str:
        """The database URL of a store; by default a SQLite file."""
        given: str = getattr(self, f"{store}_url")
        directory = self.keyring_path if store == "keys" else self.instance
        return given or f"sqlite:///{directory / f'{store}.db'}"

    @cached_property
    def relay(self) -> relay.Relay | None:
        """Where mail is handed in; None when no mail is configured."""
        return None if self.smtp_url is None else relay.parse(self.smtp_url.get_secret_value())

    @cached_property
    def given_root_key(self) -> bytes | None:
        """The root key from outside the keyring: 32 bytes, written in hex or base64; None when not given."""
        return _given("ROOT_KEY", self.root_key, self.root_key_file)

    @cached_property
    def given_archive_root_key(self) -> bytes | None:
        """The archive's root key, which must be another one (P12); None when not given."""
        return _given("ARCHIVE_ROOT_KEY", self.archive_root_key, self.archive_root_key_file)


def load(**given: Any) -> Settings:
    """The settings of this process, checked.

    Raises:
        UnsafeSetting: a key is unknown, malformed or unsafe; its name, never its value, is in the message.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            raise UnsafeSetting(name, "no such setting; see docs/settings.md")
    try:
        settings = Settings(**given)
    except ValidationError as refused:
        first = refused.errors()[0]
        raise UnsafeSetting(_key_name(first["loc"]), first["msg"]) from None
    except tomllib.TOMLDecodeError as broken:
        raise UnsafeSetting("settings.toml", f"is not TOML: {broken}") from None
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """Refuse what would break a promise."""
    _check_addresses(settings)
    _check_lists(settings)
    if settings.secret_key is not None and len(settings.secret_key.get_secret_value()) < 32:  # noqa: PLR2004
        raise UnsafeSetting(f"{PREFIX}SECRET_KEY", "must have at least 32 characters")
    _check_urls(settings)
    _check_roots(settings)
    _check_mail(settings)


def _check_roots(settings: Settings) -> None:
    for name in ("root_key", "archive_root_key"):
        key, file = getattr(settings, name), getattr(settings, f"{name}_file")
        if settings.surface == "public" and (key or file):
            raise UnsafeSetting(
                f"{PREFIX}{name.upper()}", "is given to a public surface, which must not hold it (DESIGN §3)"
            )
        if key is not None and file is not None:
            raise UnsafeSetting(
                f"{PREFIX}{name.upper()}", f"is given, and {name.upper()}_FILE too; which of the two?"
            )
    root, archive = settings.given_root_key, settings.given_archive_root_key
    if archive is not None and archive == root:
        raise UnsafeSetting(f"{PREFIX}ARCHIVE_ROOT_KEY", "must differ from ROOT_KEY (P12)")


def _check_mail(settings: Settings) -> None:
    try:
        configured = settings.relay is not None
    except ValueError as wrong:
        raise UnsafeSetting(f"{PREFIX}SMTP_URL", str(wrong)) from None
    if not configured and not settings.mail_from:
        return
    try:
        validate_email(settings.mail_from, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise UnsafeSetting(
            f"{PREFIX}MAIL_FROM", "must be the sender's address, such as privacy@example.com"
        ) from None


def _check_urls(settings: Settings) -> None:
    urls = {store: settings.store_url(store) for store in _NAMES}
    for store, url in urls.items():
        if list(urls.values()).count(url) > 1 and store != "live":
            raise UnsafeSetting(
                f"{PREFIX}{store.upper()}_URL", "the stores must be separate: they are forgotten differently"
            )
        if not url.startswith(_STORES):
            raise UnsafeSetting(f"{PREFIX}{store.upper()}_URL", "must begin with sqlite:/// or postgresql://")
    if not settings.ratelimit_storage_uri.startswith(_COUNTERS):
        raise UnsafeSetting(
            f"{PREFIX}RATELIMIT_STORAGE_URI", "must be memory://, or begin with valkey:// or redis://"
        )


def _check_addresses(settings: Settings) -> None:
    if not is_origin(settings.origin):
        raise UnsafeSetting(f"{PREFIX}BASE_URL", "must be an address such as https://forms.example.com")
    if settings.origin.startswith("http:") and not settings.development:
        raise UnsafeSetting(f"{PREFIX}BASE_URL", "must be https outside this machine (P30)")
    if settings.development and not is_loopback(settings.host):
        raise UnsafeSetting(f"{PREFIX}HOST", "listens beyond this machine while BASE_URL is loopback (P30)")


def _check_lists(settings: Settings) -> None:
    for entry in settings.allowed_origins:
        if not is_origin(entry):
            raise UnsafeSetting(
                f"{PREFIX}ALLOWED_ORIGINS", "each must be as browsers send it: https://www.example.com"
            )
    for entry in settings.staff_networks:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            raise UnsafeSetting(f"{PREFIX}STAFF_NETWORKS", "each must be a network: 192.0.2.0/24") from None


def key_in(file: Path) -> bytes:
    """A root key from a file: 32 bytes in hex or base64. Raises UnsafeSetting."""
    return _key("ROOT_KEY_FILE", _read("ROOT_KEY_FILE", file))


def _given(name: str, key: SecretStr | None, file: Path | None) -> bytes | None:
    if key is not None:
        return _key(name, key.get_secret_value())
    return None if file is None else _key(f"{name}_FILE", _read(f"{name}_FILE", file))


def _key(name: str, written: str) -> bytes:
    written = written.strip()
    try:
        key = bytes.fromhex(written) if len(written) == 64 else base64.b64decode(written, validate=True)  # noqa: PLR2004
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:  # noqa: PLR2004
        raise UnsafeSetting(f"{PREFIX}{name}", "must be 32 bytes in hex or base64")
    return key


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as failed:
        raise UnsafeSetting(f"{PREFIX}{name}", f"cannot be read: {type(failed).__name__}") from None


def _key_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    return f"{PREFIX}{name.removeprefix(PREFIX.lower()).upper()}"


def is_origin(text: str) -> bool:
    """Whether a browser could send this as `Origin`: small letters, no path, no user, no default port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    whole = text.isascii() and text == text.lower() == f"{parts.scheme}://{parts.netloc}"
    return (
        whole
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and (parts.scheme in _DEFAULT_PORTS and port != _DEFAULT_PORTS[parts.scheme])
    )


def is_loopback(host: str) -> bool:
    """Whether the host names this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

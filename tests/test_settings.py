"""Settings: all of them documented, each unsafe one refused by its name, no value ever repeated."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inquiries import settings as settings_module
from inquiries.errors import UnsafeSetting
from inquiries.settings import HOME, Settings, load
from tests.running import ROOT

KEY = "ab" * 32
ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.MULTILINE
)


# -- documentation -------------------------------------------------------------------------------


def test_every_setting_is_documented_in_its_order() -> None:
    assert [name.lower() for name, _, _ in ROWS] == list(Settings.model_fields)
    assert all(len(meaning) > 10 for _, _, meaning in ROWS)


def test_every_documented_default_is_true() -> None:
    defaults = load()
    derived = {
        "base_url": defaults.origin.replace(defaults.host, "HOST").replace(str(defaults.port), "PORT"),
        "live_url": defaults.store_url("live"),
        "keys_url": defaults.store_url("keys"),
        "archive_url": defaults.store_url("archive"),
        "ledger_url": defaults.store_url("ledger"),
        "keyring": str(defaults.keyring_path),
    }
    for name, default, _ in ROWS:
        field = name.lower()
        value = derived.get(field, getattr(defaults, field))
        said = str(value or "").removeprefix("sqlite:///").removeprefix(f"{HOME}/") if value != 0 else "0"
        assert default == (f"`{said}`" if said else "–"), name


def test_the_contract_names_them_all() -> None:
    contract = """INSTANCE HOST PORT POLICY LIVE_URL KEYS_URL ARCHIVE_URL LEDGER_URL KEYRING ROOT_KEY ROOT_KEY_FILE
        ARCHIVE_ROOT_KEY ARCHIVE_ROOT_KEY_FILE SECRET_KEY SURFACE BASE_URL ALLOWED_ORIGINS STAFF_NETWORKS
        RATELIMIT_STORAGE_URI SMTP_URL MAIL_FROM TRUSTED_PROXIES"""
    assert {name.lower() for name in contract.split()} == set(Settings.model_fields)


# -- refused -------------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, str]]] = [
    ("NO_SUCH", {"NO_SUCH": "secret-value"}),
    ("PORT", {"PORT": "secret-value"}),
    ("PORT", {"PORT": "0"}),
    ("PORT", {"PORT": "70000"}),
    ("SURFACE", {"SURFACE": "secret-value"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "-1"}),
    ("BASE_URL", {"BASE_URL": "http://secret-value.example.com"}),
    ("BASE_URL", {"BASE_URL": "secret-value"}),
    ("BASE_URL", {"BASE_URL": "https://user:secret-value@example.com"}),
    ("BASE_URL", {"BASE_URL": "https://example.com/secret-value"}),
    ("BASE_URL", {"BASE_URL": "https://example.com:secret-value"}),
    ("BASE_URL", {"BASE_URL": "https://Secret-Value.example.com"}),
    ("BASE_URL", {"BASE_URL": "https://"}),
    ("BASE_URL", {"HOST": "0.0.0.0"}),
    ("HOST", {"HOST": "0.0.0.0", "BASE_URL": "http://localhost:8000"}),
    ("SECRET_KEY", {"SECRET_KEY": "secret-value"}),
    ("ROOT_KEY", {"ROOT_KEY": "secret-value"}),
    ("ROOT_KEY", {"ROOT_KEY": KEY + "00"}),
    ("ROOT_KEY", {"ROOT_KEY": KEY, "ROOT_KEY_FILE": "/secret-value"}),
    ("ROOT_KEY_FILE", {"ROOT_KEY_FILE": "/nowhere/secret-value"}),
    ("ROOT_KEY", {"ROOT_KEY": KEY, "SURFACE": "public"}),
    ("ARCHIVE_ROOT_KEY", {"ROOT_KEY": KEY, "ARCHIVE_ROOT_KEY": KEY}),
    ("ARCHIVE_ROOT_KEY", {"ARCHIVE_ROOT_KEY": KEY, "SURFACE": "public"}),
    ("ARCHIVE_ROOT_KEY", {"ARCHIVE_ROOT_KEY": KEY, "ARCHIVE_ROOT_KEY_FILE": "/secret-value"}),
    ("ARCHIVE_ROOT_KEY_FILE", {"ARCHIVE_ROOT_KEY_FILE": "/nowhere/secret-value"}),
    ("ARCHIVE_URL", {"ARCHIVE_URL": "mysql://secret-value"}),
    ("ARCHIVE_URL", {"LIVE_URL": "postgresql://secret-value", "ARCHIVE_URL": "postgresql://secret-value"}),
    ("KEYS_URL", {"LIVE_URL": "sqlite:////tmp/secret-value.db", "KEYS_URL": "sqlite:////tmp/secret-value.db"}),
    ("STAFF_NETWORKS", {"STAFF_NETWORKS": "192.0.2.0/24, secret-value"}),
    ("STAFF_NETWORKS", {"STAFF_NETWORKS": "192.0.2.7/24"}),
    *[
        ("ALLOWED_ORIGINS", {"ALLOWED_ORIGINS": origin})
        for origin in (
            "secret-value", "*", "null", "https://a.example/secret-value", "https://a.example/",
            "https://A.example", "https://a.example:443", "http://a.example:80", "ftp://a.example",
            "https://예시.example", "https://u@a.example", "https://a.example, *",
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize(("key", "given"), REFUSED)
def test_the_unsafe_is_refused_by_name_and_its_value_not_repeated(
    monkeypatch: pytest.MonkeyPatch, key: str, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"INQUIRIES_{name}", value)
    with pytest.raises(UnsafeSetting) as refused:
        load()
    assert refused.value.key == f"INQUIRIES_{key}"
    assert str(refused.value).startswith(f"INQUIRIES_{key}: ")
    assert "secret-value" not in str(refused.value).lower()
    assert KEY not in str(refused.value)


def test_the_start_stops_with_status_3_and_names_the_key(tmp_path: Path) -> None:
    given = {"PATH": "/usr/bin:/bin", "INQUIRIES_INSTANCE": str(tmp_path), "INQUIRIES_SURFCAE": "public"}
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "INQUIRIES_SURFCAE" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# -- accepted ------------------------------------------------------------------------------------

ACCEPTED: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {"origin": "http://127.0.0.1:8000", "development": True, "surface": "all"}),
    ({"PORT": "80"}, {"origin": "http://127.0.0.1", "development": True}),
    ({"HOST": "::1"}, {"origin": "http://[::1]:8000", "development": True}),
    ({"HOST": "localhost", "PORT": "9000"}, {"origin": "http://localhost:9000", "development": True}),
    ({"BASE_URL": "https://forms.example.com/"}, {"origin": "https://forms.example.com", "development": False}),
    ({"BASE_URL": "https://forms.example.com:8443", "HOST": "0.0.0.0"}, {"development": False}),
    ({"ALLOWED_ORIGINS": "https://a.example , http://b.example:81,"},
     {"allowed_origins": ("https://a.example", "http://b.example:81")}),
    ({"STAFF_NETWORKS": "192.0.2.0/24,2001:db8::/32"}, {"staff_networks": ("192.0.2.0/24", "2001:db8::/32")}),
    ({"ROOT_KEY": KEY}, {"given_root_key": bytes.fromhex(KEY)}),
    ({"ROOT_KEY": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="}, {"given_root_key": bytes.fromhex(KEY)}),
    ({"INSTANCE": "", "PORT": "", "KEYRING": ""}, {"instance": HOME / "instance", "port": 8000}),
    ({"INSTANCE": "elsewhere"}, {"instance": HOME / "elsewhere", "keyring_path": HOME / "elsewhere" / "keyring"}),
    ({"KEYRING": "/srv/keyring"}, {"keyring_path": Path("/srv/keyring")}),
    ({"POLICY": "policies/clunix.toml"}, {"policy": HOME / "policies" / "clunix.toml"}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), ACCEPTED)
def test_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: dict[str, Any]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"INQUIRIES_{name}", value)
    settings = load()
    assert {name: getattr(settings, name) for name in expected} == expected


def test_a_root_key_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "root").write_text(f"{KEY}\n", encoding="ascii")
    monkeypatch.setenv("INQUIRIES_ROOT_KEY_FILE", str(tmp_path / "root"))
    assert load().given_root_key == bytes.fromhex(KEY)


def test_the_two_roots_differ_also_when_each_stands_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "root").write_text(KEY, encoding="ascii")
    (tmp_path / "archive").write_text("q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", encoding="ascii")
    monkeypatch.setenv("INQUIRIES_ROOT_KEY_FILE", str(tmp_path / "root"))
    monkeypatch.setenv("INQUIRIES_ARCHIVE_ROOT_KEY_FILE", str(tmp_path / "archive"))
    with pytest.raises(UnsafeSetting) as refused:
        load()
    assert refused.value.key == "INQUIRIES_ARCHIVE_ROOT_KEY"


def test_the_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ["port = 9000", 'surface = "public"', 'allowed_origins = ["https://a.example"]']
    (tmp_path / "settings.toml").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("INQUIRIES_INSTANCE", str(tmp_path))
    monkeypatch.setenv("INQUIRIES_PORT", "9001")
    settings = load()
    assert (settings.port, settings.surface, settings.allowed_origins) == (
        9001,
        "public",
        ("https://a.example",),
    )
    assert load(instance=tmp_path / "other").surface == "all"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("surfcae = 'public'", "INQUIRIES_SURFCAE"),
        ("port = 'x'", "INQUIRIES_PORT"),
        ("port = ", "settings.toml"),
    ],
)
def test_a_fault_in_the_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, key: str
) -> None:
    (tmp_path / "settings.toml").write_text(line, encoding="utf-8")
    monkeypatch.setenv("INQUIRIES_INSTANCE", str(tmp_path))
    with pytest.raises(UnsafeSetting) as refused:
        load()
    assert refused.value.key == key


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROOT_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"INQUIRIES_{name}", KEY)
    monkeypatch.setenv("INQUIRIES_SMTP_URL", f"smtps://relay:{KEY}@mail.example.com")
    monkeypatch.setenv("INQUIRIES_MAIL_FROM", "privacy@example.com")
    assert KEY not in repr(load().relay)
    assert KEY not in repr(load())
    assert KEY not in str(load())


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtps://mail.example.com", ("mail.example.com", 465, True, None, None)),
        ("smtp://mail.example.com", ("mail.example.com", 587, False, None, None)),
        ("smtp://a%40b:c%2Fd%3A@mail.example.com:2525/", ("mail.example.com", 2525, False, "a@b", "c/d:")),
    ],
)
def test_a_relay_is_read_from_its_url(url: str, found: tuple[object, ...]) -> None:
    relay = load(smtp_url=url, mail_from="privacy@example.com").relay
    assert relay is not None
    assert (relay.host, relay.port, relay.implicit_tls, relay.user, relay.password) == found


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"smtp_url": f"http://{KEY}@mail.example.com"}, "SMTP_URL"),
        ({"smtp_url": f"smtp://{KEY}@mail.example.com"}, "SMTP_URL"),  # a user without a password
        ({"smtp_url": f"smtp://mail.example.com/{KEY}"}, "SMTP_URL"),
        ({"smtp_url": f"smtp://mail.example.com?{KEY}"}, "SMTP_URL"),
        ({"smtp_url": f"smtp://{KEY}:{KEY}@"}, "SMTP_URL"),
        ({"smtp_url": f"smtp://mail.example.com:{KEY}"}, "SMTP_URL"),
        ({"smtp_url": "smtp://mail.example.com", "mail_from": ""}, "MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example.com", "mail_from": f"{KEY} <a@example.com>"}, "MAIL_FROM"),
        ({"smtp_url": "", "mail_from": KEY}, "MAIL_FROM"),
    ],
)
def test_an_unusable_relay_or_sender_stops_the_start_and_is_not_repeated(
    given: dict[str, str], key: str
) -> None:
    given = {"mail_from": "privacy@example.com"} | given
    with pytest.raises(UnsafeSetting, match=f"INQUIRIES_{key}") as refused:
        load(**{name: text for name, text in given.items() if text})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["https://a.example", "http://localhost:8000", "http://[::1]:8000", "https://a.b.c:8443"]
)
def test_what_a_browser_sends_is_an_origin(text: str) -> None:
    assert settings_module.is_origin(text)

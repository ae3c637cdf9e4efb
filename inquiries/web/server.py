"""`python app.py`: everything on this machine in one go: make, bring in order, worker as a child, serve."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from inquiries import settings as settings_module
from inquiries.cli_staff import enrolment_link
from inquiries.errors import InquiriesError, UnsafeSetting
from inquiries.services import installation
from inquiries.settings import HOME, Settings
from inquiries.web import alone

BLOCKING_THREADS = 4
HEADERS_WITHIN = 10_000  # milliseconds
HEADERS_AT_MOST = 32_768  # bytes that may wait to be read, beside those just read; and a hundred headers
WORKER_STOPS_WITHIN = 20.0
WORKER_ASKED_EVERY = 2.0


def run() -> int:
    """Serve until told to stop. Returns the exit status."""
    try:
        settings = settings_module.load()
        return _serve(settings)
    except InquiriesError as failed:
        sys.stderr.write(f"Not started. {failed}\n")
        return failed.exit_status


def _serve(settings: Settings) -> int:
    _refuse_taken_port(settings)
    if settings.surface == "public":
        raise UnsafeSetting(
            "INQUIRIES_SURFACE", "a public surface alone is served by `granian app:app`, see docs/operate.md"
        )
    _refuse_second_web_process(settings)  # before anything is made: a link printed elsewhere stays good
    installed = installation.install(settings)
    installed.house.close()
    _greet(settings, installed)
    worker = _WorkerProcess()
    try:
        Granian(
            "app:app",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(HEADERS_WITHIN, max_buffer_size=HEADERS_AT_MOST),
            websockets=False,
            workers=1,
            blocking_threads=BLOCKING_THREADS,
            respawn_failed_workers=True,
            log_enabled=False,
            working_dir=HOME,
        ).serve()
    finally:
        worker.stop()
    return 0


class _WorkerProcess:
    """The worker as our child, started again when it ends by itself."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process = self._started()
        self._watch = threading.Thread(target=self._keep_running, name="worker-watch", daemon=True)
        self._watch.start()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flask", "--app", str(HOME / "app.py")]
        command += ["worker", "--parent", str(os.getpid())]
        return subprocess.Popen(command, cwd=HOME, start_new_session=True)  # noqa: S603 - ourselves

    def _keep_running(self) -> None:
        while not self._stopping.wait(WORKER_ASKED_EVERY):
            if self._process.poll() is not None:
                sys.stderr.write(f"The worker ended ({self._process.returncode}); it is started again.\n")
                self._process = self._started()

    def stop(self) -> None:
        """Let it finish what it has begun; what is killed after that is finished at the next start."""
        self._stopping.set()
        self._watch.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(WORKER_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as taken:
            raise UnsafeSetting(
                "INQUIRIES_PORT", f"{settings.host}:{settings.port}: {taken.strerror}"
            ) from None


def _refuse_second_web_process(settings: Settings) -> None:
    """With limits in memory a second web process would double them (P32); whoever serves holds the lock."""
    path = settings.instance / alone.LOCK
    if settings.ratelimit_storage_uri.startswith("memory") and path.exists():
        os.close(alone.take(path))


def _greet(settings: Settings, installed: installation.Installed) -> None:
    lines = [
        "",
        f"  Forms   {settings.origin}/",
        f"  Inbox   {settings.origin}/staff/inbox",
    ]
    if installed.enrolment is not None:
        lines.append(f"  Enrol   {enrolment_link(settings, installed.enrolment)}")
        lines.append("          (the first officer's link: good once, new at each start until used)")
    if installed.recovered is not None and installed.recovered.unopenable:
        lines.append(f"  ! {len(installed.recovered.unopenable)} inquiries cannot be opened; see the log")
    lines += ["", "  Stop with Ctrl-C.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

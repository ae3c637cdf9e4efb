"""`python app.py`: everything on this machine in one go: make, bring in order, worker as a child, serve."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces

from inquiries import settings as settings_module
from inquiries.cli import enrolment_link
from inquiries.errors import InquiriesError, UnsafeSetting
from inquiries.services import installation
from inquiries.settings import HOME, Settings

BLOCKING_THREADS = 4
WORKER_STOPS_WITHIN = 20.0


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
    installed = installation.install(settings)
    lock = _only_web_process(settings)
    installed.house.close()
    _greet(settings, installed)
    worker = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "flask", "--app", str(HOME / "app.py"), "worker"],
        cwd=HOME,
        start_new_session=True,
    )
    try:
        Granian(
            "app:app",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=BLOCKING_THREADS,
            respawn_failed_workers=True,
            log_enabled=False,
            working_dir=HOME,
        ).serve()
    finally:
        _stop(worker)
        os.close(lock)
    return 0


def _stop(worker: subprocess.Popen[bytes]) -> None:
    """Let the worker finish what it has begun; what is killed after that is finished at the next start."""
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(WORKER_STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


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


def _only_web_process(settings: Settings) -> int:
    """With limits in memory a second web process would double them: it refuses to start (P32)."""
    path: Path = settings.instance / "web.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if settings.ratelimit_storage_uri.startswith("memory"):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UnsafeSetting(
                "INQUIRIES_RATELIMIT_STORAGE_URI",
                "another web process runs here, and limits in memory are not shared; name a Valkey",
            ) from None
    return descriptor


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

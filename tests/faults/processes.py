"""Starts children of the zygote, waits for them, kills them; used by the tests alone."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0


@dataclass(frozen=True)
class Child:
    """A process that makes one call."""

    pid: int
    log: Path

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can tell."""
        os.kill(self.pid, signal.SIGKILL)


class Processes:
    """A zygote of its own; calls are functions of modules, their arguments JSON."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.faults.zygote"]
        self._zygote = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zygote.communicate()

    def start(self, call: Callable[..., object], log: Path, **arguments: Any) -> Child:
        """A new process that makes the call."""
        name = f"{call.__module__}:{call.__qualname__}"
        return Child(self._ask({"call": name, "arguments": arguments, "log": str(log)})["pid"], log)

    def wait(self, child: Child) -> int:
        """How it ended: 0 returned, 1 raised, -9 killed."""
        return self._ask({"wait": child.pid}, child)["status"]

    def run(self, call: Callable[..., object], log: Path, **arguments: Any) -> int:
        """Start and wait."""
        return self.wait(self.start(call, log, **arguments))

    def finish(self, child: Child, what: str) -> None:
        """Wait, and fail the test with what it printed unless it returned."""
        status = self.wait(child)
        assert status == 0, f"{what} ended with {status}:\n{child.log.read_text()[-6000:]}"

    def _ask(self, request: dict[str, Any], child: Child | None = None) -> dict[str, int]:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(request).encode() + b"\n")
        self._zygote.stdin.flush()
        if not select.select([self._zygote.stdout], [], [], PATIENCE)[0]:
            if child is not None:
                child.kill()
            raise AssertionError(f"no answer in {PATIENCE:.0f} s to {request}")
        line = self._zygote.stdout.readline()
        assert line, "the zygote did not start: see what it wrote"
        answer: dict[str, int] = json.loads(line)
        return answer

"""Forks children of a process that has everything imported and a single thread; run as a program.

A fresh interpreter takes two seconds and a fork of the test process, with its threads, is not safe. Reads
one JSON object a line: `{"call", "arguments", "log"}` starts a child, `{"wait"}` waits for one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any


def serve() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the product logs is not an answer
    importlib.import_module("tests.faults.scenarios").warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
        else:
            answer = {"pid": os.fork() or _child(**request)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _child(call: str, arguments: dict[str, Any], log: str) -> int:
    """Make the call and end: 0 when it returned, 1 when it raised; what it printed is in the log."""
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        module, _, name = call.partition(":")
        getattr(importlib.import_module(module), name)(**arguments)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - the log tells, the parent asks
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve()

"""The application for any WSGI server; run as a program it serves form, inbox and worker on this machine."""

from __future__ import annotations

import sys

from inquiries import create_app
from inquiries.errors import UnsafeSetting

# A request computes for a millisecond and then waits for disk or network by itself. Python's habit of taking
# the interpreter away every 5 ms only lengthens its hold of the writer's lock (docs/decisions/0006).
sys.setswitchinterval(0.02)

try:
    app = create_app()
except UnsafeSetting as refused:
    sys.stderr.write(f"Not started. {refused}\n")
    sys.exit(refused.exit_status)

if __name__ == "__main__":
    from inquiries.web import server

    sys.exit(server.run())

"""Sets up the log: one line an event, ids only; never an item, an address, a code or a token."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(*, development: bool) -> None:
    """Plain lines for a person in development, JSON elsewhere; both to standard error."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if development:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,  # others print the locals: plaintext items
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

"""Lets the assertions of the lives say what they compared, as those of a test do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(f"tests.properties.{name}" for name in ("life", "people", "rights", "work", "copies", "checks"))
)

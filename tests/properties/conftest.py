"""Lets the assertions of the lives say what they compared, as those of a test do."""

from __future__ import annotations

import pytest

NAMES = ("life", "people", "guardians", "rights", "unsubscribing", "work", "copies", "checks")

pytest.register_assert_rewrite(*(f"tests.properties.{name}" for name in NAMES))

from __future__ import annotations

import os

import pytest


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every value that is drawn from the system's randomness during the test, in order."""
    drawn: list[bytes] = []
    urandom = os.urandom

    def noted(size: int) -> bytes:
        drawn.append(urandom(size))
        return drawn[-1]

    monkeypatch.setattr(os, "urandom", noted)
    return drawn

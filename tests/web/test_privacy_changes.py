"""The history of the notice, as everybody reads it (P37)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inquiries.settings import HOME
from tests.moments import INSTALLED, at
from tests.web.site import site


@pytest.mark.promise("P37")
def test_each_version_says_what_it_changed_of_the_one_before(tmp_path: Path) -> None:
    policy = Path(shutil.copy(HOME / "policies" / "default.toml", tmp_path / "policy.toml"))
    with site(tmp_path, INSTALLED, policy=policy) as app, at():
        client = app.test_client()
        alone = client.get("/privacy/changes?lang=en").text
        assert "The first version." in alone
        assert "<del>" not in alone
        policy.write_text(
            policy.read_text("utf-8").replace('period = "1 year"', 'period = "2 years"'), "utf-8"
        )
        app.extensions["inquiries"]().memory.clear()  # it is published within a second
        assert "Version 2" in client.get("/privacy?lang=en").text
        answer = client.get("/privacy/changes?lang=en")
        removed, added = answer.text.split("<del>", 1)[1].split("<ins>", 1)
        assert "1 year" in removed
        assert "2 years" in added
        assert answer.text.index("Version 2") < answer.text.index("Version 1")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Set-Cookie" not in answer.headers

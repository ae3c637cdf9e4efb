"""Which use may read which group, by what was agreed to."""

from __future__ import annotations

import pytest

from inquiries.rules.purposes import BY_LAW, Use, covers

NEEDING = sorted(set(Use) - BY_LAW)


@pytest.mark.parametrize("use", NEEDING)
def test_the_inquiry_itself_is_read_by_the_consent_that_it_was_sent_with(use: Use) -> None:
    assert covers(use, "main", {"inquiry"})
    assert not covers(use, "main", {"marketing"})
    assert not covers(use, "main", ())


@pytest.mark.parametrize("use", Use)
def test_a_copy_for_an_optional_purpose_serves_that_purpose_alone(use: Use) -> None:
    assert covers(use, "marketing", {"inquiry", "marketing"}) == (use is Use.export or use in BY_LAW)
    assert covers(use, "marketing", {"inquiry", "events"}) == (use in BY_LAW)


@pytest.mark.parametrize("use", NEEDING)
def test_what_is_recorded_of_the_visit_is_nobodys_to_read(use: Use) -> None:
    assert not covers(use, "visitor", {"inquiry", "marketing"})


@pytest.mark.parametrize("use", sorted(BY_LAW))
def test_what_rests_on_a_law_asks_no_consent(use: Use) -> None:
    assert covers(use, "main", ())

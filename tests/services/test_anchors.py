"""Anchors outside of the ledger: written daily, mailed, and what they betray that nothing else does (P25)."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from inquiries.errors import JobBusy, SealBroken
from inquiries.sealing import documents
from inquiries.services import anchors, delivery, mail, readiness, records, review
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.cast import OH
from tests.moments import at, installed
from tests.promises.forger import rewrite, seal_anew
from tests.relay import SENDER, Relay, relay

pytestmark = pytest.mark.promise("P25")


@pytest.fixture
def sealed(house_at_t0: House) -> House:
    """A ledger with a record, and seals."""
    with at():
        records.start_sealing(house_at_t0)
        _write(house_at_t0)
    return house_at_t0


def _write(house: House) -> None:
    records.access(house, act="open", actor=OH, subject=7, reason="a request")
    records.seal(house)


def kinds(house: House, files: list[Path]) -> set[tuple[str, str]]:
    return {(one.chain, one.kind) for one in anchors.problems(house, files)}


# -- made --------------------------------------------------------------------------------------------


def test_one_is_written_a_day_and_recorded(sealed: House) -> None:
    written = []
    for hours in (1, 2, 24.5, 25.1, 26):
        with at(hours=hours):
            written.append(anchors.anchor_if_due(sealed))
    first, second = [path for path in written if path is not None]
    assert [path is not None for path in written] == [True, False, False, True, False]
    assert anchors.of_instance(sealed) == [first, second]
    assert stat.S_IMODE(first.stat().st_mode) == 0o400
    found = records.newest(sealed, "operation", "anchor", 9)
    assert [body["file"] for _, _, body in found] == [second.name, first.name]


def test_none_is_made_before_there_is_a_seal(house_at_t0: House) -> None:
    with at():
        assert anchors.anchor_if_due(house_at_t0) is None
        assert not anchors.late(house_at_t0)
    assert anchors.of_instance(house_at_t0) == []


def test_another_worker_is_left_alone(sealed: House) -> None:
    with at(), sealed.ledger.job("anchor"), pytest.raises(JobBusy):
        anchors.anchor_if_due(sealed)


def test_it_is_signed_and_checked_without_the_ledger(sealed: House) -> None:
    with at():
        document = anchors.made(sealed)
    assert documents.check(document, sealed.custody.verify_key).ok
    assert document.statement.heads["access"].n == 1
    other = document.model_copy(update={"statement": document.statement.model_copy(update={"seal": None})})
    assert not documents.check(other, sealed.custody.verify_key).ok


def test_readiness_says_when_none_was_made_for_two_days(sealed: House) -> None:
    def ready() -> bool:
        return next(check.ok for check in readiness.checks(sealed) if check.name == "ledger")

    for hours, expected in ((1, True), (47, True), (49, False)):
        with at(hours=hours):
            records.seal(sealed)
            assert ready() is expected
    with at(hours=49.1):
        anchors.anchor_if_due(sealed)
        records.seal(sealed)
        assert ready()
    with at(hours=49.1 + 47):
        records.seal(sealed)
        assert ready()
    with at(hours=49.1 + 49):
        records.seal(sealed)
        assert not ready()


# -- what it betrays ---------------------------------------------------------------------------------


def test_an_untouched_ledger_is_as_anchored_however_it_grew(sealed: House) -> None:
    with at():
        path = anchors.anchor_if_due(sealed)
        assert path is not None
        for _ in range(3):
            _write(sealed)
        assert kinds(sealed, [path]) == set()


@contextmanager
def _put_back(house: House, to: Path) -> Iterator[None]:
    """Ledger and keyring as they are now stand there again afterwards: an insider's perfect restore."""
    ring, path = house.settings.keyring_path, house.ledger.path
    assert path is not None
    house.ledger.close()
    shutil.copytree(ring, to / "keyring")
    for one in path.parent.glob("ledger.db*"):
        shutil.copy2(one, to / one.name)
    yield
    house.ledger.close()
    for one in path.parent.glob("ledger.db*"):
        one.unlink()
    for one in to.glob("ledger.db*"):
        shutil.copy2(one, path.parent / one.name)
    shutil.copy2(to / "keyring" / "seal.key", ring / "seal.key")


def test_ledger_and_keyring_put_back_together_are_betrayed_by_the_anchor_alone(
    sealed: House, tmp_path: Path
) -> None:
    with at():
        (tmp_path / "kept").mkdir()
        with _put_back(sealed, tmp_path / "kept"):
            _write(sealed)
            kept = shutil.copy2(anchors.anchor_if_due(sealed) or "", tmp_path)
        assert records.verify(sealed).ok
        assert kinds(sealed, [Path(kept)]) == {("access", "not_as_anchored"), ("seals", "not_as_anchored")}
        _write(sealed)  # and so it stays, whatever is written where the other records were
        assert records.verify(sealed).ok
        assert ("access", "not_as_anchored") in kinds(sealed, [Path(kept)])


def test_so_is_a_ledger_written_anew_with_todays_keys(sealed: House) -> None:
    """Also without the first seal key: whoever holds the keyring of today makes seals that verify without it."""
    with at():
        path = anchors.anchor_if_due(sealed)
        assert path is not None
        rewrite(sealed, lambda _, body: body.replace("a request", "another"))
        seal_anew(sealed)
        assert records.verify(sealed).ok
        assert ("access", "not_as_anchored") in kinds(sealed, [path])


def test_an_anchor_of_somebody_else_discredits_nothing_unnoticed(sealed: House, tmp_path: Path) -> None:
    with at():
        said = json.loads(anchors.made(sealed).model_dump_json())
    said["statement"]["heads"]["access"]["n"] = 99
    (tmp_path / "forged.json").write_text(json.dumps(said))
    (tmp_path / "no.json").write_text("{}")
    (tmp_path / "mail.txt").write_text("Subject: hello\n\nnothing here")
    with at():
        found = list(anchors.problems(sealed, sorted(tmp_path.glob("*.*"))))
    assert [(one.chain, one.n, one.kind) for one in found] == [
        ("anchors", 1, "not_ours"), ("access", 99, "not_as_anchored"), ("anchors", 2, "unreadable"),
        ("anchors", 3, "unreadable"),
    ]  # fmt: skip
    with pytest.raises(SealBroken):
        anchors.read(b'{"format": "inquiries sweep certificate"}')


# -- by mail -----------------------------------------------------------------------------------------


@pytest.fixture
def post() -> Iterator[Relay]:
    with relay() as state:
        yield state


def test_the_officer_gets_it_by_mail_and_the_mail_is_as_good_as_the_file(
    make_settings: Callable[..., Settings], post: Relay, tmp_path: Path
) -> None:
    with at(1), installed(make_settings) as made:
        house = replace(made, settings=make_settings(smtp_url=post.url, mail_from=SENDER))
        records.start_sealing(house)
        path = anchors.anchor_if_due(house)
        assert path is not None
        assert delivery.send_waiting(house) == 1
        (message,) = post.mail
        assert message["To"] == "privacy@example.com"
        saved = tmp_path / "saved.eml"
        saved.write_bytes(bytes(message))
        assert anchors.read(saved.read_bytes()) == anchors.read(path.read_bytes())
        assert kinds(house, [saved]) == set()
        assert "verify --anchor" in message_from_bytes(bytes(message), policy=default).get_content()


def test_a_review_that_is_missing_is_told_by_mail_once(
    make_settings: Callable[..., Settings], post: Relay
) -> None:
    with at(1), installed(make_settings) as made:
        house = replace(made, settings=make_settings(smtp_url=post.url, mail_from=SENDER))
        records.access(house, act="look", actor=OH, subject=7)
        assert not review.remind(house)
    for days, told in ((33, True), (34, False), (60, False)):
        with at(days):
            assert review.remind(house) is told
    with at(61):
        review.sign(house, OH, 1, "")
        assert not review.remind(house)
    with at(61 + 31.1):
        assert review.remind(house)
    with at(61 + 31.2), house.live.read() as connection:
        waiting = connection.exec_driver_sql("SELECT kind FROM outbox").fetchall()
    assert {row[0] for row in waiting} == {mail.Kind.review_missing}

"""The check of a certificate: what is not signed, not final, or no certificate at all is said."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inquiries.errors import SealBroken
from inquiries.sealing import certificates, documents, epochs
from inquiries.services.rotation import KEY_BACKUPS_LIVE
from tests.sealing.builders import fixed

SEED = fixed("documents signing seed")
VERIFY_KEY = epochs.verify_key_of(SEED)
RETIRED = datetime(2026, 3, 3, tzinfo=UTC)
DESTROYED = "2026-03-02T09:30:00.000000Z"
FINAL = "2026-03-06T00:00:00.000000Z"
STATEMENTS: list[dict[str, str | int | None]] = [
    {"id": str(n), "intent": 5, "group": "main", "epoch": 3, "due": None, "destroyed": DESTROYED}
    for n in (1, 2, 3)
]


def inquiry(*, final: str | None = FINAL, hours: int = 72, retired: datetime = RETIRED) -> dict[str, Any]:
    """The certificate of one of three destroyed groups, as it is written to a file."""
    leaves = [certificates.leaf(statement) for statement in STATEMENTS]
    root = certificates.root(leaves)
    record = epochs.EpochRecord(3, b"a public key", "retired", retired)
    document = documents.InquiryDocument(
        issued=FINAL,
        issuer="https://example.com",
        verify_key=VERIFY_KEY.hex(),
        key_backups_hours=hours,
        destroyed=(
            documents.Destroyed(
                statement=STATEMENTS[1],
                proof=documents.Proof(
                    index=1,
                    count=3,
                    path=tuple(node.hex() for node in certificates.path(leaves, 1)),
                    root=root.hex(),
                    signature=certificates.sign_root(SEED, 5, 3, root).hex(),
                ),
                final=final,
            ),
        ),
        remaining=(),
        epochs=(
            documents.EndedEpoch(
                number=3,
                public_key=record.public_key.hex(),
                retired=documents.written(retired),
                signature=epochs.sign_record(SEED, record).hex(),
            ),
        ),
    )
    data: dict[str, Any] = json.loads(document.model_dump_json())
    return data


def problems(data: object, key: bytes = VERIFY_KEY) -> tuple[str, ...]:
    return documents.check(documents.read(json.dumps(data)), key).problems


def test_a_whole_certificate_is_proved() -> None:
    checked = documents.check(documents.read(json.dumps(inquiry())), VERIFY_KEY)
    assert checked.ok
    assert checked.proved == (STATEMENTS[1],)
    assert checked.finals == (("main", RETIRED + timedelta(hours=72)),)


def test_under_another_key_nothing_is_proved() -> None:
    checked = documents.check(documents.read(json.dumps(inquiry())), epochs.verify_key_of(fixed("other")))
    assert checked.proved == ()
    assert [problem.split(":")[0] for problem in checked.problems] == [
        "it names another verify key", "epoch 3", "2", "2",
    ]  # fmt: skip


def test_final_is_believed_only_as_far_as_the_end_of_the_epoch_shows_it() -> None:
    assert problems(inquiry(final=None)) == ()
    assert problems(inquiry(final="2026-03-06T00:00:01.000000Z")) == ()
    (said,) = problems(inquiry(final="2026-03-05T23:59:59.999999Z"))
    assert said == "2: it is said to be final, and the end of its epoch does not show it"
    (said,) = problems(inquiry(retired=RETIRED + timedelta(seconds=1)))
    assert "does not show it" in said
    (said,) = problems(inquiry() | {"epochs": []})
    assert "does not show it" in said


@pytest.mark.parametrize("hours", [0, 71, 73, 2**53 - 1])
def test_a_file_cannot_say_how_long_backups_of_the_keys_live(hours: int) -> None:
    said = "it says that backups of the keys live another time than 72 hours"
    assert problems(inquiry() | {"key_backups_hours": hours}) == (said,)
    forged = inquiry(final=documents.written(RETIRED)) | {"key_backups_hours": hours}
    checked = documents.check(documents.read(json.dumps(forged)), VERIFY_KEY)
    assert checked.problems == (said, "2: it is said to be final, and the end of its epoch does not show it")
    assert checked.finals == (("main", None),)


def test_the_life_of_key_backups_is_the_one_that_rotation_counts_on() -> None:
    assert timedelta(hours=documents.KEY_BACKUPS_HOURS) == KEY_BACKUPS_LIVE


def test_nothing_is_final_before_it_was_destroyed_however_old_its_epoch_is() -> None:
    def found(final: str) -> documents.Checked:
        file = json.dumps(inquiry(final=final, retired=RETIRED - timedelta(days=2)))
        return documents.check(documents.read(file), VERIFY_KEY)

    assert found("2026-03-05T09:30:00.000000Z").ok
    early = found("2026-03-05T09:29:59.999999Z")
    assert (early.finals, len(early.problems)) == ((("main", None),), 1)


@pytest.mark.parametrize("day", [None, "", "2026-03-02", "2026-02-30T00:00:00Z", 7])
def test_a_statement_with_no_day_of_destruction_is_refused(day: str | int | None) -> None:
    data = inquiry()
    data["destroyed"][0]["statement"]["destroyed"] = day
    assert problems(data)[1:] == ("2: no such day",)


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_day_of_all_are_days(day: str) -> None:
    data = inquiry(final=day)
    data["destroyed"][0]["statement"]["destroyed"] = "9999-12-31T23:59:59.999999-23:59"
    assert [problem.split(":")[0] for problem in problems(data)] == ["2", "2"]


def test_what_is_not_yet_final_is_proved_and_said_so() -> None:
    checked = documents.check(documents.read(json.dumps(inquiry(final=None))), VERIFY_KEY)
    assert (checked.ok, checked.finals) == (True, (("main", None),))


def test_a_forged_end_of_an_epoch_is_said() -> None:
    data = inquiry(retired=RETIRED + timedelta(days=9))
    data["epochs"][0]["retired"] = documents.written(RETIRED)
    assert [problem.split(":")[0] for problem in problems(data)] == ["epoch 3", "2"]


def test_what_was_not_signed_yet_is_not_proved() -> None:
    data = inquiry()
    data["destroyed"][0]["proof"] = None
    assert problems(data) == ("2: not signed yet",)
    data = inquiry()
    del data["destroyed"][0]["statement"]["intent"]
    assert problems(data) == ("2: not signed yet",)


def test_a_statement_that_was_changed_is_not_proved() -> None:
    data = inquiry(final=None)
    data["destroyed"][0]["statement"]["group"] = "visitor"
    checked = documents.check(documents.read(json.dumps(data)), VERIFY_KEY)
    assert checked.proved == ()
    assert checked.problems == ("2: the statement is not the one that was signed",)


def test_a_moment_is_written_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    try:
        assert documents.written(RETIRED.astimezone()) == "2026-03-03T00:00:00.000000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_certificate_of_nothing_proves_nothing() -> None:
    assert problems(inquiry() | {"destroyed": []}) == ("it says of nothing that it was destroyed",)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"format": "another"},
        {"more": 1},
        {"issued": "today"},
        {"verify_key": "xyz"},
        {"destroyed": [{}]},
        {"key_backups_hours": -1},
        {"key_backups_hours": 2**53},
        {"key_backups_hours": "72"},
    ],
)
def test_what_is_no_certificate_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(SealBroken, match="no certificate"):
        documents.read(json.dumps(inquiry() | changed))


@pytest.mark.parametrize("hours", [0, 2**53 - 1])
def test_every_number_that_json_holds_exactly_is_read(hours: int) -> None:
    found = documents.read(json.dumps(inquiry(final=None) | {"key_backups_hours": hours}))
    assert isinstance(found, documents.InquiryDocument)
    assert found.key_backups_hours == hours


def test_a_run_is_signed_for_its_own_use() -> None:
    statement = {"destroyed": 2, "by_type": {"support": 2}}
    signature = bytes.fromhex(json.loads(run(statement))["signature"])
    certificates.verify_statement(VERIFY_KEY, "sweep", statement, signature)


@pytest.mark.parametrize("file", ["", "[]", "{}", '"a"', "\x00", "{", "[" * 5000])
def test_a_file_that_is_something_else_is_refused(file: str) -> None:
    with pytest.raises(SealBroken, match="no certificate"):
        documents.read(file)


def test_a_day_that_does_not_exist_is_said() -> None:
    data = inquiry()
    data["epochs"][0]["retired"] = "2026-02-30T00:00:00.000000Z"
    assert problems(data)[0] == "epoch 3: no such day"
    assert problems(inquiry(final="2026-02-30T00:00:00.000000Z")) == ("2: no such day",)


ANCHORED: dict[str, Any] = {
    "at": FINAL,
    "heads": {"access": {"n": 7, "hash": "0a"}, "rights": {"n": 2, "hash": "0b"}},
    "seal": {"n": 3, "mac": "0c"},
}


def anchor(*, use: str = "ledger anchor", statement: dict[str, Any] = ANCHORED) -> dict[str, Any]:
    """An anchor whose signature is about `ANCHORED`."""
    return {
        "format": "inquiries ledger anchor",
        "version": 1,
        "issuer": "https://example.com",
        "verify_key": VERIFY_KEY.hex(),
        "statement": statement,
        "signature": certificates.sign_statement(SEED, use, ANCHORED).hex(),
    }


def test_an_anchor_is_proved_word_by_word_and_for_its_own_use() -> None:
    checked = documents.check(documents.read(json.dumps(anchor())), VERIFY_KEY)
    assert checked.ok
    assert checked.proved == (ANCHORED,)
    assert problems(anchor(statement=ANCHORED | {"seal": None})) == (
        "the anchor: not signed by this installation",
    )
    assert problems(anchor(use="sweep")) == ("the anchor: not signed by this installation",)


def run(statement: dict[str, Any]) -> str:
    signed = {"destroyed": 2, "by_type": {"support": 2}}
    signature = certificates.sign_statement(SEED, documents.RUN, signed).hex()
    document = documents.RunDocument(
        issuer="https://example.com", verify_key=VERIFY_KEY.hex(), statement=signed, signature=signature
    )
    data = json.loads(document.model_dump_json())
    return json.dumps(data | {"statement": statement})


def test_a_run_is_proved_word_by_word() -> None:
    checked = documents.check(documents.read(run({"by_type": {"support": 2}, "destroyed": 2})), VERIFY_KEY)
    assert checked.ok
    assert checked.proved == ({"destroyed": 2, "by_type": {"support": 2}},)
    for changed, says in (
        ({"destroyed": 3, "by_type": {"support": 2}}, "not signed by this installation"),
        ({"destroyed": 2}, "not signed by this installation"),
        ({"destroyed": float("nan")}, "not a number that JSON knows"),
    ):
        found = documents.check(documents.read(run(changed)), VERIFY_KEY)
        assert (found.ok, found.proved, found.problems) == (False, (), (f"the run: {says}",))

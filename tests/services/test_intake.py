"""What is received is stored whole, once, and under an epoch that is open; else it is refused and nothing stays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from inquiries.errors import IntakeClosed, InvalidItems, NotFound, NoticeSuperseded, OnceReused, UnknownType
from inquiries.policy import loader
from inquiries.sealing import envelope, items, receipts
from inquiries.sealing.epochs import EpochSecret
from inquiries.services import (
    adoption,
    certificates,
    destruction,
    inbox,
    intake,
    keys,
    publishing,
    receipt,
    retention,
    rotation,
)
from inquiries.services.house import House, create_house, open_house
from inquiries.services.ids import new_id, new_ids
from inquiries.services.receipt_keys import open_receipt
from inquiries.settings import Settings
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.tables import consents, envelopes, epochs, groups, inquiries
from tests.cast import ITEMS, MINJI, send
from tests.moments import at
from tests.promises.pages import stored

ONCE = b"a nonce of sixteen"
TABLES = (inquiries, groups, consents, envelopes)


def counts(house: House) -> list[int]:
    """How many inquiries, groups, consents and envelopes of inquiries there are."""
    with house.live.read() as connection:
        return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


NOTHING = [0, 0, 0, 0]
ONE = [1, 2, 2, 1]


# -- once ----------------------------------------------------------------------------------------


def test_the_same_sent_twice_is_stored_once_and_shows_the_same_code(any_house: House) -> None:
    first = send(any_house, once=ONCE)
    again = send(any_house, once=ONCE)
    assert (first.repeated, again.repeated) == (False, True)
    assert (first.receipt, first.due, first.notice_version) == (
        again.receipt,
        again.due,
        again.notice_version,
    )
    assert counts(any_house) == ONE


@pytest.mark.parametrize(
    "other",
    [
        {"items": {"content": "Something else."}},
        {"items": {"company": None}},
        {"consents": {"inquiry": True, "marketing": True}},
        {"type": "introduction"},
        {"language": "en"},
    ],
)
def test_other_content_under_the_same_once_is_refused(any_house: House, other: dict[str, object]) -> None:
    first = send(any_house, once=ONCE)
    with pytest.raises(OnceReused):
        send(any_house, once=ONCE, **other)
    assert counts(any_house) == ONE
    assert receipt.look(any_house, first.receipt).items == ITEMS


def test_what_is_trimmed_is_no_other_content(house: House) -> None:
    first = send(house, once=ONCE)
    assert send(house, once=ONCE, items={"name": "  김소라 "}).receipt == first.receipt


def test_without_once_each_is_an_inquiry_of_its_own(house: House) -> None:
    codes = {send(house).receipt for _ in range(5)}
    assert len(codes) == 5
    assert counts(house)[0] == 5


def test_the_same_content_under_another_once_is_another_inquiry(house: House) -> None:
    assert send(house, once=b"1" * 16).receipt != send(house, once=b"2" * 16).receipt
    assert counts(house)[0] == 2


def test_what_comes_again_in_the_next_epoch_is_the_same_inquiry(any_house: House) -> None:
    first = send(any_house, once=ONCE)
    rotation.rotate(any_house)
    again = send(any_house, once=ONCE)
    assert (again.receipt, again.repeated) == (first.receipt, True)
    with pytest.raises(OnceReused):
        send(any_house, once=ONCE, items={"content": "Something else."})
    assert counts(any_house) == ONE


def test_what_comes_again_when_its_once_is_forgotten_is_another_inquiry(any_house_at_t0: House) -> None:
    """With the envelope the nonce is gone, three days after its epoch's end; each receipt opens its own."""
    house = any_house_at_t0
    with at(hours=1):
        first = send(house, once=ONCE)
        adoption.adopt_pending(house)
        rotation.rotate(house)
    with at(hours=72):
        assert send(house, once=ONCE).receipt == first.receipt
        retention.sweep(house, confirm=True)
    with at(hours=74):
        retention.sweep(house, confirm=True)
        again = send(house, once=ONCE)
        assert not again.repeated
        assert [open_receipt(house, one.receipt).row.id for one in (first, again)] == [first.id, again.id]


@pytest.mark.parametrize("adopted", [True, False])
def test_what_was_deleted_and_is_sent_again_is_another_inquiry(any_house: House, adopted: bool) -> None:  # noqa: FBT001
    """The same form, on the same day: what was destroyed under its receipt is not under the new one's."""
    house = any_house
    first = send(house, once=ONCE)
    if adopted:
        adoption.adopt_pending(house)
    with house.live.read() as connection:
        destroyed = list(live.group_ids(connection, first.id).values())
    destruction.destroy_now(house, destroyed, "deleted_on_request")
    again = send(house, once=ONCE)
    assert open_receipt(house, again.receipt).row.id == again.id
    adoption.adopt_pending(house)
    assert open_receipt(house, again.receipt).row.id == again.id
    with pytest.raises(NotFound):
        open_receipt(house, first.receipt)
    with pytest.raises(NotFound):
        certificates.for_receipt(house, again.receipt)
    assert len(certificates.for_receipt(house, first.receipt).parts) == 2


@pytest.mark.parametrize("adopted", [True, False])
def test_nobody_takes_the_receipt_of_another(
    any_house: House,
    adopted: bool,  # noqa: FBT001
) -> None:
    """Whoever broke into the public surface may store what it likes; hers still opens, and is not said destroyed."""
    house = any_house
    hers = send(house)
    adoption.adopt_pending(house)
    with house.live.write() as connection:
        lookup = connection.scalar(select(envelopes.c.receipt_lookup))
        connection.execute(envelopes.delete())  # in time
    forged = send(house, items={"name": "Mallory"})
    with house.live.write() as connection:
        for table, key in ((inquiries, inquiries.c.id), (envelopes, envelopes.c.inquiry_id)):
            connection.execute(update(table).where(key == forged.id).values(receipt_lookup=lookup))
        destroyed = list(live.group_ids(connection, forged.id).values())
    if adopted:
        assert adoption.adopt_pending(house).adopted == 1
    assert open_receipt(house, hers.receipt).row.id == hers.id
    destruction.destroy_now(house, destroyed, "deleted_on_request")
    assert open_receipt(house, hers.receipt).row.id == hers.id
    with pytest.raises(NotFound):
        certificates.for_receipt(house, hers.receipt)


def test_the_receipt_opens_what_is_new_and_what_is_adopted(any_house: House) -> None:
    """Its envelope knows a new inquiry; its key row the adopted one, also when there is no envelope any more."""
    sent = send(any_house)
    assert receipt.look(any_house, sent.receipt).items == ITEMS
    adoption.adopt_pending(any_house)
    with any_house.live.write() as connection:
        connection.execute(envelopes.delete())
    assert receipt.look(any_house, sent.receipt).items == ITEMS
    with any_house.keys.write() as connection:
        connection.exec_driver_sql("UPDATE keys SET receipt_lookup = NULL")
    with pytest.raises(NotFound):
        receipt.look(any_house, sent.receipt)


def test_many_at_once_with_one_nonce_are_one_inquiry(any_house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda _: send(any_house, once=ONCE), range(24)))
    assert len({one.receipt for one in received}) == 1
    assert [one.repeated for one in received].count(False) == 1
    assert counts(any_house) == ONE


def test_many_at_once_are_all_stored(any_house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda n: send(any_house, items={"name": f"n{n}"}), range(40)))
    assert len({one.receipt for one in received}) == 40
    names = {receipt.look(any_house, one.receipt).items["name"] for one in received}
    assert names == {f"n{n}" for n in range(40)}


def test_a_bad_one_among_many_harms_none(any_house: House) -> None:
    """Writers of one process share a commit: one that must fail takes no other with it."""
    send(any_house, once=ONCE)

    def one(n: int) -> bool:
        try:
            send(any_house, items={"name": f"n{n}"}, once=ONCE if n % 5 == 0 else None)
        except OnceReused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(40))) == [n % 5 != 0 for n in range(40)]
    assert counts(any_house)[0] == 1 + 32


def test_the_code_is_the_installations_secret(house: House) -> None:
    """Without the secret key nobody computes a code from what was sent and its nonce."""
    code = send(house, once=ONCE).receipt
    digest = b"\0" * 32
    assert receipts.code_from(b"\0" * 32, ONCE, digest) != code
    with house.live.read() as connection:
        row = connection.execute(
            select(inquiries, envelopes).join(envelopes, envelopes.c.inquiry_id == inquiries.c.id)
        ).one()
    assert ONCE not in (row.once, row.receipt_lookup)
    assert code.encode() not in b"".join(part for part in row if isinstance(part, bytes))


# -- refused -------------------------------------------------------------------------------------


def test_an_unknown_type_an_older_notice_and_bad_items_are_refused(any_house: House) -> None:
    with pytest.raises(UnknownType):
        send(any_house, type="complaint")
    with pytest.raises(UnknownType):
        send(any_house, type="x" * 10_000)
    with pytest.raises(NoticeSuperseded):
        send(any_house, notice_version=2)
    with pytest.raises(NoticeSuperseded):
        send(any_house, notice_version=0)
    with pytest.raises(InvalidItems):
        send(any_house, items={"email": "none"})
    assert counts(any_house) == NOTHING


def test_the_notice_in_force_or_none_is_accepted_and_recorded(house: House) -> None:
    send(house, notice_version=1)
    send(house)
    with house.live.read() as connection:
        rows = connection.execute(select(consents).order_by(consents.c.inquiry_id)).all()
    assert [row.notice_shown for row in rows if row.purpose == "inquiry"] == [True, False]


def test_ten_thousand_characters_are_accepted_and_one_more_is_not(house: House) -> None:
    text = "가" * 9_999 + "😀"
    assert receipt.look(house, send(house, items={"content": text}).receipt).items["content"] == text
    with pytest.raises(InvalidItems) as refused:
        send(house, items={"content": text + "."})
    (fault,) = refused.value.errors
    assert (fault.field, fault.code, dict(fault.params)) == ("content", "too_long", {"max": 10_000})


# -- what is stored ------------------------------------------------------------------------------


def test_the_due_date_is_told_in_the_policys_time_zone(house_at_t0: House) -> None:
    with time_machine.travel(datetime(2027, 1, 31, 20, 0, tzinfo=UTC), tick=False):
        due = send(house_at_t0).due
    assert due is not None
    assert due.isoformat() == "2028-02-01T05:00:00+09:00"


def test_each_group_is_sealed_on_its_own(any_house: House) -> None:
    send(any_house, consents={"inquiry": True, "marketing": True})
    held = stored(any_house)
    assert held["main"] == ITEMS
    assert held["marketing"] == {"name": ITEMS["name"], "email": ITEMS["email"]}
    assert held["visitor"] == {"address": "192.0.2.7", "user_agent": "Sora's browser"}
    (row,) = inbox.page(any_house, MINJI).rows
    deks = {key.dek for key in keys.of_inquiries(any_house, [row.id]).values()}
    assert len(deks) == 3


def test_of_the_visit_only_what_is_known_and_no_more_than_512_characters(house: House) -> None:
    send(house, address=None, user_agent="a" * 2000)
    assert stored(house)["visitor"] == {"user_agent": "a" * 512}


def test_a_visit_of_which_nothing_is_known_makes_no_group(house: House) -> None:
    send(house, address=None, user_agent="")
    assert set(stored(house)) == {"main"}


# -- ids -----------------------------------------------------------------------------------------


def test_ids_sort_by_time_and_fit_in_63_bits() -> None:
    made = []
    for year in (2026, 2030, 2090):
        with time_machine.travel(datetime(year, 1, 1, tzinfo=UTC), tick=False):
            made.append(new_id())
    assert made == sorted(made)
    assert all(0 < one < 2**63 for one in made)


@pytest.mark.parametrize(
    "collision",
    [(10, 13, 14), (20, 11, 14), (20, 14, 12)],
    ids=["id", "main", "visitor"],
)
def test_an_id_that_exists_is_made_anew(
    any_house: House, monkeypatch: pytest.MonkeyPatch, collision: tuple[int, ...]
) -> None:
    monkeypatch.setattr(
        "inquiries.services.intake.new_ids", lambda count, _draw: tuple(itertools.islice(made, count))
    )
    made: Iterator[int] = iter((10, 11, 12))
    first = send(any_house).receipt
    made = itertools.chain(collision, itertools.count(100))
    second = send(any_house, items={"name": "이서"}, once=ONCE).receipt
    assert receipt.look(any_house, first).items["name"] == "김소라"
    assert receipt.look(any_house, second).items["name"] == "이서"
    assert counts(any_house) == [2, 4, 4, 2]


def test_it_gives_up_when_an_id_collides_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    send(house)
    with house.live.read() as connection:
        taken = connection.scalar(select(inquiries.c.id))
    monkeypatch.setattr("inquiries.services.intake.new_ids", lambda count, _draw: (taken, *range(1, count)))
    with pytest.raises(IntakeClosed):
        send(house)
    assert counts(house) == ONE


def test_one_draw_serves_a_whole_inquiry_and_no_piece_of_it_twice(house: House, draws: list[bytes]) -> None:
    send(house, consents={"inquiry": True, "marketing": True})
    assert [len(drawn) for drawn in draws] == [512, 32]  # the other is the sending key
    adoption.adopt_pending(house)
    with house.live.read() as connection:
        packed = connection.scalars(select(groups.c.sealed)).all()
        nonces = [blob[1:13] for group in packed for blob in items.unpack(group).values()]
        nonces.append(connection.scalars(select(envelopes.c.sealed)).one()[10:22])
        (inquiry_id,) = connection.scalars(select(inquiries.c.id)).all()
    deks = [key.dek for key in keys.of_inquiries(house, [inquiry_id]).values()]
    assert (len(nonces), len(deks)) == (10, 3)
    places = sorted((draws[0].index(piece), len(piece)) for piece in (*nonces, *deks))
    assert all(at + size <= after for (at, size), (after, _) in itertools.pairwise(places))


def test_many_ids_of_one_microsecond_differ() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        assert len(set(new_ids(2000))) == 2000


# -- epochs --------------------------------------------------------------------------------------


@pytest.fixture
def closing(any_house: House, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epoch closes just after the envelope was sealed to it, as often as the list's number says."""
    left = [1]

    def seal(**given: object) -> bytes:
        sealed: bytes = envelope.seal_envelope(**given)  # type: ignore[arg-type]
        if left[0] > 0:
            left[0] -= 1
            rotation.rotate(any_house)
        return sealed

    monkeypatch.setattr(
        intake, "envelope", type("", (), {"seal_envelope": seal, "GroupKey": envelope.GroupKey})
    )
    return left


def test_an_epoch_that_closes_in_between_costs_a_second_sealing(any_house: House, closing: list[int]) -> None:
    received = send(any_house)
    assert closing == [0]
    with any_house.live.read() as connection:
        opened = connection.scalar(select(epochs.c.number).where(epochs.c.state == "open"))
        assert connection.scalar(select(envelopes.c.epoch)) == opened == 2
    assert receipt.look(any_house, received.receipt).items == ITEMS
    assert counts(any_house) == ONE


def test_epochs_that_keep_closing_close_the_intake(any_house: House, closing: list[int]) -> None:
    closing[0] = 100
    with pytest.raises(IntakeClosed):
        send(any_house)
    assert counts(any_house) == NOTHING


def test_without_an_open_epoch_nothing_is_taken(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    house = create_house(settings)
    publishing.publish(house, loader.load(settings.policy))
    try:
        with pytest.raises(IntakeClosed):
            send(house)
        assert counts(house) == NOTHING
    finally:
        house.close()


def test_an_epoch_that_this_installation_did_not_sign_takes_nothing(house: House) -> None:
    """Whoever can write `live` could offer a public key of her own."""
    with house.live.write() as connection:
        forged = epochs.update().values(public_key=EpochSecret(1, b"e" * 32).public_key)
        connection.execute(forged)
    house.memory.clear()
    with pytest.raises(IntakeClosed, match="not signed"):
        send(house)


def test_an_epoch_older_than_one_seen_takes_nothing(house: House) -> None:
    """A process that sealed to epoch 2 does not go back to 1, whatever was put back."""
    with house.live.read() as connection:
        first = connection.execute(select(epochs)).one()
    rotation.rotate(house)
    send(house)
    with house.live.write() as connection:
        connection.execute(epochs.delete())
        connection.execute(epochs.insert().values(**first._mapping))
    house.memory["epochs"].read_at -= 10  # type: ignore[attr-defined]
    with pytest.raises(IntakeClosed, match="put back"):
        send(house)


# -- the public surface --------------------------------------------------------------------------


@pytest.fixture
def public(house: House, make_settings: Callable[..., Settings]) -> Iterator[House]:
    """Another process of the same installation that faces the internet."""
    opened = open_house(make_settings(surface="public", instance=house.settings.instance))
    yield opened
    opened.close()


def test_the_public_surface_receives_and_shows_but_opens_nothing(house: House, public: House) -> None:
    code = send(public).receipt
    assert receipt.look(public, code).items == ITEMS  # from the envelope, with the receipt alone
    adoption.adopt_pending(house)
    assert receipt.look(public, code).items == ITEMS  # from the key row
    rotation.rotate(house)
    assert receipt.look(public, code).items == ITEMS
    assert send(public).receipt
    with house.live.read() as connection:
        ids = list(connection.scalars(select(inquiries.c.id)))
    assert keys.of_inquiries(house, ids)
    with pytest.raises(Exception, match="root key"):
        keys.of_inquiries(public, ids)
    with pytest.raises(NotFound):
        receipt.look(public, receipts.random_code())


def test_a_retry_after_the_policy_changed_tells_the_version_that_was_shown(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send(house, once=ONCE)
    source = publishing.source_in_force(house).replace('period = "1 year"', 'period = "2 years"')
    publishing.publish(house, loader.LoadedPolicy(loader.parse(source), source, b"\1" * 32))
    monkeypatch.setattr(publishing, "_publish_if_edited", lambda *_: None)
    house.memory.pop("publishing")
    assert publishing.in_force(house).version == 2
    again = send(house, once=ONCE)
    assert (again.repeated, again.notice_version, again.due) == (True, 1, first.due)
    other = send(house)
    assert other.due is not None
    assert first.due is not None
    assert other.due - first.due > timedelta(days=300)

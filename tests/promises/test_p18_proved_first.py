"""P18: what is asked for by telephone, in writing or for somebody else waits until it is proved who asks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from inquiries.errors import InvalidFields, NotFound, WrongState
from inquiries.rules.requests import Authority, Kind, State
from inquiries.services import fulfilment, hand_over, inbox, on_behalf, receipt, records, request_desk
from inquiries.services.house import House
from inquiries.services.on_behalf import Proof
from inquiries.stores.live import agreed
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.tables import requests as table
from tests.asking import BOTH, SEEN, enter, number_of, recorded, state_of, suspended
from tests.cast import ITEMS, MINJI, OH, send


@pytest.mark.parametrize("kind", [Kind.delete, Kind.suspend, Kind.correct, Kind.withdraw, Kind.copy])
def test_p18_nothing_follows_from_what_is_not_proved(house: House, kind: Kind) -> None:
    code = send(house, consents=BOTH).receipt
    made = enter(house, kind, proof=Proof(), purpose="marketing", texts={"name": "김소라나"})
    for carry in (fulfilment.carry_out, fulfilment.carry_out_waiting):
        carry(house)
    with pytest.raises(WrongState):
        request_desk.carry_out(house, OH, made)
    with pytest.raises(WrongState):
        hand_over.copy(house, OH, made, notes=True)
    with pytest.raises(WrongState):
        hand_over.handed_over(house, OH, made)
    view = receipt.look(house, code)
    assert (state_of(house, made), suspended(house)) == (State.needs_proof, False)
    assert (dict(view.items), dict(view.corrected), view.deletion) == (ITEMS, {}, None)
    assert all(one.holds for one in view.consents)
    with house.live.read() as connection:
        number = number_of(house)
        assert agreed.purposes(connection, [number]) == {number: {"inquiry", "marketing"}}
        assert live_requests.withdrawn(connection, [number]) == frozenset()
    assert recorded(house) == ["asked"]
    inbox.open_inquiry(house, MINJI, number_of(house), None)


def test_p18_a_representative_needs_authority_as_well(any_house: House) -> None:
    code = send(any_house, consents=BOTH).receipt
    gun = {"representative": True, "who": "이건, 배우자"}
    made = enter(any_house, Kind.delete, **gun)
    assert state_of(any_house, made) == State.needs_proof
    with pytest.raises(InvalidFields) as refused:
        on_behalf.prove(any_house, OH, made, SEEN)
    assert [(one.field, one.code) for one in refused.value.errors] == [("authority", "required")]
    on_behalf.prove(any_house, OH, made, replace(SEEN, authority=Authority.attorney), "위임장 3월 2일")
    assert suspended(any_house)  # from this commit on, before any worker has seen it
    fulfilment.carry_out(any_house)
    with pytest.raises(NotFound):
        receipt.look(any_house, code)
    assert recorded(any_house) == ["asked", "proved", "done"]
    (proved,) = [body for _, body in records.bodies(any_house, "requests") if body["act"] == "proved"]
    assert (proved["staff"], proved["identity"], proved["authority"]) == (OH.staff_id, "callback", "attorney")


def test_p18_a_state_that_somebody_changed_in_the_store_proves_nothing(house: House) -> None:
    code = send(house, consents=BOTH).receipt
    made = enter(house, Kind.delete, proof=Proof())
    copy = enter(house, Kind.copy, proof=Proof())
    with house.live.write() as connection:
        connection.execute(update(table).values(state="open"))
    with pytest.raises(WrongState):
        hand_over.copy(house, OH, copy, notes=True)
    assert fulfilment.carry_out(house) == 0
    assert {state_of(house, made), state_of(house, copy)} == {State.needs_proof}
    assert receipt.look(house, code).items == ITEMS

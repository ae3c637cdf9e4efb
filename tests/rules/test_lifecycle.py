from __future__ import annotations

from itertools import product

import pytest

from inquiries.errors import WrongState
from inquiries.rules.lifecycle import Action, State, next_state, possible

WAYS = {
    (State.received, Action.open): State.open,
    (State.received, Action.write): State.received,
    (State.open, Action.open): State.open,
    (State.open, Action.reply): State.answered,
    (State.open, Action.write): State.open,
    (State.open, Action.answer): State.answered,
    (State.open, Action.close): State.closed,
    (State.answered, Action.open): State.answered,
    (State.answered, Action.reply): State.answered,
    (State.answered, Action.write): State.open,
    (State.answered, Action.close): State.closed,
    (State.answered, Action.reopen): State.open,
    (State.closed, Action.open): State.closed,
    (State.closed, Action.write): State.open,
    (State.closed, Action.reopen): State.open,
}


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_state_and_every_action(state: State, action: Action) -> None:
    assert (action in possible(state)) is ((state, action) in WAYS)
    if (state, action) in WAYS:
        assert next_state(state, action) is WAYS[state, action]
    else:
        with pytest.raises(WrongState, match=f"{action} is not possible in state {state}"):
            next_state(state, action)


def test_states_and_actions_are_kept_under_their_own_names() -> None:
    for kept in (State, Action):
        assert [one.value for one in kept] == list(kept.__members__)


def test_nothing_is_closed_unread() -> None:
    assert possible(State.received) == {Action.open, Action.write}

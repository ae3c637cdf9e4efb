"""The states of an inquiry and what leads from one to the next; destruction is decided in `retention`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from inquiries.errors import WrongState


class State(StrEnum):
    """Where an inquiry stands with the people who answer it."""

    received = "received"
    open = "open"
    answered = "answered"
    closed = "closed"


class Action(StrEnum):
    """What a member of staff does with it; `write` is what the person does."""

    open = "open"
    reply = "reply"  # through the thread
    answer = "answer"  # elsewhere: by telephone, by letter
    write = "write"
    close = "close"
    reopen = "reopen"


# Nothing is answered or closed unread: closing brings the destruction forward. What she writes opens it.
_NEXT: Mapping[State, Mapping[Action, State]] = {
    State.received: {Action.open: State.open, Action.write: State.received},
    State.open: {
        Action.open: State.open,
        Action.reply: State.answered,
        Action.answer: State.answered,
        Action.write: State.open,
        Action.close: State.closed,
    },
    State.answered: {
        Action.open: State.answered,
        Action.reply: State.answered,
        Action.write: State.open,
        Action.close: State.closed,
        Action.reopen: State.open,
    },
    State.closed: {Action.open: State.closed, Action.write: State.open, Action.reopen: State.open},
}


def next_state(state: State, action: Action) -> State:
    """The state after the action; looking at what is answered or closed leaves it so. Raises WrongState."""
    try:
        return _NEXT[state][action]
    except KeyError:
        raise WrongState(f"{action} is not possible in state {state}") from None


def possible(state: State) -> frozenset[Action]:
    """What can be done in this state, for the pages that offer it."""
    return frozenset(_NEXT[state])

"""Finds the ledger's standing records by their labels: pages, counts, acts; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from inquiries.stores.ledger import STANDING, Entry, bodies, entry_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for: all that is named must fit; `above` and `below` bound their numbers.

    `numbers`: these too are about the inquiry, though no label says so.
    """

    chain: str
    act: str | None = None
    outcome: str | None = None
    staff: int | None = None
    inquiry: int | None = None
    numbers: tuple[int, ...] = ()
    above: int = 0
    below: int | None = None


def page(connection: Connection, wanted: Wanted, limit: int, text: str = "") -> list[Entry]:
    """The newest records whose body stands and fits, each filter along an index of its own.

    `text`: what the body must hold, too; for chains that are few.
    """
    fits = _fits(wanted) & bodies.c.body.contains(text, autoescape=True) if text else _fits(wanted)
    query = STANDING.where(fits).order_by(bodies.c.n.desc()).limit(limit)
    return [entry_of(row) for row in connection.execute(query)]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many records stand and fit."""
    return connection.scalar(select(func.count()).select_from(bodies).where(_fits(wanted))) or 0


def _fits(wanted: Wanted) -> ColumnElement[bool]:
    conditions = [bodies.c.chain == wanted.chain, bodies.c.n > wanted.above]
    if wanted.below is not None:
        conditions.append(bodies.c.n < wanted.below)
    for column, value in (
        (bodies.c.act, wanted.act),
        (bodies.c.outcome, wanted.outcome),
        (bodies.c.staff, wanted.staff),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.inquiry is not None:
        of_inquiry = bodies.c.inquiry == wanted.inquiry
        conditions.append(or_(of_inquiry, bodies.c.n.in_(wanted.numbers)) if wanted.numbers else of_inquiry)
    return and_(*conditions)


def holding(connection: Connection, wanted: Wanted, text: str) -> tuple[int, ...]:
    """The numbers of those records that have this text in their bodies; for acts that are few."""
    return tuple(one.n for one in entries_holding(connection, wanted, text))


def entries_holding(connection: Connection, wanted: Wanted, text: str) -> list[Entry]:
    """Those records themselves, the oldest first."""
    query = STANDING.where(_fits(wanted), bodies.c.body.contains(text, autoescape=True)).order_by(bodies.c.n)
    return [entry_of(row) for row in connection.execute(query)]


def acts(connection: Connection, chain: str) -> list[str]:
    """Every act that a standing record of the chain says: one step along the index for each."""
    found: list[str] = []
    query = select(func.min(bodies.c.act)).where(bodies.c.chain == chain)
    act = connection.scalar(query)
    while act is not None:
        found.append(act)
        act = connection.scalar(query.where(bodies.c.act > act))
    return found

"""The wraps of the keys store, put under the next epoch batch by batch; opens none of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, select, text, update

from inquiries.stores.key_tables import keys
from inquiries.stores.keys import ROW, KeyRow


def wrapped_before(connection: Connection, epoch: int, after: int, limit: int) -> list[KeyRow]:
    """Living rows whose wraps stand under an epoch older than `epoch`, in order of id."""
    query = select(*ROW).where(keys.c.epoch < epoch, keys.c.destroyed_at.is_(None), keys.c.id > after)
    return [KeyRow(*row) for row in connection.execute(query.order_by(keys.c.id).limit(limit))]


def count_wrapped_before(connection: Connection, epoch: int) -> int:
    """How many living rows still stand under an epoch older than `epoch`."""
    query = select(func.count()).select_from(keys).where(keys.c.epoch < epoch, keys.c.destroyed_at.is_(None))
    return connection.scalar(query) or 0


_REWRAP = (
    update(keys)
    .where(keys.c.id == bindparam("key_id"), keys.c.wrap == bindparam("old"), keys.c.destroyed_at.is_(None))
    .values(epoch=bindparam("new_epoch"), wrap=bindparam("new"), receipt_wrap=bindparam("new_receipt"))
)

#: The same for a whole batch in one statement, where each statement is a message to a server.
_REWRAP_ALL = text(
    "UPDATE keys SET epoch = :epoch, wrap = new.wrap, receipt_wrap = new.receipt_wrap "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:old AS bytea[]), CAST(:wraps AS bytea[]), "
    "CAST(:receipt_wraps AS bytea[])) AS new (id, old, wrap, receipt_wrap) "
    "WHERE keys.id = new.id AND keys.wrap = new.old AND keys.destroyed_at IS NULL"
)


def rewrap(connection: Connection, epoch: int, changes: Iterable[tuple[KeyRow, bytes, bytes | None]]) -> None:
    """Replace wraps where the old one still stands and the key lives: a destroyed key is never revived."""
    changed = list(changes)
    if changed and connection.dialect.name == "postgresql":
        rows, wraps, receipt_wraps = zip(*changed, strict=True)
        ids, old = [row.id for row in rows], [row.wrap for row in rows]
        values = {"ids": ids, "old": old, "wraps": list(wraps), "receipt_wraps": list(receipt_wraps)}
        connection.execute(_REWRAP_ALL, {"epoch": epoch} | values)
    elif changed:
        connection.execute(
            _REWRAP,
            [
                {"key_id": row.id, "old": row.wrap, "new_epoch": epoch, "new": wrap, "new_receipt": receipt}
                for row, wrap, receipt in changed
            ],
        )

"""The one Alembic environment, for every store: the connection comes from `stores/migrate.py`."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=True,  # SQLite alters a table by making it anew
    user_module_prefix="types.",  # our column types, as script.py.mako imports them
)
with context.begin_transaction():
    context.run_migrations()

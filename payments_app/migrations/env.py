"""Alembic's entry: runs the steps on the connection that ``flask db upgrade`` holds its lock on.

There is no offline mode and no address here: whoever upgrades decides where, and holds the lock.
"""

from alembic import context

from payments_app.domain.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()

"""Alembic runs this for every command: over the connection that it was given, inside its transaction."""

from alembic import context

from gateway.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

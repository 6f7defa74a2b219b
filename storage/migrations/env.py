"""What Alembic runs around the steps: always online, on the connection that it is handed.

Job: bind Alembic to the caller's transaction.

Not here: configuration (the package).
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()

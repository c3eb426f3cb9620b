"""Alembic's entry: it runs inside the connection and the transaction that `bot.store.database` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="surefoot_version")
with context.begin_transaction():
    context.run_migrations()

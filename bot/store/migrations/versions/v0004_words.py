"""Step 0004: what GitHub says of packages, what was set aside of it, and the files of releases as first listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.tables import UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Three tables; what is told and listed from now on is in them."""
    op.create_table(
        "words",
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("advisory", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("package", "advisory", name="pk_words"),
    )
    op.create_index("ix_words_at", "words", ["at"])
    op.create_table(
        "asides",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("advisory", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", "advisory", name="pk_asides"),
    )
    op.create_table(
        "listings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_listings"),
    )
    op.create_index("ix_listings_at", "listings", ["at"])

"""Step 0003: when a release was first seen, from which it ripens where its registry names no time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.tables import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One table; what is listed from now on is seen from now on."""
    op.create_table(
        "sightings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sightings"),
    )

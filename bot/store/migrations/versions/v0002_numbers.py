"""Step 0002: a repository's number, by which it is known under every name, and whether it is archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Two columns; the numbers are learnt from what GitHub says of each repository next."""
    op.add_column("repos", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("repos", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_repos_number", "repos", ["number"])

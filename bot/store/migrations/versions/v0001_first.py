"""Step 0001: the first tables: the inbox, the work, the rows that are worked on, and what hangs on them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _column(name: str, kind: Any, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def _partial(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def upgrade() -> None:
    """Inbox, work, the rows that are worked on, and what hangs on them."""
    _inbox()
    _work()
    _rows()
    _hangers()


def _inbox() -> None:
    op.create_table(
        "deliveries",
        _column("id", _COUNTER),
        _column("guid", sa.Text()),
        _column("event", sa.Text()),
        _column("received_at", _TIME),
        _column("installation", sa.BigInteger(), null=True),
        _column("body", sa.LargeBinary()),
        _column("drained_at", _TIME, null=True),
        _column("note", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("guid", name="uq_deliveries_guid"),
    )
    _partial("ix_deliveries_undrained", "deliveries", "id", "drained_at IS NULL")
    op.create_table(
        "mail",
        _column("id", _COUNTER),
        _column("key", sa.Text()),
        _column("repo_key", sa.Text()),
        _column("pull", sa.Integer(), null=True),
        _column("sha", sa.Text(), null=True),
        _column("at", _TIME),
        _column("document", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.UniqueConstraint("key", name="uq_mail_key"),
    )
    op.create_index("ix_mail_at", "mail", ["at"])
    op.create_index("ix_mail_pull", "mail", ["repo_key", "pull"])
    op.create_index("ix_mail_sha", "mail", ["repo_key", "sha"])
    op.create_table(
        "heard",
        _column("update_id", sa.Text()),
        _column("key", sa.Text()),
        sa.PrimaryKeyConstraint("update_id", "key", name="pk_heard"),
    )
    op.create_index("ix_heard_key", "heard", ["key"])


def _work() -> None:
    op.create_table(
        "work",
        _column("key", sa.Text()),
        _column("ver", sa.Integer()),
        _column("seq", sa.Integer()),
        _column("done_seq", sa.Integer()),
        _column("tries", sa.Integer()),
        _column("due_at", _TIME, null=True),
        _column("touched_at", _TIME),
        _column("said", sa.Text()),
        _column("said_ver", sa.Integer()),
        sa.PrimaryKeyConstraint("key", name="pk_work"),
    )
    _partial("ix_work_due", "work", "due_at", "due_at IS NOT NULL")
    _partial("ix_work_behind", "work", "touched_at", "seq > done_seq")
    _partial("ix_work_unsaid", "work", "key", "said_ver < ver")


def _rows() -> None:
    op.create_table(
        "repos",
        _column("key", sa.Text()),
        _column("name", sa.Text()),
        _column("installation", sa.BigInteger()),
        _column("active", sa.Boolean()),
        _column("default_branch", sa.Text(), null=True),
        _column("notes", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_repos"),
    )
    op.create_index("ix_repos_installation", "repos", ["installation"])
    op.create_table(
        "updates",
        _column("id", sa.Text()),
        _column("repo_key", sa.Text()),
        _column("ecosystem", sa.Text()),
        _column("component", sa.Text()),
        _column("target", sa.Text()),
        _column("state", sa.Text()),
        _column("ended", sa.Boolean()),
        _column("pull", sa.Integer(), null=True),
        _column("branch", sa.Text(), null=True),
        _column("head_sha", sa.Text(), null=True),
        _column("merge_sha", sa.Text(), null=True),
        _column("changed_at", _TIME),
        _column("document", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_updates"),
    )
    op.create_index("ix_updates_changed", "updates", ["changed_at", "id"])
    op.create_index("ix_updates_component", "updates", ["repo_key", "ecosystem", "component"])
    op.create_index("ix_updates_pull", "updates", ["repo_key", "pull"])
    op.create_index("ix_updates_head", "updates", ["repo_key", "head_sha"])
    op.create_index("ix_updates_merge", "updates", ["repo_key", "merge_sha"])
    op.create_index("ix_updates_open", "updates", ["repo_key", "ended"])


def _hangers() -> None:
    op.create_table(
        "audit",
        _column("id", _COUNTER),
        _column("update_id", sa.Text()),
        _column("at", _TIME),
        _column("document", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_update_id", "audit", ["update_id"])
    op.create_table(
        "leases",
        _column("name", sa.Text()),
        _column("holder", sa.Text()),
        _column("since", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "kv",
        _column("key", sa.Text()),
        _column("value", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_kv"),
    )

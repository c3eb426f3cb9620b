"""The tables as both databases have them. What changes here changes in a new migration too; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment with its zone. SQLite keeps no zone, so there it is written in UTC and read back as UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """ValueError for a moment without a zone: nobody could say later what it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; the store keeps UTC only")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives an INTEGER primary key a counter of its own, a BIGINT one not.
_Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, kind: Any, *, null: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, **more)


deliveries = sa.Table(
    "deliveries",
    metadata,
    _column("id", _Counter, primary_key=True, autoincrement=True),
    _column("guid", sa.Text(), unique=True),
    _column("event", sa.Text()),
    _column("received_at", UtcTime()),
    _column("installation", sa.BigInteger(), null=True),
    _column("body", sa.LargeBinary()),
    _column("drained_at", UtcTime(), null=True),
    _column("note", sa.Text()),
)
sa.Index("ix_deliveries_undrained", deliveries.c.id, postgresql_where=deliveries.c.drained_at.is_(None),
         sqlite_where=deliveries.c.drained_at.is_(None))  # fmt: skip

# What is to be done, narrow, so that an event does not rewrite a document: one row per repository and per update.
# key: "r:<owner/name in lower case>" or "u:<update id>". ver guards the document; seq counts the news that came,
# done_seq the news that were looked at; said_ver is the version that has been told to people in full.
work = sa.Table(
    "work",
    metadata,
    _column("key", sa.Text(), primary_key=True),
    _column("ver", sa.Integer()),
    _column("seq", sa.Integer()),
    _column("done_seq", sa.Integer()),
    _column("tries", sa.Integer()),
    _column("due_at", UtcTime(), null=True),
    _column("touched_at", UtcTime()),
    _column("said", sa.Text()),
    _column("said_ver", sa.Integer()),
)
_due, _behind, _unsaid = work.c.due_at.is_not(None), work.c.seq > work.c.done_seq, work.c.said_ver < work.c.ver
sa.Index("ix_work_due", work.c.due_at, postgresql_where=_due, sqlite_where=_due)
sa.Index("ix_work_behind", work.c.touched_at, postgresql_where=_behind, sqlite_where=_behind)
sa.Index("ix_work_unsaid", work.c.key, postgresql_where=_unsaid, sqlite_where=_unsaid)

repos = sa.Table(
    "repos",
    metadata,
    _column("key", sa.Text(), primary_key=True),
    _column("name", sa.Text()),
    _column("installation", sa.BigInteger(), index=True),
    _column("active", sa.Boolean()),
    _column("default_branch", sa.Text(), null=True),
    _column("notes", sa.Text()),
    _column("number", sa.BigInteger(), null=True, index=True),
    _column("archived", sa.Boolean(), server_default=sa.false()),
)

# document is the update itself as JSON; the other columns are there to find it by.
updates = sa.Table(
    "updates",
    metadata,
    _column("id", sa.Text(), primary_key=True),
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
    _column("changed_at", UtcTime()),
    _column("document", sa.Text()),
    # Not partial: SQLAlchemy spells "not ended" as "ended = 0" for SQLite, which would not match such an index.
    sa.Index("ix_updates_open", "repo_key", "ended"),
    sa.Index("ix_updates_changed", "changed_at", "id"),
    sa.Index("ix_updates_component", "repo_key", "ecosystem", "component"),
    sa.Index("ix_updates_pull", "repo_key", "pull"),
    sa.Index("ix_updates_head", "repo_key", "head_sha"),
    sa.Index("ix_updates_merge", "repo_key", "merge_sha"),
)

audit = sa.Table(
    "audit",
    metadata,
    _column("id", _Counter, primary_key=True, autoincrement=True),
    _column("update_id", sa.Text(), index=True),
    _column("at", UtcTime()),
    _column("document", sa.Text()),
)

# Mail belongs to a pull request or a commit, not to an update: it may come before the row that it is for knows its
# number. heard says which update has read which.
mail = sa.Table(
    "mail",
    metadata,
    _column("id", _Counter, primary_key=True, autoincrement=True),
    _column("key", sa.Text(), unique=True),
    _column("repo_key", sa.Text()),
    _column("pull", sa.Integer(), null=True),
    _column("sha", sa.Text(), null=True),
    _column("at", UtcTime(), index=True),
    _column("document", sa.Text()),
    sa.Index("ix_mail_pull", "repo_key", "pull"),
    sa.Index("ix_mail_sha", "repo_key", "sha"),
)
heard = sa.Table(
    "heard",
    metadata,
    _column("update_id", sa.Text(), primary_key=True),
    _column("key", sa.Text(), primary_key=True, index=True),
)

leases = sa.Table(
    "leases",
    metadata,
    _column("name", sa.Text(), primary_key=True),
    _column("holder", sa.Text()),
    _column("since", UtcTime()),
)

# When a release was first seen, for registries that name no time. key: see `tools.sightings`.
sightings = sa.Table("sightings", metadata, _column("key", sa.Text(), primary_key=True), _column("at", UtcTime()))

# What GitHub said of a package that somebody uses, one row for each advisory. package: "<ecosystem>:<name>".
words = sa.Table(
    "words",
    metadata,
    _column("package", sa.Text(), primary_key=True),
    _column("advisory", sa.Text(), primary_key=True),
    _column("at", UtcTime(), index=True),
    _column("document", sa.Text()),
)

# Advisories that somebody set aside in a repository; number: GitHub's own of it, which outlives its names.
asides = sa.Table(
    "asides",
    metadata,
    _column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
    _column("advisory", sa.Text(), primary_key=True),
    _column("at", UtcTime()),
)

# The files of releases as they were first listed. key: see `tools.sightings`; at: when they were last asked for.
listings = sa.Table(
    "listings",
    metadata,
    _column("key", sa.Text(), primary_key=True),
    _column("at", UtcTime(), index=True),
    _column("document", sa.Text()),
)

kv = sa.Table("kv", metadata, _column("key", sa.Text(), primary_key=True), _column("value", sa.Text()))


def insert_new(conn: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that leaves a row alone when its key is taken; both databases spell it alike, in two dialects."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()

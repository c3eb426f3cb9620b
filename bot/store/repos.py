"""The repositories that the App was installed on; found whatever the case of their name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from bot.core.errors import Stale
from bot.core.model import InstallationId, RepoName
from bot.store import renames, work
from bot.store.rows import Enqueue, RepoRow, key_of, repo_key, repo_work
from bot.store.tables import repos, updates
from bot.store.tables import work as work_table

_JOINED = sa.select(repos, work_table).join(work_table, work_table.c.key == "r:" + repos.c.key)


def _row(row: Row[Any]) -> RepoRow:
    return RepoRow(
        name=RepoName(row.name),
        installation=InstallationId(row.installation),
        active=row.active,
        default_branch=row.default_branch,
        notes=json.loads(row.notes),
        due=row.due_at,
        ver=row.ver,
        seq=row.seq,
        done_seq=row.done_seq,
        tries=row.tries,
        number=row.number,
        archived=row.archived,
    )


def one(conn: Connection, name: str) -> RepoRow | None:
    """The repository of this name, active or not; None when the App was never there."""
    row = conn.execute(_JOINED.where(repos.c.key == repo_key(name))).one_or_none()
    return None if row is None else _row(row)


def every(conn: Connection) -> tuple[RepoRow, ...]:
    """All, also those that the App has left, by name."""
    return tuple(_row(row) for row in conn.execute(_JOINED.order_by(repos.c.key)))


def save(conn: Connection, row: RepoRow, *, due: datetime | None, tries: int) -> RepoRow:
    """Write the notes and the default branch; whether it is active is not the writer's to say.

    Stale when another hand was faster.
    """
    key = repo_key(row.name)
    if not work.settle(conn, repo_work(row.name), ver=row.ver, seq=row.seq, due=due, tries=tries):
        raise Stale(f"{row.name} changed since it was read at version {row.ver}")
    values = {"notes": json.dumps(dict(row.notes), allow_nan=False), "default_branch": row.default_branch}
    conn.execute(sa.update(repos).where(repos.c.key == key).values(values))
    return _row(conn.execute(_JOINED.where(repos.c.key == key)).one())


def install(
    conn: Connection,
    names: Sequence[RepoName],
    installation: InstallationId,
    *,
    numbers: Mapping[RepoName, int] = MappingProxyType({}),
    now: datetime,
    enqueue: Enqueue,
) -> None:
    """The App may act on these from now on: each is looked at, and so is everything in flight there.

    numbers: GitHub's own, where they are told. None is taken for archived: where GitHub refuses every change, it says
    why.
    """
    for name in names:
        renames.follow(conn, name, number=numbers.get(name), was=None, installation=None)
        key = repo_key(name)
        values = {"name": name, "installation": installation, "active": True, "archived": False}
        if conn.execute(sa.update(repos).where(repos.c.key == key).values(values)).rowcount == 0:
            conn.execute(sa.insert(repos).values(key=key, notes="{}", **values))
            work.begin(conn, repo_work(name), due=None, now=now)
        renames.learn(conn, name, numbers.get(name))
    _news(conn, [repo_key(name) for name in names], now=now, enqueue=enqueue)


def uninstall(
    conn: Connection, names: Sequence[RepoName], installation: InstallationId, *, now: datetime, enqueue: Enqueue
) -> None:
    """The App may no longer act on these; none named means on nothing of the installation.

    The rows stay. What is in flight there is told, so that it can come to rest.
    """
    theirs = sa.select(repos.c.key).where(repos.c.installation == installation, repos.c.active)
    if names:
        theirs = theirs.where(repos.c.key.in_([repo_key(name) for name in names]))
    keys = list(conn.scalars(theirs))
    conn.execute(sa.update(repos).where(repos.c.key.in_(keys)).values(active=False))
    _news(conn, keys, now=now, enqueue=enqueue)


def archive(conn: Connection, name: RepoName, archived: bool, *, now: datetime, enqueue: Enqueue) -> None:
    """Nothing can be changed there from now on, or again; what is in flight is told, to come to rest or to go on."""
    key = repo_key(name)
    change = sa.update(repos).where(repos.c.key == key, repos.c.archived != archived).values(archived=archived)
    if conn.execute(change).rowcount:
        _news(conn, [key], now=now, enqueue=enqueue)


def _news(conn: Connection, keys: list[str], *, now: datetime, enqueue: Enqueue) -> None:
    """One more version of each repository, so that who read it before must read again; and news for all in flight."""
    names = [f"r:{key}" for key in keys]
    for part in work.chunks(names):
        conn.execute(sa.update(work_table).where(work_table.c.key.in_(part)).values(ver=work_table.c.ver + 1))
    for part in work.chunks(keys):
        found = sa.select(updates.c.id).where(updates.c.repo_key.in_(part), ~updates.c.ended)
        names += [key_of(uid) for uid in conn.scalars(found)]
    work.bump(conn, names, now=now, enqueue=enqueue)

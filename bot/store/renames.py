"""A repository stays one row under every name that it has had: it is known by GitHub's number, or by its old name."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core.model import RepoName, Update
from bot.store import registered
from bot.store.rows import dump, parse, repo_key, repo_work
from bot.store.tables import leases, mail, repos, updates, work


def follow(
    conn: Connection, name: RepoName, *, number: int | None, was: RepoName | None, installation: int | None
) -> None:
    """The row that is meant has this name from here on. Called with every news of a repository, before it is followed.

    number: GitHub's own. was: what it was called, where GitHub tells of the change itself; then installation is the one
    that it belongs to now. What bore the name before with another number is another repository: it is put aside, for
    nothing that is known of it is true of this one.
    """
    here = _one(conn, repos.c.key == repo_key(name))
    if here is not None and was is None and (number is None or here.number == number):
        return
    if here is not None and number is not None and here.number not in (None, number):
        _put_aside(conn, here)
        here = None
    there = _one(conn, repos.c.number == number) if number is not None else None
    if there is None and was is not None:
        there = _one(conn, repos.c.key == repo_key(was))
    if there is not None and there.number in (None, number) and there.key != repo_key(name):
        # Under its new name it may have been taken for a new one, by whoever heard of that first.
        if here is not None and not _forgotten(conn, here.key):
            return
        _rename(conn, there.key, name)
    if was is not None and installation is not None:
        change = {"installation": installation, "active": True}
        conn.execute(sa.update(repos).where(repos.c.key == repo_key(name)).values(change))


def learn(conn: Connection, name: RepoName, number: int | None) -> None:
    """Remember GitHub's number of it, once."""
    if number is not None:
        nameless = sa.update(repos).where(repos.c.key == repo_key(name), repos.c.number.is_(None))
        conn.execute(nameless.values(number=number))


class _Known(NamedTuple):
    key: str
    name: str
    number: int | None


def _one(conn: Connection, where: sa.ColumnElement[bool]) -> _Known | None:
    found = sa.select(repos.c.key, repos.c.name, repos.c.number).where(where)
    row = conn.execute(found.order_by(repos.c.active.desc(), repos.c.key).limit(1)).one_or_none()
    return None if row is None else _Known(*row)


def _put_aside(conn: Connection, here: _Known) -> None:
    aside = RepoName(f"{here.name}.{here.number}")
    _rename(conn, here.key, aside)
    conn.execute(sa.update(repos).where(repos.c.key == repo_key(aside)).values(active=False))


def _forgotten(conn: Connection, key: str) -> bool:
    """Take away the row of a repository that turned out to be an older one; False where updates stand on it."""
    if conn.scalars(sa.select(updates.c.id).where(updates.c.repo_key == key).limit(1)).one_or_none():
        return False
    conn.execute(sa.delete(repos).where(repos.c.key == key))
    conn.execute(sa.delete(work).where(work.c.key == repo_work(key)))
    return True


def _rename(conn: Connection, old: str, name: RepoName) -> None:
    """All that is found by the name. Updates keep their ids, which stand in branches and comments on GitHub."""
    new = repo_key(name)
    ids = []
    for row in conn.execute(sa.select(updates.c.id, updates.c.document).where(updates.c.repo_key == old)):
        document = dump(replace(parse(row.document, Update), repo=name), Update)
        conn.execute(sa.update(updates).where(updates.c.id == row.id).values(repo_key=new, document=document))
        ids.append(f"u:{row.id}")
    # Whoever read one of them before would write the old name back: they are stale now, and the repository as well.
    stale = sa.or_(work.c.key.in_(ids), work.c.key == repo_work(old))
    conn.execute(sa.update(work).where(stale).values(ver=work.c.ver + 1))
    conn.execute(sa.update(work).where(work.c.key == repo_work(old)).values(key=repo_work(new)))
    conn.execute(sa.update(repos).where(repos.c.key == old).values(key=new, name=name))
    conn.execute(sa.update(mail).where(mail.c.repo_key == old).values(repo_key=new))
    registered.move(conn, old, new)
    held = sa.select(leases.c.name).where(leases.c.name.startswith(f"{old}:", autoescape=True))
    for lease in list(conn.scalars(held)):
        renamed = sa.update(leases).where(leases.c.name == lease)
        conn.execute(renamed.values(name=f"{new}:{lease.removeprefix(f'{old}:')}"))

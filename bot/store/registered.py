"""Components that somebody registered by the API: what no file of their repository pins, one document each."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core.model import Component, RepoName
from bot.store.rows import repo_key
from bot.store.shelf import put
from bot.store.tables import kv

MOST = 100  # of one repository


class TooMany(Exception):
    """The repository has as many as it may."""


def _prefix(repo: RepoName) -> str:
    return _below(repo_key(repo))


def _below(key: str) -> str:
    return f"component:{key}\n"


def _key(repo: RepoName, component: Component) -> str:
    return f"{_prefix(repo)}{component.ecosystem}\n{component.name}\n{component.registry}"


def every(conn: Connection, repo: RepoName) -> tuple[str, ...]:
    """The documents, as they were given, in a steady order."""
    mine = kv.c.key.startswith(_prefix(repo), autoescape=True)
    return tuple(conn.scalars(sa.select(kv.c.value).where(mine).order_by(kv.c.key)))


def keep(conn: Connection, repo: RepoName, component: Component, document: str) -> None:
    """In the place of what was said of it before. TooMany."""
    key = _key(repo, component)
    mine = kv.c.key.startswith(_prefix(repo), autoescape=True)
    others = conn.scalar(sa.select(sa.func.count()).select_from(kv).where(mine, kv.c.key != key)) or 0
    if others >= MOST:
        raise TooMany
    put(conn, key, document)


def forget(conn: Connection, repo: RepoName, component: Component) -> bool:
    """Whether it was there."""
    return conn.execute(sa.delete(kv).where(kv.c.key == _key(repo, component))).rowcount > 0


def move(conn: Connection, old: str, new: str) -> None:
    """They stay with their repository when its key becomes another: whoever has the old name next gets none of them."""
    for key in list(conn.scalars(sa.select(kv.c.key).where(kv.c.key.startswith(_below(old), autoescape=True)))):
        there = _below(new) + key.removeprefix(_below(old))
        conn.execute(sa.delete(kv).where(kv.c.key == there))
        conn.execute(sa.update(kv).where(kv.c.key == key).values(key=there))

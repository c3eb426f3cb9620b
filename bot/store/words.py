"""What GitHub said of packages that are in use here, and what was set aside of it in which repository.

A word about a package that nobody uses is not kept: whoever begins to use it asks the databases anyway. So there are no
more rows than advisories about what is in use; the oldest go, for by then every database knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core.alerts import Aside, Heard, Word
from bot.store.rows import dump, parse, repo_key
from bot.store.tables import asides, insert_new, repos, words

KEPT = timedelta(days=365)
MOST = 5_000  # that are told at once, the latest


def keep(conn: Connection, said: Sequence[Word], *, now: datetime) -> None:
    """Each in place of what was said of the same package in the same advisory before."""
    for word in said:
        package = f"{word.ecosystem}:{word.name}"
        same = sa.and_(words.c.package == package, words.c.advisory == word.id)
        values = {"at": now, "document": dump(word, Word)}
        if conn.execute(sa.update(words).where(same).values(values)).rowcount == 0:
            conn.execute(insert_new(conn, words).values(package=package, advisory=word.id, **values))


def every(conn: Connection) -> tuple[Heard, ...]:
    """All that is kept, the latest first."""
    rows = conn.execute(sa.select(words.c.document, words.c.at).order_by(words.c.at.desc()).limit(MOST))
    return tuple(Heard(word=parse(row.document, Word), at=row.at) for row in rows)


def set_aside(conn: Connection, number: int, aside: Aside, *, now: datetime) -> None:
    """In the repository of this number, from now on or no longer. Setting the same aside twice is once."""
    if aside.aside:
        conn.execute(insert_new(conn, asides).values(number=number, advisory=aside.id, at=now))
    else:
        conn.execute(sa.delete(asides).where(asides.c.number == number, asides.c.advisory == aside.id))


def asides_of(conn: Connection, repo: str) -> frozenset[str]:
    """The advisories that are set aside in a repository."""
    mine = sa.select(asides.c.advisory).join(repos, repos.c.number == asides.c.number)
    return frozenset(conn.scalars(mine.where(repos.c.key == repo_key(repo))))


def prune(conn: Connection, before: datetime) -> None:
    """Forget the words of a year before then."""
    conn.execute(sa.delete(words).where(words.c.at < before - KEPT))

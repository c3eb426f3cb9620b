"""Who has news and who is due: the narrow table that both repositories and updates are worked by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.store.rows import Enqueue
from bot.store.tables import work

# Far below what either database takes in one statement, large enough that the count of statements does not matter.
_CHUNK = 500


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """In order, each key once, a few hundred at a time."""
    rest = iter(sorted(set(keys)))
    while part := list(islice(rest, _CHUNK)):
        yield part


def begin(conn: Connection, key: str, *, due: datetime | None, now: datetime) -> None:
    """A new row of work without news; the caller has made sure that there is none yet."""
    values = {"ver": 1, "seq": 0, "done_seq": 0, "tries": 0, "said": "{}", "said_ver": 0}
    conn.execute(sa.insert(work).values(key=key, due_at=due, touched_at=now, **values))


def bump(conn: Connection, keys: Collection[str], *, now: datetime, enqueue: Enqueue) -> list[str]:
    """News for these: one more to look at, each enqueued. Returns the keys that exist, in order.

    A due time stays: the run that follows sets it anew.
    """
    there: list[str] = []
    for part in chunks(keys):
        change = sa.update(work).where(work.c.key.in_(part)).values(seq=work.c.seq + 1, touched_at=now)
        if conn.dialect.name == "postgresql":
            # Locked in the order of their keys first, so that two transactions do not wait for each other.
            conn.execute(sa.select(work.c.key).where(work.c.key.in_(part)).order_by(work.c.key).with_for_update())
        moved = conn.execute(change.returning(work.c.key, work.c.seq))
        for key, seq in sorted((key, seq) for key, seq in moved):
            enqueue(conn, key, seq)
            there.append(key)
    return there


def due(conn: Connection, now: datetime, limit: int) -> list[str]:
    """The keys whose time has come, the longest waiting first."""
    chosen = sa.select(work.c.key).where(work.c.due_at <= now).order_by(work.c.due_at, work.c.key).limit(limit)
    return list(conn.scalars(chosen))


def wake(conn: Connection, keys: Collection[str], *, now: datetime, enqueue: Enqueue) -> list[str]:
    """Due or healed: the time is cleared, and the row is enqueued as if there were news."""
    for part in chunks(keys):
        conn.execute(sa.update(work).where(work.c.key.in_(part), work.c.due_at <= now).values(due_at=None))
    return bump(conn, keys, now=now, enqueue=enqueue)


def wake_due(conn: Connection, *, now: datetime, limit: int, enqueue: Enqueue) -> list[str]:
    """What is due, woken in the same transaction; two replicas that tick at once wake different rows."""
    chosen = sa.select(work.c.key).where(work.c.due_at <= now).order_by(work.c.due_at, work.c.key).limit(limit)
    return wake(conn, list(conn.scalars(chosen.with_for_update(skip_locked=True))), now=now, enqueue=enqueue)


def behind(conn: Connection, older_than: datetime, limit: int) -> list[str]:
    """Rows with news that nobody looked at since before `older_than`: their run was lost on the way."""
    waiting = sa.select(work.c.key).where(work.c.seq > work.c.done_seq, work.c.touched_at < older_than)
    return list(conn.scalars(waiting.order_by(work.c.touched_at).limit(limit)))


def make_due(conn: Connection, keys: sa.Select[tuple[str]], *, now: datetime) -> None:
    """For news that concern a great many: counted at once and due at once; the clock then wakes them in portions."""
    values = {"due_at": now, "seq": work.c.seq + 1, "touched_at": now}
    conn.execute(sa.update(work).where(work.c.key.in_(keys)).values(values))


def make_due_by(conn: Connection, keys: Collection[str], *, at: datetime, now: datetime) -> None:
    """News for these that can be learnt from `at` on: what was due before stays so, what would be later comes then."""
    due = sa.case((work.c.due_at < at, work.c.due_at), else_=sa.literal(at, work.c.due_at.type))
    for part in chunks(keys):
        change = sa.update(work).where(work.c.key.in_(part))
        conn.execute(change.values(due_at=due, seq=work.c.seq + 1, touched_at=now))


def settle(conn: Connection, key: str, *, ver: int, seq: int, due: datetime | None, tries: int) -> bool:
    """What was seen up to `seq` is done. False when another hand was faster and the row is no longer at `ver`.

    News that came meanwhile have a run of their own on its way, which sets the due time; ours must not undo
    theirs.
    """
    change = (
        sa.update(work)
        .where(work.c.key == key, work.c.ver == ver)
        .values(
            ver=work.c.ver + 1,
            done_seq=seq,
            tries=tries,
            due_at=sa.case((work.c.seq == seq, sa.literal(due, work.c.due_at.type)), else_=work.c.due_at),
        )
    )
    return conn.execute(change).rowcount == 1

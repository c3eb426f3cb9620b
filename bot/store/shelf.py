"""Small things that must outlive a process: leases, a few named values, and the broom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core import files
from bot.core.files import Listed
from bot.core.model import Release
from bot.store import words
from bot.store.rows import Lease
from bot.store.tables import deliveries, heard, insert_new, kv, leases, listings, mail, sightings
from bot.tools.sightings import pack, unpack

ASKED = timedelta(days=1)  # how exactly it is known when the files of a version were last asked for


def lease(conn: Connection, name: str, holder: str, *, now: datetime) -> str:
    """Take it if it is free. Returns who holds it now; only when that is `holder` may the holder go on."""
    conn.execute(insert_new(conn, leases).values(name=name, holder=holder, since=now))
    return str(conn.scalars(sa.select(leases.c.holder).where(leases.c.name == name)).one())


def release(conn: Connection, name: str, holder: str) -> None:
    """Give it back; what another holds is left alone."""
    conn.execute(sa.delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def held(conn: Connection) -> tuple[Lease, ...]:
    """All leases that are held, by name."""
    rows = conn.execute(sa.select(leases).order_by(leases.c.name))
    return tuple(Lease(name=row.name, holder=row.holder, since=row.since) for row in rows)


def get(conn: Connection, key: str) -> str | None:
    """What was put there last; None when nothing was."""
    return conn.scalars(sa.select(kv.c.value).where(kv.c.key == key)).one_or_none()


def put(conn: Connection, key: str, value: str) -> None:
    """In place of what was there."""
    new = insert_new(conn, kv).values(key=key, value=value).returning(kv.c.key)
    if conn.execute(new).one_or_none() is None:
        conn.execute(sa.update(kv).where(kv.c.key == key).values(value=value))


def first_seen(conn: Connection, key: str, *, now: datetime) -> datetime:
    """When this key was asked for first: now, where it never was. Kept for good."""
    conn.execute(insert_new(conn, sightings).values(key=key, at=now))
    at: datetime = conn.scalars(sa.select(sightings.c.at).where(sightings.c.key == key)).one()
    return at


Kept: TypeAlias = tuple[str, datetime]  # the files of a version as they are kept, and when they were last asked for


def listings_of(conn: Connection, keys: Collection[str]) -> dict[str, Kept]:
    """The files of these versions, as far as they are kept."""
    rows = conn.execute(sa.select(listings).where(listings.c.key.in_(keys)))
    return {row.key: (row.document, row.at) for row in rows}


def is_kept(kept: Kept | None, release: Release, now: datetime) -> bool:
    """Whether there is nothing to be written of it now."""
    if kept is None or now - kept[1] >= ASKED:
        return False
    known = unpack(kept[0])
    return files.compared(known, release, now) == known


def keep_listings(conn: Connection, releases: Mapping[str, Release], *, now: datetime) -> dict[str, Kept]:
    """The files of these versions with what is listed of them now, by key."""
    before = listings_of(conn, releases)
    made: dict[str, Kept] = {}
    for key, release in sorted(releases.items()):
        known = unpack(before[key][0]) if key in before else Listed()
        made[key] = (pack(files.compared(known, release, now)), now)
        values = {"at": now, "document": made[key][0]}
        if conn.execute(sa.update(listings).where(listings.c.key == key).values(values)).rowcount == 0:
            conn.execute(insert_new(conn, listings).values(key=key, **values))
    return made


def prune(conn: Connection, before: datetime) -> int:
    """Sweep out deliveries drained and mail written before then; what waits stays. Returns how many rows went.

    Mail that nobody read goes too: it was written on pull requests that are not ours. A delivery that GitHub
    repeats after this is new again, which does no harm: events are hints.
    """
    words.prune(conn, before)
    # Whoever may still go to a version asks for its files once a day; what was swapped is not forgotten.
    sound = listings.c.document.like('%"altered":""%')
    conn.execute(sa.delete(listings).where(listings.c.at < before, sound))
    old = sa.select(mail.c.key).where(mail.c.at < before)
    conn.execute(sa.delete(heard).where(heard.c.key.in_(old)))
    gone = conn.execute(sa.delete(mail).where(mail.c.at < before)).rowcount
    return gone + conn.execute(sa.delete(deliveries).where(deliveries.c.drained_at < before)).rowcount

"""A store with a queue beside it in the same database, so that a test sees what was enqueued and what was not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from bot.core.events import Concern
from bot.core.model import InstallationId
from bot.store.database import dialect_url
from bot.store.rows import Delivery
from bot.store.store import Store
from tests.builders import INSTALLATION, NOW, REPO

_META = sa.MetaData()
_QUEUE = sa.Table(
    "test_queue", _META, sa.Column("key", sa.Text, primary_key=True), sa.Column("seq", sa.Integer, primary_key=True)
)


def enqueue(conn: sa.Connection, key: str, seq: int) -> None:
    """As the engine does it: in the caller's transaction."""
    conn.execute(sa.insert(_QUEUE).values(key=key, seq=seq))


def a_delivery(guid: str = "guid-1", **overrides: object) -> Delivery:
    """A ping, unless said otherwise."""
    values: dict[str, object] = {"event": "ping", "received": NOW, "body": b"{}", "installation": INSTALLATION}
    return Delivery(guid=guid, **(values | overrides))  # type: ignore[arg-type]  # any field


@dataclass
class World:
    """One database and what stands in it."""

    url: str
    store: Store
    engine: sa.Engine
    _guids: int = field(default=0)

    def queued(self) -> list[tuple[str, int]]:
        """Everything that was ever enqueued, by key and number."""
        with self.engine.connect() as conn:
            return [(row.key, row.seq) for row in conn.execute(sa.select(_QUEUE).order_by(*_QUEUE.c))]

    def woken(self) -> set[str]:
        """The keys that were ever enqueued."""
        return {key for key, _ in self.queued()}

    def forget(self) -> None:
        """Empty the queue, so that what follows stands alone."""
        with self.engine.begin() as conn:
            conn.execute(sa.delete(_QUEUE))

    async def hear(self, concern: Concern, *, installation: int = INSTALLATION) -> None:
        """A delivery comes in and is drained."""
        self._guids += 1
        guid = f"heard-{self._guids}"
        await self.store.keep(a_delivery(guid, installation=InstallationId(installation)))
        assert await self.store.drain(guid, concern, now=NOW)


@asynccontextmanager
async def a_world(url: str) -> AsyncIterator[World]:
    """Migrated, with acme/shop installed and an empty queue."""
    engine = sa.create_engine(dialect_url(url))
    _META.create_all(engine)
    store = Store(url, enqueue=enqueue)
    try:
        await store.migrate()
        world = World(url, store, engine)
        await store.install([REPO], INSTALLATION, now=NOW)
        world.forget()
        yield world
    finally:
        store.close()
        engine.dispose()

"""The store's contract and the engine's promises on a real PostgreSQL, and what several processes on one do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

pytest.register_assert_rewrite("tests.store.contract", "tests.store.engines")

from bot.engine import Engine
from bot.store.database import dialect_url
from tests.store import postgres
from tests.store.contract import *  # noqa: F403 (the tests themselves)
from tests.store.engines import *  # noqa: F403 (the tests themselves)
from tests.store.engines import Engines, kill
from tests.store.world import World, a_world


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgres.server() as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def database(server: str) -> Iterator[str]:
    with postgres.a_database(server) as url:
        yield url


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with a_world(database) as one:
        yield one


@pytest.fixture
def engines(database: str, tmp_path: Path) -> Engines:
    return Engines(database, tmp_path)


async def test_a_living_process_takes_over_from_a_dead_one(engines: Engines) -> None:
    """With two on one database, what one had in hand when it was killed is worked by the other, which just goes on."""
    dying = engines.storm(10, seconds=600)
    await engines.until("worked", 10)
    async with engines.engine():
        kill(dying)
        async with asyncio.timeout(60):
            while set(engines.worked) != set(engines.lines("kept")):  # noqa: ASYNC110 (the other is another process)
                await asyncio.sleep(0.05)
    assert len(engines.worked) == 10


async def test_what_a_living_process_has_in_hand_is_left_to_it(engines: Engines) -> None:
    """A newcomer, and its look at who lives, take nothing away from one that works."""
    living = engines.storm(5, seconds=6)
    await engines.until("worked", 5)
    async with engines.engine() as engine:
        assert await engine.idle(60)
        kill(living)
    assert engines.worked == []
    assert sorted(engines.lines("ended")) == sorted(engines.lines("kept"))


async def test_a_process_that_the_server_dropped_leaves(engines: Engines) -> None:
    """Without its lock it looks dead to the others; it must end before two hands work on one key."""
    lost = asyncio.Event()
    engine = Engine(engines.url, data_dir=engines.folder, work=engines.note, lost=lost.set)
    await engine.start()
    database = sa.create_engine(dialect_url(engines.url))
    with database.begin() as conn:
        seats = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 24231"
        assert list(conn.scalars(sa.text(seats))) == [True]
    database.dispose()
    await asyncio.wait_for(lost.wait(), 30)
    await engine.stop()

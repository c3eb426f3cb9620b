"""What an engine promises on either database: tests that take an `engines` fixture, and a world to run them in."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.engine import Engine
from bot.store.database import dialect_url
from bot.store.store import Store
from tests.builders import an_entry, an_update

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Engines:
    """A database and a folder in which engines come and go."""

    url: str
    folder: Path
    worked: list[str] = field(default_factory=list)

    async def note(self, key: str) -> None:
        """The usual work: remember that it was done."""
        self.worked.append(key)

    @asynccontextmanager
    async def engine(
        self, work: Callable[[str], Awaitable[None]] | None = None, *, grace: float = 0.0, workers: int = 32
    ) -> AsyncIterator[Engine]:
        """One that runs, and stops in the end."""
        engine = Engine(self.url, data_dir=self.folder, work=work or self.note, workers=workers)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop(grace=grace)

    def ask(self, engine: Engine, *keys: str, seq: int = 1) -> None:
        """Enqueue these in one transaction."""
        database = sa.create_engine(dialect_url(self.url))
        with database.begin() as conn:
            for key in keys:
                engine.enqueue(conn, key, seq)
        database.dispose()

    def storm(self, count: int, seconds: float) -> subprocess.Popen[bytes]:
        """A process that adds `count` updates and works each for so many seconds."""
        script = [sys.executable, "-m", "tests.store.storm", self.url, str(self.folder), str(count), str(seconds)]
        return subprocess.Popen(script, cwd=ROOT, start_new_session=True)

    def lines(self, name: str) -> list[str]:
        """What the storm noted there."""
        path = self.folder / name
        return path.read_text().split() if path.exists() else []

    async def until(self, name: str, count: int) -> None:
        """Wait for so many lines of the storm's notes."""
        async with asyncio.timeout(60):
            while len(self.lines(name)) < count:  # noqa: ASYNC110 (another process writes)
                await asyncio.sleep(0.01)


def kill(process: subprocess.Popen[bytes]) -> None:
    """As a power cut would do it."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 (whatever it may be)
            await asyncio.sleep(0.02)


async def test_what_is_enqueued_is_worked(engines: Engines) -> None:
    """Every key of a committed transaction gets its run."""
    async with engines.engine() as engine:
        engines.ask(engine, "u:1", "u:2", "r:acme/shop")
        assert await engine.idle(20)
    assert sorted(engines.worked) == ["r:acme/shop", "u:1", "u:2"]


async def test_what_is_rolled_back_is_not_worked(engines: Engines) -> None:
    """Work belongs to the transaction that asked for it."""
    async with engines.engine() as engine:
        database = sa.create_engine(dialect_url(engines.url))
        with database.connect() as conn:
            engine.enqueue(conn, "u:lost", 1)
            conn.rollback()
        database.dispose()
        engines.ask(engine, "u:kept")
        assert await engine.idle(20)
    assert engines.worked == ["u:kept"]


async def test_the_same_key_and_number_is_one_run(engines: Engines) -> None:
    """Enqueueing twice is harmless, before and after the run; another number is another run."""
    async with engines.engine() as engine:
        engines.ask(engine, "u:1", "u:1")
        assert await engine.idle(20)
        engines.ask(engine, "u:1")
        assert await engine.idle(20)
        assert engines.worked == ["u:1"]
        engines.ask(engine, "u:1", seq=2)
        assert await engine.idle(20)
    assert engines.worked == ["u:1", "u:1"]


async def test_one_key_is_worked_by_one_hand_while_others_go_on(engines: Engines) -> None:
    """Two runs of one key never overlap; a slow key does not hold up another."""
    inside: list[str] = []
    most: dict[str, int] = {}
    other_done = asyncio.Event()

    async def work(key: str) -> None:
        inside.append(key)
        most[key] = max(most.get(key, 0), inside.count(key))
        if key == "u:slow":
            await other_done.wait()
            await asyncio.sleep(0.5)  # longer than the queue takes to look again
        else:
            other_done.set()
        inside.remove(key)
        engines.worked.append(key)

    async with engines.engine(work) as engine:
        engines.ask(engine, "u:slow", seq=1)
        engines.ask(engine, "u:slow", seq=2)
        engines.ask(engine, "u:quick")
        assert await engine.idle(30)
    assert engines.worked == ["u:quick", "u:slow", "u:slow"]
    assert most == {"u:slow": 1, "u:quick": 1}


async def test_work_that_breaks_strands_nothing(engines: Engines, caplog: pytest.LogCaptureFixture) -> None:
    """An error is logged with its key, and both the next run of that key and other keys go on."""

    async def work(key: str) -> None:
        engines.worked.append(key)
        if engines.worked == ["u:bad"]:
            raise ZeroDivisionError("a defect")

    async with engines.engine(work) as engine:
        engines.ask(engine, "u:bad")
        assert await engine.idle(20)
        engines.ask(engine, "u:bad", seq=2)
        engines.ask(engine, "u:good")
        assert await engine.idle(20)
    assert sorted(engines.worked) == ["u:bad", "u:bad", "u:good"]
    assert "u:bad" in caplog.text and "ZeroDivisionError" in caplog.text


async def test_a_run_that_is_cut_short_by_a_stop_runs_again(engines: Engines) -> None:
    """Stopping waits no longer than it is given; what did not end is there for the next start, and so is the rest."""
    begun = asyncio.Event()

    async def never(key: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with engines.engine(never, workers=1) as engine:
        engines.ask(engine, "u:1")
        engines.ask(engine, "u:2")
        await asyncio.wait_for(begun.wait(), 20)
    async with engines.engine() as engine:
        await asyncio.sleep(0)
        await _until(lambda: sorted(set(engines.worked)) == ["u:1", "u:2"])
        assert await engine.idle(20)


async def test_a_stop_lets_short_work_end(engines: Engines) -> None:
    """Within its grace a stop waits for what runs, and it is not run again."""
    begun = asyncio.Event()

    async def short(key: str) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        engines.worked.append(key)

    async with engines.engine(short, grace=20) as engine:
        engines.ask(engine, "u:1")
        await asyncio.wait_for(begun.wait(), 20)
    async with engines.engine() as engine:
        engines.ask(engine, "u:2")
        assert await engine.idle(20)
    assert engines.worked == ["u:1", "u:2"]


async def test_what_comes_during_a_stop_waits_for_the_next_start(engines: Engines) -> None:
    """A process that is about to end begins nothing new, and what it took from the queue by then is not lost."""
    begun, free = asyncio.Event(), asyncio.Event()

    async def held(key: str) -> None:
        engines.worked.append(key)
        begun.set()
        await free.wait()

    engine = Engine(engines.url, data_dir=engines.folder, work=held)
    await engine.start()
    engines.ask(engine, "u:1")
    await asyncio.wait_for(begun.wait(), 20)
    stopping = asyncio.create_task(engine.stop(grace=30))
    await asyncio.sleep(0)
    engines.ask(engine, "u:2")
    await _until(lambda: not is_enqueued(engines, "u:2"))
    free.set()
    await stopping
    assert engines.worked == ["u:1"]
    async with engines.engine() as again:
        await _until(lambda: "u:2" in engines.worked)
        assert await again.idle(20)
    assert engines.worked == ["u:1", "u:2"]


def is_enqueued(engines: Engines, key: str) -> bool:
    """Whether it still waits for a hand, by the engine's own table."""
    schema = "" if engines.url.startswith("sqlite") else "dbos."
    database = sa.create_engine(dialect_url(engines.url))
    question = f"SELECT count(*) FROM {schema}workflow_status WHERE status = 'ENQUEUED' AND queue_partition_key = :key"
    with database.connect() as conn:
        count = conn.execute(sa.text(question), {"key": key}).scalar_one()
    database.dispose()
    return bool(count)


async def test_idle_says_when_it_is_not(engines: Engines) -> None:
    """Waiting for a run that does not end gives up and says so."""
    free = asyncio.Event()

    async def work(key: str) -> None:
        await free.wait()

    async with engines.engine(work) as engine:
        engines.ask(engine, "u:1")
        assert not await engine.idle(0.1)
        free.set()
        assert await engine.idle(20)


async def test_runs_that_ended_are_forgotten_in_time(engines: Engines) -> None:
    """The engine's own memory does not grow for ever; what waits is kept."""
    free = asyncio.Event()

    async def work(key: str) -> None:
        if key == "u:waits":
            await free.wait()

    async with engines.engine(work) as engine:
        engines.ask(engine, "u:1", "u:2")
        assert await engine.idle(20)
        engines.ask(engine, "u:waits")
        assert await engine.prune(datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await engine.prune(datetime.now(UTC) + timedelta(hours=1)) == 2
        free.set()
        assert await engine.idle(20)


async def test_the_loop_can_use_threads_after_a_stop(engines: Engines) -> None:
    """Stopping the engine leaves the event loop in working order."""
    async with engines.engine() as engine:
        assert await engine.idle(20)
    assert await asyncio.to_thread(lambda: 1) == 1


async def test_the_engine_is_quiet(engines: Engines, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged by a start, a run and a stop that go well."""
    async with engines.engine() as engine:
        engines.ask(engine, "u:1")
        assert await engine.idle(20)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_kill_in_a_storm_loses_nothing(engines: Engines) -> None:
    """Whatever was committed before the process was killed is worked by the next, what was in hand included."""
    storm = engines.storm(60, seconds=600)
    await engines.until("kept", 40)
    await engines.until("worked", 1)
    kill(storm)
    kept, in_hand = set(engines.lines("kept")), set(engines.lines("worked"))
    store = Store(engines.url, enqueue=lambda conn, key, seq: None)
    rows = {f"u:{update.id}" for update in await store.of_repo(an_update().repo)}
    store.close()
    assert kept | in_hand <= rows
    async with engines.engine() as engine:
        await _until(lambda: rows <= set(engines.worked))
        assert await engine.idle(30)


async def test_store_and_engine_walk_together(engines: Engines) -> None:
    """A row that is added is worked, saved, due, woken and worked again, all in one database."""

    async def work(key: str) -> None:
        update = an_update()
        row = await store.load(update.id)
        assert row is not None
        await store.save(row, row.update, due=datetime.now(UTC) if row.ver == 1 else None)
        engines.worked.append(key)

    async with engines.engine(work) as engine:
        store = Store(engines.url, enqueue=engine.enqueue)
        await store.migrate()
        await store.add(an_update(), an_entry())
        assert await engine.idle(20)
        (woken,) = await store.wake_due(datetime.now(UTC))
        assert await engine.idle(20)
        row = await store.load(an_update().id)
        store.close()
    assert engines.worked == [woken, woken]
    assert row is not None and (row.ver, row.seq, row.done_seq, row.due) == (3, 2, 2, None)

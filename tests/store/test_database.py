"""The tables are what the migrations make, and trouble with the database has a name and a mend."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.core.errors import ConfigProblem, Transient
from bot.store import inbox, updates, work
from bot.store.database import Database, _prepare_sqlite, dialect_url
from bot.store.rows import Delivery
from bot.store.store import Store
from bot.store.tables import metadata
from tests.builders import NOW, REPO
from tests.store.world import a_delivery, a_world

FULL = 2  # SQLite's number for it


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return kind != "table" or name in metadata.tables


async def test_the_migrations_make_the_tables_that_the_program_expects(tmp_path: Path) -> None:
    """Neither a column nor an index was changed in one place only."""
    async with a_world(f"sqlite:///{tmp_path}/x.sqlite") as world:
        with world.engine.connect() as conn:
            context = MigrationContext.configure(conn, opts={"include_object": _ours, "compare_type": True})
            assert compare_metadata(context, metadata) == []


async def test_what_is_asked_often_is_answered_by_an_index(tmp_path: Path) -> None:
    """With many rows the questions of every tick and every event read only the rows that they return."""
    async with a_world(f"sqlite:///{tmp_path}/x.sqlite") as world:
        asked: list[tuple[str, tuple[object, ...]]] = []
        with world.engine.connect() as conn:
            sa.event.listen(
                conn, "before_cursor_execute", lambda c, cur, text, values, ctx, many: asked.append((text, values))
            )
            work.due(conn, NOW, 9)
            work.behind(conn, NOW, 9)
            inbox.undrained(conn, 9)
            updates.of_repo(conn, REPO, open_only=True)
            updates.recent(conn, 9)
            updates.unsaid(conn, 9)
            plans = [
                " ".join(row.detail for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
                for text, values in list(asked)
            ]
    used = ["work_due", "work_behind", "deliveries_undrained", "updates_open", "updates_changed"]
    for name, plan in zip([*used, "work_unsaid"], plans, strict=True):
        assert f"ix_{name}" in plan, (name, plan)


async def test_an_answered_delivery_survives_a_power_cut(tmp_path: Path) -> None:
    """Every connection waits for the disk at each commit, and readers and the writer do not shut each other out."""
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")

    def said(conn: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "busy_timeout")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert [await database.read(said), await database.write(said)] == [["wal", FULL, 30_000]] * 2
    database.close()
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as raw:
        raw.execute("PRAGMA synchronous=OFF")  # as some builds of SQLite begin
        _prepare_sqlite(raw, None)
        assert raw.execute("PRAGMA synchronous").fetchone() == (FULL,)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("url", ["mysql://secret@host/x", "sqlite://", "sqlite:///:memory:", "just secret text"])
def test_a_database_that_cannot_serve_is_named_by_its_setting(url: str) -> None:
    """The message says which setting and what would do, and never repeats the URL: it may hold a password."""
    with pytest.raises(ConfigProblem) as refused:
        dialect_url(url)
    assert "DATABASE_URL" in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_any_spelling_of_postgresql_is_understood(scheme: str) -> None:
    """Hosting services hand out all of them; the driver is the one that we ship."""
    assert dialect_url(f"{scheme}://me@host/name").drivername == "postgresql+psycopg"


async def test_a_database_that_is_away_is_transient() -> None:
    """Nobody listens there now; the loop may try again later."""
    store = Store("postgresql://me@127.0.0.1:1/x?connect_timeout=2", enqueue=lambda conn, key, seq: None)
    with pytest.raises(Transient, match="does not answer"):
        await store.get("x")
    with pytest.raises(Transient, match="does not answer"):
        await store.migrate()
    with pytest.raises(Transient):
        await store.keep(a_delivery())
    store.close()


async def test_a_victim_of_a_deadlock_tries_again(tmp_path: Path) -> None:
    """The database rolled it back for the sake of another; nothing was done, so the same may be done again."""
    database, calls = Database(f"sqlite:///{tmp_path}/x.sqlite"), []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def unlucky(conn: sa.Connection) -> int:
        calls.append(conn)
        if len(calls) < 3:
            raise sa.exc.OperationalError("UPDATE", {}, Deadlock())
        return len(calls)

    assert await database.write(unlucky) == 3
    database.close()


async def test_one_delivery_that_the_database_refuses_takes_no_other_along(tmp_path: Path) -> None:
    """Those that happened to share its commit are kept; only its own sender hears of the error."""
    commits: list[int] = []

    async def commit(batch: Sequence[Delivery]) -> set[str]:
        commits.append(len(batch))
        await asyncio.sleep(0)
        if any(one.event == "poison" for one in batch):
            raise ValueError("cannot be written")
        return {one.guid for one in batch}

    gathering = inbox.Gathering(commit)
    sent = [a_delivery(f"guid-{n}", event="poison" if n == 3 else "push") for n in range(6)]
    answers = await asyncio.gather(*map(gathering.keep, sent), return_exceptions=True)
    assert [answer is True for answer in answers] == [True, True, True, False, True, True]
    assert isinstance(answers[3], ValueError)


async def test_deliveries_that_come_together_share_a_commit(tmp_path: Path) -> None:
    """Of many at once, those that come while a commit is under way go into the next one, all together."""
    commits: list[int] = []

    async def commit(batch: Sequence[Delivery]) -> set[str]:
        commits.append(len(batch))
        await asyncio.sleep(0.01)
        return {one.guid for one in batch}

    gathering = inbox.Gathering(commit)
    first = asyncio.create_task(gathering.keep(a_delivery("first")))
    await asyncio.sleep(0.001)
    rest = [asyncio.create_task(gathering.keep(a_delivery(f"guid-{n}"))) for n in range(30)]
    rest[7].cancel()
    assert await first
    answers = await asyncio.gather(*rest, return_exceptions=True)
    assert commits[0] == 1 and len(commits) == 2
    assert [answer is True for answer in answers] == [n != 7 for n in range(30)]


async def test_many_keys_are_bumped_in_portions(tmp_path: Path) -> None:
    """A base that moves under a thousand open updates concerns every one of them once."""
    async with a_world(f"sqlite:///{tmp_path}/x.sqlite") as world:
        keys = [f"u:{number:04}" for number in range(1100)]
        with world.engine.begin() as conn:
            for key in keys:
                work.begin(conn, key, due=NOW, now=NOW)
        assert await world.store.wake(keys + keys, now=NOW) == keys
        assert await world.store.due(NOW, 2000) == []
        assert world.queued() == [(key, 1) for key in keys]

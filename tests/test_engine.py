"""The engine's promises on an SQLite file, and that such a file has room for one process."""

from __future__ import annotations

import asyncio
import base64
import pickle
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

pytest.register_assert_rewrite("tests.store.engines")

from bot.core.errors import ConfigProblem
from bot.engine import Engine
from tests.store.engines import *  # noqa: F403 (the tests themselves)
from tests.store.engines import Engines, _until, kill


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    return Engines(f"sqlite:///{tmp_path}/surefoot.sqlite", tmp_path)


async def test_a_second_process_is_refused(engines: Engines) -> None:
    """It learns which folder, which process, and what to do; when the first is gone, however it went, it may start."""
    first = engines.storm(0, seconds=0)
    await engines.until("started", 1)
    second = Engine(engines.url, data_dir=engines.folder, work=engines.note)
    with pytest.raises(ConfigProblem) as refused:
        await second.start()
    kill(first)
    text = str(refused.value)
    assert str(engines.folder) in text and f"process {first.pid}" in text and "SUREFOOT_DATA_DIR" in text
    async with engines.engine() as engine:
        engines.ask(engine, "u:1")
        assert await engine.idle(20)
    assert engines.worked == ["u:1"]


def test_the_sqlite_of_an_older_distribution_will_do() -> None:
    """The engine's clock is that of SQLite 3.42; to older ones, which Debian 12 has for every Python, it is taught."""
    before = time.time()
    with sa.create_engine("sqlite://").connect() as conn:
        exact, whole = conn.execute(sa.text("SELECT unixepoch('subsec'), unixepoch('now')")).one()
    assert before - 0.01 <= exact <= time.time() + 0.01
    assert isinstance(whole, int) and abs(whole - before) < 10


def test_one_file_has_room_for_one_even_from_two_folders(tmp_path: Path) -> None:
    """Two data directories that name the same SQLite file by DATABASE_URL do not get it both."""
    url = f"sqlite:///{tmp_path}/shared/x.sqlite"
    first, second = (Engine(url, data_dir=tmp_path / name, work=print) for name in "ab")  # type: ignore[arg-type]  # nothing is worked
    first.claim()
    with pytest.raises(ConfigProblem, match="shared"):
        second.claim()


def test_a_claim_is_made_once_and_makes_its_folder(tmp_path: Path) -> None:
    """The folder need not be there; claiming twice is claiming once; no second engine gets in."""
    folder = tmp_path / "new" / "data"
    first, second = (Engine(f"sqlite:///{folder}/x.sqlite", data_dir=folder, work=print) for _ in range(2))  # type: ignore[arg-type]  # nothing is worked
    first.claim()
    first.claim()
    with pytest.raises(ConfigProblem, match="another surefoot"):
        second.claim()


def written(url: str) -> list[str]:
    """Every text in every table of a database."""
    database = sa.create_engine(url)
    with database.connect() as conn:
        names = conn.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        rows = [row for name in names for row in conn.execute(sa.text(f'SELECT * FROM "{name}"'))]
    database.dispose()
    return [value for row in rows for value in row if isinstance(value, str)]


async def test_what_is_kept_is_data_and_never_code(engines: Engines) -> None:
    """A pickle runs what it says when it is read: whoever could write to the database could run code in the bot."""
    free = asyncio.Event()

    async def work(key: str) -> None:
        await free.wait()

    async with engines.engine(work) as engine:
        engines.ask(engine, "u:1")
        assert not await engine.idle(0.5)
        waiting = written(engines.url)
        free.set()
        assert await engine.idle(20)
    ended = written(engines.url)

    assert '{"namedArgs":{},"positionalArgs":["u:1"]}' in waiting
    assert "null" in ended  # the answer of the run
    for text in (*waiting, *ended):
        # How every pickle of protocol 2 or later begins, plain and in base64.
        assert not text.startswith(("gA", "\x80"))


@pytest.mark.parametrize("says", ["py_pickle", None])
async def test_whoever_can_write_to_the_database_can_run_nothing(engines: Engines, says: str | None) -> None:
    """A row that says it is a pickle, or not what it is, is not read; what was asked for beside it is worked."""
    proof = engines.folder / "it ran"
    async with engines.engine() as engine:
        pass
    engines.ask(engine, "u:evil")
    evil = base64.b64encode(pickle.dumps(Evil(str(proof)))).decode()
    database = sa.create_engine(engines.url)
    with database.begin() as conn:
        conn.execute(sa.text("UPDATE workflow_status SET serialization = :says"), {"says": says})
        conn.execute(sa.text("UPDATE workflow_input SET inputs = :evil"), {"evil": evil})
    database.dispose()
    async with engines.engine() as engine:
        engines.ask(engine, "u:good")
        await _until(lambda: engines.worked == ["u:good"])

    assert not proof.exists()


class Evil:
    """Runs when it is read."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (Path(self.place),)


async def test_a_reader_is_not_shut_out_while_another_writes(engines: Engines) -> None:
    """The engine alone, before any table of ours is there, makes the file one that is read and written side by side."""
    async with engines.engine():
        pass
    with closing(sqlite3.connect(engines.url.removeprefix("sqlite:///"))) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)

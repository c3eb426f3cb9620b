"""One door to the database: transactions run in a few threads, so that the loop never waits on a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy import exc as sa_exc
from sqlalchemy.exc import InterfaceError, OperationalError

from bot.core.errors import ConfigProblem, Transient

P = ParamSpec("P")
T = TypeVar("T")

# Any number that nobody else locks; it keeps two starting replicas from migrating at once.
MIGRATION_LOCK = 0x5EAF007
_READERS = 4
_WRITERS = 4
_TRIES = 4
_READING = "surefoot_reading"


def dialect_url(url: str) -> sa.URL:
    """The URL with the driver that we ship. ConfigProblem for a database that the store does not speak."""
    try:
        parsed = sa.make_url(url)
    except sa_exc.ArgumentError:
        raise _no_such_database() from None  # the text may hold a password
    kind = parsed.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    raise _no_such_database()


def _no_such_database() -> ConfigProblem:
    return ConfigProblem(
        "this is no database that the bot can use",
        where="DATABASE_URL",
        mend="Give postgresql://user:password@host/name, or leave it out to use a file in the data directory",
    )


def _connect(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, pool_size=_READERS + 1, max_overflow=0)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(url, pool_size=_READERS + _WRITERS, max_overflow=0, pool_pre_ping=True)


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # the driver would begin too late, after the first SELECT; `_begin_sqlite` does it
    raw.execute("PRAGMA busy_timeout=30000")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")  # an answered webhook survives a power cut


def _begin_sqlite(conn: Connection) -> None:
    # A transaction that reads first and writes later would find that another has written in between.
    conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get(_READING) else "BEGIN IMMEDIATE")


def _gave_up(error: OperationalError) -> bool:
    """Whether the database rolled the transaction back for the sake of another one, and it may simply run again."""
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


class Database:
    """Runs functions of a connection, each in one transaction. One may run again, so it touches the database only.

    Errors: Transient when the database does not answer or is overloaded; everything else as it is.
    """

    def __init__(self, url: str) -> None:
        parsed = dialect_url(url)
        self._engine = _connect(parsed)
        self._reading = self._engine.execution_options(**{_READING: True})
        # SQLite has one writer at a time; a second thread would only sleep on its lock.
        writers = 1 if parsed.get_backend_name() == "sqlite" else _WRITERS
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="store-write")

    async def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function finds; it sees one moment of the database."""
        return await self._run(self._readers, self._reading, lambda conn: fn(conn, *args, **kwargs))

    async def write(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, after its writes are on disk. An error leaves nothing behind."""
        return await self._run(self._writers, self._engine, lambda conn: fn(conn, *args, **kwargs))

    async def _run(self, pool: ThreadPoolExecutor, engine: sa.Engine, fn: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, _transact, engine, fn)

    async def migrate(self) -> None:
        """Bring the tables up to date; one process at a time. ConfigProblem when they are newer than this program."""
        await asyncio.get_running_loop().run_in_executor(self._writers, self._migrate)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        try:
            with self._engine.begin() as conn:
                if conn.dialect.name == "postgresql":
                    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                config.attributes["connection"] = conn
                command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigProblem(
                f"the tables were made by another version of surefoot ({error})",
                where=self._engine.url.render_as_string(hide_password=True),
                mend="Start the version that made them, or a newer one",
            ) from error
        except (OperationalError, InterfaceError) as error:
            raise Transient(f"the database does not answer: {error.orig}") from error

    def close(self) -> None:
        """Wait for what runs and let go. Nothing works afterwards."""
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._engine.dispose()


def _transact(engine: sa.Engine, fn: Callable[[Connection], T]) -> T:
    for left in reversed(range(_TRIES)):
        try:
            with engine.begin() as conn:
                return fn(conn)
        except OperationalError as error:
            if not (left and _gave_up(error)):
                raise Transient(f"the database does not answer: {error.orig}") from error
        except (InterfaceError, sa_exc.TimeoutError) as error:
            raise Transient(f"the database does not answer: {error}") from error
    raise AssertionError("unreachable: the last try either returned or raised")

"""The durable engine behind one small face: a key that was enqueued in a transaction is worked at least once.

One key is worked by one hand at a time, in the order it was enqueued; different keys side by side. The work itself is
short and looks at the world before it acts, so that a run repeated after a crash does no harm. This is the only module
that knows DBOS, which is one engine per process.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig
from dbos import DBOSPortableJSONSerializer as JsonSerializer
from dbos import _serialization as dbos_serialization

from bot.core.errors import ConfigProblem

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_NAME: Final = "surefoot"
_QUEUE: Final = "work"
# DBOS derives a version from its sources by itself and then never looks at rows of another version again. Change this
# only with an empty queue.
_VERSION: Final = "1"
_WAITING: Final = ["ENQUEUED", "PENDING"]
_ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_POLL_SECONDS: Final = 0.2
_PEERS_SECONDS: Final = 2.0
_SEATS: Final = 0x5EA7  # first half of the advisory locks that living processes hold


def _teach_clock(raw: Any, _record: Any = None) -> None:
    """From Python 3.12 on DBOS asks SQLite for `unixepoch('subsec')`, and only SQLite 3.42 knows it.

    Debian 12 and Ubuntu 22.04 have older ones, whatever Python was built there.
    """
    if isinstance(raw, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        raw.create_function("unixepoch", 1, lambda word: time.time() if word == "subsec" else int(time.time()))


sa.event.listen(sa.engine.Engine, "connect", _teach_clock)


def _leave() -> None:
    # Another replica takes our work over as soon as it finds the lock free; two hands on one key is what must not be.
    os._exit(75)


class Engine:
    """url: the store's own database. work: does what a key asks for; its errors are logged and end the run.

    data_dir: locked, as is the folder of an SQLite file, against a second process.
    workers: how many keys are worked side by side.
    lost: called when PostgreSQL no longer counts this process among the living; it must not go on working.
    """

    def __init__(
        self,
        url: str,
        *,
        data_dir: Path,
        work: Callable[[str], Awaitable[None]],
        workers: int = 32,
        lost: Callable[[], None] = _leave,
    ) -> None:
        self._url = url
        self._data_dir = data_dir
        self._work = work
        self._workers = workers
        self._lost = lost
        # Postgres: new for each start, so that what a dead one left behind cannot be taken for ours.
        self._seat = f"{_NAME}-{uuid.uuid4().hex}" if self._many else _NAME
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._locks: list[IO[str]] = []
        self._seats: _Seats | None = None
        self._peers: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    @cached_property
    def _client(self) -> DBOSClient:
        return DBOSClient(system_database_url=self._url, serializer=JsonSerializer(), application_name=_NAME, lazy=True)

    @property
    def _many(self) -> bool:
        """Whether several processes may share the database."""
        return not self._url.startswith("sqlite")

    def claim(self) -> None:
        """Make sure that no other process works on the same SQLite file; to be called before the tables are touched.

        ConfigProblem when one does. PostgreSQL is there to be shared: nothing to claim.
        """
        if self._many or self._locks:
            return
        beside = Path(sa.make_url(self._url).database or "").absolute().parent
        for folder in sorted({self._data_dir.absolute(), beside}):
            self._locks.append(_lock(folder))

    async def start(self) -> None:
        """Begin to work, on the loop that runs now; what an earlier process left undone comes first."""
        self.claim()
        # Whatever serializer is set, DBOS unpickles a row that says of itself that it is a pickle.
        dbos_serialization.DefaultSerializer.deserialize = _no_pickle  # type: ignore[method-assign,assignment]  # its door
        if self._many:
            # Taken before the first run can be ours: whoever has runs and no seat is dead.
            self._seats = await self._in_thread(lambda: _Seats(self._url, self._seat))
        await self._in_thread(self._prepare)
        logging.getLogger("dbos").addHandler(logging.NullHandler())  # else it brings a handler of its own
        DBOS(config=self._config())
        DBOS.workflow(name=_NAME, max_recovery_attempts=50)(self._workflow())
        DBOS.launch()
        if self._seats is not None:
            self._peers = asyncio.create_task(self._watch(self._seats))

    async def stop(self, *, grace: float = 10.0) -> None:
        """Take up nothing more, wait for what runs, and leave the rest for the next start."""
        self._stopping = True
        if self._peers is not None:
            self._peers.cancel()
        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # it complains about each run that is cut short
        if self._running:
            await asyncio.wait(self._running, timeout=grace)  # those of now; what is taken up later does not begin
        await self._cut_short()
        await self._in_thread(lambda: DBOS.destroy(destroy_registry=True))
        await self._cut_short()  # what was taken from the queue in the meantime
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())  # DBOS took its own away with it
        await self._in_thread(self._client.destroy)
        if self._seats is not None:
            await self._in_thread(self._seats.leave)
        self._threads.shutdown()
        for lock in self._locks:
            lock.close()

    def enqueue(self, conn: sa.Connection, key: str, seq: int) -> None:
        """Work on `key`, once this transaction is committed. The same key and number again changes nothing."""
        self._client.enqueue_in_transaction(
            conn,
            {
                "workflow_name": _NAME,
                "queue_name": _QUEUE,
                "workflow_id": f"w-{key}-{seq}",
                "queue_partition_key": key,
                "app_version": _VERSION,
            },
            key,
        )

    async def idle(self, timeout: float) -> bool:
        """Wait until nothing is enqueued and nothing runs; False when that takes longer than `timeout` seconds."""
        ends = asyncio.get_running_loop().time() + timeout
        while await DBOS.list_workflows_async(status=_WAITING, limit=1, load_input=False, load_output=False):
            if asyncio.get_running_loop().time() > ends:
                return False
            await asyncio.sleep(0.02)
        return True

    async def prune(self, before: datetime) -> int:
        """Forget runs that ended before then; returns how many. DBOS keeps them for ever by itself."""
        until, gone = before.astimezone(UTC).isoformat(), 0
        while ended := await DBOS.list_workflows_async(
            status=_ENDED, completed_before=until, limit=500, load_input=False, load_output=False
        ):
            await DBOS.delete_workflows_async([one.workflow_id for one in ended])
            gone += len(ended)
        return gone

    def _config(self) -> DBOSConfig:
        return {
            "name": _NAME,
            "system_database_url": self._url,
            "executor_id": self._seat,
            "application_version": _VERSION,
            "serializer": JsonSerializer(),  # the default is pickle: code for whoever can write to the database
            "max_executor_threads": 16,
            "notification_listener_polling_interval_sec": 0.2,  # never used; a stop waits for its sleep to end
            "log_level": "WARNING",
        }

    def _prepare(self) -> None:
        # Slow the first time; launching would do it on the loop. A queue that is there at launch is served at once.
        if not self._many:
            _use_wal(self._url)
        DBOS.migrate(self._url)
        self._client.register_queue(
            _QUEUE, worker_concurrency=self._workers, partition_concurrency=1, polling_interval_sec=_POLL_SECONDS
        )

    async def _in_thread(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, fn)

    async def _cut_short(self) -> None:
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)

    def _workflow(self) -> Callable[[str], Awaitable[None]]:
        async def run(key: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            if self._stopping:
                await asyncio.Event().wait()  # ending would write it down as done
            await self._try(key)

        return run

    async def _try(self, key: str) -> None:
        try:
            await self._work(key)
        except Exception:
            # The row still says that it has news; the healing sweep enqueues it again.
            _LOG.exception("the work on %s broke off", key)

    async def _watch(self, seats: _Seats) -> None:
        while True:
            try:
                pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
                holders = {one.executor_id for one in pending if one.executor_id} - {self._seat}
                for dead in await self._in_thread(lambda: seats.empty(holders)):  # noqa: B023 (runs before the next)
                    _LOG.warning("taking over what %s left undone", dead)
                    await self._in_thread(lambda: DBOS._recover_pending_workflows([dead]))  # noqa: B023 (so does this)
            except SeatLost:
                _LOG.critical("PostgreSQL dropped our connection: another process may take our work, so we leave")
                self._lost()
                return
            except Exception:
                _LOG.exception("could not look after the other processes; trying again")
            await asyncio.sleep(_PEERS_SECONDS)


def _no_pickle(_serializer: object, _data: str) -> object:
    raise ValueError("this row holds a pickle, which is code: it is not read")


class SeatLost(Exception):
    """The connection that shows that we are alive is gone."""


class _Seats:
    """Which processes live: each holds an advisory lock for as long as its connection stands.

    Needs a connection of its own to the server: a pooler that hands connections around per transaction would lose it.
    """

    def __init__(self, url: str, ours: str) -> None:
        options = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
        driver = sa.make_url(url).set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(driver, connect_args=options, isolation_level="AUTOCOMMIT")
        self._conn = self._engine.connect()
        self._take(ours)

    def _take(self, seat: str) -> bool:
        lock = sa.func.pg_try_advisory_lock(_SEATS, sa.func.hashtext(seat))
        return bool(self._conn.execute(sa.select(lock)).scalar_one())

    def empty(self, seats: set[str]) -> list[str]:
        """Those of `seats` that nobody holds. SeatLost when we may have lost our own."""
        try:
            self._conn.execute(sa.select(1))
            free = [seat for seat in sorted(seats) if self._take(seat)]
            for seat in free:
                self._conn.execute(sa.select(sa.func.pg_advisory_unlock(_SEATS, sa.func.hashtext(seat))))
        except sa.exc.DBAPIError as error:
            raise SeatLost from error
        return free

    def leave(self) -> None:
        """Give our own up."""
        self._conn.close()
        self._engine.dispose()


def _use_wal(url: str) -> None:
    # Written into the file once; without it a reader and a writer shut each other out.
    engine = sa.create_engine(url)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA journal_mode=WAL")
    engine.dispose()


def _lock(folder: Path) -> IO[str]:
    """The folder, held until the file is closed or the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise _taken(lock, folder) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _taken(lock: IO[str], folder: Path) -> ConfigProblem:
    with lock:
        lock.seek(0)
        holder = lock.read().strip()
    return ConfigProblem(
        f"another surefoot{f' (process {holder})' if holder else ''} works in this folder, "
        "and an SQLite file has room for one",
        where=str(folder),
        mend="Stop the other one, give this one a folder of its own by SUREFOOT_DATA_DIR, "
        "or let both share a PostgreSQL by DATABASE_URL",
    )

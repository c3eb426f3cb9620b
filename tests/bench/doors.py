"""Four doors, each a process of its own: the bot's, and three that keep less, to hold it against.

`python -m tests.bench.doors KIND PORT_FILE FOLDER` with a KIND of DOORS. GET /cpu tells what the process has used so
far, in seconds. All know GitHub's signature but the first, which keeps nothing and believes everybody.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from bot.store.store import Store
from bot.tools.secrets import Secret
from bot.web.webhook import MOST_BYTES, Door

SECRET = "of the bench"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def signature(body: bytes) -> str:
    """As GitHub signs."""
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


async def _believed(request: web.Request) -> bytes:
    body = await request.read()
    if not hmac.compare_digest(request.headers["X-Hub-Signature-256"], signature(body)):
        raise web.HTTPUnauthorized
    return body


async def nothing(_folder: Path) -> Handler:
    """What aiohttp itself costs: read and answer."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    return handle


async def line(folder: Path) -> Handler:
    """The least that survives a power cut: one line of a file, and the disk is waited for."""
    file = os.open(folder / "lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def handle(request: web.Request) -> web.Response:
        os.write(file, await _believed(request) + b"\n")
        os.fsync(file)
        return web.Response(status=202)

    return handle


async def row(folder: Path) -> Handler:
    """One row of an SQLite file, each in a transaction of its own; the same delivery twice is one row."""
    database = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE deliveries (guid TEXT PRIMARY KEY, event TEXT, at TEXT, body BLOB)")

    async def handle(request: web.Request) -> web.Response:
        body, headers = await _believed(request), request.headers
        given = (headers["X-GitHub-Delivery"], headers["X-GitHub-Event"], datetime.now(UTC).isoformat(), body)
        database.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?)", given)
        return web.Response(status=202)

    return handle


async def ours(folder: Path) -> Handler:
    """The bot's own, with its store on an SQLite file; what follows after the answer is another bench's."""
    store = Store(f"sqlite:///{folder}/store.sqlite", enqueue=lambda conn, key, seq: None)
    await store.migrate()
    return Door(store, secret=Secret(SECRET), nudge=lambda: None, clock=lambda: datetime.now(UTC))


DOORS: dict[str, Callable[[Path], Awaitable[Handler]]] = {
    "nothing kept": nothing,
    "one fsynced line": line,
    "one SQLite row": row,
    "the bot's door": ours,
}


async def _cpu(_request: web.Request) -> web.Response:
    return web.json_response(time.process_time())


async def serve(kind: str, port_file: Path, folder: Path) -> None:
    """Until it is told to end."""
    application = web.Application(client_max_size=MOST_BYTES)
    application.router.add_post("/github", await DOORS[kind](folder))
    application.router.add_get("/cpu", _cpu)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    beside = port_file.with_suffix(".new")
    beside.write_text(str(runner.addresses[0][1]))
    beside.rename(port_file)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))

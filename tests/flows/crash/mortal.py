"""One life of the bot: a process of its own that works in a test's world until it comes to the point where it dies."""

from __future__ import annotations

import asyncio
import faulthandler
import multiprocessing
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import msgspec
from aiohttp import web

from bot.app import App
from bot.core.model import ENDS
from bot.github.client import Manners
from bot.github.limits import Pace
from bot.tools import logging
from bot.tools.pip import IndexSettings
from tests.flows.crash.points import Points
from tests.flows.flow import REPO, ScriptedLab, settings_for

WHOLE = ("bot.app", "tests.flows.crash.mortal")  # what a fork server loads once, so that a life begins at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a life is given. url: GitHub's API; index: the simple API; app: the App's number, key and secret.

    database: the URL of a PostgreSQL; empty for a file in the folder.

    deadly: the points at which to die; before: those that earlier lives came to. log: where the points are noted;
    words: where all else is said.
    """

    url: str
    index: str
    folder: Path
    app: tuple[int, str, str]
    port: int
    database: str
    sweep: str
    deadly: frozenset[str]
    before: tuple[str, ...]
    log: Path
    words: Path


def live(orders: Orders) -> None:
    """Serve until killed; the target of a process."""
    words = os.open(orders.words, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(words, 1)
    os.dup2(words, 2)
    faulthandler.enable()  # a death that nobody asked for leaves its trace
    logging.set_up("json:info", stream=sys.stderr)
    asyncio.run(_live(orders))


async def _live(orders: Orders) -> None:
    more = {"PORT": str(orders.port), "SUREFOOT_SWEEP": orders.sweep, "DATABASE_URL": orders.database}
    settings = settings_for(orders, orders.folder, orders.app, **more)  # type: ignore[arg-type]  # a box by its url
    points = Points(orders.log, deadly=orders.deadly, before=orders.before)
    points.install()
    index = IndexSettings(index_url=orders.index)
    app = App(settings, lab=ScriptedLab(), manners=Manners(pace=Pace(seconds=0)), index=index)
    doors = app.web()
    doors.middlewares.insert(0, points.door)
    doors.router.add_get("/rest", _rest(app))
    await app.open()  # and on in the order in which a bot that is really served begins
    runner = web.AppRunner(doors, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port, reuse_port=True).start()
    await app.start()
    await asyncio.to_thread(_orphaned)
    os._exit(1)


def _orphaned() -> None:
    """Returns when the test that we live in has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])


def _rest(app: App) -> Callable[[web.Request], Awaitable[web.Response]]:
    """How things stand, for the test to ask: whether all has ended and been said, and what stands in the rows."""

    async def rest(_request: web.Request) -> web.Response:
        if not hasattr(app, "clock"):  # it has not begun to work
            return web.json_response({"rest": False})
        updates = await app.store.of_repo(REPO)
        ended = bool(updates) and all(update.state in ENDS for update in updates)
        busy = await app.store.undrained() or not await app.engine.idle(0)
        if ended and not busy:
            await app.clock.say_unsaid()  # as its ticker would within half a minute
            busy = await app.store.unsaid()
        found = {
            "rest": ended and not busy,
            "updates": updates,
            "audit": [await app.store.audit(update.id) for update in updates],
            "leases": await app.store.leases(),
        }
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    return rest

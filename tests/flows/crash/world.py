"""A world that outlives its bot: GitHub in a box, the index and the health page stay while bot after bot dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from ruamel.yaml import YAML

from bot.demo import releases
from bot.demo.box import Box
from bot.demo.index import Index
from tests.flows import flow
from tests.flows.crash import mortal
from tests.flows.crash.points import DEADLY
from tests.flows.flow import NAME, OWNER, REPO, Production

ROOT = Path(__file__).parents[3]
TARGET = "1.2.4"
PATIENCE = 90.0  # seconds that one life may take to its end
FIRST_SWEEP, LATER_SWEEP = "1h", "2s"  # a long one keeps the first life's path the same in every world


class Lost(Exception):
    """A bot did not come to the end, or died of something else than the test's will."""


def nursery() -> ForkServerContext:
    """Where lives begin: a process that has loaded everything, and from which each life is forked."""
    context = multiprocessing.get_context("forkserver")
    assert isinstance(context, ForkServerContext)
    context.set_forkserver_preload(list(mortal.WHOLE))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))  # its only way to find us
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        os.environ.update({"PYTHONPATH": before} if before is not None else {})
    return context


@dataclass(slots=True)
class World:
    """Everything around the bot. installed: whether the App is on the repository yet."""

    box: Box
    folder: Path
    index: Index
    production: Production
    http: aiohttp.ClientSession
    app: tuple[int, str, str]
    port: int
    database: str = ""
    installed: bool = False
    lives: list[Life] = field(default_factory=list)

    @property
    def door(self) -> str:
        """Where the bot listens while it lives."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self, nursery: ForkServerContext, deadly: Collection[str]) -> Life:
        """Another life, on what the last one left behind."""
        number = len(self.lives)
        orders = mortal.Orders(
            url=self.box.url,
            index=self.index.url,
            folder=self.folder,
            app=self.app,
            port=self.port,
            database=self.database,
            sweep=LATER_SWEEP if number else FIRST_SWEEP,
            deadly=frozenset(deadly),
            before=tuple(point for life in self.lives for point in life.points),
            log=self.folder / f"points-{number}",
            words=self.folder / f"words-{number}",
        )
        process = nursery.Process(target=mortal.live, args=(orders,), daemon=True)
        process.start()
        life = Life(process, orders)
        self.lives.append(life)
        return life

    async def end_of(self, life: Life) -> Mapping[str, Any] | None:
        """How things stand when all has ended; None when the bot died before. Lost when it takes too long."""
        dies = asyncio.ensure_future(life.dies())
        try:
            async with asyncio.timeout(PATIENCE):
                while not dies.done():
                    self._install_in_time()
                    if at_rest := await self._rest():
                        return at_rest
                    await asyncio.wait([dies], timeout=0.1)
        except TimeoutError:
            raise Lost(f"no end within {PATIENCE:.0f} s: {_stand(await self._look())}\n{life.last_words()}") from None
        finally:
            dies.cancel()
        if life.process.exitcode != -9 or life.died_at is None:
            raise Lost(f"the bot ended by itself with {life.process.exitcode}:\n{life.last_words()}")
        return None

    def _install_in_time(self) -> None:
        """After the first look of a bot's healing sweep, so that the usual way in is the webhook."""
        if not self.installed and any(row.path == "/app/hook/deliveries" and row.status for row in self.box.log):
            self.installed = True
            self.box.install(self.app[0], self.box.repo(REPO))

    async def _rest(self) -> Mapping[str, Any] | None:
        seen = await self._look()
        if not (seen and seen["rest"]):
            return None
        await self.box.settle()
        again = await self._look()  # what was still on its way may have been news
        return again if again and again["rest"] else None

    async def _look(self) -> Mapping[str, Any] | None:
        try:
            async with self.http.get(f"{self.door}/rest") as answer:
                return await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, OSError):
            return None


@dataclass(slots=True)
class Life:
    """One process of the bot."""

    process: ForkServerProcess
    orders: mortal.Orders

    @property
    def points(self) -> list[str]:
        """The points that it came to, in order, the one where it died among them."""
        return [line[2:].rpartition(" @")[0] for line in self._lines()]

    @property
    def died_at(self) -> str | None:
        """Where it died by our will, as the orders had it; None while it has not."""
        return next((line[2:] for line in self._lines() if line.startswith(DEADLY)), None)

    def _lines(self) -> list[str]:
        log = self.orders.log
        return log.read_text().splitlines() if log.exists() else []

    async def dies(self) -> None:
        """Returns when it is dead."""
        dead = asyncio.Event()
        loop, sentinel = asyncio.get_running_loop(), self.process.sentinel
        loop.add_reader(sentinel, dead.set)
        try:
            await dead.wait()
        finally:
            loop.remove_reader(sentinel)
        self.process.join()

    def kill(self) -> None:
        """End it, if it is not dead yet."""
        self.process.kill()
        self.process.join()

    def last_words(self) -> str:
        """The end of what it logged."""
        words = self.orders.words
        return words.read_text()[-2000:] if words.exists() else "it said nothing"


def _stand(seen: Mapping[str, Any] | None) -> str:
    """In a few words how far the updates are."""
    rows = (seen or {}).get("updates", ())
    return "; ".join(f"{row['target']} is {row['state']}: {row['note']}" for row in rows) or "no update yet"


@asynccontextmanager
async def a_world(folder: Path, *, share_of_new: float, database: str = "") -> AsyncIterator[World]:
    """A repository that pins an old version, a newer one on the index, and nobody at work yet.

    share_of_new: of the newest release's requests in production that fail, 0 to 1. database: as of `mortal.Orders`.
    """
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(Box.start(data_dir=folder / "github"))
        index, production = Index(), Production()
        production.share_of_new = share_of_new
        production.watch(box)
        stack.push_async_callback(index.close)
        await index.start()
        first = releases.wheel_of(releases.FIRST)
        newer = replace(first, version=TARGET, filename=first.filename.replace(releases.FIRST, TARGET))
        index.publish(first)
        index.publish(newer)
        health = await flow._serve(stack, [web.get("/healthz/releases", production.page)])
        http = await stack.enter_async_context(aiohttp.ClientSession())
        app = await _peopled(box, health)
        port = _a_port(stack)
        world = World(
            box=box, folder=folder, index=index, production=production, http=http, app=app, port=port, database=database
        )
        box.set_webhook(app[0], f"{world.door}/github")
        try:
            yield world
        finally:
            for life in world.lives:
                life.kill()


async def _peopled(box: Box, health: str) -> tuple[int, str, str]:
    box.add_user("rosa")
    box.add_org(OWNER, {"rosa": "admin"})
    files = {
        "requirements.txt": f"{releases.PROJECT}=={releases.FIRST}\n",
        ".github/workflows/deploy.yml": flow.WORKFLOW.replace("HEALTH", health),
        ".github/surefoot.yml": flow.CONFIG.replace("HEALTH", health),
    }
    await box.add_repo(OWNER, NAME, files)
    manifest = YAML(typ="safe").load(flow.MANIFEST.read_text())
    granted, events = manifest["default_permissions"], manifest["default_events"]
    return box.add_app("surefoot", owner=OWNER, permissions=granted, events=events)


def _a_port(stack: AsyncExitStack) -> int:
    """A port that stays ours: bound and not listened to, so that nobody answers there while the bot is dead."""
    held = stack.enter_context(socket.socket())
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", 0))
    return int(held.getsockname()[1])

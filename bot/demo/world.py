"""Everything that the scenes play on, started in order and taken down in the opposite one, whatever happens in between.

Folder, index, production, GitHub, first deployment, visitors, bot: each is ready before the next begins.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.demo import bot_process, hosting, releases, service
from bot.demo.board import Board
from bot.demo.bot_process import BotProcess
from bot.demo.control import Control
from bot.demo.fleet import Fleet
from bot.demo.hub import Hub
from bot.demo.index import Index
from bot.demo.proxy import Proxy
from bot.demo.traffic import Traffic

POLL = "2s"  # the bot asks the index this often here, so that a release is noticed while somebody watches
RATE = 250.0  # visits a second
DEPLOY_SECONDS = 30.0


class NotRaised(Exception):
    """The demo's world could not be put up; the message says which part, and what it said."""


@dataclass(slots=True, kw_only=True)
class World:
    """The running world. install: the click by which the App is installed on the repository."""

    index: Index
    proxy: Proxy
    fleet: Fleet
    traffic: Traffic
    hub: Hub
    bot: BotProcess
    app_login: str
    install: Callable[[], Awaitable[None]]

    def gone(self) -> str:
        """Why the show cannot go on; empty while it can."""
        return self.bot.gone()


@asynccontextmanager
async def raised(board: Board, *, unjailed: bool) -> AsyncIterator[World]:
    """The world, for as long as the block runs. NotRaised when a part of it does not come up."""
    async with AsyncExitStack() as stack:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="surefoot-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        index, proxy, fleet, control = await _production(stack, folder, board)
        files = service.files(site=proxy.url, fleet=control.url)
        port = bot_process.free_port()
        hooks = f"http://127.0.0.1:{port}/github"
        there = await hosting.start(stack, folder, files, hooks)
        board.links |= {"GitHub in a box": there.page, "bot": f"http://127.0.0.1:{port}"}
        board.tell(f"GitHub in a box is up, with the repository {there.hub.repo}")
        await _first_deployment(there.hub)
        traffic = Traffic(site=proxy.url, rate=RATE)
        traffic.start()
        stack.push_async_callback(traffic.stop)
        board.tell(f"{there.hub.login} deployed the service; {RATE:.0f} visitors a second come")
        bot = await _bot(stack, folder, there, index=index.url, port=port, unjailed=unjailed)
        board.tell(f"the bot runs as process {bot.process.pid}, its log is {bot.log}")
        yield World(
            index=index,
            proxy=proxy,
            fleet=fleet,
            traffic=traffic,
            hub=there.hub,
            bot=bot,
            app_login=there.app_login,
            install=there.install,
        )


async def _production(stack: AsyncExitStack, folder: Path, board: Board) -> tuple[Index, Proxy, Fleet, Control]:
    index, proxy = Index(), Proxy()
    stack.push_async_callback(index.close)
    await index.start()
    index.publish(releases.wheel_of(releases.FIRST))
    stack.push_async_callback(proxy.close)
    await proxy.start()
    home = folder / "production"
    home.mkdir()
    fleet = Fleet(proxy=proxy, folder=home, index=index.url)
    stack.push_async_callback(fleet.close)
    control = Control(fleet=fleet)
    stack.push_async_callback(control.close)
    await control.start()
    board.links |= {"package index": f"{index.url}/", "the service": f"{proxy.url}/hello?name=Ada+Lovelace"}
    board.links |= {"health per release": f"{proxy.url}/healthz/releases", "metrics": f"{proxy.url}/metrics"}
    board.tell(f"the package index has {releases.PROJECT} {releases.FIRST}; production waits for its first deployment")
    return index, proxy, fleet, control


async def _first_deployment(hub: Hub) -> None:
    """The service as it ran before any bot: its owner runs the deploy workflow by hand."""
    sha = await hub.head("main")
    about = {"deploy_id": "by-hand", "sha": sha, "stable_sha": sha, "weight": "100", "environment": "production"}
    run = await hub.dispatch("deploy.yml", "main", about)
    ended = ""
    try:
        async with asyncio.timeout(DEPLOY_SECONDS):
            while not ended:
                await asyncio.sleep(0.2)
                ended = await hub.run_conclusion(run)
    except TimeoutError:
        ended = "not at all"
    if ended != "success":
        raise NotRaised(f"the first deployment by hand ended as {ended}; its log: {await hub.run_log(run)}")


async def _bot(
    stack: AsyncExitStack, folder: Path, there: hosting.Github, *, index: str, port: int, unjailed: bool
) -> BotProcess:
    told = {
        "APP_ID": str(there.app_id),
        "PRIVATE_KEY_PATH": str(there.key),
        "WEBHOOK_SECRET": there.secret,
        "GITHUB_API_URL": there.hub.api,
        "SUREFOOT_POLL": POLL,
        "SUREFOOT_OSV": "off",
        "SUREFOOT_ALLOW_NETWORKS": "127.0.0.0/8",
        "SUREFOOT_JAIL": "plain",  # its code is our own
        **({"SUREFOOT_DEMO_UNJAILED": "1"} if unjailed else {}),
    }
    bot = await bot_process.start(folder, told, port=port, index=index)
    stack.push_async_callback(bot.stop)
    try:
        await bot.ready()
    except bot_process.NotStarted as error:
        raise NotRaised(str(error)) from error
    return bot

"""The bot as an operator starts it: a process of its own, told everything by its environment, writing to a log file."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.demo import leash
from bot.tools.pip import index_of_pip

START_SECONDS = 60.0
STOP_SECONDS = 10.0
# What an operator may have set for a bot of their own must not reach the demo's.
OWN = ("APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH", "WEBHOOK_SECRET", "HOST", "PORT", "GITHUB_API_URL", "DATABASE_URL")


class NotStarted(Exception):
    """The bot ended or did not answer; the message holds its last words."""


@dataclass(slots=True, kw_only=True)
class BotProcess:
    """The running bot."""

    process: asyncio.subprocess.Process
    log: Path
    url: str

    def gone(self) -> str:
        """Why it is no longer there; empty while it is."""
        if self.process.returncode is None:
            return ""
        return f"the bot ended with code {self.process.returncode}: {' '.join(self.last_words(1)) or 'without a word'}"

    def last_words(self, lines: int) -> list[str]:
        """The end of its log."""
        return self.log.read_text(errors="replace").splitlines()[-lines:]

    async def ready(self) -> None:
        """Return once it answers HTTP at all. NotStarted when it ends first or takes too long."""
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
                while not await _answers(http, self.url):
                    if self.gone():
                        raise NotStarted("\n".join((self.gone(), *self.last_words(20))))
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            said = "\n".join(self.last_words(20))
            raise NotStarted(f"the bot did not answer at {self.url} within {START_SECONDS:.0f} s:\n{said}") from error

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start(folder: Path, told: Mapping[str, str], *, port: int, index: str) -> BotProcess:
    """Start it; returns before it is ready. told: what the operator sets; index: asked before the machine's own."""
    log = folder / "bot.log"
    env = {name: value for name, value in os.environ.items() if name not in OWN and not name.startswith("SUREFOOT_")}
    beside = await asyncio.to_thread(lambda: index_of_pip().all)
    env |= {"PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": " ".join(beside)}
    env |= {"HOST": "127.0.0.1", "PORT": str(port), "SUREFOOT_DATA_DIR": str(folder / "bot"), **told}
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, leash.__file__, "-m", "bot", "serve"),
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which then ends the bot in its turn
        )
    return BotProcess(process=process, log=log, url=f"http://127.0.0.1:{port}")


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url):
            return True
    except aiohttp.ClientError:
        return False

"""Promises about the demo's world: everything answers when it is up, and nothing is left when it is down."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.demo import bot_process, hosting, world
from bot.demo.board import Board
from bot.demo.bot_process import NotStarted
from tests.openapi.guard import Guard


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes that work in or below a folder (Linux)."""
    found = []
    for one in Path("/proc").iterdir():
        try:
            if one.name.isdigit() and (one / "cwd").readlink().is_relative_to(folder):
                found.append((one / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture
def boxes(monkeypatch):
    """Every GitHub that is started while the test runs."""
    found, start = [], hosting.Box.start

    @asynccontextmanager
    async def watched(**given):
        async with start(**given) as box:
            found.append(box)
            yield box

    monkeypatch.setattr(hosting.Box, "start", watched)
    return found


async def test_a_world_is_raised_and_taken_down_without_a_trace(monkeypatch, boxes):
    """The real bot runs as a process of its own, and asks GitHub only what GitHub knows; afterwards nothing is left."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody.elses/database")
    board = Board()
    async with world.raised(board, unjailed=False) as made:
        folder = made.bot.log.parent
        assert made.gone() == ""
        assert len(processes_in(folder)) >= 3  # two replicas and the bot
        async with aiohttp.ClientSession() as http:
            for name, url in board.links.items():
                async with http.get(url) as response:
                    assert response.status < 500, name
        async with asyncio.timeout(10):
            while made.traffic.answers[200] < 20:  # noqa: ASYNC110  # visitors announce nothing
                await asyncio.sleep(0.02)
        assert made.traffic.failed == 0
        assert list(made.proxy.weights.values()) == [100]
        await made.install()
        async with asyncio.timeout(20):
            while not await made.hub.pulls():  # noqa: ASYNC110  # nor does a pull request, to who has no webhook
                await asyncio.sleep(0.05)
        guard = Guard()
        guard.read(boxes[0].log)
        assert ("POST", "/repos/{owner}/{repo}/pulls") in guard.seen
        assert guard.problems == []
    assert not folder.exists()
    assert processes_in(folder) == []


async def test_a_world_that_cannot_be_raised_leaves_nothing_either(monkeypatch, tmp_path):
    """It says which part failed, in that part's own words."""
    told: list[str] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(world.service, "DEPLOY", "import sys; sys.exit('no fleet today')")
    with pytest.raises(world.NotRaised, match="no fleet today"):
        async with world.raised(Board(heard=told.append), unjailed=False):
            pass
    assert told
    assert list(tmp_path.glob("surefoot-demo-*")) == []
    assert processes_in(tmp_path) == []


async def test_a_bot_that_ends_at_its_start_is_told_with_its_last_words(tmp_path):
    """An operator's mistake is not a silent minute."""
    port = bot_process.free_port()
    bot = await bot_process.start(tmp_path, {"APP_ID": "no number"}, port=port, index="http://127.0.0.1:9/simple")
    with pytest.raises(NotStarted, match="no number"):
        await bot.ready()
    await bot.stop()
    assert "ended with code 2" in bot.gone()

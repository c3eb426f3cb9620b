"""The Prometheus health source against a real Prometheus that scrapes a real exporter."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.adapters import Tools, health, open_one
from bot.core.model import Counts, Reading, Sha
from bot.core.ports import HealthSource
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving

PROGRAM = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="prometheus is not on PATH")
OLD, NEW = Sha("a" * 40), Sha("b" * 40)


class Exporter:
    """Counters of releases, by their code."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}

    async def handle(self, request: web.Request) -> web.Response:
        lines = [f'http_requests_total{{release="{r}",code="{c}"}} {n}' for (r, c), n in self.counts.items()]
        return web.Response(text="# TYPE http_requests_total counter\n" + "\n".join(lines) + "\n")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def prometheus(target: str, folder: Path) -> AsyncIterator[str]:
    """A server that scrapes the target every second; gives its URL once it is ready."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - {{job_name: shop, static_configs: [{{targets: ['{target.removeprefix('http://')}']}}]}}\n"
    )
    url = f"http://127.0.0.1:{free_port()}"
    words = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM), *words, f"--web.listen-address={url.removeprefix('http://')}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while not await ready(session, url):  # noqa: ASYNC110 - nobody tells when another process is ready
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/-/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def until(source: HealthSource, since: datetime, canary: Counts) -> Reading:
    """Read until the counts are there; the test's timeout is the bound."""
    while True:
        reading = await source.read(stable=OLD, canary=NEW, since=since)
        if reading is not None and reading.canary == canary:
            return reading
        await asyncio.sleep(0.2)


async def test_counts_since_the_beginning_survive_a_restart(tmp_path: Path) -> None:
    """What an earlier try left behind is not counted, and what a restarted process lost from its counter is."""
    exporter = Exporter()
    app = web.Application()
    app.router.add_get("/metrics", exporter.handle)
    exporter.counts = {(OLD, "200"): 1000, (NEW, "200"): 50, (NEW, "500"): 40}
    async with serving(app) as target, prometheus(target, tmp_path) as url, Http(Reach(trusted=["127.0.0.1"])) as http:
        source = open_one(health, "prometheus", {"url": url}, Tools(http=http))
        ahead = datetime.now(UTC) + timedelta(hours=1)
        assert await source.read(stable=OLD, canary=NEW, since=ahead) is None
        while await source.read(stable=OLD, canary=NEW) is None:  # noqa: ASYNC110 - a scrape tells nobody
            await asyncio.sleep(0.2)
        began = datetime.now(UTC)
        await until(source, began, Counts())
        exporter.counts |= {(OLD, "200"): 1100, (NEW, "200"): 60, (NEW, "500"): 41}
        reading = await until(source, began, Counts(requests=11, errors=1))
        assert reading.stable == Counts(requests=100)
        exporter.counts |= {(NEW, "200"): 3, (NEW, "500"): 2}
        later = await until(source, began, Counts(requests=16, errors=3))
        assert later.at > reading.at >= began

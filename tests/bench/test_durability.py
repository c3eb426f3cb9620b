"""How fast a webhook is on disk, how soon it is worked, and what it costs: figures to compare, on an SQLite file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bot.core.events import Reviewed, concern
from bot.core.model import PullNumber
from bot.engine import Engine
from bot.store.store import Store
from tests.builders import INSTALLATION, NOW, REPO, a_pull, a_sha, an_entry, an_update
from tests.store.world import a_delivery

CLIENTS, EACH, ROWS = 32, 60, 200


def _figures(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    print(f"\n{name}: p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms of {len(ordered)}", end="")


async def _rows(store: Store) -> list[str]:
    await store.install([REPO], INSTALLATION, now=NOW)
    keys = []
    for number in range(ROWS):
        pull = a_pull(number=number, head=a_sha(number), branch=f"b{number}")
        update = an_update(target=str(number), pull=pull)
        await store.add(update, an_entry(update=update.id), enqueue=False)
        keys.append(f"u:{update.id}")
    return keys


async def test_the_way_of_a_delivery(tmp_path: Path) -> None:
    """From the door to the disk, from the disk to the rows, from the rows to the hand; and a bot that waits."""
    seen: dict[str, float] = {}

    async def work(key: str) -> None:
        seen[key] = time.perf_counter()

    async def client(number: int) -> list[float]:
        took = []
        for turn in range(EACH):
            began = time.perf_counter()
            await store.keep(a_delivery(f"{number}-{turn}", body=b"x" * 20_000))
            took.append(time.perf_counter() - began)
        return took

    engine = Engine(f"sqlite:///{tmp_path}/x.sqlite", data_dir=tmp_path, work=work)
    store = Store(f"sqlite:///{tmp_path}/x.sqlite", enqueue=engine.enqueue)
    await store.migrate()
    await engine.start()
    keys = await _rows(store)
    assert await engine.idle(60)

    took = [one for each in await asyncio.gather(*map(client, range(CLIENTS))) for one in each]
    _figures(f"keep, {CLIENTS} at once", took)
    waiting = await store.undrained(300)
    cpu = time.process_time()
    for number, delivery in enumerate(waiting):
        assert await store.drain(delivery.guid, concern(Reviewed(repo=REPO, pull=PullNumber(number % ROWS))), now=NOW)
    assert await engine.idle(60)
    print(f"\ndrained and worked: {1000 * (time.process_time() - cpu) / len(waiting):.2f} ms of CPU each", end="")

    took = []
    for key in keys[:50]:
        began = time.perf_counter()
        seen.clear()
        await store.wake([key], now=NOW)
        while key not in seen:  # noqa: ASYNC110 (the pause is below what is measured)
            await asyncio.sleep(0.001)
        took.append(seen[key] - began)
    _figures("enqueued until worked", took)
    cpu = time.process_time()
    await asyncio.sleep(5)
    print(f"\nidle: {20 * (time.process_time() - cpu):.1f} % of a core")
    await engine.stop()
    store.close()

"""A bot that is about to be killed: adds updates as fast as it can and works them slowly, writing down both."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bot.engine import Engine
from bot.store.store import Store
from tests.builders import an_entry, an_update


def note(path: Path, line: str) -> None:
    """Written by the kernel even if this process is killed at once."""
    with path.open("a") as file:
        file.write(f"{line}\n")


async def main(url: str, folder: Path, count: int, seconds: float) -> None:
    """Each added update is noted in `kept` after its commit, each run in `worked` before and `ended` after it."""

    async def work(key: str) -> None:
        note(folder / "worked", key)
        await asyncio.sleep(seconds)
        note(folder / "ended", key)

    engine = Engine(url, data_dir=folder, work=work)
    engine.claim()
    store = Store(url, enqueue=engine.enqueue)
    await store.migrate()
    await engine.start()
    note(folder / "started", str(os.getpid()))
    for number in range(count):
        update = an_update(target=str(number))
        await store.add(update, an_entry(update=update.id))
        note(folder / "kept", f"u:{update.id}")
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))

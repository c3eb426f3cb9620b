"""A whole fleet's work without a bot around it: lists for many sources, and answers for many repositories.

`python -m tests.bench.fleet poll BASE CACHE SOURCES` lists each source once, through the poller and the cache folder.
`python -m tests.bench.fleet answer BASE CACHE SOURCES REPOSITORIES EACH` asks for the answers of so many repositories,
each of which uses so many of the sources, and prints how many answers there were.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bot.adapters import Tools, listing, open_one, sources
from bot.adapters.listing import Shelf
from bot.adapters.poller import Poller
from bot.core.choice import choose
from bot.core.ecosystems import of
from bot.core.model import Component, Pin
from bot.core.objections import Rules
from bot.core.survey import Group
from bot.tools.cache import Folder
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.bench import documents

AT_ONCE = 64  # how many are wanted side by side; the HTTP below asks fewer


def components(count: int) -> list[Component]:
    """Six in ten are Python's."""
    return [
        Component(name=f"many-{'py' if at % 10 < 6 else 'js'}-{at:05}", ecosystem="pypi" if at % 10 < 6 else "npm")
        for at in range(count)
    ]


@asynccontextmanager
async def pollers(base: str, cache: Path) -> AsyncIterator[Mapping[str, Poller]]:
    """One poller for each kind of source, as the bot has them."""
    index = IndexSettings(index_url=f"{base}/simple")
    with Folder(cache, together=True) as folder:
        async with Http(Reach(trusted=["127.0.0.1"]), cache=folder) as http:
            tools = Tools(http=http, index=lambda: index)
            options: Mapping[str, Mapping[str, object]] = {"pypi": {}, "npm": {"url": f"{base}/npm"}}
            yield {
                kind: Poller(
                    open_one(sources, kind, given, tools), kind, fresh=timedelta(hours=1), now=lambda: datetime.now(UTC)
                )
                for kind, given in options.items()
            }


async def poll(base: str, cache: Path, count: int) -> int:
    """Each source once. Returns how many releases were listed."""
    room = asyncio.Semaphore(AT_ONCE)
    async with pollers(base, cache) as asked:

        async def one(component: Component) -> int:
            async with room:
                return len(await asked[of(component).source].releases(component))

        return sum(await asyncio.gather(*map(one, components(count))))


def pins(component: Component, rng: random.Random) -> Group:
    """A repository's pin somewhere in the last third."""
    npm = component.ecosystem == "npm"
    known = documents.versions_of(documents.fleet_project(component.name), npm=npm)
    version = known[rng.randrange(len(known) * 2 // 3, len(known))]
    pin = Pin(path="a.txt", line=1, column=1, manifest="requirements", component=component,
              requirement=f"=={version}", version=version)  # fmt: skip
    return Group(component=component, pins=(pin,))


async def answer(base: str, cache: Path, count: int, repositories: int, each: int) -> int:
    """What every repository is told of every component. Returns how many answers there were."""
    known, rng, now = components(count), random.Random(7), datetime.now(UTC)
    wanted = {one: [pins(one, rng) for _ in range(10)] for one in known}
    async with pollers(base, cache) as asked:
        shelf = Shelf(sources=asked, sightings=FolderSightings(cache / "seen"))

        async def one(component: Component) -> int:
            group = rng.choice(wanted[component])
            look = partial(choose, group.pins, now=now, rules=Rules(), known={})
            return len(await listing.answers(group, asked[of(component).source], look, shelf, now))

        told = 0
        for number in range(repositories):
            # Between them, the first repositories use every source.
            mine = known[number * each % count :][:each] if number * each < count else rng.sample(known, each)
            told += sum(await asyncio.gather(*map(one, mine)))
        return told


def main() -> None:
    """The command line."""
    what, base, cache, *numbers = sys.argv[1:]
    gc.freeze()
    work = {"poll": poll, "answer": answer}[what]
    print(asyncio.run(work(base, Path(cache), *map(int, numbers))))


if __name__ == "__main__":
    main()

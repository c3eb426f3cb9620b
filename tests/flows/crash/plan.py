"""Which points there are, in which worlds each is hit, and what came of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.flows.crash.proof import Walk, wrong
from tests.flows.crash.world import Lost, a_world

OFTEN = 10  # a point that a walk comes to more often than this is also hit in the middle and near the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One world's walk. asked: where the bot was to die; died: where it did; points: of its last life."""

    asked: tuple[str, ...]
    died: tuple[str, ...]
    points: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def missed(self) -> tuple[str, ...]:
        """Points that this world never came to."""
        return tuple(point for point in self.asked if point not in self.died)


async def walk_through(nursery: ForkServerContext, walk: Walk, deadly: Sequence[str] = ()) -> Outcome:
    """Walk to the end in a world of its own, dying at each of these points on the way."""
    died: list[str] = []
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as folder:
        async with a_world(Path(folder), share_of_new=walk.share_of_new) as world:
            try:
                while True:
                    life = world.begin(nursery, set(deadly) - set(died))
                    end = await world.end_of(life)
                    if end is not None:
                        broken = wrong(world, walk, end)
                        break
                    died.append(life.died_at or "")
            except Lost as lost:
                broken = [str(lost)]
            return Outcome(
                asked=tuple(deadly),
                died=tuple(died),
                points=tuple(life.points),
                wrong=tuple(broken),
            )


def targets(points: Iterable[str]) -> list[str]:
    """Where to die, in the order in which a walk comes there: each point once, and those that repeat also later."""
    counted = Counter(points)
    found: list[str] = []
    for point, times in counted.items():
        found.append(f"{point} @1")
    for point, times in counted.items():
        if times > OFTEN:
            found += [f"{point} @{times // 2}", f"{point} @{times * 3 // 4}"]
    return found


def shared_out(deadly: Sequence[str], each: int) -> list[tuple[str, ...]]:
    """For each world its points: at most `each`, as far apart on the way as can be."""
    worlds = -(-len(deadly) // each)
    return [tuple(deadly[number::worlds]) for number in range(worlds)]


async def hit(
    nursery: ForkServerContext, walk: Walk, shares: Sequence[Sequence[str]], *, at_once: int
) -> list[Outcome]:
    """Walk once for each share, a few worlds side by side."""
    room = asyncio.Semaphore(at_once)

    async def one(share: Sequence[str]) -> Outcome:
        async with room:
            return await walk_through(nursery, walk, share)

    return list(await asyncio.gather(*(one(share) for share in shares)))

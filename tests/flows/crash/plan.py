"""Which points there are, in which world each is hit, and what came of it."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.flows.crash.points import TOLD
from tests.flows.crash.proof import Walk, wrong
from tests.flows.crash.world import Lost, a_world

OFTEN = 10  # a point that a walk comes to more often than this is also hit in the middle and near the end
# What would hurt most if it were done twice.
GRAVE = (
    "PUT /repos/{repo}/pulls/{n}/merge",
    "/dispatches",
    "POST /repos/{repo}/pulls",
    "POST /repos/{repo}/deployments",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One world's walk. asked: where the bot was to die; died: where it did; points: those of its last life."""

    asked: tuple[str, ...]
    died: tuple[str, ...]
    points: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def missed(self) -> tuple[str, ...]:
        """Points that this world never came to."""
        return tuple(point for point in self.asked if point not in self.died)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What all worlds together showed. missed: points that no world came to, though each of these ended as it should.

    wrong: in words what was not as it should be, with the points that lead there.
    """

    hit: tuple[str, ...]
    missed: tuple[str, ...]
    wrong: tuple[str, ...]
    worlds: int

    def told(self) -> str:
        """In lines: which acts of which unit were survived, and how often each world's bot died."""
        units: defaultdict[str, list[str]] = defaultdict(list)
        for point in self.hit:
            unit, act, *_ = point.split(" | ")
            if act not in units[unit]:
                units[unit].append(act)
        lines = [f"  {unit}: {'; '.join(acts)}" for unit, acts in units.items()]
        return "\n".join(
            [f"{len(self.hit)} points hit in {self.worlds} worlds, {len(self.missed)} not reached", *lines]
        )


async def walk_through(
    nursery: ForkServerContext, walk: Walk, deadly: Sequence[str] = (), *, database: str = ""
) -> Outcome:
    """Walk to the end in a world of its own, dying at each of these points on the way.

    database: the URL of an empty PostgreSQL to live on; an SQLite file where it is left out.
    """
    died: list[str] = []
    points: list[str] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as folder:
        async with a_world(Path(folder), share_of_new=walk.share_of_new, database=database) as world:
            end = None
            while end is None and not broken:
                life = world.begin(nursery, set(deadly) - set(died))
                try:
                    end = await world.end_of(life)
                except Lost as lost:
                    broken = [str(lost)]
                died += [life.died_at] if life.died_at else []
            points = life.points
            if end is not None:
                broken = wrong(world, walk, end)
                broken += [life.last_words()] if broken else []
    return Outcome(asked=tuple(deadly), died=tuple(died), points=tuple(points), wrong=tuple(broken))


def targets(points: Iterable[str]) -> list[str]:
    """Where to die, in the order in which a walk comes there: each point once, and those that repeat also later."""
    counted = Counter(points)
    first = [f"{point} @1" for point in counted]
    often = [(point, times) for point, times in counted.items() if times > OFTEN]
    return first + [f"{point} @{nth}" for point, times in often for nth in (times // 2, times * 3 // 4)]


def changing(deadly: Iterable[str]) -> list[str]:
    """Those around a request that changes something, or around a commit that moves the update.

    One of each kind: of several weights the first, of all that is told the first comment, edit and check run.
    """
    found: dict[str, str] = {}
    for point in deadly:
        act = point.split(" | ")[1]
        sends = act.startswith(("POST ", "PUT ", "PATCH ", "DELETE ")) and act != "POST /github"
        moves = "audit" in act and " updates to " in act
        if (sends or moves) and point.endswith("@1"):
            found.setdefault(re.sub(rf"\d+ %|^{TOLD}[^|]*", "", point), point)
    return list(found.values())


def twice(deadly: Iterable[str]) -> tuple[str, ...]:
    """One world's points: before what is grave, and there again, as where something about it is what kills."""
    grave = [point for point in deadly if point.split(" | ")[1].endswith(GRAVE) and point.endswith("before @1")]
    return tuple(point for first in grave for point in (first, first.replace("@1", "@2")))


def shared_out(deadly: Sequence[str], each: int) -> list[tuple[str, ...]]:
    """For each world its points: at most `each`, as far apart on the way as can be.

    Where the voice dies has worlds of its own: after a death somewhere else the update may be past what was to be told.
    """
    told = [point for point in deadly if point.startswith(TOLD)]
    return [*_dealt([point for point in deadly if point not in told], each), *_dealt(told, each)]


def _dealt(deadly: Sequence[str], each: int) -> list[tuple[str, ...]]:
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


async def prove(nursery: ForkServerContext, walk: Walk, shares: Sequence[Sequence[str]], *, at_once: int) -> Proof:
    """Hit all of them; who was missed gets a world of its own, and where something broke it is told which point did."""
    first = await hit(nursery, walk, shares, at_once=at_once)
    alone = [(point,) for one in first if not one.wrong for point in one.missed]
    again = await hit(nursery, walk, alone, at_once=at_once)
    broken = [one for one in (*first, *again) if one.wrong]
    return Proof(
        hit=tuple(point for one in (*first, *again) for point in one.died),
        missed=tuple(point for one in again for point in one.missed),
        wrong=tuple([await _blamed(nursery, walk, one, at_once) for one in broken]),
        worlds=len(first) + len(again),
    )


async def _blamed(nursery: ForkServerContext, walk: Walk, broken: Outcome, at_once: int) -> str:
    """What broke, and after which deaths; each of these is tried alone, so that one that suffices is named."""
    alone = await hit(nursery, walk, [(point,) for point in broken.died], at_once=at_once)
    guilty = [f"alone: {one.died}: {'; '.join(one.wrong)[:600]}" for one in alone if one.wrong]
    together = f"{walk.name}, after dying at {list(broken.died)}: {list(broken.wrong)}"
    return "\n".join([together, *(guilty or ["none of these points breaks it alone"])])

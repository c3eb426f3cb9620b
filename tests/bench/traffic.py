"""Random traffic of two releases, for the judge's tests and its benchmark: stdlib only, seeded, no clock."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core import judge
from bot.core.model import Counts, Evidence, Reading

START = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Traffic as it comes. canary: its failure rate by second. shock: times both rates, by second. burst: size."""

    base: float = 0.005
    canary: Callable[[int], float]
    share: Callable[[int], float] = lambda second: 0.05
    shock: Callable[[int], float] = lambda second: 1.0
    burst: int = 1
    rate: float = 50.0  # requests a second
    every: int = 10  # seconds between looks
    seconds: int = 1800


def poisson(mean: float, rng: random.Random) -> int:
    """Knuth's product for small means; the normal curve, rounded, for large ones."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def readings(world: World, rng: random.Random) -> Iterator[tuple[int, Reading]]:
    """Cumulative readings with their second, the zero point first."""
    stable = canary = Counts()
    for second in range(0, world.seconds + 1, world.every):
        yield second, Reading(at=START + timedelta(seconds=second), stable=stable, canary=canary)
        share, shock = world.share(second), world.shock(second)
        stable = _more(stable, world.rate * world.every * (1 - share), world.base * shock, world, rng)
        canary = _more(canary, world.rate * world.every * share, world.canary(second) * shock, world, rng)


def _more(counts: Counts, mean: float, rate: float, world: World, rng: random.Random) -> Counts:
    requests = poisson(mean, rng)
    errors = world.burst * poisson(requests * rate / world.burst, rng)
    return Counts(requests=counts.requests + max(requests, errors), errors=counts.errors + errors)


def alarm(world: World, rng: random.Random, *, tolerance: float = 1.0, memory: Evidence | None = None) -> int | None:
    """The second at which the canary is called BAD, or None when it never is. memory: what earlier looks left."""
    evidence = memory or Evidence()
    for second, reading in readings(world, rng):
        evidence = judge.weigh(evidence, reading, tolerance=tolerance)
        if judge.ruling(evidence) is judge.Ruling.BAD:
            return second
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came out of many runs of one world. median: seconds; infinite where fewer than half of them alarmed."""

    share: float
    median: float


def cell(world: World, *, runs: int, seed: int = 1, tolerance: float = 1.0, learnt: int = 0) -> Cell:
    """Many runs. learnt: seconds of healthy traffic from which the dispersion is known beforehand."""
    rng = random.Random(seed)
    seconds = []
    for _ in range(runs):
        found = alarm(world, rng, tolerance=tolerance, memory=_memory(world, learnt, rng))
        seconds.append(math.inf if found is None else float(found))
    return Cell(share=sum(second < math.inf for second in seconds) / runs, median=sorted(seconds)[runs // 2])


def _memory(world: World, seconds: int, rng: random.Random) -> Evidence | None:
    if not seconds:
        return None
    before = World(base=world.base, canary=lambda _: world.base, burst=world.burst, every=world.every, seconds=seconds)
    evidence = Evidence()
    for _, reading in readings(before, rng):
        evidence = judge.weigh(evidence, reading)
    return judge.onward(evidence)

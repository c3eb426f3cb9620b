"""Whether something got slower: the best of both sides decides, the next ones must agree, and doubt asks for more.

Samples are positive figures of any unit, less being better; each is the best that one fresh process did. Load on the
machine only ever adds, so the best of many is nearest to what the code costs: of all statistics that were tried on
measured samples it finds most and alarms least. But now and then a lucky process is much faster than the rest, on one
side and not on the other; so the better two fifths of both must lean the same way. The rank test (Mann and Whitney,
1947) stands beside them for what slows some runs only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate
from statistics import median

from bot.core.model import Level

FEWEST, USUAL, MOST = 5, 10, 20  # samples of each side: to say anything, to judge, and to judge what is in doubt
_DOUBTFUL = (1.02, 1.08)
_NEAR = 0.03  # of a limit, as a ratio: so near, more samples are taken
_LOW, _LEAN = 0.4, 0.7  # the better two fifths; by what share of a limit their end must lean the same way
_CERTAIN = 0.01  # of the rank test, one-sided
_BUSY = 0.10  # of the time: who waits no longer than this is held to be busy computing


class Pace(StrEnum):
    """How the later side compares."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much more, as a share of 1, is worth a word, and how much is a failure."""

    warn: float = 0.05
    fail: float = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides laid side by side. ratio: of the best; low: at the end of the better two fifths; middle: the medians.

    Above 1 the later side needs more.
    p: how likely ranks at least as high as the later side's are if nothing changed. samples: of the smaller side.
    uneven: the best are alike, and yet the later side is slower as a whole: not every run is slowed.
    """

    pace: Pace
    level: Level = Level.NOTICE
    ratio: float = 1.0
    low: float = 1.0
    middle: float = 1.0
    p: float = 0.5
    samples: int = 0
    before: float = 0.0
    after: float = 0.0
    uneven: bool = False

    @property
    def change(self) -> float:
        """The share by which the best changed: 0.1 for a tenth more."""
        return self.ratio - 1


def compared(before: Sequence[float], after: Sequence[float], bounds: Bounds, *, strict: bool = False) -> Comparison:
    """The two sides by their best. strict: by ranks as well, for figures that load on the machine spoils.

    Fewer than FEWEST samples on a side say nothing; fewer than USUAL warn at most.
    """
    if not usable(before) or not usable(after):
        return Comparison(pace=Pace.UNKNOWN, samples=min(len(before), len(after)))
    found = Comparison(
        pace=Pace.SAME,
        ratio=min(after) / min(before),
        low=_low(after) / _low(before),
        middle=median(after) / median(before),
        p=rank_p(before, after),
        samples=min(len(before), len(after)),
        before=min(before),
        after=min(after),
    )
    certain = not strict or found.p < _CERTAIN
    certain_back = not strict or rank_p(after, before) < _CERTAIN
    if certain and _exceeds(found.ratio, found.low, bounds.warn):
        grave = _exceeds(found.ratio, found.low, bounds.fail) and found.samples >= USUAL
        return replace(found, pace=Pace.SLOWER, level=Level.FAILURE if grave else Level.WARNING)
    if certain_back and _exceeds(1 / found.ratio, 1 / found.low, bounds.warn):
        return replace(found, pace=Pace.FASTER)
    if not strict and found.samples >= USUAL and found.middle > 1 + bounds.warn and found.p < _CERTAIN:
        return replace(found, level=Level.WARNING, uneven=True)
    return found


def usable(samples: Sequence[float]) -> bool:
    """Enough of them, and each a figure that can be compared."""
    return len(samples) >= FEWEST and all(math.isfinite(one) and one > 0 for one in samples)


def _low(samples: Sequence[float]) -> float:
    return sorted(samples)[int(len(samples) * _LOW)]


def _exceeds(ratio: float, low: float, limit: float) -> bool:
    return ratio > 1 + limit and low > 1 + _LEAN * limit


def doubtful(found: Comparison, bounds: Bounds) -> bool:
    """Whether more samples could change it: near a limit, where chance lies, or where best and others part."""
    near = near_a_limit(found, bounds)
    parted = found.ratio > 1 + bounds.warn and found.pace is not Pace.SLOWER
    return near or parted or found.uneven or _DOUBTFUL[0] <= found.ratio <= _DOUBTFUL[1]


def near_a_limit(found: Comparison, bounds: Bounds) -> bool:
    """Whether a little more or less would have made it another verdict."""
    return any(abs(found.ratio / (1 + limit) - 1) <= _NEAR for limit in (bounds.warn, bounds.fail))


def rank_p(before: Sequence[float], after: Sequence[float]) -> float:
    """The one-sided p of Mann and Whitney's test that after is greater, by the normal approximation with ties.

    https://en.wikipedia.org/wiki/Mann-Whitney_U_test; good from some eight samples a side on. 0.5 where all are alike.
    """
    both = Counter([*before, *after])
    ends = dict(zip(sorted(both), accumulate(both[value] for value in sorted(both)), strict=True))
    n, m = len(before), len(after)
    total = n + m
    ranks = sum(ends[value] - (both[value] - 1) / 2 for value in after)
    above = ranks - m * (m + 1) / 2 - n * m / 2
    ties = sum(count**3 - count for count in both.values())
    spread = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    # A half towards the middle, as the sum of ranks moves in steps.
    return 0.5 * math.erfc(math.copysign(max(abs(above) - 0.5, 0.0), above) / spread / math.sqrt(2)) if spread else 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One sample of one call. wall: seconds on the clock; cpu: of them computing, None where nobody measured it.

    allocations: how often it asked for memory, and allocated: for how many bytes; None where nobody counted.
    """

    wall: float
    cpu: float | None = None
    allocations: int | None = None
    allocated: int | None = None


def timed(before: Sequence[Took], after: Sequence[Took], bounds: Bounds, *, strict: bool = False) -> Comparison:
    """By the processor's time where the code computes all the while, as other programs on the machine hardly touch it.

    Where it waits as well, either may tell: more computing, or, where it is certain, more time on the clock; likewise
    where nothing but the clock is known.
    strict: as `compared`, for figures of code that ran but once in its process.
    """
    old_wall, new_wall = ([one.wall for one in side] for side in (before, after))
    if not usable(old_wall) or not usable(new_wall) or any(not one.cpu for one in (*before, *after)):
        # Of a tool's own figures only the clock is known, and it may have measured long at a stretch: load spoils that.
        told = any(one.cpu is None for one in (*before, *after))
        return compared(old_wall, new_wall, bounds, strict=strict or told)
    old_cpu, new_cpu = ([one.cpu or 0.0 for one in side] for side in (before, after))
    computing = compared(old_cpu, new_cpu, bounds, strict=strict)
    if _busy(before) and _busy(after):
        return computing
    waiting = compared(old_wall, new_wall, bounds, strict=True)
    return max((waiting, computing), key=lambda one: (_GRAVITY[one.level], one.pace is Pace.SLOWER))


_GRAVITY = {Level.NOTICE: 0, Level.WARNING: 1, Level.FAILURE: 2}


def _busy(side: Sequence[Took]) -> bool:
    """The least that any sample waited: what an idle machine would show."""
    return min((one.wall - (one.cpu or 0.0)) / one.wall for one in side) <= _BUSY


def counted(before: int, after: int, bounds: Bounds) -> Comparison:
    """Two counts of instructions: next to no chance in them, so one of each is enough."""
    if before <= 0 or after <= 0:
        return Comparison(pace=Pace.UNKNOWN)
    ratio = after / before
    found = Comparison(pace=Pace.SAME, ratio=ratio, low=ratio, middle=ratio, samples=1, before=before, after=after)
    if ratio > 1 + bounds.warn:
        return replace(found, pace=Pace.SLOWER, level=Level.FAILURE if ratio > 1 + bounds.fail else Level.WARNING)
    return replace(found, pace=Pace.FASTER) if 1 / ratio > 1 + bounds.warn else found


def exact(before: Sequence[int], after: Sequence[int], bounds: Bounds) -> Comparison:
    """Counts that chance hardly touches: worse where each of the later side is above all earlier, a warning at most.

    What was nothing before and is something now counts as if it had been one.
    """
    if min(len(before), len(after)) < FEWEST or min(*before, *after) < 0:
        return Comparison(pace=Pace.UNKNOWN, samples=min(len(before), len(after)))
    ratio = max(min(after), 1) / max(min(before), 1) if min(before) else 1.0 + min(after)
    found = Comparison(
        pace=Pace.SAME, ratio=ratio, low=ratio, middle=ratio, samples=min(len(before), len(after)),
        before=min(before), after=min(after),
    )  # fmt: skip
    if min(after) > max(before) and ratio > 1 + bounds.warn:
        return replace(found, pace=Pace.SLOWER, level=Level.WARNING)
    fewer = max(after) < min(before) and min(before) > (1 + bounds.warn) * min(after)
    return replace(found, pace=Pace.FASTER) if fewer else found


def settled(time: Comparison, other: Comparison) -> Comparison:
    """What a second opinion leaves of it: where that finds nothing slower, it is one step less grave.

    One step only: a count of instructions is blind to waiting, to caches and to locks, and a second look has its luck.
    """
    if time.pace is not Pace.SLOWER or other.pace in (Pace.SLOWER, Pace.UNKNOWN):
        return time
    if time.level is Level.FAILURE:
        return replace(time, level=Level.WARNING)
    return replace(time, level=Level.NOTICE, pace=Pace.SAME)


def weighed(before: Sequence[float], after: Sequence[float], bounds: Bounds, *, least: float) -> Comparison:
    """Peaks of memory: by their best, and a warning at most. least: so much more at least, in their unit.

    Memory is given out in whole pages and pools, so a small peak moves by small steps that mean nothing.
    """
    found = compared(before, after, bounds)
    if found.level is Level.NOTICE:
        return found
    if found.uneven or found.after - found.before < least:
        return replace(found, pace=Pace.SAME, level=Level.NOTICE, uneven=False)
    return replace(found, level=Level.WARNING)

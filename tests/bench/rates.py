"""How often a comparison alarms without a cause, and how often it finds one: windows over a pool of samples.

A pool holds, for each benchmark, samples of A, of A again and of A with a tenth more work, taken by turns in random
order. A window of it is what one simulation would have seen: ten of each side, twenty where it asks for more. Windows
overlap, so they are no independent rounds; they are many, and of real samples, and cost no hours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.comparisons import MOST, USUAL, Bounds, Comparison, Took, doubtful, timed
from bot.core.model import Level

Pool = dict[str, Mapping[str, Sequence[Took]]]  # benchmark -> "A", "B" (A again) or "C" (a tenth more) -> samples
BOUNDS = Bounds()
IMPORT = "import"  # what ran but once in its process, and nobody asked to have measured


@dataclass(slots=True)
class Rates:
    """Counts over the windows of one pool or of several."""

    rounds: int = 0
    alarms: int = 0
    failures: int = 0
    longer: int = 0
    slowed: int = 0
    found: int = 0

    @property
    def alarm_share(self) -> float:
        """Of the windows in which nothing had changed."""
        return self.alarms / self.rounds

    @property
    def found_share(self) -> float:
        """Of the windows with a tenth more work."""
        return self.found / self.slowed

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds without a change: {self.alarm_share:.2%} alarms"
            f" ({self.failures / self.rounds:.2%} failures), {self.longer / self.rounds:.0%} asked for more;"
            f" {self.slowed} rounds with +10 %: {self.found_share:.1%} found"
        )


def rates(pool: Pool) -> Rates:
    """Every window of every benchmark, A and A again in both directions; imports by the strict rule that they have."""
    counts = Rates()
    for name, sides in pool.items():
        strict = name == IMPORT
        for start in range(min(len(one) for one in sides.values()) - MOST + 1):
            for one, other in ("AB", "BA"):
                found, longer = verdict(sides[one], sides[other], start, strict)
                counts.rounds += 1
                counts.alarms += found.level is not Level.NOTICE
                counts.failures += found.level is Level.FAILURE
                counts.longer += longer
            for one in "AB":
                counts.slowed += 1
                counts.found += verdict(sides[one], sides["C"], start, strict)[0].level is not Level.NOTICE
    return counts


def verdict(before: Sequence[Took], after: Sequence[Took], start: int, strict: bool) -> tuple[Comparison, bool]:
    """What one simulation would have said, and whether it took twice as many samples."""
    found = _window(before, after, start, USUAL, strict)
    return (_window(before, after, start, MOST, strict), True) if doubtful(found, BOUNDS) else (found, False)


def _window(before: Sequence[Took], after: Sequence[Took], start: int, count: int, strict: bool) -> Comparison:
    return timed(before[start : start + count], after[start : start + count], BOUNDS, strict=strict)


def load(path: Path) -> Pool:
    """A pool from a file: {benchmark: {side: [[wall, cpu], …]}} in microseconds."""
    told = json.loads(path.read_text())
    return {
        name: {side: [Took(wall=wall, cpu=cpu) for wall, cpu in pairs] for side, pairs in sides.items()}
        for name, sides in told.items()
    }


def save(pool: Pool, path: Path) -> None:
    """As `load` reads it."""
    told = {
        name: {side: [[_micro(one.wall), _micro(one.cpu or 0.0)] for one in took] for side, took in sides.items()}
        for name, sides in pool.items()
    }
    path.write_text(json.dumps(told, separators=(",", ":")).replace("]],", "]],\n") + "\n")


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 1)

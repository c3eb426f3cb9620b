"""How fast the judge sees a fault, and how often it cries wolf: simulated, 2 000 runs a cell, printed as a table.

Each row names what simulations of the same method with numpy gave (20 000 runs a cell). Run by `make bench`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.bench.traffic import World, cell

RUNS = int(os.environ.get("JUDGE_RUNS", "2000"))
ALPHA = 0.01
RAMP = (0.05, 0.10, 0.25, 0.50, 0.90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cell of the table. expected: the median in seconds after the onset, or None for a world without a fault."""

    name: str
    world: World
    share: float  # the share of runs with an alarm, as the reference simulation found it
    expected: float | None = None
    onset: float = 0.0
    tolerance: float = 1.0
    learnt: int = 0


def _rate(value: float) -> Callable[[int], float]:
    return lambda second: value


def _late(value: float) -> Callable[[int], float]:
    return lambda second: value if second >= 600 else 0.005


def _ramp(second: int) -> float:
    return RAMP[min(second // 360, len(RAMP) - 1)]


def _incident(second: int) -> float:
    return 6.0 if 600 <= second < 900 else 1.0


def _at(share: float, rate: float) -> World:
    return World(canary=_rate(rate), share=_rate(share))


BURSTS_2, BURSTS_5 = World(canary=_rate(0.02), burst=3), World(canary=_rate(0.05), burst=3)

ROWS = [
    Row(name="5 %, no fault", world=_at(0.05, 0.005), share=0.0050),
    Row(name="5 %, canary 1 %", world=_at(0.05, 0.01), share=0.727, expected=1200),
    Row(name="5 %, canary 2 %", world=_at(0.05, 0.02), share=1.0, expected=180),
    Row(name="5 %, canary 5 %", world=_at(0.05, 0.05), share=1.0, expected=40),
    Row(name="5 %, no fault, tolerance 1.25", world=_at(0.05, 0.005), share=0.0011, tolerance=1.25),
    Row(name="5 %, canary 2 %, tolerance 1.25", world=_at(0.05, 0.02), share=1.0, expected=250, tolerance=1.25),
    Row(name="5 %, canary 5 %, tolerance 1.25", world=_at(0.05, 0.05), share=1.0, expected=50, tolerance=1.25),
    Row(name="10 %, no fault", world=_at(0.10, 0.005), share=0.0043),
    Row(name="10 %, canary 1 %", world=_at(0.10, 0.01), share=0.969, expected=650),
    Row(name="10 %, canary 2 %", world=_at(0.10, 0.02), share=1.0, expected=110),
    Row(name="10 %, canary 5 %", world=_at(0.10, 0.05), share=1.0, expected=30),
    Row(name="5 %, canary 2 % from 600 s on", world=World(canary=_late(0.02)), share=0.999, expected=400, onset=600),
    Row(name="5 %, canary 5 % from 600 s on", world=World(canary=_late(0.05)), share=1.0, expected=120, onset=600),
    Row(name="5 %, no fault, incident on both", world=World(canary=_rate(0.005), shock=_incident), share=0.0041),
    Row(name="5 %, no fault, base 2 %", world=World(base=0.02, canary=_rate(0.02)), share=0.0022),
    Row(name="bursts of 3, no fault, known", world=World(canary=_rate(0.005), burst=3), share=0.0053, learnt=1800),
    Row(name="bursts of 3, canary 2 %, known", world=BURSTS_2, share=1.0, expected=530, learnt=1800),
    Row(name="bursts of 3, canary 5 %, known", world=BURSTS_5, share=1.0, expected=110, learnt=1800),
    Row(name="ramp, no fault", world=World(canary=_rate(0.005), share=_ramp), share=0.0032),
    Row(name="ramp, canary 1 %", world=World(canary=_rate(0.01), share=_ramp), share=0.998, expected=780),
    Row(name="ramp, canary 2 %", world=World(canary=_rate(0.02), share=_ramp), share=1.0, expected=180),
    Row(name="ramp, canary 5 %", world=World(canary=_rate(0.05), share=_ramp), share=1.0, expected=40),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_cell(row: Row) -> None:
    """Without a fault the promised level holds; with one the median is near the reference (one look is 10 s)."""
    found = cell(row.world, runs=RUNS, tolerance=row.tolerance, learnt=row.learnt)

    reference = "never" if row.expected is None else f"{row.expected:.0f} s"
    seconds = found.median - row.onset
    median = "never" if seconds == math.inf else f"{seconds:.0f} s"
    print(f"\n{row.name:34} alarms {found.share:.4f} ({row.share:.4f})  median {median:>7} ({reference})", end="")
    if row.expected is None:
        assert found.share <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
    else:
        assert abs(seconds - row.expected) <= max(0.2 * row.expected, 10)

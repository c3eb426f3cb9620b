"""What got slower is found, and what did not is left alone."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.comparisons import (
    FEWEST,
    USUAL,
    Bounds,
    Comparison,
    Pace,
    Took,
    compared,
    counted,
    doubtful,
    exact,
    rank_p,
    settled,
    timed,
    usable,
    weighed,
)
from bot.core.model import Level
from tests.bench.rates import IMPORT, load, rates

BOUNDS = Bounds()
figures = st.floats(1e-6, 1e6)
sides = st.lists(figures, min_size=USUAL, max_size=20)
OPPOSITE = {Pace.SLOWER: Pace.FASTER, Pace.FASTER: Pace.SLOWER, Pace.SAME: Pace.SAME, Pace.UNKNOWN: Pace.UNKNOWN}
GRAVITY = {Level.NOTICE: 0, Level.WARNING: 1, Level.FAILURE: 2}


def loaded(best: float, seed: int, count: int = USUAL) -> list[float]:
    """Samples of a busy machine: seldom the best, often more, now and then much more."""
    chance = random.Random(seed)
    return [best * (1 + chance.expovariate(20)) for _ in range(count - 1)] + [best]


@given(sides)
def test_the_same_samples_on_both_sides_are_the_same(side: list[float]) -> None:
    """Whatever they look like."""
    found = compared(side, side, BOUNDS)
    assert (found.pace, found.level, found.ratio, found.middle) == (Pace.SAME, Level.NOTICE, 1.0, 1.0)


@given(sides, sides, st.integers(-8, 8))
def test_the_unit_does_not_matter(before: list[float], after: list[float], power: int) -> None:
    """Seconds or nanoseconds, bytes or pages."""
    unit = 2.0**power
    one, other = (
        compared(before, after, BOUNDS),
        compared([x * unit for x in before], [x * unit for x in after], BOUNDS),
    )
    assert (one.pace, one.level, one.ratio, one.p) == (other.pace, other.level, other.ratio, other.p)


@given(sides, sides)
def test_slower_one_way_is_faster_the_other_way(before: list[float], after: list[float]) -> None:
    """Neither side is favoured."""
    there, back = compared(before, after, BOUNDS), compared(after, before, BOUNDS)
    # At the very limit the two quotients may be rounded to different sides.
    if not any(math.isclose(r, 1 + x * k) for r in (there.ratio, 1 / there.ratio, there.low, 1 / there.low)
               for x in (0.05, 0.1) for k in (1, 0.7)):  # fmt: skip
        assert back.pace is OPPOSITE[there.pace]
    assert math.isclose(there.ratio * back.ratio, 1)


@given(sides, sides, st.permutations(range(USUAL)))
def test_the_order_of_the_samples_does_not_matter(before: list[float], after: list[float], order: list[int]) -> None:
    """They are a set of independent runs."""
    mixed = [before[place] for place in order] + before[USUAL:]
    assert compared(before, after, BOUNDS) == compared(mixed, after, BOUNDS)


@given(sides, sides, st.floats(1, 3))
def test_more_time_is_never_judged_milder(before: list[float], after: list[float], factor: float) -> None:
    """If every run of the later side takes longer, the verdict does not get better."""
    less, more = compared(before, after, BOUNDS), compared(before, [x * factor for x in after], BOUNDS)
    assert more.ratio >= less.ratio * (1 - 1e-12)
    if less.pace is Pace.SLOWER:
        assert more.pace is Pace.SLOWER and GRAVITY[more.level] >= GRAVITY[less.level]


@given(sides, sides)
def test_the_ranks_are_fair(before: list[float], after: list[float]) -> None:
    """The chances of both directions add up to one, but for the half step between them."""
    assert 0 <= rank_p(before, after) <= 1
    assert rank_p(before, after) + rank_p(after, before) >= 1 - 1e-9
    assert rank_p(before, before) == pytest.approx(0.5, abs=0.02)


def exact_p(before: Sequence[float], after: Sequence[float]) -> float:
    """By trying every way to deal the figures to the two sides: how many rank the later side at least as high."""

    def above(later: Sequence[float], rest: Sequence[float]) -> float:
        return sum((a > b) + (a == b) / 2 for a in later for b in rest)

    both, here = [*before, *after], above(after, before)
    deals = [set(deal) for deal in itertools.combinations(range(len(both)), len(after))]
    hits = sum(
        above([both[k] for k in deal], [both[k] for k in range(len(both)) if k not in deal]) >= here for deal in deals
    )
    return hits / len(deals)


@given(st.lists(st.integers(0, 40), min_size=12, max_size=12))
@settings(max_examples=10, deadline=None)
def test_the_rank_test_is_near_the_exact_one(values: list[int]) -> None:
    """Six a side, ties and all: the approximation is good enough to tell a hundredth from a tenth."""
    before, after = values[:6], values[6:]
    if len(set(values)) > 6:
        assert rank_p(before, after) == pytest.approx(exact_p(before, after), abs=0.06)
    assert rank_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.0061, abs=1e-4)


@pytest.mark.parametrize(
    ("factor", "pace", "level"),
    [
        (1.00, Pace.SAME, Level.NOTICE),
        (1.03, Pace.SAME, Level.NOTICE),
        (1.07, Pace.SLOWER, Level.WARNING),
        (1.15, Pace.SLOWER, Level.FAILURE),
        (0.90, Pace.FASTER, Level.NOTICE),
    ],
)
def test_the_limits_are_those_of_the_owner(factor: float, pace: Pace, level: Level) -> None:
    """Five per cent warns and ten fails, unless he says otherwise."""
    before, after = loaded(1.0, 1), [x * factor for x in loaded(1.0, 2)]
    found = compared(before, after, BOUNDS)
    assert (found.pace, found.level) == (pace, level), found
    wide = compared(before, after, Bounds(warn=0.5, fail=1.0))
    assert (wide.pace, wide.level) == (Pace.SAME, Level.NOTICE)


def test_one_lucky_run_is_no_slowdown_of_the_other_side() -> None:
    """A process that was much faster than all others of both sides says nothing about the update; more are taken."""
    before, after = [0.9, *loaded(1.0, 3)], loaded(1.0, 4, USUAL + 1)
    found = compared(before, after, BOUNDS)
    assert found.ratio > 1.1 and found.pace is Pace.SAME and found.level is Level.NOTICE
    assert doubtful(found, BOUNDS)


def test_what_slows_some_runs_only_is_said() -> None:
    """The best are alike and the rest is slower: a warning, as the best alone would hide it."""
    before = [1.0, *[1.01 + place / 1000 for place in range(11)]]
    after = [1.0, *[1.30 + place / 1000 for place in range(11)]]
    found = compared(before, after, BOUNDS)
    assert (found.pace, found.level, found.uneven) == (Pace.SAME, Level.WARNING, True)
    assert doubtful(found, BOUNDS)


@pytest.mark.parametrize("ratio", [1.02, 1.03, 1.05, 1.08, 1.10, 1.12])
def test_doubt_asks_for_more(ratio: float) -> None:
    """Near the limits, and where chance lies."""
    assert doubtful(Comparison(pace=Pace.SLOWER, ratio=ratio, middle=ratio), BOUNDS)


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.01, 1.5, 3.0])
def test_what_is_clear_costs_no_more(ratio: float) -> None:
    """Neither the same nor what is far beyond the limits is measured twice."""
    pace = Pace.SLOWER if ratio > 1.05 else Pace.SAME
    assert not doubtful(Comparison(pace=pace, ratio=ratio, middle=ratio), BOUNDS)


def test_too_little_is_not_known() -> None:
    """Four samples say nothing; what is no figure says nothing; half of the usual may warn and not fail."""
    few = loaded(1.0, 5, FEWEST - 1)
    assert compared(few, few, BOUNDS).pace is Pace.UNKNOWN
    for bad in (math.nan, math.inf, 0.0, -1.0):
        assert compared([*loaded(1.0, 6), bad], loaded(1.0, 7), BOUNDS).pace is Pace.UNKNOWN
    half = compared(loaded(1.0, 8, 6), [2 * x for x in loaded(1.0, 9, 6)], BOUNDS)
    assert (half.pace, half.level) == (Pace.SLOWER, Level.WARNING)


def took(walls: Sequence[float], cpus: Sequence[float | None]) -> list[Took]:
    return [Took(wall=wall, cpu=cpu) for wall, cpu in zip(walls, cpus, strict=True)]


def test_other_programs_do_not_count() -> None:
    """Under load the clock runs on while the code waits for its turn; what it computes stays the same."""
    cpu = loaded(1.0, 10)
    before, after = took([1.01, *[3.0] * 9], cpu), took([1.05, *[9.0] * 9], cpu)
    assert timed(before, after, BOUNDS).level is Level.NOTICE
    assert compared([one.wall for one in before], [one.wall for one in after], BOUNDS).level is not Level.NOTICE


def test_waiting_counts_where_it_is_certain() -> None:
    """An update that sleeps computes no more, and is slower; one that computes more is seen through the waiting."""
    cpu = loaded(0.1, 11)
    walls = [1 + place / 100 for place in range(10)]
    slept = timed(took(walls, cpu), took([2 * wall for wall in walls], cpu), BOUNDS)
    assert (slept.pace, slept.level) == (Pace.SLOWER, Level.FAILURE)
    computed = timed(took(walls, cpu), took(walls, [2 * one for one in cpu]), BOUNDS)
    assert (computed.pace, computed.level) == (Pace.SLOWER, Level.FAILURE)
    noisy = took([1, *[4] * 9], cpu), took([1.2, *[3] * 9], cpu)
    assert timed(*noisy, BOUNDS).level is Level.NOTICE


def test_without_the_processors_time_the_clock_decides() -> None:
    """As with pytest-benchmark, which only tells the clock."""
    before, after = took(loaded(1.0, 12), [None] * 10), took(loaded(1.2, 13), [None] * 10)
    assert timed(before, after, BOUNDS).level is Level.FAILURE
    assert timed([], [], BOUNDS).pace is Pace.UNKNOWN


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_counts_follow_the_limits(before: int, after: int) -> None:
    """One of each is enough, since there is no chance in them."""
    found = counted(before, after, BOUNDS)
    assert (found.pace is Pace.SLOWER) == (after / before > 1.05)
    assert (found.level is Level.FAILURE) == (after / before > 1.10)
    assert counted(0, after, BOUNDS).pace is Pace.UNKNOWN


def test_a_second_opinion_takes_one_step() -> None:
    """Never two: it has its blind spots. Where it agrees, or knows nothing, all stays as it was."""
    failing = Comparison(pace=Pace.SLOWER, level=Level.FAILURE, ratio=1.12)
    warning = Comparison(pace=Pace.SLOWER, level=Level.WARNING, ratio=1.06)
    same = counted(100, 101, BOUNDS)
    assert settled(failing, same).level is Level.WARNING
    assert (settled(warning, same).level, settled(warning, same).pace) == (Level.NOTICE, Pace.SAME)
    for agrees in (counted(100, 112, BOUNDS), counted(0, 0, BOUNDS)):
        assert settled(failing, agrees) is failing
    quiet = Comparison(pace=Pace.SAME)
    assert settled(quiet, counted(100, 200, BOUNDS)) is quiet


def test_memory_warns_and_never_fails() -> None:
    """And only of what is more than pages and pools move by themselves."""
    before, after = [100.0] * 10, [200.0] * 10
    assert weighed(before, after, BOUNDS, least=50).level is Level.WARNING
    assert weighed(before, after, BOUNDS, least=150).level is Level.NOTICE
    assert weighed(before, before, BOUNDS, least=0).level is Level.NOTICE
    assert weighed([], [], BOUNDS, least=0).pace is Pace.UNKNOWN


counts = st.lists(st.integers(0, 10**9), min_size=FEWEST, max_size=20)


@given(counts, counts)
def test_counts_that_overlap_are_the_same(before: list[int], after: list[int]) -> None:
    """What chance alone can have done is nobody's fault; and counts warn at most."""
    found, back = exact(before, after, BOUNDS), exact(after, before, BOUNDS)
    apart = min(after) > max(before) and min(after) > 1.05 * min(before)
    if not math.isclose(min(after), 1.05 * min(before)):  # there, rounding decides
        assert (found.pace is Pace.SLOWER) == (found.level is Level.WARNING) == (back.pace is Pace.FASTER) == apart
    assert found.level is not Level.FAILURE
    assert exact(before, before, BOUNDS).pace is Pace.SAME


def test_a_count_that_was_nothing_before_is_new() -> None:
    """Its ratio is told as if there had been one; too few counts say nothing."""
    found = exact([0] * 10, [2] * 10, BOUNDS)
    assert (found.pace, found.level, found.ratio, found.before) == (Pace.SLOWER, Level.WARNING, 3.0, 0)
    assert exact([1] * 4, [2] * 9, BOUNDS).pace is Pace.UNKNOWN
    assert exact([-1] * 9, [2] * 9, BOUNDS).pace is Pace.UNKNOWN
    assert exact([100] * 9, [104] * 9, BOUNDS).pace is Pace.SAME


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_anything_may_come_in(side: list[float]) -> None:
    """Figures are claims of foreign code; nothing of it breaks the comparison."""
    found = compared(side, side, BOUNDS)
    assert (found.pace is Pace.UNKNOWN) == (not usable(side))


# Measured on a virtual machine of two shared cores, as tests/bench/test_aa.py does it: with two programs that burn them
# all the while (as processes of the machine itself, and in the jail), and with the load of other people's work alone.
POOLS = sorted((Path(__file__).parents[1] / "data" / "benchmarks").glob("*.json"))


@pytest.mark.parametrize("path", POOLS, ids=lambda path: str(path.stem))
def test_the_promise_holds_on_recorded_samples(path: Path) -> None:
    """At most one alarm in a hundred rounds without a change, and a tenth more work is found in 95 of a hundred.

    Imports, which nobody asked to have measured, keep the first half alone.
    """
    pool = load(path)
    imports = [rates({IMPORT: pool.pop(IMPORT)})] if IMPORT in pool else []
    found = rates(pool)
    assert found.rounds >= 400 and found.slowed >= 400
    assert found.found_share >= 0.95, found
    for one in (found, *imports):
        assert one.alarm_share <= 0.01, one


def test_the_promise_is_about_the_rule() -> None:
    """The best alone, without the medians, would have alarmed more often on the very same samples."""
    bare = honest = 0
    for path in POOLS:
        for sides in load(path).values():
            for start in range(len(sides["A"]) - USUAL + 1):
                before, after = ([took.wall for took in sides[side][start : start + USUAL]] for side in "AB")
                bare += min(after) > 1.05 * min(before)
                honest += compared(before, after, BOUNDS).pace is Pace.SLOWER
    assert honest < bare

"""One probe from its first run to its figures: what both sides can run is sampled, compared, and looked at again."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.core import comparisons
from bot.core.benchmarks import Measured, Trouble
from bot.core.comparisons import MOST, USUAL, Bounds, Comparison, Took
from bot.core.model import Level
from bot.core.quoting import code
from bot.lab.benchmarking import counting
from bot.lab.benchmarking.finding import Found
from bot.lab.benchmarking.probes import Plans, Probe, Sheet
from bot.lab.benchmarking.rounds import Rounds, Side
from bot.lab.workbench import Workbench

_LEAST_MEMORY = 2 << 20
_SIGHT = 0.02  # slower by so much at first sight, as a share of 1
_FAIR = 3.0  # so many times the baseline's first run must be left for the candidate's
_MOST_COUNTED = 3  # benchmarks whose instructions are counted: each takes some ten seconds


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one probe. problem: why there is nothing to compare, in words with what is foreign quoted.

    unable: it cannot be had on this machine at all, so that no person can learn more by looking.
    """

    measured: list[Measured] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    unable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """One probe on one bench. places: where its benchmarks stand. until: on the clock of the budget."""

    bench: Workbench
    probe: Probe
    places: Found
    bounds: Bounds
    chance: random.Random
    until: float

    async def outcome(self) -> Outcome:
        """Never raises for what foreign code does. OutOfTime only where not even a first run was possible."""
        outcome = Outcome()
        rounds = Rounds(self.bench, self.probe, self.chance, self.until, self.chance.randrange(1 << 16))
        old = await rounds.one(self.bench.before, None)
        if old.problem:
            outcome.problem = f"{code(self.probe.title)} on the baseline: {code(old.problem, most=300)}"
            return outcome
        if self.until - self.bench.budget.spent < _FAIR * rounds.longest:
            # A candidate that is cut off by a lack of time would look as if it hung.
            outcome.problem = f"no time: {code(self.probe.title)} takes {rounds.longest:.0f} s to run but once"
            return outcome
        new = await self._first_of_after(rounds, old)
        if new.problem:
            outcome.troubles.append(self._trouble(self.probe.title, new.problem, failed=True))
            return outcome
        plans = self._both(old, new, outcome)
        if not plans:
            outcome.problem = "" if outcome.troubles else f"{code(self.probe.title)}: no benchmark runs on both sides"
            return outcome
        await self._sampled(rounds, self._as_many_as_fit(plans, rounds, outcome), outcome)
        return outcome

    async def _first_of_after(self, rounds: Rounds, old: Sheet) -> Sheet:
        """What fails is tried once more: a failure by accident is none."""
        plans = None if self.probe.picky else old.plans
        new = await rounds.one(self.bench.after, plans)
        if not new.problem and old.plans.keys() <= new.figures.keys():
            return new
        again = await rounds.one(self.bench.after, plans)
        if new.problem or again.problem:
            return again if new.problem else new
        return replace(again, figures={**new.figures, **again.figures})

    def _both(self, old: Sheet, new: Sheet, outcome: Outcome) -> Plans:
        """The plans of what has a figure on both sides; the rest is noted. What failed before counts for nothing."""
        if old.failed:
            name, words = next(iter(old.failed.items()))
            first = f"{code(name)} ({code(words, most=200)})"
            outcome.notes.append(f"not compared, as they fail on the baseline: {len(old.failed)}, the first is {first}")
        for name in old.figures:
            if name not in new.figures:
                words = _failure(name, new.failed) if self.places.still_there(name) else ""
                outcome.troubles.append(self._trouble(name, words or "it gave no figure", failed=bool(words)))
        return {name: plan for name, plan in old.plans.items() if name in old.figures and name in new.figures}

    def _trouble(self, name: str, words: str, *, failed: bool) -> Trouble:
        place = self.places.place_of(name)
        return Trouble(name=name, words=code(words, most=300), failed=failed, own=self.probe.own, place=place)

    def _as_many_as_fit(self, plans: Plans, rounds: Rounds, outcome: Outcome) -> Plans:
        """All of them where there is time; else some, drawn by the commit, so that over time each has its turn."""
        left = self.until - self.bench.budget.spent
        each = rounds.longest / len(plans)
        fit = max(1, int(left / (2 * USUAL * each)) if each else len(plans))
        if fit >= len(plans):
            return plans
        outcome.notes.append(f"not compared, as there was no time: {len(plans) - fit} of {len(plans)} benchmarks")
        return {name: plans[name] for name in self.chance.sample(sorted(plans), fit)}

    async def _sampled(self, rounds: Rounds, plans: Plans, outcome: Outcome) -> None:
        sides = (Side(self.bench.before), Side(self.bench.after))
        self.bench.say(f"measuring {self.probe.title}")
        first, more = (USUAL, MOST) if self.probe.own else (comparisons.FEWEST, USUAL)
        in_time = await rounds.take(sides, plans, first)
        found = self._compared(sides, plans)
        doubts = {name: plans[name] for name, one in found.items() if self._in_doubt(one)}
        if in_time and doubts:
            in_time = await rounds.take(sides, doubts, more - first, whole=False)
            found |= self._compared(sides, doubts)
        found |= await self._second_look(rounds, plans, found)
        counts = await self._counts(plans, found)
        outcome.measured += [self._measured(sides, name, one, counts.get(name)) for name, one in found.items()]
        outcome.measured += self._memory(sides)
        if not in_time:
            least = min(len(side.took[name]) for side in sides for name in plans)
            outcome.notes.append(f"partial: time was up after {least} samples of each side")

    def _in_doubt(self, one: Comparison) -> bool:
        """Of what nobody asked for, all that is slower at first sight; what is not is not looked at any longer."""
        return comparisons.doubtful(one, self.bounds) if self.probe.own else one.ratio > 1 + _SIGHT

    def _compared(self, sides: Sequence[Side], plans: Plans) -> dict[str, Comparison]:
        # Nobody asked for what is not the repository's own: better to miss some of it than to alarm in vain.
        strict = not self.probe.own
        old, new = (side.took for side in sides)
        return {name: comparisons.timed(old[name], new[name], self.bounds, strict=strict) for name in plans}

    async def _second_look(
        self, rounds: Rounds, plans: Plans, found: Mapping[str, Comparison]
    ) -> dict[str, Comparison]:
        """What would fail the update is measured once more from nothing; where that finds no difference, it warns."""
        failing = {name: plans[name] for name, one in found.items() if one.level is Level.FAILURE}
        sides = (Side(self.bench.before), Side(self.bench.after))
        if not failing or not self.probe.own:
            return {}
        await rounds.take(sides, failing, USUAL, whole=False)
        again = self._compared(sides, failing)
        return {name: comparisons.settled(found[name], again[name]) for name in failing}

    async def _counts(self, plans: Plans, found: Mapping[str, Comparison]) -> dict[str, Comparison]:
        """Instructions of what is slower and near a limit, where they can be counted."""
        slower = [name for name, one in found.items() if comparisons.near_a_limit(one, self.bounds)]
        wanted = [name for name in slower if self.probe.countable and found[name].level is not Level.NOTICE]
        if not wanted or not counting.available():
            return {}
        return await counting.counted(
            self.bench, self.probe, {name: plans[name] for name in wanted[:_MOST_COUNTED]}, self.bounds, self.until
        )

    def _measured(self, sides: Sequence[Side], name: str, time: Comparison, count: Comparison | None) -> Measured:
        return Measured(
            name=name,
            seconds=comparisons.settled(time, count) if count else time,
            counted=count,
            allocations=self._allocated(sides, lambda took: took.allocations, name),
            allocated=self._allocated(sides, lambda took: took.allocated, name),
            own=self.probe.own,
            place=self.places.place_of(name),
        )

    def _allocated(self, sides: Sequence[Side], count: Callable[[Took], int | None], name: str) -> Comparison | None:
        """Where its tool counts what a call asks memory for."""
        before, after = ([known for took in side.took[name] if (known := count(took)) is not None] for side in sides)
        return comparisons.exact(before, after, self.bounds) if before and after else None

    def _memory(self, sides: Sequence[Side]) -> list[Measured]:
        if not self.probe.weighs:
            return []
        before, after = (side.peaks for side in sides)
        memory = comparisons.weighed(before, after, self.bounds, least=_LEAST_MEMORY)
        return [Measured(name=self.probe.title, memory=memory, own=self.probe.own)]


def _failure(name: str, failed: Mapping[str, str]) -> str:
    """Its own words, or those of its file that could not be imported."""
    return failed.get(name) or failed.get(name.partition("::")[0]) or ""

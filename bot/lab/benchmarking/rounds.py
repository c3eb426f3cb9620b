"""Takes samples of both sides by turns in random order, never two at a time, until there are enough or time is up."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.comparisons import Took
from bot.lab.benchmarking import probes
from bot.lab.benchmarking.probes import Plans, Probe, Sheet
from bot.lab.workbench import OutOfTime, Sample, Workbench

_PATIENCE, _HEAD_START = 10.0, 10.0  # a sample may take so many times as long as the first, and so many seconds more


@dataclass(slots=True)
class Side:
    """What was sampled of one side so far."""

    sample: Sample
    took: dict[str, list[Took]] = field(default_factory=lambda: defaultdict(list))
    peaks: list[float] = field(default_factory=list)

    def add(self, sheet: Sheet, *, whole: bool) -> None:
        """whole: all benchmarks were in it, so that its memory can be compared."""
        for name, took in sheet.figures.items():
            self.took[name].append(took)
        if whole and sheet.peak > 0:
            self.peaks.append(sheet.peak)


@dataclass(slots=True)
class Rounds:
    """The samples of one probe. until: on the clock of the budget. chance: seeded, so that a run can be told again."""

    bench: Workbench
    probe: Probe
    chance: random.Random
    until: float
    core: int
    longest: float = 0.0  # seconds that one sample took

    async def one(self, sample: Sample, plans: Plans | None) -> Sheet:
        """One sample, whatever comes of it. OutOfTime."""
        run = self.probe.run(self.core, plans)
        began = self.bench.budget.spent
        left = max(1.0, self.until - began)
        most = min(left, _PATIENCE * self.longest + _HEAD_START) if self.longest else left
        built = self.probe.programs_of(sample)
        env = {**run.env, "SUREFOOT_BUILT": str(built)} if built else run.env
        visible = (*run.visible, built) if built else run.visible
        ran = await self.bench.run(sample, run.command, env=env, visible=visible, seconds=most)
        self.longest = max(self.longest, self.bench.budget.spent - began)
        return probes.sheet(self.probe, ran)

    async def take(self, sides: Sequence[Side], plans: Plans, rounds: int, *, whole: bool = True) -> bool:
        """So many samples of each side. False where time was up before; each side has as many as the other then."""
        for _ in range(rounds):
            if not self._may_go_on(len(sides)):
                return False
            try:
                await self._round(sides, plans, whole=whole)
            except OutOfTime:
                return False
        return True

    def _may_go_on(self, sides: int) -> bool:
        return self.bench.budget.spent + sides * self.longest <= self.until

    async def _round(self, sides: Sequence[Side], plans: Plans, *, whole: bool) -> None:
        """One that a side did not end well counts for neither."""
        sheets = [(side, await self.one(side.sample, plans)) for side in self.chance.sample(list(sides), len(sides))]
        if any(sheet.problem for _, sheet in sheets):
            return
        for side, sheet in sheets:
            side.add(sheet, whole=whole)

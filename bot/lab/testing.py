"""Runs one suite of tests on both sides, compares them test by test, and runs again what is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core import differential
from bot.core.benchmarks import Usage, of_tests
from bot.core.differential import Again, Difference, Side
from bot.core.model import Grade, SuiteResult, TestChange
from bot.lab import baselines, sandbox, services, suites, trees, users, warned
from bot.lab.baselines import Baselines
from bot.lab.environments import PYPI
from bot.lab.jobs import Ran
from bot.lab.suites import Suite
from bot.lab.workbench import OutOfTime, Sample, Workbench

_RERUNS = 2  # so a test that newly fails has failed three times, and passed three times before
_MOST_AGAIN = 50  # more failures than this are no flakiness
_MOST_LOG = 20_000


@dataclass(frozen=True, slots=True)
class Testing:
    """The tests of one simulation."""

    __test__ = False  # pytest must not collect it

    bench: Workbench
    baselines: Baselines

    async def of(self, suite: Suite) -> SuiteResult:
        """How this suite came out. OutOfTime where the budget does not allow one whole run."""
        bench = self.bench
        bench.say(f"running {suite.kind}: {suite.command}")
        began = bench.budget.spent
        try:
            services.starter(suite.services)
        except services.NoService as problem:
            return SuiteResult(kind=suite.kind, command=suite.command, grade=Grade.UNKNOWN, why=str(problem))
        key = await asyncio.to_thread(self._key, suite, bench.before)
        known = self.baselines.recall(key)
        first = await asyncio.to_thread(self._direct_users)
        if known is None:
            (old, _), (new, ran) = await asyncio.gather(
                self._side(suite, bench.before), self._side(suite, bench.after, first=first)
            )
            self.baselines.remember(key, old)
        else:
            old, (new, ran) = known, await self._side(suite, bench.after, first=first)
        found, partly = _as_far_as_it_came(old, new)
        difference, notes = await self._confirm(suite, found)
        remarks, deprecations = warned.compare(old, new)
        if known is not None:
            notes.append("before: known from an earlier run")
        return replace(
            differential.told(suite.kind, suite.command, old, new, difference),
            seconds=bench.budget.spent - began,
            notes=(*suite.notes, *partly, *notes),
            log=ran.text[-_MOST_LOG:],
            remarks=remarks,
            measures=(*of_tests(_used(old), _used(new)), *deprecations),
        )

    def _key(self, suite: Suite, before: Sample) -> str:
        return baselines.key_of(
            environment=before.environment.key,
            tree=trees.fingerprint(before.tree),
            command=suite.whole,
            isolation=self.bench.host.isolation,
        )

    def _direct_users(self) -> Sequence[str]:
        """On the candidate's first run alone: the usual order decides, where a failure is in doubt."""
        after = self.bench.after
        moved = [one.name for one in self.bench.trial.components if one.ecosystem == PYPI]
        return users.direct(after.tree, after.environment, moved) if moved else ()

    async def _side(
        self, suite: Suite, sample: Sample, only: Sequence[str] | None = None, first: Sequence[str] = ()
    ) -> tuple[Side, Ran]:
        limits = self.bench.limits()
        job = suites.job(suite, sample.tree, sample.environment, limits, only, first)
        ran = await sandbox.run(replace(job, over=sample.ahead), self.bench.host)
        own = bool(suite.report)
        return await asyncio.to_thread(suites.side, ran, limits, sample.environment, own_report=own), ran

    async def _confirm(self, suite: Suite, found: Difference) -> tuple[Difference, list[str]]:
        """Run what newly fails again, alone, on both sides.

        What then passes on the candidate may be flaky, or fail only in company: the whole suite decides, once more.
        """
        failing = [change.test for change in found.newly_failing]
        if not failing or len(failing) > _MOST_AGAIN:
            return found, [f"not run again: {len(failing)} failures are no flakiness"] if failing else []
        try:
            again = await self._again(suite, failing)
            doubtful = [change for change in found.newly_failing if _passed_alone(again[change.test])]
            if doubtful:
                whole, _ = await self._side(suite, self.bench.after)
                again |= _with_company(again, doubtful, whole)
        except OutOfTime:
            return found, ["not run again: no time was left to tell flaky failures"]
        return differential.confirmed(found, again), []

    async def _again(self, suite: Suite, tests: Sequence[str]) -> dict[str, Again]:
        self.bench.say(f"running {len(tests)} failures again")
        samples = (self.bench.before, self.bench.after)
        sides: tuple[list[Side], list[Side]] = ([], [])
        for _ in range(_RERUNS):
            runs = await asyncio.gather(*(self._side(suite, sample, tests) for sample in samples))
            for kept, (side, _) in zip(sides, runs, strict=True):
                kept.append(side)
        before, after = ({test: _came(runs, test) for test in tests} for runs in sides)
        return {test: Again(before=before[test], after=after[test]) for test in tests}


def _as_far_as_it_came(old: Side, new: Side) -> tuple[Difference, tuple[str, ...]]:
    """What a candidate that was cut off did not come to is not gone."""
    found = differential.compare(old, new)
    if new.ended == "finished":
        return found, ()
    said = f"{found.after.total} of {found.before.total} tests had run when it was ended"
    return replace(found, missing=()), (said,) if new.outcomes else ()


def _used(side: Side) -> Usage:
    return Usage(cpu=side.cpu_seconds, peak=side.peak)


def _came(runs: Sequence[Side], test: str) -> tuple[differential.Came, ...]:
    return tuple(run.known[test].came for run in runs if test in run.known)


def _passed_alone(again: Again) -> bool:
    return any(not came.bad for came in again.after) and not any(came.bad for came in again.before)


def _with_company(again: dict[str, Again], doubtful: Sequence[TestChange], whole: Side) -> dict[str, Again]:
    """Those that fail again in the whole suite fail for certain, though not alone: they are not flaky."""
    still = {change.test for change in doubtful if change.test in whole.known and whole.known[change.test].came.bad}
    return {test: Again(before=again[test].before) for test in still}

"""Tries one update: both sides prepared, run side by side locked in, compared test by test, doubts run again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core import differential
from bot.core.differential import Again, Difference, Side
from bot.core.errors import ConfigProblem, Transient
from bot.core.model import Grade, Isolation, Simulation, SuiteResult, TestChange
from bot.core.ports import Trial
from bot.lab import baselines, environments, sandbox, suites, trees
from bot.lab.baselines import Baselines
from bot.lab.cache import Cache
from bot.lab.environments import Environment
from bot.lab.host import Host
from bot.lab.jobs import Limits, Ran
from bot.lab.resolver import NotPrepared, Uv
from bot.lab.suites import Suite

_RERUNS = 2  # so a test that newly fails has failed three times, and passed three times before
_MOST_AGAIN = 50  # more failures than this are no flakiness
_LEAST_SECONDS = 1.0
_MOST_LOG = 20_000
_SEVERITY = {Grade.PASSED: 0, Grade.UNKNOWN: 1, Grade.FAILED: 2}


def at_a_time() -> int:
    """How many simulations this machine runs side by side."""
    return max(1, (os.cpu_count() or 2) // 2)


class OutOfTime(Exception):
    """The budget of this simulation is spent."""


@dataclass(slots=True)
class Budget:
    """The wall time of one simulation."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def left(self) -> float:
        """Seconds that are left; OutOfTime when hardly any."""
        left = self.seconds - self.spent
        if left < _LEAST_SECONDS:
            raise OutOfTime
        return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One side, ready to be run."""

    tree: Path
    environment: Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """The lab of this machine. say: told in a few words what is being done, for who watches.

    side_by_side: how many simulations may run at a time; each runs two jails.
    """

    host: Host
    uv: Uv
    cache: Cache
    baselines: Baselines
    say: Callable[[str], None] = lambda _: None
    side_by_side: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(at_a_time()))

    async def simulate(self, trial: Trial) -> Simulation:
        """See `bot.core.ports.Lab`. The budget begins when this simulation's turn has come."""
        async with self.side_by_side:
            return await _Attempt(self, trial, Budget(trial.seconds)).run()


def laboratory(folder: Path, *, host: Host, uv: Uv, say: Callable[[str], None] = lambda _: None) -> Laboratory:
    """A lab that keeps environments and baselines below folder."""
    folder = folder.resolve()
    return Laboratory(
        host=host,
        uv=uv,
        cache=Cache(folder=folder / "environments"),
        baselines=Baselines(folder=folder / "baselines"),
        say=say,
    )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One simulation under way."""

    lab: Laboratory
    trial: Trial
    budget: Budget

    async def run(self) -> Simulation:
        host = self.lab.host
        if host.isolation is Isolation.NONE:
            return self._said(Grade.UNKNOWN, f"nothing was run: {host.reason}. {host.mend}")
        if not await asyncio.to_thread(suites.find, self.trial.candidate, self.trial.suites):
            # Nothing is fetched for tests that are not there.
            return self._said(Grade.UNKNOWN, "no tests were found that can be run here, so nothing was tried")
        try:
            async with self._samples() as samples:
                if isinstance(samples, Simulation):
                    return samples
                return await self._all_suites(*samples)
        except OutOfTime:
            return self._said(Grade.UNKNOWN, f"the {self.trial.seconds:.0f} s were over before the suites could be run")

    def _said(
        self, grade: Grade, why: str, results: Sequence[SuiteResult] = (), notes: Sequence[str] = ()
    ) -> Simulation:
        host = self.lab.host
        left_out = [f"not run: {what} ({why_not})" for what, why_not in self.trial.left_out.items()]
        marks = [f"{host.isolation}: {host.reason}"] if host.isolation is Isolation.PLAIN else []
        if host.isolation is Isolation.UNJAILED:
            marks = ["run without a jail"]
        return Simulation(
            head=self.trial.head,
            base=self.trial.base_sha,
            grade=grade,
            why=why,
            isolation=host.isolation,
            suites=tuple(results),
            seconds=self.budget.spent,
            notes=tuple(dict.fromkeys([*marks, *left_out, *notes])),
        )

    @contextlib.asynccontextmanager
    async def _samples(self) -> AsyncIterator[tuple[Sample, Sample] | Simulation]:
        """Both sides with their environments, or what is to be said when one cannot be had."""
        self.lab.say("preparing environments")
        async with contextlib.AsyncExitStack() as stack:
            base, candidate = self.trial.base.resolve(), self.trial.candidate.resolve()
            try:
                async with asyncio.timeout(self.budget.left()):
                    found = await asyncio.gather(self._prepare(stack, base), self._prepare(stack, candidate))
            except TimeoutError:
                raise OutOfTime from None
            before, after = found
            if not (isinstance(before, Environment) and isinstance(after, Environment)):
                yield self._said(*_unprepared(before, after))
                return
            offered = [stack.enter_context(trees.offered(tree, self.lab.host)) for tree in (base, candidate)]
            yield Sample(tree=offered[0], environment=before), Sample(tree=offered[1], environment=after)

    async def _prepare(
        self, stack: contextlib.AsyncExitStack, tree: Path
    ) -> Environment | NotPrepared | ConfigProblem | Transient:
        """What went wrong is an answer here: the other side's preparation must not be left running behind our back."""
        try:
            return await stack.enter_async_context(environments.prepared(tree, uv=self.lab.uv, cache=self.lab.cache))
        except (NotPrepared, ConfigProblem, Transient) as problem:
            return problem

    async def _all_suites(self, before: Sample, after: Sample) -> Simulation:
        notes = [*after.environment.notes]
        found = suites.find(after.tree, self.trial.suites)
        results: list[SuiteResult] = []
        for suite in found:
            try:
                results.append(await self._suite(suite, before, after))
            except OutOfTime:
                notes.append(f"not run: {suite.kind} (the {self.trial.seconds:.0f} s were over)")
        return self._said(*_fold(results, asked=len(found)), results, notes)

    async def _suite(self, suite: Suite, before: Sample, after: Sample) -> SuiteResult:
        self.lab.say(f"running {suite.kind}: {suite.command}")
        began = self.budget.spent
        key = await asyncio.to_thread(self._key, suite, before)
        known = self.lab.baselines.recall(key)
        if known is None:
            (old, _), (new, ran) = await asyncio.gather(self._side(suite, before), self._side(suite, after))
            self.lab.baselines.remember(key, old)
        else:
            old, (new, ran) = known, await self._side(suite, after)
        difference, notes = await self._confirm(suite, (before, after), differential.compare(old, new))
        grade, why = differential.verdict(old, new, difference)
        if known is not None:
            notes.append("before: known from an earlier run")
        return SuiteResult(
            kind=suite.kind,
            command=suite.command,
            grade=grade,
            why=why,
            before=difference.before,
            after=difference.after,
            newly_failing=difference.newly_failing,
            newly_passing=difference.newly_passing,
            missing=difference.missing,
            flaky=difference.flaky,
            seconds=self.budget.spent - began,
            notes=(*suite.notes, *notes),
            log=ran.text[-_MOST_LOG:],
        )

    def _key(self, suite: Suite, before: Sample) -> str:
        return baselines.key_of(
            environment=before.environment.key,
            tree=trees.fingerprint(before.tree),
            command=suite.command,
            isolation=self.lab.host.isolation,
        )

    async def _side(self, suite: Suite, sample: Sample, only: Sequence[str] | None = None) -> tuple[Side, Ran]:
        limits = Limits(seconds=self.budget.left(), memory_mib=self.trial.memory_mib)
        job = suites.job(suite, sample.tree, sample.environment, limits, only)
        ran = await sandbox.run(job, self.lab.host)
        return await asyncio.to_thread(suites.side, ran, limits), ran

    async def _confirm(
        self, suite: Suite, samples: tuple[Sample, Sample], found: Difference
    ) -> tuple[Difference, list[str]]:
        """Run what newly fails again, alone, on both sides.

        What then passes on the candidate may be flaky, or fail only in company: the whole suite decides, once more.
        """
        failing = [change.test for change in found.newly_failing]
        if not failing or len(failing) > _MOST_AGAIN:
            return found, [f"not run again: {len(failing)} failures are no flakiness"] if failing else []
        try:
            again = await self._again(suite, samples, failing)
            doubtful = [change for change in found.newly_failing if _passed_alone(again[change.test])]
            if doubtful:
                whole, _ = await self._side(suite, samples[1])
                again |= _with_company(again, doubtful, whole)
        except OutOfTime:
            return found, ["not run again: no time was left to tell flaky failures"]
        return differential.confirmed(found, again), []

    async def _again(self, suite: Suite, samples: tuple[Sample, Sample], tests: Sequence[str]) -> dict[str, Again]:
        self.lab.say(f"running {len(tests)} failures again")
        sides: tuple[list[Side], list[Side]] = ([], [])
        for _ in range(_RERUNS):
            runs = await asyncio.gather(*(self._side(suite, sample, tests) for sample in samples))
            for kept, (side, _) in zip(sides, runs, strict=True):
                kept.append(side)
        before, after = ({test: _came(runs, test) for test in tests} for runs in sides)
        return {test: Again(before=before[test], after=after[test]) for test in tests}


def _came(runs: Sequence[Side], test: str) -> tuple[differential.Came, ...]:
    return tuple(run.known[test].came for run in runs if test in run.known)


def _passed_alone(again: Again) -> bool:
    return any(not came.bad for came in again.after) and not any(came.bad for came in again.before)


def _with_company(again: dict[str, Again], doubtful: Sequence[TestChange], whole: Side) -> dict[str, Again]:
    """Those that fail again in the whole suite fail for certain, though not alone: they are not flaky."""
    still = {change.test for change in doubtful if change.test in whole.known and whole.known[change.test].came.bad}
    return {test: Again(before=again[test].before) for test in still}


def _unprepared(*sides: Environment | NotPrepared | ConfigProblem | Transient) -> tuple[Grade, str]:
    """A conflict that the candidate alone has is the update's fault. Transient where the index was away."""
    for side in sides:
        if isinstance(side, Transient):
            raise side
    before, after = sides
    if not isinstance(before, Environment):
        return Grade.UNKNOWN, f"the baseline cannot be set up, so there is nothing to compare with: {before}"
    return after.grade if isinstance(after, NotPrepared) else Grade.UNKNOWN, f"the candidate cannot be set up: {after}"


def _fold(results: Sequence[SuiteResult], *, asked: int) -> tuple[Grade, str]:
    """The worst suite speaks for all; one that was not run is not known."""
    if not results:
        return Grade.UNKNOWN, "the time was over before any suite could be run"
    worst = max(results, key=lambda result: _SEVERITY[result.grade])
    if worst.grade is Grade.PASSED and len(results) < asked:
        return Grade.UNKNOWN, f"only {len(results)} of {asked} suites could be run in time"
    return worst.grade, worst.why if asked == 1 else f"{worst.kind}: {worst.why}"

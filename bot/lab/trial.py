"""Tries one update: both sides prepared, its tests run, then all that is examined beside them, and one verdict."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core import conflicts
from bot.core.errors import ConfigProblem, Transient
from bot.core.model import Grade, Isolation, Simulation, SuiteResult
from bot.core.ports import Advisories, Say, Trial, silent
from bot.core.quoting import code
from bot.core.suites import COMPATIBILITY, PERFORMANCE, REGRESSION, SECURITY
from bot.lab import benchmarks, bytecode, compatibility, environments, regression, security, suites, trees, warned
from bot.lab.baselines import Baselines
from bot.lab.cache import Cache
from bot.lab.environments import Environment
from bot.lab.host import Host
from bot.lab.resolver import NotPrepared, Uv
from bot.lab.suites import Suite
from bot.lab.testing import Testing
from bot.lab.workbench import Budget, Examiner, OutOfTime, Sample, Unable, Workbench

_SEVERITY = {Grade.PASSED: 0, Grade.UNKNOWN: 1, Grade.FAILED: 2}
# Which ecosystems an examiner knows, where these are not all.
_KNOWS: Mapping[str, frozenset[str]] = {
    COMPATIBILITY: frozenset({environments.PYPI, environments.NPM}),
}
LAGS = timedelta(minutes=10)  # between two looks at an index that is behind
_NEW = timedelta(days=1)
_NO_TESTS = "no tests were found that can be run here"

# kind -> who examines it, in the order in which they are begun; performance comes last, since it wants quiet.
EXAMINERS: Mapping[str, Examiner] = {
    REGRESSION: regression.examine,
    COMPATIBILITY: compatibility.examine,
    SECURITY: security.examine,
    PERFORMANCE: benchmarks.examine,
}


def at_a_time() -> int:
    """How many simulations this machine runs side by side."""
    return max(1, (os.cpu_count() or 2) // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """The lab of this machine. say: told in a few words what is being done, for who watches.

    folder: where examiners keep what they learnt. fetching: for what is no package of Python; None without a way to.
    side_by_side: how many simulations may run at a time; each runs two jails.
    """

    host: Host
    uv: Uv
    cache: Cache
    baselines: Baselines
    folder: Path
    say: Say = silent
    advisories: Advisories | None = None
    fetching: environments.Fetching | None = None
    examiners: Mapping[str, Examiner] = field(default_factory=lambda: EXAMINERS)
    side_by_side: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(at_a_time()))

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """See `bot.core.ports.Lab`. The budget begins when this simulation's turn has come."""

        def told(words: str) -> None:
            self.say(words)
            say(words)

        async with self.side_by_side:
            return await _Attempt(self, trial, Budget(trial.seconds), told).run()


def laboratory(
    folder: Path,
    *,
    host: Host,
    uv: Uv,
    advisories: Advisories | None = None,
    fetching: environments.Fetching | None = None,
    examiners: Mapping[str, Examiner] = EXAMINERS,
) -> Laboratory:
    """A lab that keeps environments, baselines and what it learnt below folder. fetching: see `Laboratory`."""
    folder = folder.resolve()
    return Laboratory(
        host=host,
        uv=uv,
        cache=Cache(folder=folder / "environments"),
        baselines=Baselines(folder=folder / "baselines"),
        folder=folder / "learnt",
        advisories=advisories,
        fetching=fetching,
        examiners=examiners,
    )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One simulation under way."""

    lab: Laboratory
    trial: Trial
    budget: Budget
    say: Say

    async def run(self) -> Simulation:
        host = self.lab.host
        if host.isolation is Isolation.NONE:
            return self._said(Grade.UNKNOWN, f"nothing was run: {host.reason}. {host.mend}")
        needs = await asyncio.to_thread(environments.needed, self.trial)
        found = await asyncio.to_thread(suites.find, self.trial.candidate, self.trial.suites, needs[0])
        if not found and not self._examiners():
            # Nothing is fetched for tests that are not there.
            return self._said(Grade.UNKNOWN, f"{_NO_TESTS}, so nothing was tried")
        try:
            async with self._workbench(needs) as bench:
                return bench if isinstance(bench, Simulation) else await self._tried(bench)
        except OutOfTime:
            return self._said(Grade.UNKNOWN, f"the {self.trial.seconds:.0f} s were over before the suites could be run")

    def _examiners(self) -> Mapping[str, Examiner]:
        """Those that the configuration does not turn off."""
        asked = self.trial.suites
        return {kind: one for kind, one in self.lab.examiners.items() if kind not in asked or not asked[kind].off}

    def _said(
        self, grade: Grade, why: str, results: Sequence[SuiteResult] = (), notes: Sequence[str] = ()
    ) -> Simulation:
        host = self.lab.host
        left_out = [f"not run: {what} ({why_not})" for what, why_not in self.trial.left_out.items()]
        left_out += [f"not run: {kind} ({asked.off})" for kind, asked in self.trial.suites.items() if asked.off]
        named = host.isolation in (Isolation.PLAIN, Isolation.GVISOR)
        marks = [f"{host.isolation}: {host.reason}"] if named else []
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
    async def _workbench(self, needs: Sequence[str]) -> AsyncIterator[Workbench | Simulation]:
        """Both sides with their environments, or what is to be said when one cannot be had."""
        self.say("preparing environments")
        async with contextlib.AsyncExitStack() as stack:
            base, candidate = self.trial.base.resolve(), self.trial.candidate.resolve()
            try:
                async with asyncio.timeout(self.budget.left()):
                    found = await asyncio.gather(*(self._prepare(stack, tree, needs) for tree in (base, candidate)))
            except TimeoutError:
                raise OutOfTime from None
            before, after = found
            if not (isinstance(before, Environment) and isinstance(after, Environment)):
                yield self._said(*_unprepared(self.trial, before, after))
                return
            offered = [stack.enter_context(trees.offered(tree, self.lab.host)) for tree in (base, candidate)]
            yield Workbench(
                trial=self.trial,
                before=Sample(tree=offered[0], environment=before),
                after=Sample(tree=offered[1], environment=after),
                host=self.lab.host,
                uv=self.lab.uv,
                budget=self.budget,
                folder=self.lab.folder,
                say=self.say,
                advisories=self.lab.advisories,
                fetching=self.lab.fetching,
            )

    async def _prepare(
        self, stack: contextlib.AsyncExitStack, tree: Path, needs: Sequence[str]
    ) -> Environment | NotPrepared | ConfigProblem | Transient:
        """What went wrong is an answer here: the other side's preparation must not be left running behind our back."""
        try:
            return await stack.enter_async_context(
                environments.prepared(
                    tree,
                    uv=self.lab.uv,
                    cache=self.lab.cache,
                    needs=needs,
                    fetching=self.lab.fetching,
                    own=self.trial.prepare,
                )
            )
        except (NotPrepared, ConfigProblem, Transient) as problem:
            return problem

    async def _tried(self, bench: Workbench) -> Simulation:
        """The tests first, for they matter most; then what is examined beside them, as far as time allows."""
        notes = [*bench.after.environment.notes]
        found = suites.find(bench.after.tree, self.trial.suites, bench.after.environment.ecosystem)
        tested = await self._tested(bench, found, notes) if found else []
        examiners = self._able(bench.after.environment.ecosystem, notes)
        quiet = {kind: one for kind, one in examiners.items() if kind != PERFORMANCE}
        examined = await asyncio.gather(*(self._in_time(kind, one(bench), notes) for kind, one in quiet.items()))
        if PERFORMANCE in examiners:
            examined.append(await self._in_time(PERFORMANCE, examiners[PERFORMANCE](bench), notes))
        results = [result for result in tested if isinstance(result, SuiteResult)]
        told = [remark for result in results for remark in result.remarks]
        beside = [
            replace(result, remarks=warned.without(result.remarks, told))
            for result in examined
            if isinstance(result, SuiteResult)
        ]
        late = [kind for kind, result in zip(quiet, examined, strict=False) if isinstance(result, OutOfTime)]
        return self._said(*_fold(results, beside, asked=len(found), late=late), [*results, *beside], notes)

    async def _tested(
        self, bench: Workbench, found: Sequence[Suite], notes: list[str]
    ) -> list[SuiteResult | OutOfTime | None]:
        async with bytecode.laid(bench) as ready:
            testing = Testing(ready, self.lab.baselines)
            return [await self._in_time(suite.kind, testing.of(suite), notes) for suite in found]

    def _able(self, ecosystem: str, notes: list[str]) -> Mapping[str, Examiner]:
        """Those that know this ecosystem; what cannot be said is said."""
        there = self._examiners()
        unable = [kind for kind in there if ecosystem not in _KNOWS.get(kind, {ecosystem})]
        notes += [f"not run: {kind} (it does not know packages of {ecosystem} yet)" for kind in unable]
        return {kind: one for kind, one in there.items() if kind not in unable}

    async def _in_time(
        self, kind: str, work: Awaitable[SuiteResult | None], notes: list[str]
    ) -> SuiteResult | OutOfTime | None:
        try:
            return await work
        except OutOfTime as over:
            notes.append(f"not run: {kind} (the {self.trial.seconds:.0f} s were over)")
            return over
        except Unable as reason:
            notes.append(f"not run: {kind} ({reason})")
            return None


def _unprepared(trial: Trial, *sides: Environment | NotPrepared | ConfigProblem | Transient) -> tuple[Grade, str]:
    """A conflict that the candidate alone has is the update's fault. Transient where the index was away.

    One that lists the very version and does not have it is behind, and no proof: it is asked again while the version is
    new, and then a person is.
    """
    for side in sides:
        if isinstance(side, Transient):
            raise side
    before, after = sides
    if not isinstance(before, Environment):
        return Grade.UNKNOWN, f"the baseline cannot be set up, so there is nothing to compare with: {before}"
    if isinstance(after, NotPrepared) and (late := _late(trial, after.absent)):
        why = f"{code(late[0])} was listed when it was found, and the index has no such file to install"
        if late[1]:
            raise Transient(f"{why} yet", after=LAGS)
        return Grade.UNKNOWN, f"the candidate cannot be set up: {why}"
    return after.grade if isinstance(after, NotPrepared) else Grade.UNKNOWN, f"the candidate cannot be set up: {after}"


def _late(trial: Trial, absent: Sequence[str]) -> tuple[str, bool] | None:
    """Which of what is updated its own index does not have, and whether it was published within the last day."""
    parts = {(part.component.name, part.target): part.release for part in trial.parts}
    named = conflicts.lagging(absent, parts)
    if not named:
        return None
    release = next(release for (name, target), release in parts.items() if f"{name} {target}" == named)
    since = (release.published or release.seen) if release is not None else None
    return named, since is not None and datetime.now(UTC) - since < _NEW


def _fold(
    tested: Sequence[SuiteResult], beside: Sequence[SuiteResult], *, asked: int, late: Sequence[str]
) -> tuple[Grade, str]:
    """The worst suite speaks for all; what was not run is not known, whatever was found beside it.

    late: what could not be examined in time. Of how fast it is nothing need be known.
    """
    worst = max((*tested, *beside), key=lambda result: _SEVERITY[result.grade], default=None)
    if worst is not None and worst.grade is Grade.FAILED:
        # Tests say that it fails, and what was examined beside them often why.
        others = [f"{one.kind}: {one.why}" for one in beside if one.grade is Grade.FAILED and one is not worst]
        first = worst.why if asked == 1 and worst in tested else f"{worst.kind}: {worst.why}"
        return worst.grade, "; ".join((first, *others[:1]))
    if not asked:
        return Grade.UNKNOWN, _NO_TESTS
    if not tested:
        return Grade.UNKNOWN, "the time was over before any suite could be run"
    assert worst is not None, "something was tested"
    if worst.grade is Grade.PASSED and len(tested) < asked:
        return Grade.UNKNOWN, f"only {len(tested)} of {asked} suites could be run in time"
    if worst.grade is Grade.PASSED and late:
        return Grade.UNKNOWN, f"{' and '.join(late)} could not be examined in time"
    return worst.grade, worst.why if asked == 1 and worst in tested else f"{worst.kind}: {worst.why}"

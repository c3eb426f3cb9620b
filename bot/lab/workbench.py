"""What every examiner of an update is given: both sides ready to be run, one budget, one way into the jail."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.core.model import SuiteResult
from bot.core.ports import Advisories, Say, Trial
from bot.core.suites import Asked
from bot.lab import sandbox
from bot.lab.environments import Environment
from bot.lab.fetching import Fetching
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran
from bot.lab.resolver import Uv

_LEAST_SECONDS = 1.0


class OutOfTime(Exception):
    """The budget of this simulation is spent."""


class Unable(Exception):
    """A suite can say nothing here, for a reason that people should read: quoted already. No verdict hangs on it."""


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
    """One side, ready to be run. tree: a folder that the jail's user can read; nobody writes to it.

    ahead: what was compiled and made ahead, to be laid over its copy; None without any.
    """

    tree: Path
    environment: Environment
    ahead: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """One simulation under way. folder: where an examiner may keep what it learnt, below a folder of its own name.

    say: told in a few words what is being done. advisories: None where the operator wants nobody to be asked.
    fetching: how registries are asked; None without a way to.
    """

    trial: Trial
    before: Sample
    after: Sample
    host: Host
    uv: Uv
    budget: Budget
    folder: Path
    say: Say
    advisories: Advisories | None = None
    fetching: Fetching | None = None

    def asked(self, kind: str) -> Asked:
        """What the configuration says of this suite."""
        return self.trial.suites.get(kind, Asked())

    def limits(self, seconds: float | None = None) -> Limits:
        """The bounds of one run: what is left of the budget, or less where seconds says so. OutOfTime."""
        left = self.budget.left()
        return Limits(seconds=min(left, seconds or left), memory_mib=self.trial.memory_mib)

    async def run(
        self,
        sample: Sample,
        command: tuple[str, ...],
        *,
        env: Mapping[str, str] | None = None,
        visible: tuple[Path, ...] = (),
        seconds: float | None = None,
        keep_results: int | None = None,
    ) -> Ran:
        """One command on one side, locked in, with that side's environment. What it says is a claim of foreign code.

        env: over the usual one. visible: more folders to be seen, read-only. seconds: at most so long. keep_results: so
        many bytes at most, where that is not as usual. OutOfTime.
        """
        there, limits = sample.environment, self.limits(seconds)
        job = Job(
            command=(*there.starter, *command),
            tree=sample.tree,
            visible=(*there.visible, *visible),
            placed=there.placed,
            env={**there.variables, **(env or {})},
            limits=replace(limits, keep_results=keep_results or limits.keep_results),
            roomy=there.roomy,
        )
        return await sandbox.run(job, self.host)


# None: there is nothing here that this suite could say something about. OutOfTime is let through.
Examiner = Callable[[Workbench], Awaitable[SuiteResult | None]]

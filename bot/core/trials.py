"""The nouns of a trial: what a suite found on both sides, and what it all comes to; read through `core.model`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from bot.core.releases import Component

Sha = NewType("Sha", str)


class Grade(StrEnum):
    """What a trial says. UNKNOWN is neither yes nor no: it asks a person."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Isolation(StrEnum):
    """How well foreign code was locked in while it ran."""

    GVISOR = "gvisor"  # all that full is, with a kernel of its own inside
    FULL = "full"  # namespaces, seccomp, rlimits and a cgroup
    PLAIN = "plain"  # the same without a cgroup: memory is bounded per process only
    ACTIONS = "actions"  # by the repository's own GitHub Actions, away from the bot
    NONE = "none"  # no jail to be had; nothing ran
    UNJAILED = "unjailed"  # the demo's own code on a machine without namespaces


class Level(StrEnum):
    """How much a remark weighs; the words are those of GitHub's annotations."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that a suite found, and where. path: of a file of the repository; line counts from 1.

    title, message: plain words; what comes from foreign code in them is quoted already.
    """

    level: Level
    title: str
    message: str = ""
    path: str | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """File and line, as far as they are known."""
        return f"{self.path}:{self.line}" if self.path and self.line else self.path or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure on both sides, in words that a person reads: ("import time", "120 ms", "131 ms", "+9.2 %")."""

    name: str
    before: str
    after: str
    change: str = ""
    level: Level = Level.NOTICE


@dataclass(frozen=True, slots=True, kw_only=True)
class TestChange:
    """One test whose outcome differs between the two sides. Outcomes: passed, failed, error, skipped, absent."""

    __test__ = False  # the name is the trade's; pytest must not collect it

    test: str
    before: str
    after: str
    message: str = ""
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many tests came out how, on one side."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All tests that reported an outcome."""
        return self.passed + self.failed + self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """One suite on both sides. seconds: wall time of both together. before, after: of test suites alone."""

    kind: str  # unit, integration, performance, regression, compatibility or security
    command: str
    grade: Grade
    why: str
    before: Tally = Tally()
    after: Tally = Tally()
    newly_failing: tuple[TestChange, ...] = ()
    newly_passing: tuple[TestChange, ...] = ()
    missing: tuple[TestChange, ...] = ()
    flaky: tuple[TestChange, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    log: str = ""  # the candidate's output, its last part, bounded
    remarks: tuple[Remark, ...] = ()  # what was found beside tests: a use that breaks, a flaw, a script
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the lab found out about one head, tried as merged into one base."""

    head: Sha
    base: Sha
    grade: Grade
    why: str
    isolation: Isolation
    suites: tuple[SuiteResult, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    culprits: tuple[tuple[Component, str], ...] = ()  # of a failing group: what makes it fail, and its target
    # Those of several culprits without each of which the others pass: together they fail, and no one of them is bad.
    spare: tuple[tuple[Component, str], ...] = ()

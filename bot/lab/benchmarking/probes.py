"""The ways to take one sample of many benchmarks at once: what is run in the jail, and how what it leaves is read.

Each run is a fresh process in a fresh jail, so no sample can learn from another and neither side can touch the other.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from bot.core.comparisons import Took
from bot.lab.benchmarking.finding import Found, as_plan
from bot.lab.jobs import Ran, Reason
from bot.lab.ready import INSIDE
from bot.lab.workbench import Sample

_MOST_NAMES, _MOST_NAME = 200, 200
_BY_ITSELF = (1, 1)
_LONG = 1.0  # seconds: a command that takes longer is run once a sample, without one to warm up
_IMPORTS = 3  # processes of one sample
_RUNNER = str(INSIDE / "surefoot_bench.py")
# What is none of Python is run by our own interpreter, which no package can change.
VISIBLE = (INSIDE, Path(os.path.realpath(sys.base_prefix)))
OURS = (os.path.realpath(sys.executable), "-I", "-S", _RUNNER)

Plans = Mapping[str, tuple[int, int]]  # name -> calls of one repeat, repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What one run told. peak: bytes. problem: why there is nothing, quoted nowhere yet."""

    figures: Mapping[str, Took] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    plans: Plans = field(default_factory=dict)
    peak: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be run for one sample. visible: what must be seen for it besides the environment."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    visible: tuple[Path, ...] = (INSIDE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One way. title: as people read it. own: the benchmarks are the repository's.

    run: (core, plans) -> what to start; plans: of the benchmarks to measure, None when they are still to be found out.
    weighs: its process does nothing else, so that its memory means something. countable: its instructions can be
    counted; a plan of no calls then does all but the work. picky: it runs nothing where a name is not there.
    foreign: the tree itself has no part in it. guessed: nobody said that it can be run here. build: what is to be run
    once on each side before; built: side -> the folder with what came of it.
    """

    title: str
    own: bool
    run: Callable[[int, Plans | None], Run]
    read: Callable[[bytes], Sheet]
    weighs: bool = False
    countable: bool = False
    picky: bool = False
    foreign: bool = False
    guessed: bool = False
    build: Run | None = None
    built: tuple[tuple[Sample, Path], ...] = ()

    def programs_of(self, sample: Sample) -> Path | None:
        """The folder of what was built on this very side."""
        return next((folder for one, folder in self.built if one is sample), None)


class _Figure(msgspec.Struct):
    seconds: float
    cpu: float | None = None
    allocations: int | None = None
    allocated: int | None = None

    @property
    def took(self) -> Took:
        return Took(wall=self.seconds, cpu=self.cpu, allocations=self.allocations, allocated=self.allocated)


class _Left(msgspec.Struct):
    figures: dict[str, _Figure] = {}
    failed: dict[str, str] = {}
    plans: dict[str, tuple[int, int]] = {}
    peak: int = 0


class _Stats(msgspec.Struct):
    min: float


class _Benchmark(msgspec.Struct):
    fullname: str
    stats: _Stats


class _Report(msgspec.Struct):
    benchmarks: list[_Benchmark] = []


_T = TypeVar("_T")
_LEFT = msgspec.json.Decoder(_Left)
_REPORT = msgspec.json.Decoder(_Report)


def sheet(probe: Probe, ran: Ran) -> Sheet:
    """What a run claims, read as hostile."""
    if ran.reason is not Reason.FINISHED:
        return Sheet(problem=f"it did not finish ({ran.reason.value})")
    if not ran.results:
        return Sheet(problem=f"it ended with {ran.code} and left no figures: {ran.text.strip()[-300:]}")
    try:
        return probe.read(ran.results)
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        return Sheet(problem=f"its figures cannot be read: {str(problem)[:200]}")


def left(data: bytes) -> Sheet:
    """What a runner of ours leaves. msgspec.DecodeError for what is none of that."""
    told = _LEFT.decode(data)
    figures = {name: one.took for name, one in _few(told.figures)}
    plans = {name: plan for name, plan in _few(told.plans) if 1 <= plan[0] <= 10**8 and 1 <= plan[1] <= 100}
    failed = {name: words[:300] for name, words in _few(told.failed)}
    return Sheet(figures=_sound(figures), failed=failed, plans=plans, peak=max(0, told.peak) * 1024.0)


def _read_report(data: bytes) -> Sheet:
    """pytest-benchmark's own JSON; its plan is to run a benchmark at all."""
    told = {one.fullname: Took(wall=one.stats.min) for one in _REPORT.decode(data).benchmarks}
    figures = _sound(dict(_few(told)))
    return Sheet(figures=figures, plans=dict.fromkeys(figures, (1, 1)))


def _few(told: Mapping[str, _T]) -> list[tuple[str, _T]]:
    return [(name, value) for name, value in told.items() if 0 < len(name) <= _MOST_NAME][:_MOST_NAMES]


def _sound(figures: Mapping[str, Took]) -> dict[str, Took]:
    return {name: took for name, took in figures.items() if math.isfinite(took.wall) and took.wall > 0}


def of_command(command: str, env: Mapping[str, str] | None = None) -> Probe:
    """The owner's own, timed as a whole, or by the figures that it tells. env: what else it finds in its own."""
    name = command[:_MOST_NAME]

    def run(core: int, plans: Plans | None) -> Run:
        plan = {"mode": "command", "core": core, "name": name, "command": command, "runs": 2, "most": _LONG}
        if plans is not None:
            plan |= {"runs": plans.get(name, (1, 1))[1], "most": None}
        return Run(command=OURS, env={**(env or {}), "SUREFOOT_BENCH": as_plan(plan)}, visible=VISIBLE)

    return Probe(title=name, own=True, run=run, read=_read_command, weighs=True)


def _read_command(data: bytes) -> Sheet:
    """A short command is run once to warm up and then three times; a long one counts as it comes."""
    told = left(data)
    # One that tells figures of its own needs no more than one run; it has others in its plan than as a whole.
    plans = {
        name: (1, 1) if told.plans.get(name) == _BY_ITSELF or took.wall > _LONG else (1, 4)
        for name, took in told.figures.items()
    }
    return Sheet(figures=told.figures, failed=told.failed, plans=plans, peak=told.peak)


def of_functions(found: Found) -> Probe:
    """asv-like `time_*`, by our own runner."""
    roots = sorted({root for root, _ in found.timed.values()})
    files = [(path, module) for path, (_, module) in found.timed.items()]

    def run(core: int, plans: Plans | None) -> Run:
        plan = {"mode": "functions", "core": core, "roots": roots, "files": files, "numbers": plans}
        return Run(command=("python", _RUNNER), env={"SUREFOOT_BENCH": as_plan(plan)})

    return Probe(title="the functions time_*", own=True, run=run, read=left, countable=True)


def of_imports(groups: Mapping[str, Sequence[str]]) -> Probe:
    """The start of what the tree imports. groups: name -> modules."""

    def run(core: int, plans: Plans | None) -> Run:
        wanted = {name: list(one) for name, one in groups.items() if plans is None or name in plans}
        plan = {"mode": "imports", "core": core, "groups": wanted, "repeats": _IMPORTS}
        return Run(command=("python", _RUNNER), env={"SUREFOOT_BENCH": as_plan(plan)})

    return Probe(title="imports", own=False, run=run, read=left, weighs=True, foreign=True)


def of_loads(groups: Mapping[str, Sequence[tuple[str, str]]], where: str, node: Path) -> Probe:
    """The same in Node. groups: name -> (module, "require" or "import"). where: the folder of the project."""

    def run(core: int, plans: Plans | None) -> Run:
        wanted = {name: list(one) for name, one in groups.items() if plans is None or name in plans}
        child = [str(node), str(INSIDE / "surefoot_timed_load.cjs")]
        plan = {"mode": "imports", "core": core, "groups": wanted, "repeats": _IMPORTS, "child": child, "where": where}
        return Run(command=OURS, env={"SUREFOOT_BENCH": as_plan(plan)}, visible=VISIBLE)

    return Probe(title="loads", own=False, run=run, read=left, weighs=True, foreign=True)


def of_starts(programs: Mapping[str, Sequence[str]], env: Mapping[str, str]) -> Probe:
    """Programs from their start to their end. programs: name -> words."""

    def run(core: int, plans: Plans | None) -> Run:
        wanted = sorted(programs if plans is None else plans)
        plan = {"mode": "starts", "core": core, "programs": programs, "wanted": wanted, "repeats": _IMPORTS}
        return Run(command=OURS, env={**env, "SUREFOOT_BENCH": as_plan(plan)}, visible=VISIBLE)

    return Probe(title="starts of programs", own=False, run=run, read=left)


def of_fixtures(found: Found, packages: Container[str]) -> Probe:
    """pytest-benchmark's. packages: those that are there; what some of them do to figures is turned off."""
    quiet = [word for plugin, word in (("pytest-xdist", "-n0"), ("pytest-cov", "--no-cov")) if plugin in packages]
    words = ("--benchmark-enable", "--benchmark-only", "--benchmark-max-time=0.05", "--benchmark-min-rounds=5", *quiet)
    options = f"--benchmark-json={{results}} {' '.join(words)} -p no:cacheprovider -q"

    def run(core: int, plans: Plans | None) -> Run:
        wanted = list(found.fixtures) if plans is None else sorted(plans)
        plan = {"mode": "module", "core": core, "words": ["pytest", *wanted]}
        return Run(command=("python", _RUNNER), env={"SUREFOOT_BENCH": as_plan(plan), "PYTEST_ADDOPTS": options})

    return Probe(title="pytest-benchmark", own=True, run=run, read=_read_report, picky=True)

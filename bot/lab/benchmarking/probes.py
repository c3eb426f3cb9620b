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

_MOST_NAMES, _MOST_NAME = 200, 200
_LONG = 1.0  # seconds: a command that takes longer is run once a sample, without one to warm up
_IMPORTS = 3  # processes of one sample
_RUNNER = str(INSIDE / "surefoot_bench.py")

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
    """

    title: str
    own: bool
    run: Callable[[int, Plans | None], Run]
    read: Callable[[bytes], Sheet]
    weighs: bool = False
    countable: bool = False
    picky: bool = False


class _Figure(msgspec.Struct):
    seconds: float
    cpu: float | None = None


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


def _read_left(data: bytes) -> Sheet:
    told = _LEFT.decode(data)
    figures = {name: Took(wall=one.seconds, cpu=one.cpu) for name, one in _few(told.figures)}
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


def of_command(command: str) -> Probe:
    """The owner's own, timed as a whole. It is run by our interpreter, which no package can change."""
    name = command[:_MOST_NAME]
    visible = (INSIDE, Path(os.path.realpath(sys.base_prefix)))
    python = (os.path.realpath(sys.executable), "-I", "-S", _RUNNER)

    def run(core: int, plans: Plans | None) -> Run:
        plan = {"mode": "command", "core": core, "name": name, "command": command, "runs": 2, "most": _LONG}
        if plans is not None:
            plan |= {"runs": plans[name][1], "most": None}
        return Run(command=python, env={"SUREFOOT_BENCH": as_plan(plan)}, visible=visible)

    return Probe(title=name, own=True, run=run, read=_read_command, weighs=True)


def _read_command(data: bytes) -> Sheet:
    """A short command is run once to warm up and then three times; a long one counts as it comes."""
    told = _read_left(data)
    plans = {name: (1, 1 if took.wall > _LONG else 4) for name, took in told.figures.items()}
    return Sheet(figures=told.figures, failed=told.failed, plans=plans, peak=told.peak)


def of_functions(found: Found) -> Probe:
    """asv-like `time_*`, by our own runner."""
    roots = sorted({root for root, _ in found.timed.values()})
    files = [(path, module) for path, (_, module) in found.timed.items()]

    def run(core: int, plans: Plans | None) -> Run:
        plan = {"mode": "functions", "core": core, "roots": roots, "files": files, "numbers": plans}
        return Run(command=("python", _RUNNER), env={"SUREFOOT_BENCH": as_plan(plan)})

    return Probe(title="the functions time_*", own=True, run=run, read=_read_left, countable=True)


def of_imports(groups: Mapping[str, Sequence[str]]) -> Probe:
    """The start of what the tree imports. groups: name -> modules."""

    def run(core: int, plans: Plans | None) -> Run:
        wanted = {name: list(one) for name, one in groups.items() if plans is None or name in plans}
        plan = {"mode": "imports", "core": core, "groups": wanted, "repeats": _IMPORTS}
        return Run(command=("python", _RUNNER), env={"SUREFOOT_BENCH": as_plan(plan)})

    return Probe(title="imports", own=False, run=run, read=_read_left, weighs=True)


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

"""Counts the instructions of a benchmark by valgrind, where it is installed: a second opinion that load cannot touch.

What the process does besides is counted apart and taken off. Without `setarch -R`, which the jail forbids, two runs of
the same code differ by about a thousandth of what a bare start takes; the work counted is many times that.
"""

from __future__ import annotations

import re
import shutil

from bot.core import comparisons
from bot.core.comparisons import Bounds, Comparison
from bot.lab.benchmarking.probes import Plans, Probe
from bot.lab.jobs import Reason
from bot.lab.workbench import OutOfTime, Sample, Workbench

_WORDS = (
    "--tool=cachegrind", "--cache-sim=no", "--vgdb=no", "--cachegrind-out-file=/dev/null",
    "--log-file=%q{SUREFOOT_COUNTS}",
)  # fmt: skip
_PLACES = "/usr/local/bin:/usr/bin:/bin"
_TOTAL = re.compile(rb"^==\d+== I +refs: +([\d,]{1,30})\s*$", re.MULTILINE)
_START = 5.0  # seconds that a bare start under it may take
_REPEATS = 3  # in one counted run
_LEAST = 2_000_000  # instructions: below that the noise of the start weighs in


def available() -> bool:
    """Whether the jail would find the program: it shows /usr."""
    return _program() is not None


def _program() -> str | None:
    """By its full path: a package may bring a program of the same name, and that would be found first."""
    return shutil.which("valgrind", path=_PLACES)


async def counted(bench: Workbench, probe: Probe, plans: Plans, bounds: Bounds, until: float) -> dict[str, Comparison]:
    """Those that could be counted on both sides in time, each by itself."""
    found: dict[str, Comparison] = {}
    for name, (calls, _) in plans.items():
        plan = {name: (calls, _REPEATS)}
        try:
            before = await _work(bench, probe, bench.before, plan, until)
            after = await _work(bench, probe, bench.after, plan, until) if before else 0
        except OutOfTime:
            break
        if before >= _LEAST and after >= _LEAST:
            found[name] = comparisons.counted(before, after, bounds)
    return found


async def _work(bench: Workbench, probe: Probe, sample: Sample, plan: Plans, until: float) -> int:
    """Instructions of the benchmark alone; 0 where they could not be counted."""
    whole = await _count(bench, probe, sample, plan, until)
    rest = await _count(bench, probe, sample, {name: (0, repeats) for name, (_, repeats) in plan.items()}, until)
    return max(0, whole - rest) if whole and rest else 0


async def _count(bench: Workbench, probe: Probe, sample: Sample, plan: Plans, until: float) -> int:
    left = until - bench.budget.spent
    if left < _START:
        return 0
    run = probe.run(0, plan)
    # The counts are the results; the figures, which mean nothing here, go where nobody reads them.
    env = {**run.env, "SUREFOOT_COUNTS": "{results}", "SUREFOOT_RESULTS": "/tmp/figures"}  # noqa: S108 - inside
    ran = await bench.run(
        sample, (_program() or "valgrind", *_WORDS, *run.command), env=env, visible=run.visible, seconds=left
    )
    told = _TOTAL.findall(ran.results or b"") if ran.reason is Reason.FINISHED and ran.code == 0 else []
    return int(told[-1].replace(b",", b"")) if told else 0

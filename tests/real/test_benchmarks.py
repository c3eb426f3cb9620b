"""Benchmarks by the real tools: pytest-benchmark from this machine's index, and valgrind's count of instructions.

What is measured is a small library of the test's own, in a version with half as much work again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.comparisons import Bounds, Comparison, Pace
from bot.core.model import Grade, SuiteResult
from bot.core.suites import PERFORMANCE
from bot.lab import benchmarks, resolver, trial
from bot.lab.benchmarking import comparing, counting, finding, probes
from bot.lab.host import Host
from bot.lab.workbench import Workbench
from bot.tools.pip import index_of_pip
from tests.lab import world

WORK = "def work(n):\n    total = 0\n    for i in range(n * {times}):\n        total += i * i\n    return total\n"
TIMED = "from mill import work\n\n\ndef time_work():\n    work(1000)\n"
FIXTURE = """\
import pytest
from mill import work


@pytest.mark.parametrize("size", [1000])
def test_work(benchmark, size):
    benchmark(work, size)


def test_without():
    assert work(1) == 0
"""


async def tried(best: Host, place: Path, examiner: object, files: Mapping[str, str]) -> SuiteResult | None:
    """What an examiner says of a tree that goes from mill 1.0 to 1.5."""
    wheels = place / "wheels"
    for version, times in (("1.0", 10), ("1.5", 15)):
        world.wheel(wheels, "mill", version, {"mill.py": WORK.replace("{times}", str(times))})
    trees = [
        world.tree(place / version, {"requirements.txt": f"mill=={version}\npytest-benchmark\n", **files})
        for version in ("1.0", "1.5")
    ]
    index = await asyncio.to_thread(index_of_pip)
    uv = resolver.find_uv(replace(index, find_links=(str(wheels), *index.find_links)))
    # A function with the part of an examiner.
    lab = trial.laboratory(place / "lab", host=best, uv=uv, examiners={PERFORMANCE: examiner})  # type: ignore[dict-item]
    simulation = await lab.simulate(world.a_trial(*trees, seconds=3000))
    assert "cannot be set up" not in simulation.why, simulation.why
    return next((suite for suite in simulation.suites if suite.kind == PERFORMANCE), None)


@pytest.mark.timeout(600)
async def test_pytest_benchmarks_own_figures_decide(
    best: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half as much work again fails the update; the reader sees the test's file and line."""
    monkeypatch.setattr(comparing, "MOST", 11)
    monkeypatch.setattr(benchmarks, "_MOST_SECONDS", 1000.0)  # however slow this machine is now
    suite = await tried(best, tmp_path, benchmarks.examine, {"tests/test_work.py": FIXTURE})
    assert suite is not None and suite.grade is Grade.FAILED, suite
    assert (suite.remarks[0].path, suite.remarks[0].line) == ("tests/test_work.py", 6)
    assert [measure.name for measure in suite.measures] == ["`tests/test_work.py::test_work[1000]`"]


@pytest.mark.timeout(600)
async def test_instructions_are_counted_in_the_jail(best: Host, tmp_path: Path) -> None:
    """Half as many again, nearly to the point, whatever else the machine does; and the same on the same side."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed: it is a second opinion where it is")
    found: dict[str, Comparison] = {}

    async def count(bench: Workbench) -> None:
        probe_ = probes.of_functions(finding.look(bench.after.tree))
        plans = {"benchmarks/of.py::time_work": (10, 5)}
        until = bench.budget.spent + 200
        found.update(await counting.counted(bench, probe_, plans, Bounds(), until))
        same = replace(bench, after=bench.before)
        found["same"] = (await counting.counted(same, probe_, plans, Bounds(), until))["benchmarks/of.py::time_work"]

    await tried(best, tmp_path, count, {"benchmarks/of.py": TIMED})
    assert found["benchmarks/of.py::time_work"].ratio == pytest.approx(1.5, abs=0.03)
    assert found["same"].ratio == pytest.approx(1.0, abs=0.005) and found["same"].pace is Pace.SAME

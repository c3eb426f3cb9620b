"""The runner inside the jail times what asv would time, and notes what breaks instead of breaking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.lab.inside import surefoot_bench
from bot.lab.inside.surefoot_bench import Sheet
from tests.lab.world import tree

SUITE = """
from pathlib import Path
from time import time_ns
LOG = Path({log!r})

def note(word):
    with LOG.open("a") as file:
        file.write(word + " ")

def time_plain():
    note("plain")
time_plain.number = 1

def time_params(n, how):
    note(f"{{n}}{{how}}")
time_params.params = ([1, 2], ["a", "b"])
time_params.number = 1

def time_quick():
    pass

def teardown(*words):
    note("swept")

def time_breaks():
    raise ValueError("no")

def time_leaves():
    raise SystemExit(3)

class Suite:
    params = [7, 0]
    number = 2
    def setup_cache(self):
        return "kept"
    def setup(self, cache, n):
        if not n:
            raise NotImplementedError  # how asv's benchmarks leave a case out
        note("setup")
    def time_it(self, cache, n):
        note(f"{{cache}}{{n}}")
    def teardown(self, cache, n):
        note("down")
    def helper(self): ...

class Broken:
    def __init__(self):
        raise OSError("not here")
    def time_it(self): ...

class _Hidden:
    def time_no(self): ...
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with benchmarks; what they do is written to a log."""
    text = SUITE.format(log=str(tmp_path / "log"))
    tree(tmp_path, {"runner_suite/of.py": text, "runner_suite/broken.py": "import gone_for_good\n"})
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(surefoot_bench, "REPEATS", 2)
    monkeypatch.setattr(surefoot_bench, "SHORTEST", 0.0001)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("runner_suite")]:
        del sys.modules[name]


def timed(folder: Path, numbers: Mapping[str, list[int]] | None = None) -> tuple[Sheet, str]:
    """The sheet, and what the benchmarks did."""
    files = [("of.py", "runner_suite.of"), ("broken.py", "runner_suite.broken")]
    sheet = Sheet()
    surefoot_bench.functions(sheet, {"roots": [str(folder)], "files": files, "numbers": numbers})
    log = folder / "log"
    return sheet, log.read_text() if log.exists() else ""


def test_all_that_asv_would_time_is_timed(suite: Path) -> None:
    """Functions, methods, parameters; what the setup does not want is left out; what is hidden or imported is none."""
    sheet, _ = timed(suite)
    names = {"plain", "quick", *(f"params[{n}, '{how}']" for n in (1, 2) for how in "ab")}
    assert set(sheet.figures) == {*(f"of.py::time_{name}" for name in names), "of.py::Suite.time_it[7]"}
    assert all(figure["seconds"] >= 0 for figure in sheet.figures.values())


def test_what_breaks_is_noted_and_the_rest_goes_on(suite: Path) -> None:
    """In a benchmark, by leaving the program, or while the file is imported."""
    sheet, _ = timed(suite)
    assert sheet.failed == {
        "of.py::time_breaks": "ValueError: no",
        "of.py::time_leaves": "SystemExit: 3",
        "of.py::Broken.time_it": "OSError: not here",
        "broken.py": "ModuleNotFoundError: No module named 'gone_for_good'",
    }


def test_the_setup_runs_before_each_repeat_and_not_before_each_call(suite: Path) -> None:
    """As asv has it: a benchmark that uses up what the setup made says how many calls it can stand."""
    _, log = timed(suite, {"of.py::Suite.time_it[7]": [2, 3]})
    assert not timed(suite, {"of.py::Suite.time_it[0]": [2, 3]})[0].failed.get("of.py::Suite.time_it[0]")
    assert log.split() == ["setup", "kept7", "kept7", "down", "swept"] * 3


def test_both_sides_do_the_same_work(suite: Path) -> None:
    """What was found out on one side is the plan of both, calls and repeats; no call at all does all but the work."""
    sheet, _ = timed(suite)
    calls, repeats = sheet.plans["of.py::time_quick"]
    assert calls > 1 and repeats == 2
    assert sheet.plans["of.py::time_plain"][0] == 1
    (suite / "log").unlink()
    again, log = timed(suite, {"of.py::time_plain": [3, 4]})
    assert again.plans == {"of.py::time_plain": [3, 4]} and log.split() == ["plain", "plain", "plain", "swept"] * 4
    (suite / "log").unlink()
    assert timed(suite, {"of.py::time_plain": [0, 1]})[1] == "swept "


def test_imports_are_timed_by_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In fresh processes, of which the best counts; one that breaks is noted under its name."""
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    groups = {"json": ["json"], "gone": ["gone_for_good"]}
    plan = {"core": 0, "groups": groups, "repeats": 2}
    surefoot_bench.imports(sheet := Sheet(), plan)
    assert set(sheet.figures) == set(sheet.plans) == {"json"} and "gone_for_good" in sheet.failed["gone"]
    surefoot_bench.import_once(here := Sheet(), plan)
    assert (set(here.figures), here.failed) == ({"json"}, sheet.failed)
    tree(tmp_path, {"leaves_at_once.py": "import os\nos._exit(5)\n"})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SystemExit, match="ended with 5"):
        surefoot_bench.imports(Sheet(), {**plan, "groups": {"x": ["leaves_at_once"]}})


def test_a_command_is_timed_with_all_that_it_starts(tmp_path: Path) -> None:
    """The first of several runs is not counted; its output is left to itself; a code other than 0 is a failure."""
    count = tmp_path / "count"
    plan = {"name": "it", "command": f"echo x >> {count}; test -z $SUREFOOT_RESULTS", "runs": 3, "most": None}
    sheet = Sheet()
    surefoot_bench.command(sheet, plan)
    assert sheet.plans == {"it": [1, 3]} and sheet.figures["it"]["seconds"] > 0
    assert count.read_text().split() == ["x"] * 3
    surefoot_bench.command(long := Sheet(), {**plan, "most": 0.0})
    assert long.plans == {"it": [1, 1]}
    surefoot_bench.command(bad := Sheet(), {**plan, "command": "exit 3"})
    assert bad.failed == {"it": "RuntimeError: the command ended with 3"} and not bad.figures


@pytest.mark.parametrize(
    "plan",
    [
        {"mode": "imports", "core": 5, "groups": {"json": ["json"]}, "repeats": 1},
        {"mode": "command", "core": 0, "name": "json", "command": "true", "runs": 1, "most": None},
    ],
)
def test_one_plan_leaves_one_sheet(plan: dict[str, Any], tmp_path: Path) -> None:
    """As the jail starts it: a program of its own, on one core, without any package."""
    results = tmp_path / "results"
    env = {**os.environ, "SUREFOOT_BENCH": json.dumps(plan), "SUREFOOT_RESULTS": str(results)}
    subprocess.run([sys.executable, "-I", "-S", surefoot_bench.__file__], env=env, check=True)
    left = json.loads(results.read_text())
    assert list(left["figures"]) == ["json"] and left["peak"] > 1000 and left["failed"] == {}


def test_a_module_that_measures_by_itself_leaves_its_own_results(tmp_path: Path) -> None:
    """It takes our place, on one core."""
    words = ["platform"]
    env = {**os.environ, "SUREFOOT_BENCH": json.dumps({"mode": "module", "core": 1, "words": words})}
    env["SUREFOOT_RESULTS"] = str(tmp_path / "results")
    done = subprocess.run([sys.executable, surefoot_bench.__file__], env=env, check=True, capture_output=True)
    assert b"Linux" in done.stdout and not (tmp_path / "results").exists()


def test_the_whole_of_it_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the plan to the results."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setenv(
        "SUREFOOT_BENCH", json.dumps({"mode": "imports", "core": 1, "groups": {"json": ["json"]}, "repeats": 1})
    )
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    try:
        surefoot_bench.main()
        assert len(os.sched_getaffinity(0)) == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert "json" in (tmp_path / "results").read_text()

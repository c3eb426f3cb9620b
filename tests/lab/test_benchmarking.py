"""What can be measured is found by reading alone, and what a benchmark leaves behind is believed within bounds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.benchmarks import Measured, Place
from bot.core.comparisons import Bounds, Comparison, Pace, Took
from bot.core.model import Isolation, Level
from bot.lab.benchmarking import counting, finding, importing, known, probes
from bot.lab.benchmarking.finding import Found
from bot.lab.benchmarking.rounds import Side
from bot.lab.environments import Environment, Interpreter
from bot.lab.jobs import Ran, Reason
from bot.lab.learnt import Learnt
from bot.lab.workbench import Budget, OutOfTime, Sample, Workbench
from tests.lab.world import tree


def a_run(results: bytes | None, *, reason: Reason = Reason.FINISHED, output: bytes = b"") -> Ran:
    """What came out of a jail."""
    return Ran(
        code=0, reason=reason, seconds=1, peak=0, cpu_seconds=1, output=output, results=results,
        isolation=Isolation.FULL, clean=True, slot=0,
    )  # fmt: skip


def test_benchmarks_are_found_with_their_lines(tmp_path: Path) -> None:
    """Tests that take the fixture, wherever they are; functions and methods time_* below benchmarks/ alone."""
    fixture = "import x\n\n\ndef test_it(\n    tmp_path,\n    benchmark,\n): ...\n"
    fixture += "class TestMore:\n    def test_b(self, benchmark): ...\n"
    timed = "class Suite:\n    def setup(self): ...\n    def time_one(self, n): ...\n"
    timed += "async def other(): ...\ndef time_two(): ...\n"
    tree(tmp_path, {
        "tests/test_a.py": fixture, "tests/test_b.py": "def test_plain(): ...\n",
        "benchmarks/deep/of.py": timed, "src/it.py": "def time_of_day(): ...\n",
        "node_modules/x/benchmarks/y.py": timed, "-x.py": fixture, "benchmarks/no-name.py": timed,
    })  # fmt: skip
    found = finding.look(tmp_path)
    assert found.fixtures == ("tests/test_a.py",)
    assert found.timed == {"benchmarks/deep/of.py": (".", "benchmarks.deep.of")}
    assert found.place_of("tests/test_a.py::test_it[a::b]") == Place(path="tests/test_a.py", line=4)
    assert found.place_of("tests/test_a.py::TestMore::test_b") == Place(path="tests/test_a.py", line=9)
    assert found.place_of("benchmarks/deep/of.py::Suite.time_one[3]") == Place(path="benchmarks/deep/of.py", line=3)
    assert found.place_of("benchmarks/deep/of.py::made.by_a_factory") == Place(path="benchmarks/deep/of.py")
    assert found.place_of("/etc/passwd::x") is None
    alone = finding.look(tmp_path, fixtures_too=False)
    assert (alone.fixtures, alone.timed) == ((), found.timed) and alone.paths == {"benchmarks/deep/of.py"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"asv.conf.json": '// hello\n{"benchmark_dir": "perf/b"}', "perf/b/a.py": ""}, ("perf", "b.a")),
        ({"asv_bench/benchmarks/a.py": ""}, ("asv_bench", "benchmarks.a")),
        ({"benchmarks/a.py": ""}, (".", "benchmarks.a")),
        ({"asv.conf.json": '{"benchmark_dir": "../../.."}', "benchmarks/a.py": ""}, (".", "benchmarks.a")),
    ],
)
def test_asv_is_asked_where_its_benchmarks_are(
    files: dict[str, str], expected: tuple[str, str] | None, tmp_path: Path
) -> None:
    """Its settings may name another folder; one outside of the tree is none."""
    text = {name: "def time_it(): ...\n" if name.endswith(".py") else held for name, held in files.items()}
    assert next(iter(finding.look(tree(tmp_path, text)).timed.values()), None) == expected


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """A link out of the tree, a file too large, one that is no text, a link to nothing."""
    timed = "def time_it(): ...\n"
    folder = tree(tmp_path / "t", {"benchmarks/a.py": timed, "benchmarks/large.py": timed + "#" * (1 << 20)})
    (tmp_path / "secret.py").write_text(timed)
    (folder / "benchmarks" / "link.py").symlink_to(tmp_path / "secret.py")
    (folder / "benchmarks" / "bytes.py").write_bytes(b"\xff\xfe\x00def time_it(): ...\n")
    (folder / "benchmarks" / "gone.py").symlink_to(folder / "nowhere")
    assert set(finding.look(folder).timed) == {"benchmarks/a.py"}
    outside = tree(tmp_path / "o", {"a.py": timed})
    (tmp_path / "u").mkdir()
    (tmp_path / "u" / "benchmarks").symlink_to(outside)
    assert not finding.look(tmp_path / "u", fixtures_too=False).timed
    assert not finding.look(tmp_path / "u").timed


def test_a_tree_full_of_benchmarks_is_run_in_part_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can make the reading endless, by many files, long names or large ones."""
    monkeypatch.setattr(finding, "_MOST_LISTED", 2)
    timed = "def time_it(): ...\n"
    folder = tree(tmp_path, {f"benchmarks/{name}.py": timed for name in ("a", "b", "c", "d" * 200)})
    found = finding.look(folder)
    assert list(found.timed) == ["benchmarks/a.py", "benchmarks/b.py"]
    assert found.notes == ("not run: the benchmarks of 1 more files",)
    monkeypatch.setattr(finding, "_MOST_TOTAL", 1)
    assert list(finding.look(folder).timed) == ["benchmarks/a.py"]
    monkeypatch.setattr(finding, "_MOST_FILES", 0)
    assert not finding.look(folder).timed


@pytest.mark.parametrize(
    ("path", "own"),
    [("app/x.py", True), ("tests/x.py", False), ("src/test_y.py", False), ("a/docs/z.py", False), ("setup.py", False)],
)
def test_only_the_own_code_starts_where_it_is_used(path: str, own: bool) -> None:
    """What tests and tools of the build import is no start-up time of anybody."""
    assert importing.is_own(path) is own


def test_the_longest_part_that_is_a_module_is_imported() -> None:
    """Namespaces have none of their own; what comes with another anyway is left out."""
    there = frozenset({"a", "a.b", "a.b.c", "e.f", "e.f.g", "k"})
    used = {"a.b.Thing.method", "a.other", "e.f.g", "e", "k.l", "json.loads"}
    assert importing.imported(used, there) == ("a.b", "e.f.g", "k")


LEFT = {"figures": {"x": {"seconds": 0.5, "cpu": 0.4}}, "plans": {"x": [3, 5]}, "failed": {"y": "no"}, "peak": 2}
PROBE = probes.of_functions(Found())


def test_what_our_runner_leaves_is_read() -> None:
    """Figures, plans, failures and the peak in bytes."""
    told = probes.sheet(PROBE, a_run(json.dumps(LEFT).encode()))
    assert told.figures == {"x": Took(wall=0.5, cpu=0.4)} and told.plans == {"x": (3, 5)}
    assert (told.failed, told.peak, told.problem) == ({"y": "no"}, 2048.0, "")


@pytest.mark.parametrize(
    "results",
    [
        b"",
        None,
        b"{",
        b"[]",
        b'{"figures": 3}',
        b'{"figures": {"x": {"seconds": "long"}}}',
        b"\xff\x00",
        b"[" * 100_000,
    ],
)
def test_what_is_no_sheet_is_a_problem_in_words(results: bytes | None) -> None:
    """Whatever a benchmark writes there."""
    assert probes.sheet(PROBE, a_run(results, output=b"I broke")).problem


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.MEMORY, Reason.OUTPUT, Reason.BROKEN])
def test_a_run_that_was_ended_left_nothing(reason: Reason) -> None:
    """Even where there are results: they are of half a run."""
    told = probes.sheet(PROBE, a_run(json.dumps(LEFT).encode(), reason=reason))
    assert reason.value in told.problem and not told.figures


def test_figures_that_are_none_are_not_believed() -> None:
    """Nothing, less than nothing, plans that would never end, and more names than anybody wrote."""
    figures = {"zero": {"seconds": 0}, "back": {"seconds": -1}, "x" * 400: {"seconds": 1}, "good": {"seconds": 1}}
    plans = {"good": [10**12, 5], "fine": [1, 1], "many": [1, 1000]}
    told = probes.sheet(PROBE, a_run(json.dumps({"figures": figures, "plans": plans}).encode()))
    assert told.figures == {"good": Took(wall=1.0)} and told.plans == {"fine": (1, 1)}
    many = {str(number): {"seconds": 1} for number in range(1000)}
    assert len(probes.sheet(PROBE, a_run(json.dumps({"figures": many}).encode())).figures) == 200


def test_pytest_benchmarks_report_is_read() -> None:
    """Out of all that it tells, the best of each benchmark; other plugins that would spoil it are turned off."""
    probe = probes.of_fixtures(Found(fixtures=("t.py",)), {"pytest-xdist", "pytest-cov"})
    report = {"benchmarks": [{"fullname": "t.py::test_it[1]", "stats": {"min": 0.25, "data": [0.25]}}], "version": "5"}
    told = probes.sheet(probe, a_run(json.dumps(report).encode()))
    assert told.figures == {"t.py::test_it[1]": Took(wall=0.25)}
    options = probe.run(0, None).env["PYTEST_ADDOPTS"]
    assert "-n0" in options and "--no-cov" in options
    assert json.loads(probe.run(0, told.plans).env["SUREFOOT_BENCH"])["words"] == ["pytest", "t.py::test_it[1]"]


def test_a_short_command_is_warmed_up_and_a_long_one_is_not() -> None:
    """One that takes minutes is not run four times for each sample."""
    probe = probes.of_command("make bench")
    assert json.loads(probe.run(0, None).env["SUREFOOT_BENCH"])["runs"] == 2
    for seconds, runs in ((0.1, 4), (30, 1)):
        left = {"figures": {"make bench": {"seconds": seconds}}, "plans": {"make bench": [1, 2]}}
        plans = probes.sheet(probe, a_run(json.dumps(left).encode())).plans
        assert json.loads(probe.run(0, plans).env["SUREFOOT_BENCH"])["runs"] == runs


def test_only_quiet_pairs_are_remembered(tmp_path: Path) -> None:
    """What cannot be read any more is measured anew, and so is what got worse."""
    store, key = Learnt(folder=tmp_path / "known"), known.key_of("a", "b")
    quiet = (Measured(name="x", seconds=Comparison(pace=Pace.SAME, ratio=1.01), place=Place(path="a.py", line=1)),)
    worse = Comparison(pace=Pace.SLOWER, level=Level.WARNING, ratio=1.06)
    assert known.recall(store, key) == ()
    for found in ((), (Measured(name="x", seconds=worse),), (Measured(name="x", memory=worse),)):
        known.remember(store, key, found)
        assert known.recall(store, key) == ()
    known.remember(store, key, quiet)
    assert known.recall(store, key) == quiet
    (tmp_path / "known" / f"{key}.json").write_text("{")
    assert known.recall(store, key) == ()


def test_a_side_keeps_memory_of_whole_runs_only(tmp_path: Path) -> None:
    """A run of some benchmarks needs less than one of all."""
    there = Interpreter(path=tmp_path / "python", version="3.11.0", prefix=tmp_path)
    environment = Environment(key="k", folder=tmp_path, interpreter=there, lock="")
    side = Side(Sample(tree=tmp_path, environment=environment))
    side.add(probes.Sheet(figures={"x": Took(wall=1.0)}, peak=5.0), whole=True)
    side.add(probes.Sheet(figures={"x": Took(wall=2.0)}, peak=4.0), whole=False)
    assert (side.peaks, [one.wall for one in side.took["x"]]) == ([5.0], [1.0, 2.0])


def test_counting_needs_its_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is not installed nothing is counted."""
    monkeypatch.setattr(counting, "_PLACES", str(tmp_path))
    assert not counting.available()
    (tmp_path / "valgrind").write_text("#!/bin/sh\n")
    (tmp_path / "valgrind").chmod(0o755)
    assert counting.available()


@dataclass(frozen=True, slots=True)
class Counter:
    """A bench on which valgrind says so many millions of instructions for a side: of the start, and of all of it."""

    before: tuple[int, int] = (30, 130)
    after: tuple[int, int] = (30, 142)
    budget: Budget = field(default_factory=lambda: Budget(100))
    ended: Reason | None = Reason.FINISHED  # None: the budget is spent

    async def run(self, sample: tuple[int, int], command: tuple[str, ...], **more: Any) -> Ran:
        """The log that it leaves."""
        if self.ended is None:
            raise OutOfTime
        (calls,) = [calls for calls, _ in json.loads(more["env"]["SUREFOOT_BENCH"])["numbers"].values()]
        count = sample[1 if calls else 0]
        log = f"==4== Command: python\n==4== \n==4== I   refs:      {count},000,123\n"
        return a_run(log.encode(), reason=self.ended)


@pytest.mark.parametrize(
    ("bench", "until", "pace"),
    [
        (Counter(), 100, Pace.SLOWER),
        (Counter(after=(40, 141)), 100, Pace.SAME),
        (Counter(ended=Reason.TIMEOUT), 100, None),
        (Counter(before=(130, 130)), 100, None),
        (Counter(), 1, None),
        (Counter(ended=None), 100, None),
    ],
)
async def test_what_the_start_takes_is_taken_off_the_count(bench: Counter, until: float, pace: Pace | None) -> None:
    """A twelfth more work shows as such; what could not be counted, or is too little to tell, says nothing."""
    plans = {"a.py::time_it": (7, 5)}
    found = await counting.counted(cast(Workbench, bench), PROBE, plans, Bounds(), bench.budget.spent + until)
    assert {name: one.pace for name, one in found.items()} == ({"a.py::time_it": pace} if pace else {})

"""An update that makes the code slower is found by the repository's own benchmarks; one that does not is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core import comparisons
from bot.core.model import Grade, Level, SuiteResult
from bot.core.suites import PERFORMANCE, Asked
from bot.lab import benchmarks, resolver, trial
from bot.lab.benchmarking import comparing, counting
from bot.lab.host import Host
from bot.lab.trial import Laboratory
from bot.lab.workbench import Unable
from tests.lab import world
from tests.lab.world import a_trial, tree

WORK = """\
COST = {times} / 100
def work(n):
    total = 0
    for i in range(int(n * COST)):
        total += i * i
    return total
"""
STARTS = "from mill.wheel import work\nwork(200_000)\n"
# The face of pytest-benchmark as far as it is used here: its fixture, its options and the JSON that it writes. Its
# figures are told by the code under test instead of a clock, so that they are the same under any load.
FIXTURE = """
import json, pytest
def pytest_addoption(parser):
    for name in ("enable", "only"):
        parser.addoption(f"--benchmark-{name}", action="store_true")
    for name in ("json", "max-time", "min-rounds"):
        parser.addoption(f"--benchmark-{name}")
TOOK = []
@pytest.fixture
def benchmark(request):
    def measured(function):
        TOOK.append({"fullname": request.node.nodeid, "stats": {"min": function(), "mean": 9.0}, "extra": [1]})
    return measured
def pytest_sessionfinish(session):
    with open(session.config.getoption("benchmark_json"), "w") as file:
        json.dump({"benchmarks": TOOK}, file)
"""
SAYS = "[pytest11]\nbenchmark = pytest_benchmark_small\n"


@pytest.fixture(scope="module")
def lab(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A laboratory that only measures, and an index with a mill: 2.0 is half as slow again, 3.0 more so, 4.0 breaks."""
    folder = world.with_pytest(tmp_path_factory.mktemp("mills"))
    for version, times in (("1.0", 100), ("1.1", 100), ("1.2", 106), ("2.0", 150), ("3.0", 300)):
        files = {"mill/__init__.py": "", "mill/wheel.py": WORK.replace("{times}", str(times))}
        world.wheel(folder, "mill", version, {**files, "mill/start.py": STARTS})
    broken = "def work(n):\n    raise ValueError('no `water`')\n"
    world.wheel(folder, "mill", "4.0", {"mill/__init__.py": "", "mill/wheel.py": broken, "mill/start.py": STARTS})
    leaves = {"mill/__init__.py": "", "mill/wheel.py": "import os\nos._exit(3)\n", "mill/start.py": STARTS}
    world.wheel(folder, "mill", "5.0", leaves)
    plugin = {"pytest_benchmark_small.py": FIXTURE, "pytest_benchmark-5.0.dist-info/entry_points.txt": SAYS}
    world.wheel(folder, "pytest_benchmark", "5.0", plugin)
    uv = resolver.find_uv(world.index(folder))
    examiners = {PERFORMANCE: benchmarks.examine}
    return trial.laboratory(tmp_path_factory.mktemp("lab"), host=host, uv=uv, examiners=examiners)


@pytest.fixture(autouse=True)
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut off, however slow this machine is now; counting, which takes long, is tested in tests/real."""
    monkeypatch.setattr(benchmarks, "_MOST_SECONDS", 1000.0)
    monkeypatch.setattr(benchmarks, "_MOST_UNASKED", 1000.0)
    monkeypatch.setattr(counting, "available", lambda: False)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few samples as can be, where it is not about chance."""
    monkeypatch.setattr(comparisons, "FEWEST", 2)
    for module in (comparisons, comparing):
        monkeypatch.setattr(module, "USUAL", 2)
    monkeypatch.setattr(comparing, "MOST", 3)


@pytest.fixture
def enough(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as ranks need to be sure, where only the clock is known."""
    monkeypatch.setattr(comparisons, "FEWEST", 5)
    for module in (comparisons, comparing):
        monkeypatch.setattr(module, "USUAL", 5)
    monkeypatch.setattr(comparing, "MOST", 6)


Files = Mapping[str, str]
FOUND = Asked()


async def measured(
    lab: Laboratory, place: Path, sides: tuple[Files, Files], asked: Asked = FOUND
) -> SuiteResult | None:
    """What the suite says of two trees."""
    trees = [tree(place / name, files) for name, files in zip("ab", sides, strict=True)]
    trial_ = replace(a_trial(*trees, seconds=3000), suites={PERFORMANCE: asked})
    simulation = await lab.simulate(trial_)
    return next((suite for suite in simulation.suites if suite.kind == PERFORMANCE), None)


def both(old: str, new: str, files: Files, more: str = "") -> tuple[Files, Files]:
    """The same tree with the mill in two versions."""
    return (
        {"requirements.txt": f"mill=={old}\n{more}", **files},
        {"requirements.txt": f"mill=={new}\n{more}", **files},
    )


OF_MILL = """\
from mill.wheel import work


def time_work():
    work(20_000)


def time_other():
    sum(range(30_000))
"""


async def test_a_slowdown_fails_and_is_named_and_what_did_not_change_is_left_alone(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half as much again is beyond any chance: the reader sees the benchmark, its file and its line, and both times."""
    for module in (comparisons, comparing):
        monkeypatch.setattr(module, "USUAL", comparisons.FEWEST)
    suite = await measured(lab, tmp_path, both("1.0", "2.0", {"benchmarks/of_mill.py": OF_MILL}))
    assert suite is not None and suite.grade is Grade.FAILED, suite
    failures = [remark for remark in suite.remarks if remark.level is Level.FAILURE]
    assert [(remark.path, remark.line) for remark in failures] == [("benchmarks/of_mill.py", 4)]
    assert suite.why.startswith("`benchmarks/of_mill.py::time_work` takes") and suite.why.endswith("longer")
    first, second = suite.measures
    assert "time_work" in first.name and first.change.startswith("+") and first.before.endswith("s")
    assert "time_other" in second.name and second.level is not Level.FAILURE


FAST = """\
from mill.wheel import COST


def test_slower(benchmark):
    benchmark(lambda: COST)


def test_faster(benchmark):
    benchmark(lambda: 2 - COST)
"""


async def test_pytest_benchmarks_own_figures_are_compared(lab: Laboratory, enough: None, tmp_path: Path) -> None:
    """Where a file asks for it. A little slower is near the limit, so it is measured longer, and then it is said."""
    sides = both("1.0", "1.2", {"tests/test_speed.py": FAST}, "pytest-benchmark==5.0\n")
    suite = await measured(lab, tmp_path, sides)
    assert suite is not None and suite.grade is Grade.PASSED, suite
    assert suite.why == "2 figures compared, none failed the limit; `tests/test_speed.py::test_slower` takes 6 % longer"
    (remark,) = suite.remarks
    assert (remark.level, remark.line, "best of 6 fresh" in remark.message) == (Level.WARNING, 4, True)
    told = [(measure.name, measure.before, measure.after, measure.change) for measure in suite.measures]
    assert told == [
        ("`tests/test_speed.py::test_slower`", "1 s", "1.06 s", "+6.0 %"),
        ("`tests/test_speed.py::test_faster`", "1 s", "0.94 s", "-6.0 %"),
    ]


@pytest.mark.parametrize(("versions", "grade"), [(("1.0", "5.0"), Grade.FAILED), (("5.0", "1.0"), Grade.UNKNOWN)])
async def test_a_program_that_leaves_at_once_has_no_figures(
    versions: tuple[str, str], grade: Grade, lab: Laboratory, tmp_path: Path
) -> None:
    """Who had figures before and has none now is at fault; where there were none before, nothing is known."""
    suite = await measured(lab, tmp_path, both(*versions, {"benchmarks/of_mill.py": OF_MILL}))
    assert suite is not None and suite.grade is grade, suite
    told = suite.remarks[0].message if grade is Grade.FAILED else suite.why
    assert "it ended with 3 and left no figures" in told


async def test_a_benchmark_that_breaks_fails_the_update(lab: Laboratory, few: None, tmp_path: Path) -> None:
    """In its own words, which can do nothing to the page; the one beside it is compared all the same."""
    suite = await measured(lab, tmp_path, both("1.0", "4.0", {"benchmarks/of_mill.py": OF_MILL}))
    assert suite is not None and suite.grade is Grade.FAILED, suite
    assert suite.why.startswith("`benchmarks/of_mill.py::time_work` fails")
    remark = suite.remarks[0]
    assert (remark.message, remark.line) == ("`ValueError: no 'water'`", 4)
    assert [measure.name for measure in suite.measures] == ["`benchmarks/of_mill.py::time_other`"]


async def test_what_failed_before_is_not_the_updates_fault(lab: Laboratory, few: None, tmp_path: Path) -> None:
    """It is said, and the rest is compared, whatever so few samples on a busy machine make of that."""
    suite = await measured(lab, tmp_path, both("4.0", "1.0", {"benchmarks/of_mill.py": OF_MILL}))
    assert suite is not None and "fails" not in suite.why, suite
    assert not any("time_work" in remark.message for remark in suite.remarks), suite
    assert any("fail on the baseline: 1" in note and "time_work" in note for note in suite.notes)
    assert len(suite.measures) == 1


async def test_a_benchmark_that_is_gone_asks_a_person(lab: Laboratory, few: None, tmp_path: Path) -> None:
    """Whoever takes it away hides what it would have said."""
    old, new = both("1.0", "1.1", {"benchmarks/of_mill.py": OF_MILL})
    suite = await measured(lab, tmp_path / "one", (old, {**new, "benchmarks/of_mill.py": "def time_work(): pass\n"}))
    assert suite is not None and suite.grade is Grade.UNKNOWN, suite
    assert "time_other` gave a figure before and gives none now" in suite.why
    none = await measured(lab, tmp_path / "all", (old, {**new, "benchmarks/of_mill.py": ""}))
    assert none is not None and none.grade is Grade.UNKNOWN, none


async def test_nothing_on_the_baseline_is_not_known(lab: Laboratory, tmp_path: Path) -> None:
    """A file that cannot be imported on either side."""
    suite = await measured(lab, tmp_path, both("1.0", "1.1", {"benchmarks/a.py": "import gone\ndef time_it(): pass\n"}))
    assert suite is not None and suite.grade is Grade.UNKNOWN, suite
    assert "no benchmark runs on both sides" in suite.why
    assert any("fail on the baseline" in note for note in suite.notes)


async def test_the_owners_command_is_timed_as_a_whole(lab: Laboratory, tmp_path: Path) -> None:
    """With its memory; and it fails the update when it fails."""
    asked = Asked(run="python -c 'from mill.wheel import work; work(10)'")
    suite = await measured(lab, tmp_path, both("1.0", "4.0", {}), asked)
    assert suite is not None and suite.grade is Grade.FAILED and suite.command == asked.run, suite
    assert "the command ended with 1" in suite.remarks[0].message


async def test_memory_of_the_owners_command(lab: Laboratory, few: None, tmp_path: Path) -> None:
    """Much more of it is a warning, beside the time."""
    asked = Asked(
        run="python -c 'from mill.wheel import COST; b = bytearray(int(60e6 * (COST - 1)) + 1)'", warn=5, fail=9
    )
    suite = await measured(lab, tmp_path, both("1.0", "3.0", {}), asked)
    assert suite is not None and suite.grade is Grade.PASSED, suite
    memory = next(measure for measure in suite.measures if measure.name.endswith("peak memory"))
    assert memory.level is Level.WARNING and memory.after.endswith("MiB")
    assert any("more memory" in remark.title for remark in suite.remarks)


OWN = {"app.py": "import os, mill.start\nfrom mill import wheel\n", "tests/test_it.py": "import pytest\n"}


async def test_without_benchmarks_imports_are_compared_and_only_warn(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked for it, so it is no failure, however much slower it is."""
    monkeypatch.setattr(comparing, "USUAL", comparisons.FEWEST + 1)
    suite = await measured(lab, tmp_path / "slow", both("1.0", "3.0", OWN))
    assert suite is not None and suite.grade is not Grade.FAILED, suite
    assert suite.measures[0].name == "`import of mill`" and suite.measures[0].level is Level.WARNING
    assert [remark.level for remark in suite.remarks] == [Level.WARNING]


async def test_a_quiet_pair_is_remembered(lab: Laboratory, few: None, tmp_path: Path) -> None:
    """In every repository that makes the same step."""
    asked = Asked(warn=5, fail=9)  # quiet whatever the machine does
    first = await measured(lab, tmp_path / "a", both("1.0", "1.1", OWN), asked)
    other = {"their.py": "import mill.start, mill.wheel\n"}
    again = await measured(lab, tmp_path / "b", both("1.0", "1.1", other), asked)
    assert first is not None and again is not None
    assert again.notes == ("known from an earlier run of the same pair",) and again.measures == first.measures
    assert first.notes == () and again.seconds < first.seconds


async def test_nothing_to_measure_says_nothing(lab: Laboratory, tmp_path: Path) -> None:
    """No benchmark, and nothing that changed is imported."""
    assert await measured(lab, tmp_path / "a", both("1.0", "1.1", {"app.py": "import json\n"})) is None
    assert await measured(lab, tmp_path / "b", both("1.0", "1.0", OWN)) is None


async def test_no_time_is_said(lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be measured often enough has not passed, and who is cut off for lack of time is no failure."""
    monkeypatch.setattr(benchmarks, "_MOST_SECONDS", 0.01)
    short = await measured(lab, tmp_path / "b", both("1.0", "1.1", {"benchmarks/of_mill.py": OF_MILL}))
    assert short is not None and short.grade is Grade.UNKNOWN and short.why.startswith("no time: "), short
    monkeypatch.setattr(comparing, "_FAIR", -1000)
    suite = await measured(lab, tmp_path / "a", both("1.0", "1.1", {"benchmarks/of_mill.py": OF_MILL}))
    assert suite is not None and suite.grade is Grade.UNKNOWN, suite
    assert "partial: time was up after 0 samples of each side" in suite.notes
    assert any("no time: 1 of 2" in note for note in suite.notes)
    monkeypatch.setattr(benchmarks, "_MOST_UNASKED", 0.01)
    assert await measured(lab, tmp_path / "c", both("1.0", "1.1", OWN)) is None, "imports that nobody asked for"


async def test_a_program_that_starts_slower_is_said(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody wrote a benchmark: each program is run in place for its help, and one that breaks is told."""
    monkeypatch.setattr(comparing, "USUAL", comparisons.FEWEST + 1)
    program = {
        "pyproject.toml": "[project.scripts]\ngrind = 'app:main'\n",
        "app.py": "def main():\n    import mill.start\n    mill.start.work(300_000)\n",
    }
    suite = await measured(lab, tmp_path / "slow", both("1.0", "3.0", program))
    assert suite is not None and suite.grade is not Grade.FAILED, suite
    told = {measure.name: measure.level for measure in suite.measures}
    assert told["`start of grind --help`"] is Level.WARNING and suite.command.endswith("starts of programs")
    broken = await measured(lab, tmp_path / "broken", both("1.0", "4.0", program))
    assert broken is not None and broken.grade is not Grade.FAILED, broken
    assert any(remark.title == "`start of grind --help` fails" for remark in broken.remarks)


async def test_a_command_that_measures_by_itself_is_believed(lab: Laboratory, enough: None, tmp_path: Path) -> None:
    """It takes the same time whatever the code costs; the figures that it prints tell."""
    says = "from mill.wheel import COST\nprint(f'grind x {1000 / COST} ops/sec ±1.00% (90 runs sampled)')\n"
    asked = Asked(run="python bench.py")
    suite = await measured(lab, tmp_path, both("1.0", "2.0", {"bench.py": says}), asked)
    assert suite is not None and suite.grade is Grade.FAILED and suite.why == "`grind` takes 50 % longer", suite
    assert [(one.before, one.after) for one in suite.measures if one.name == "`grind`"] == [("1 ms", "1.5 ms")]


async def test_what_cannot_be_had_is_a_note_and_no_verdict(lab: Laboratory, tmp_path: Path) -> None:
    """Of how fast it is nothing need be known."""

    async def unable(bench: object) -> None:
        raise Unable("nothing to build it with")

    trees = [tree(tmp_path / name, {"test_a.py": "def test_a(): pass\n"}) for name in "ab"]
    simulation = await replace(lab, examiners={PERFORMANCE: unable}).simulate(a_trial(*trees))
    assert simulation.grade is Grade.PASSED, simulation
    assert "not run: performance (nothing to build it with)" in simulation.notes

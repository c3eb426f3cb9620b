"""What benchmarks found is told in words that a person understands, and weighed by who asked for it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.benchmarks import (
    Measured,
    Place,
    Trouble,
    Usage,
    in_percent,
    in_seconds,
    measures,
    of_tests,
    remarks,
    unasked,
    verdict,
)
from bot.core.comparisons import Comparison, Pace
from bot.core.model import Grade, Level


def a_time(ratio: float, level: Level = Level.NOTICE, *, base: float = 0.001, uneven: bool = False) -> Comparison:
    """A comparison with this ratio of the best."""
    pace = Pace.SLOWER if ratio > 1.05 else Pace.FASTER if ratio < 0.95 else Pace.SAME
    return Comparison(
        pace=pace, level=level, ratio=ratio, middle=ratio, samples=10, before=base, after=base * ratio, uneven=uneven
    )


def a_measured(ratio: float, level: Level = Level.NOTICE, **more: object) -> Measured:
    """A benchmark of the repository's own."""
    place = Place(path="benchmarks/a.py", line=3)
    # The fields are the caller's.
    return replace(Measured(name="a.py::time_it", seconds=a_time(ratio, level), place=place), **more)  # type: ignore[arg-type]


def test_a_failure_names_the_benchmark_and_counts_the_rest() -> None:
    """One sentence; the reader finds the rest among the remarks, gravest first."""
    found = [a_measured(1.06, Level.WARNING), a_measured(1.5, Level.FAILURE), a_measured(1.2, Level.FAILURE)]
    grade, why = verdict(found, [], 0.1)
    assert (grade, why) == (Grade.FAILED, "`a.py::time_it` takes 50 % longer, and 1 more got worse")
    said = remarks(found, [])
    assert [one.level for one in said] == [Level.FAILURE, Level.FAILURE, Level.WARNING]
    assert (said[0].path, said[0].line) == ("benchmarks/a.py", 3)
    assert said[0].message == "1 ms before, 1.5 ms now (best of 10 fresh processes on each side; medians +50.0 %)"


def test_a_warning_passes_and_is_said() -> None:
    """Slower than it should be, within the limit."""
    grade, why = verdict([a_measured(1.07, Level.WARNING), a_measured(1.0)], [], 0.1)
    assert (grade, why) == (Grade.PASSED, "2 figures compared, none failed the limit; `a.py::time_it` takes 7 % longer")


def test_a_grave_slowdown_by_few_samples_asks_a_person() -> None:
    """Too little to fail the update, and too much to let it pass."""
    few = replace(a_measured(1.5), seconds=replace(a_time(1.5, Level.WARNING), samples=6))
    grade, why = verdict([few], [], 0.1)
    assert grade is Grade.UNKNOWN and why.endswith("but there was time for 6 samples only")
    assert verdict([replace(few, seconds=replace(few.seconds, samples=10))], [], 0.1)[0] is Grade.PASSED


def test_nothing_known_is_not_passed() -> None:
    """No figure at all asks a person."""
    assert verdict([], [], 0.1)[0] is Grade.UNKNOWN
    assert verdict([Measured(name="x")], [], 0.1)[0] is Grade.UNKNOWN
    assert measures([Measured(name="x")]) == ()
    trouble = Trouble(name="imports", words="`gone`", failed=True, own=False)
    assert verdict([], [trouble], 0.1) == (Grade.UNKNOWN, "`imports` fails")


@pytest.mark.parametrize(
    ("failed", "own", "grade", "level"),
    [
        (True, True, Grade.FAILED, Level.FAILURE),
        (False, True, Grade.UNKNOWN, Level.WARNING),
        (True, False, Grade.PASSED, Level.WARNING),
    ],
)
def test_a_benchmark_without_a_figure(failed: bool, own: bool, grade: Grade, level: Level) -> None:
    """One that breaks fails the update; one that is absent asks a person; an import that nobody asked for warns."""
    trouble = Trouble(name="a.py::time_it", words="`gone`", failed=failed, own=own)
    assert verdict([a_measured(1.0)], [trouble], 0.1)[0] is grade
    assert remarks([], [trouble])[0].level is level


@pytest.mark.parametrize(
    ("ratio", "base", "level", "grade"),
    [
        (1.5, 0.001, Level.NOTICE, Grade.PASSED),  # half a millisecond: nobody notices
        (1.5, 0.040, Level.WARNING, Grade.PASSED),
        (1.5, 0.400, Level.WARNING, Grade.UNKNOWN),  # a fifth of a second at every start
        (1.06, 4.0, Level.WARNING, Grade.PASSED),  # within the limit of ten per cent
    ],
)
def test_what_nobody_asked_for_never_fails(ratio: float, base: float, level: Level, grade: Grade) -> None:
    """Where people will feel it, a person is asked."""
    found = unasked(Measured(name="import of x", seconds=a_time(ratio, Level.FAILURE, base=base), own=False), 0.005)
    assert (found.seconds.level, verdict([found], [], 0.1)[0]) == (level, grade)
    quiet = Measured(name="import of x", seconds=a_time(1.0), own=False)
    assert unasked(quiet, 0.005) is quiet


def test_memory_has_a_line_of_its_own() -> None:
    """With its remark where it warns."""
    memory = Comparison(
        pace=Pace.SLOWER, level=Level.WARNING, ratio=2.0, middle=2.0, before=2.0**24, after=2.0**25, samples=10
    )
    found = [a_measured(1.0), Measured(name="run", memory=memory)]
    lines = measures(found)
    assert [line.name for line in lines] == ["`run`, peak memory", "`a.py::time_it`"]
    assert (lines[0].before, lines[0].after, lines[0].change) == ("16.0 MiB", "32.0 MiB", "+100.0 %")
    assert remarks(found, [])[0].title == "`run` needs 100 % more memory"
    assert verdict(found, [], 0.1)[0] is Grade.PASSED


def a_count(before: int, after: int, level: Level = Level.WARNING) -> Comparison:
    """A comparison of counts."""
    ratio = after / before if before else 1.0 + after
    return Comparison(pace=Pace.SLOWER, level=level, ratio=ratio, before=before, after=after, samples=10)


def test_what_calls_ask_memory_for_is_told_where_it_changed() -> None:
    """One remark for both counts, and a line for each; a benchmark that is no slower passes all the same."""
    more = a_measured(1.0, allocations=a_count(2, 4), allocated=a_count(32, 96))
    lines = {line.name: (line.before, line.after, line.change) for line in measures([more])}
    assert lines["`a.py::time_it`, allocations"] == ("2", "4", "+100.0 %")
    assert lines["`a.py::time_it`, bytes allocated"] == ("32", "96", "+200.0 %")
    (remark,) = remarks([more], [])
    assert (remark.title, remark.line) == ("`a.py::time_it` asks for more memory", 3)
    assert remark.message == "2 times before, 4 now, 32 bytes before, 96 now, in each call"
    assert verdict([more], [], 0.1)[0] is Grade.PASSED
    new = a_measured(1.0, allocations=a_count(0, 1))
    assert measures([new])[0].change == "new"
    same = a_measured(1.0, allocations=a_count(3, 3, Level.NOTICE))
    assert len(measures([same])) == 1 and remarks([same], []) == ()
    assert len(same.every) == 2


def test_what_slows_some_runs_and_what_was_counted_are_said() -> None:
    """The reader learns what the figure hides, and what the second opinion says."""
    uneven = Measured(name="x", seconds=a_time(1.0, Level.WARNING, uneven=True))
    assert remarks([uneven], [])[0].title == "`x` is slower in many runs, though not in the best"
    counted = replace(a_measured(1.08, Level.WARNING), counted=a_time(1.01))
    assert "instructions +1.0 %" in remarks([counted], [])[0].message


def test_faster_is_said_too() -> None:
    """Good news is news."""
    assert verdict([a_measured(0.8), a_measured(1.0)], [], 0.1)[1] == "2 figures compared, none got worse, 1 got better"


@pytest.mark.parametrize(
    ("value", "like", "words"),
    [(0.0012345, 0, "1.23 ms"), (1.5, 0, "1.5 s"), (123.4, 0, "123 s"), (7.19e-4, 0, "719 µs"),
     (0.0011, 9e-4, "1100 µs"),
     (2e-9, 0, "2 ns"), (1e-12, 0, "0.001 ns")],
)  # fmt: skip
def test_times_are_told_in_the_unit_that_suits(value: float, like: float, words: str) -> None:
    """Both sides in the same one."""
    assert in_seconds(value, like) == words
    assert in_percent(0.0923) == "+9.2 %"
    assert in_percent(-0.0001) == in_percent(0) == "0.0 %"


@given(st.floats(1e-9, 1e4), st.floats(1e-9, 1e4))
def test_a_time_in_words_is_the_time(value: float, like: float) -> None:
    """To three digits."""
    figure, unit = in_seconds(value, like).split()
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert math.isclose(float(figure) * scale, value, rel_tol=0.01)


@given(st.text(max_size=300))
def test_no_name_can_break_the_page(name: str) -> None:
    """A benchmark's name is foreign."""
    (line,) = measures([replace(a_measured(1.0), name=name)])
    assert line.name.startswith("`") and line.name.endswith("`") and line.name.count("`") == 2 and "\n" not in line.name


def test_what_the_tests_used_is_told_beside_them() -> None:
    """One run each proves little: only half as much time again, or a quarter more memory, is a warning."""
    lines = of_tests(Usage(cpu=10, peak=2.0**26), Usage(cpu=12, peak=2.0**27))
    assert [(line.name, line.before, line.after, line.change, line.level) for line in lines] == [
        ("CPU time of the tests", "10 s", "12 s", "+20.0 %", Level.NOTICE),
        ("peak memory of the tests", "64.0 MiB", "128.0 MiB", "+100.0 %", Level.WARNING),
    ]
    assert of_tests(Usage(cpu=10), Usage(cpu=16))[0].level is Level.WARNING
    assert of_tests(Usage(cpu=0.1), Usage(cpu=0.9))[0].level is Level.NOTICE
    assert of_tests(Usage(), Usage(cpu=1, peak=1)) == ()


# Two runs of the same tests at once in two jails, again and again, on a virtual machine of two shared cores: seconds of
# the processor, and KiB. Quiet, with two programs that burn both cores, and with much other work (load 10 to 18).
SUITES = sorted((Path(__file__).parents[1] / "data" / "suites").glob("*.json"))
LARGE = 10  # these tests are small; of large ones even the least differences that are worth a word are exceeded


def recorded(path: Path, more: float = 1.0) -> list[tuple[Usage, Usage]]:
    """The pairs of one record. more: how much more the later side is to need."""
    told = json.loads(path.read_text())
    sides = [[Usage(cpu=LARGE * cpu, peak=LARGE * kib * 1024) for cpu, kib in told[side]] for side in "AB"]
    later = [Usage(cpu=one.cpu * more, peak=one.peak * more) for one in sides[1]]
    return list(zip(sides[0], later, strict=True))


def warned(pairs: Iterable[tuple[Usage, Usage]]) -> list[int]:
    """Of the pairs, how many warned of time, and of memory."""
    levels = [[line.level is Level.WARNING for line in of_tests(*pair)] for pair in pairs]
    return [sum(column) for column in zip(*levels, strict=True)]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: str(path.stem))
def test_tests_that_did_not_change_never_warn(path: Path) -> None:
    """In neither direction; and three quarters more of either is always found."""
    pairs = recorded(path)
    assert len(pairs) >= 40
    assert warned([*pairs, *((new, old) for old, new in pairs)]) == [0, 0]
    assert warned(recorded(path, 1.75)) == [len(pairs)] * 2


def test_a_baseline_of_another_hour_does_not_warn_either() -> None:
    """It may have been run on a quiet machine, and the candidate on a busy one: any one against any other."""
    python = [path for path in SUITES if path.stem.startswith("python")]
    every = [one for path in python for pair in recorded(path) for one in pair]
    cpu, peak = [one.cpu for one in every], [one.peak for one in every]
    # More of it is never judged milder, so those farthest apart stand for all pairs.
    farthest = (Usage(cpu=min(cpu), peak=min(peak)), Usage(cpu=max(cpu), peak=max(peak)))
    assert len(every) >= 400 and warned([farthest]) == [0, 0]

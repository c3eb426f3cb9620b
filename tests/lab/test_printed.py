"""Figures that benchmarks print for people are read as they stand; what is none is passed over, however it looks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab.inside import surefoot_printed as printed

# What the tools themselves said: go 1.19, rustc 1.95, benchmark.js 2.1.4, mitata 1.0.34, tinybench 4 and 2.
GO = """\
goos: linux
pkg: app.example/app
BenchmarkPlain 	   78068	       130.0 ns/op	    1024 B/op	       1 allocs/op
BenchmarkSubs/a_b         	  147981	        74.64 ns/op	1339.74 MB/s	     320 B/op	       1 allocs/op
BenchmarkSubs/a_b         	  147758	        73.66 ns/op	1357.56 MB/s	     320 B/op	       2 allocs/op
BenchmarkBare-2	     100	  20000000 ns/op
--- FAIL: BenchmarkFails
    a_test.go:8: no
FAIL
"""
RUST = """\
running 2 tests
test a::grinds ... bench:      12,345.67 ns/iter (+/- 1,234)
test fold/20   ... bench:         250 ns/iter (+/- 3) = 8 MB/s
test steady ... ok
"""
BENCHMARK_JS = "RegExp#test x 39,930,323 ops/sec ±6.98% (62 runs sampled)\nFastest is RegExp#test\n"
MITATA = (
    "\x1b[90mclk: ~2.05 GHz\x1b[0m\nbenchmark        avg (min … max) p75 / p99\n"
    "fibonacci 10                 \x1b[1m\x1b[33m 62.20 ns\x1b[0m\x1b[1m/iter\x1b[0m \x1b[90m 40.89 ns\x1b[0m █\n"
    "                       (40.88 ns … 2.03 µs)   1.03 µs █\n"
    "slow one                       1.50 ms/iter   1.6 ms █\n"
)
TINYBENCH = """\
┌─────────┬───────────────┬───────────────────┬────────────────────────┬─────────┐
│ (index) │ Task name     │ Latency avg (ns)  │ Throughput avg (ops/s) │ Samples │
├─────────┼───────────────┼───────────────────┼────────────────────────┼─────────┤
│ 0       │ 'faster task' │ '141.21 ± 35.17%' │ '10000000 ± 0.04%'     │ 357056  │
│ 1       │ 'broken task' │ 'NaN'             │ 'NaN'                  │ 0       │
└─────────┴───────────────┴───────────────────┴────────────────────────┴─────────┘
"""
OLD_TINYBENCH = """\
│ (index) │   Task Name   │   ops/sec    │ Average Time (ns)  │  Margin  │ Samples │
│    0    │ 'faster task' │ '41,621,000' │ 24.02579           │ '±0.50%' │ 20811   │
"""


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        (RUST, {"a::grinds": 12345.67e-9, "fold/20": 250e-9}),
        (BENCHMARK_JS, {"RegExp#test": 1 / 39930323}),
        (MITATA, {"fibonacci 10": 62.20e-9, "slow one": 1.5e-3}),
        (TINYBENCH, {"faster task": 1e-7}),
        (OLD_TINYBENCH, {"faster task": 1 / 41621000}),
        ("made in 3.5 ms\n42 ops/sec\nx ops/sec\n", {}),
    ],
)
def test_what_tools_print_is_understood(text: str, figures: dict[str, float]) -> None:
    """Each by its own form, with units and separators; words beside it are none of it."""
    found = {name: figure["seconds"] for name, figure in printed.figures(text).items()}
    assert found == pytest.approx(figures)


def test_gos_lines_tell_of_memory_and_calls_too() -> None:
    """The best of each where it is run more than once; what failed is told with its words."""
    assert printed.figures(GO) == {
        "BenchmarkPlain": pytest.approx({"seconds": 130e-9, "allocated": 1024, "allocations": 1}),
        "BenchmarkSubs/a_b": pytest.approx({"seconds": 73.66e-9, "allocated": 320, "allocations": 1}),
        "BenchmarkBare-2": pytest.approx({"seconds": 0.02}),
    }
    assert printed.calls(GO)["BenchmarkPlain"] == 78068
    assert printed.failed(GO) == {"BenchmarkFails": "a_test.go:8: no FAIL"}


def a_report(**figures: object) -> str:
    """One file with one suite of one benchmark, as vitest 3 leaves it."""
    group = {"fullName": "src/a.bench.js > sort", "benchmarks": [{"name": "normal", **figures}]}
    return json.dumps({"files": [{"filepath": "/elsewhere/src/a.bench.js", "groups": [group]}]})


def test_vitests_report_is_read() -> None:
    """The median counts, but where the clock is too coarse for a single call; what broke has no figure."""
    name = "src/a.bench.js::sort > normal"
    assert printed.of_vitest(a_report(median=2.0, mean=3.0)) == {name: {"seconds": pytest.approx(0.002)}}
    assert printed.of_vitest(a_report(median=0.0002, mean=0.0005)) == {name: {"seconds": pytest.approx(5e-7)}}
    for nothing in (
        a_report(),
        a_report(median="long", mean=None),
        a_report(median=0, mean=-1),
        "[]",
        '{"files": [3]}',
    ):
        assert printed.of_vitest(nothing) == {}
    with pytest.raises(ValueError, match="Expecting"):
        printed.of_vitest("none")


@given(st.text(max_size=400))
def test_nothing_that_is_printed_can_break_the_reader(text: str) -> None:
    """It is the word of code under test."""
    for one in (
        text,
        f"Benchmark{text} 1 2 ns/op",
        f"{text} x {text} ops/sec ",
        f"│ task name │ ops/s │\n│ {text} │ {text} │",
    ):
        assert all(figure["seconds"] > 0 for figure in printed.figures(one).values())
        printed.failed(one)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", ["Benchmark" + " " * 50_000, "a " * 40_000, "│" * 60_000, "1" * 90_000 + " x "])
def test_nothing_that_is_printed_takes_long(line: str) -> None:
    """A line of any length, a hundred times over; one that explodes would never end."""
    assert printed.figures("\n".join([line] * 100)) == {}

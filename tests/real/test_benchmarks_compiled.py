"""Benchmarks of Go and of Rust by their own tools: built once on each side, run by turns, named by file and line.

What changes is a small library: in its other version it does everything twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade, Level, Simulation, SuiteResult
from bot.core.ports import Trial
from bot.core.suites import PERFORMANCE, Asked
from bot.lab import benchmarks
from bot.lab.host import Host
from bot.lab.locks import Crates
from bot.lab.trial import Laboratory
from tests.lab import registries
from tests.lab.world import tree
from tests.real import jails, labs, tools
from tests.real.npm_world import a_trial
from tests.real.sampling import samples

Files = Mapping[str, str]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few samples as can be: twice the work is beyond any chance. Nothing is cut off."""
    samples(monkeypatch, 2)
    monkeypatch.setattr(benchmarks, "_MOST_SECONDS", 1000.0)


@pytest.fixture
def enough(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as ranks need to be sure, where only the clock is known."""
    samples(monkeypatch, 5)


@pytest.fixture
async def lab(best: Host, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """One that only measures, and an index of crates without any crate."""
    index = registries.Crates()
    examiners = {PERFORMANCE: benchmarks.examine}
    async with index.running(tmp_path):
        crates = Crates(index=index.url)
        async with labs.laboratory(best, tmp_path / "lab", examiners=examiners, crates=crates) as made:
            yield made


async def tried(lab: Laboratory, place: Path, sides: tuple[Files, Files], ecosystem: str, run: str = "") -> Simulation:
    """What a simulation says of two trees."""
    trees = [tree(place / name, files) for name, files in zip("ab", sides, strict=True)]
    return await lab.simulate(question(trees, ecosystem, Asked(run=run)))


def question(trees: Sequence[Path], ecosystem: str, asked: Asked) -> Trial:
    """Of the tests nothing is asked."""
    suites = {PERFORMANCE: asked, "unit": Asked(off="not asked here")}
    return replace(a_trial(trees[0], trees[1], ecosystem=ecosystem), seconds=3000.0, memory_mib=2048, suites=suites)


def performance(simulation: Simulation) -> SuiteResult:
    """The suite that was measured."""
    assert "cannot be set up" not in simulation.why, simulation.why
    found = [suite for suite in simulation.suites if suite.kind == PERFORMANCE]
    assert found, simulation
    return found[0]


# --- Go ------------------------------------------------------------------------------------------------------------

GO_BENCH = """\
package app

import (
	"testing"

	"mill.example/mill"
)

var sink int

func BenchmarkWork(b *testing.B) {
	for i := 0; i < b.N; i++ {
		sink += mill.Work(2000)
	}
}

func BenchmarkSizes(b *testing.B) {
	for _, size := range []string{"one", "a b"} {
		b.Run(size, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				sink += len(mill.Words(20))
			}
		})
	}
}

func BenchmarkSteady(b *testing.B) {
	for i := 0; i < b.N; i++ {
		for k := 0; k < 2000; k++ {
			sink += k * k % 7
		}
	}
}

func Benchmarked() {}
"""
MILL = """\
package mill

const Times = {times}

func Work(n int) int {
	total := 0
	for i := 0; i < n*Times; i++ {
		total += i * i % 7
	}
	return total
}

func Words(n int) (held []string) {
	for i := 0; i < n*Times; i++ {
		held = append(held, string(make([]byte, 100)))
	}
	return
}
"""


def in_go(times: int, bench: str = GO_BENCH, mill: str = MILL) -> Files:
    """A module with the mill among its vendored ones, so that no proxy is needed."""
    return {
        "go.mod": "module app.example/app\n\ngo 1.18\n\nrequire mill.example/mill v1.0.0\n",
        "vendor/modules.txt": "# mill.example/mill v1.0.0\n## explicit; go 1.18\nmill.example/mill\n",
        "vendor/mill.example/mill/mill.go": mill.replace("{times}", str(times)),
        "inner/it_test.go": bench,
    }


@pytest.fixture
def with_go() -> None:
    """Go is there; that it is not is a failure, not a skip."""
    jails.need(tools.go)


@pytest.mark.timeout(600)
async def test_a_slowdown_is_found_by_gos_own_benchmarks(
    enough: None, with_go: None, lab: Laboratory, tmp_path: Path
) -> None:
    """Each is named with its file and line, those within it too; what it asks memory for is counted."""
    suite = performance(await tried(lab, tmp_path, (in_go(1), in_go(2)), "golang"))
    assert suite.grade is Grade.FAILED and suite.command == "the benchmarks of go test", suite
    failed = {(one.path, one.line) for one in suite.remarks if one.level is Level.FAILURE}
    assert failed == {("inner/it_test.go", 11), ("inner/it_test.go", 17)}, suite.remarks
    told = {one.name: one for one in suite.measures}
    assert told["`inner/it_test.go::BenchmarkSizes/a_b`"].level is Level.FAILURE
    assert told["`inner/it_test.go::BenchmarkSteady`"].level is not Level.FAILURE
    count = told["`inner/it_test.go::BenchmarkSizes/one`, allocations"]
    assert int(count.before) + 20 <= int(count.after) and count.level is Level.WARNING, count
    assert any(one.title.endswith("asks for more memory") for one in suite.remarks)


@pytest.mark.timeout(600)
async def test_the_same_go_passes_and_is_remembered(with_go: None, lab: Laboratory, tmp_path: Path) -> None:
    """Nothing is built or run a second time for the same pair."""
    sides = (in_go(1), {**in_go(1), "README": "new"})
    wide = Asked(warn=5.0, fail=9.0)  # whatever else this machine does
    trees = [tree(tmp_path / name, files) for name, files in zip("ab", sides, strict=True)]
    first, again = [performance(await lab.simulate(question(trees, "golang", wide))) for _ in range(2)]
    assert first.grade is Grade.PASSED and first.notes == (), first
    assert again.notes == ("known from an earlier run of the same pair",) and again.measures == first.measures


@pytest.mark.timeout(600)
async def test_what_no_longer_builds_fails_and_what_never_did_is_said(
    with_go: None, lab: Laboratory, tmp_path: Path
) -> None:
    """A benchmark that breaks is the update's fault where it worked before, and nobody's where it did not."""
    broken = in_go(1, mill="package mill\n")
    suite = performance(await tried(lab, tmp_path / "one", (in_go(1), broken), "golang"))
    assert suite.grade is Grade.FAILED and "undefined: mill.Work" in suite.remarks[0].message, suite
    none = await tried(lab, tmp_path / "two", (broken, in_go(1)), "golang")
    assert not none.suites
    (note,) = [note for note in none.notes if note.startswith("not run: performance")]
    assert "the benchmarks of go test cannot be built here" in note and "undefined" in note


@pytest.mark.timeout(600)
async def test_the_owners_command_is_timed_in_a_go_tree(with_go: None, lab: Laboratory, tmp_path: Path) -> None:
    """The figures that go prints count, not the time that building takes."""
    run = "go test -run '^$' -bench Work -benchtime 20ms -count 3 ./inner"
    suite = performance(await tried(lab, tmp_path, (in_go(1), in_go(2)), "golang", run))
    (told,) = [one for one in suite.measures if not one.name.endswith(("memory", "allocations", "allocated"))]
    assert told.name.startswith("`BenchmarkWork") and float(told.change.rstrip(" %")) > 50, suite


# --- Rust ----------------------------------------------------------------------------------------------------------

MANIFEST = """\
[package]
name = "app"
version = "0.1.0"
edition = "2021"

[dependencies]
mill = { path = "mill" }

[[bench]]
name = "spoken"
harness = false
"""
LOCK = (
    'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "mill",\n]\n\n'
    '[[package]]\nname = "mill"\nversion = "1.0.0"\n'
)
MILL_RS = """\
pub fn work(n: u64) -> u64 {
    (0..std::hint::black_box(n * {times})).fold(0, |sum, i| std::hint::black_box(sum + i * i % 7))
}
"""
# Rust's own harness, for its nightly versions.
NIGHTLY = """\
#![feature(test)]
extern crate test;

#[bench]
fn grinds(b: &mut test::Bencher) {
    b.iter(|| mill::work(20_000));
}

#[bench]
fn stands(b: &mut test::Bencher) {
    b.iter(|| (0..20_000u64).fold(0, |sum, i| test::black_box(sum + i % 7)));
}
"""
# The face of criterion as far as it is used here: its options, and its words when it is asked to speak as libtest does.
SPOKEN = """\
// As criterion has it: fn bench_function("fold/20", ...)
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    assert!(words.contains(&"--noplot".to_string()) && words.contains(&"bencher".to_string()));
    let mut best = u128::MAX;
    for _ in 0..20 {
        let began = std::time::Instant::now();
        std::hint::black_box(mill::work(50_000));
        best = best.min(began.elapsed().as_nanos());
    }
    println!("test fold/20 ... bench: {:>11} ns/iter (+/- 3)", best);
}
"""


def in_rust(times: int, **files: str) -> Files:
    """A crate with the mill in a folder beside it."""
    mill = '[package]\nname = "mill"\nversion = "1.0.0"\nedition = "2021"\n'
    held = {
        "Cargo.toml": MANIFEST, "Cargo.lock": LOCK, "src/lib.rs": "", "benches/own.rs": NIGHTLY,
        "benches/spoken.rs": SPOKEN, "mill/Cargo.toml": mill,
        "mill/src/lib.rs": MILL_RS.replace("{times}", str(times)),
    }  # fmt: skip
    return {**held, **files}


@pytest.mark.timeout(600)
async def test_a_slowdown_is_found_by_the_benchmarks_of_cargo(enough: None, lab: Laboratory, tmp_path: Path) -> None:
    """By Rust's own harness, and by programs that speak as criterion does; what did not change is left alone."""
    suite = performance(await tried(lab, tmp_path, (in_rust(1), in_rust(2)), "cargo"))
    assert suite.grade is Grade.FAILED and suite.command == "the benchmarks of cargo bench", suite
    failed = {(one.path, one.line) for one in suite.remarks if one.level is Level.FAILURE}
    assert failed == {("benches/own.rs", 4), ("benches/spoken.rs", None)}, suite.remarks
    names = {one.name for one in suite.measures}
    assert names == {"`benches/own.rs::grinds`", "`benches/own.rs::stands`", "`benches/spoken.rs::fold/20`"}


@pytest.mark.timeout(600)
async def test_benchmarks_that_cannot_be_built_are_said(lab: Laboratory, tmp_path: Path) -> None:
    """A note, and no verdict: no person could see more."""
    broken = in_rust(1, **{"benches/own.rs": NIGHTLY + "fn wrong() -> u8 { }\n"})
    simulation = await tried(lab, tmp_path, (broken, in_rust(1)), "cargo")
    assert not simulation.suites
    assert any("the benchmarks of cargo bench cannot be built here" in note for note in simulation.notes), simulation

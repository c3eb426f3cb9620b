"""The benchmarks of other languages are found by reading alone, with their places, and as both sides have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.benchmarks import Place
from bot.lab.benchmarking import compiled, scripts, starting
from bot.lab.benchmarking.probes import Probe
from bot.lab.environments import CARGO, GOLANG, PYPI, Environment, Interpreter
from bot.lab.workbench import Budget, Sample, Workbench
from tests.lab.world import tree

GO = """\
package a

func BenchmarkIt(b *testing.B) {}
func Benchmarks(b *testing.B) {}
func Benchmark(t *testing.B) {}
"""
CRITERION = """\
fn it(c: &mut Criterion) {
    c.bench_function("fold 20", |b| b.iter(|| 1));
    let mut group = c.benchmark_group("wide");
    group.bench_with_input(BenchmarkId::new("deep", 3), &3, |b, n| b.iter(|| n));
}
criterion_main!(all);
"""


def plan(probe: Probe, *, build: bool = False) -> Mapping[str, Any]:
    """What is asked of the runner in the jail."""
    run = probe.build if build else probe.run(0, None)
    assert run is not None
    return cast(Mapping[str, Any], json.loads(run.env["SUREFOOT_BENCH"]))


def test_gos_benchmarks_are_found_by_folder(tmp_path: Path) -> None:
    """Functions that go itself would run, in files of tests; not in what is vendored or lies apart."""
    files = {
        "a_test.go": GO, "in/b_test.go": GO.replace("It", "_x"), "in/c.go": GO, "vendor/v_test.go": GO,
        "in/testdata/t_test.go": GO,
    }  # fmt: skip
    before, after = tree(tmp_path / "a", files), tree(tmp_path / "b", {"a_test.go": GO})
    ((probe, found),) = compiled.ways(before, after, GOLANG)
    assert plan(probe, build=True)["folders"] == ["", "in"]
    names = {"BenchmarkIt": "a_test.go", "Benchmark": "a_test.go"}
    assert plan(probe)["files"][""] == names
    assert set(plan(probe)["files"]["in"]) == {"Benchmark_x", "Benchmark"}
    assert found.place_of("a_test.go::BenchmarkIt/sub/x=1.5") == Place(path="a_test.go", line=3)
    assert found.gone == {"in/b_test.go"} and not found.still_there("in/b_test.go::Benchmark_x")


def test_cargos_benchmarks_are_found_by_target(tmp_path: Path) -> None:
    """Only what has some is built; the compiler is asked to do as its nightly versions where a file needs that."""
    own = "#![feature(test)]\n#[bench]\nfn grinds(b: &mut Bencher) {}\n"
    only = tree(tmp_path / "a", {"benches/c.rs": CRITERION, "benches/part/mod.rs": "fn x() {}", "src/lib.rs": "x"})
    ((probe, found),) = compiled.ways(only, only, CARGO)
    assert plan(probe, build=True)["words"] == ["--bench", "*"]
    assert probe.build is not None and "RUSTC_BOOTSTRAP" not in probe.build.env
    lines = {"fold 20": 2, "wide/deep/3": 3, "other": None}
    assert {name: found.place_of(f"benches/c.rs::{name}").line for name in lines} == lines  # type: ignore[union-attr]  # none is missing
    wide = tree(tmp_path / "b", {"crates/x/src/lib.rs": own, "crates/x/benches/m/main.rs": "fn main() {}"})
    ((probe, found),) = compiled.ways(wide, wide, CARGO)
    assert plan(probe, build=True)["words"] == ["--benches", "--workspace"]
    assert probe.build is not None and probe.build.env["RUSTC_BOOTSTRAP"] == "1"
    assert found.place_of("crates/x/src/lib.rs::inner::grinds") == Place(path="crates/x/src/lib.rs", line=2)


@pytest.mark.parametrize("ecosystem", [GOLANG, CARGO, PYPI])
def test_no_benchmarks_are_no_way(tmp_path: Path, ecosystem: str) -> None:
    """And new ones have nothing to be compared with."""
    none = tree(tmp_path / "a", {"a.go": GO, "src/lib.rs": "fn main() {}"})
    new = tree(tmp_path / "b", {"a_test.go": GO, "benches/c.rs": CRITERION})
    assert compiled.ways(none, none, ecosystem) == [] == compiled.ways(none, new, ecosystem)


def a_package(**more: object) -> dict[str, str]:
    """A project of npm."""
    return {"package.json": json.dumps({"name": "app", **more}, indent=1)}


def test_a_script_for_benchmarks_is_a_command(tmp_path: Path) -> None:
    """Of both sides; the reader is led to its line."""
    one = tree(tmp_path / "a", a_package(scripts={"test": "x", "benchmark": "node b.js"}))
    ((probe, found),) = scripts.ways(one, one)
    assert probe.title == "npm run benchmark" and probe.own
    assert found.place_of(probe.title) == Place(path="package.json", line=5)
    other = tree(tmp_path / "b", a_package(scripts={"test": "x"}))
    assert scripts.ways(one, other) == [] == scripts.ways(other, one) == scripts.ways(other, other)
    for bad in (a_package(scripts=3), {"package.json": "{"}, {}):
        assert scripts.ways(tree(tmp_path / str(len(str(bad))), bad), one) == []


def test_vitests_benchmarks_are_asked_for_their_report(tmp_path: Path) -> None:
    """By the script that runs them, or without any; places are those of the tree, names those that vitest gives."""
    bench = "describe('sort', () => {\n  bench('normal', () => {})\n})\n"
    vitest = {"devDependencies": {"vitest": "3"}}
    files = {"web/src/a.bench.ts": bench, "web/package-lock.json": "{}"}
    there = {f"web/{path}": text for path, text in a_package(scripts={"bench": "vitest bench"}, **vitest).items()}
    one = tree(tmp_path / "a", {**files, **there})
    ((probe, found),) = scripts.ways(one, one)
    assert probe.title == 'cd web && npm run bench -- --run --outputJson="$SUREFOOT_REPORT"'
    assert probe.run(0, None).env["SUREFOOT_REPORT"].startswith("{work}/")
    assert found.place_of("src/a.bench.ts::sort > normal") == Place(path="web/src/a.bench.ts", line=2)
    bare = tree(tmp_path / "b", {"src/a.bench.ts": bench, **a_package(**vitest)})
    ((probe, _),) = scripts.ways(bare, bare)
    assert probe.title.startswith("npx vitest bench --run")
    without = tree(tmp_path / "c", {"src/a.bench.ts": bench, **a_package()})
    assert scripts.ways(without, without) == []


def an_environment(ecosystem: str, lock: str, folder: Path) -> Environment:
    """One of which the lock counts."""
    python = Interpreter(path=folder / "node", version="20.0.0", prefix=folder)
    return Environment(key=lock, folder=folder, interpreter=python, lock=lock, ecosystem=ecosystem)


def a_bench(old: Environment, new: Environment, before: Path, after: Path) -> Workbench:
    """Both sides, where only their files and locks are looked at."""
    sides = (Sample(tree=before, environment=old), Sample(tree=after, environment=new))
    made = type("Bench", (), {"before": sides[0], "after": sides[1], "budget": Budget(100)})
    return cast(Workbench, made())


def test_programs_of_both_sides_are_started(tmp_path: Path) -> None:
    """At most three of them."""
    declared = "".join(f'p{number} = "app:main"\n' for number in range(5))
    old = tree(tmp_path / "a", {"pyproject.toml": f"[project.scripts]\n{declared}"})
    new = tree(tmp_path / "b", {"pyproject.toml": f"[project.scripts]\nq = 'app:main'\n{declared}"})
    python = an_environment(PYPI, "", tmp_path)
    probe = starting.starts(a_bench(python, python, old, new))
    assert probe is not None and not probe.own
    assert list(plan(probe)["programs"]) == [f"start of p{number} --help" for number in range(3)]
    assert probe.run(0, None).env["COLUMNS"] == "80"
    none = tree(tmp_path / "c", {"pyproject.toml": ""})
    assert starting.starts(a_bench(python, python, none, new)) is None

"""Finds the benchmarks of Go and Rust by reading alone, and says how they are built once and run by turns."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bot.core.benchmarks import Place
from bot.lab.benchmarking import finding
from bot.lab.benchmarking.finding import Found, as_plan
from bot.lab.benchmarking.probes import Plans, Probe, Run, left
from bot.lab.environments import CARGO, GOLANG
from bot.lab.ready import INSIDE

_MOST_FUNCTIONS, _MOST_FOLDERS = 200, 30
_RUNNER = str(INSIDE / "surefoot_built.py")
_APART = frozenset({"vendor", "testdata", "node_modules", "target"})
_GO = re.compile(r"^func (Benchmark(?:[A-Z0-9_]\w{0,150})?)\(\w{0,50} ?\*testing\.B\)", re.MULTILINE)
_RUST = re.compile(
    r"#\[bench\]\s{1,80}(?:pub )?fn (\w{1,150})"
    r'|(?:bench_function|benchmark_group|BenchmarkId::new)\(\s{0,80}"([^"\n]{1,150})"'
)
_NIGHTLY = "#![feature(test)]"

Places = Mapping[tuple[str, str], Place]


def ways(before: Path, after: Path, ecosystem: str) -> list[tuple[Probe, Found]]:
    """What there is to be measured of this ecosystem; the places are those of the later tree where both have them."""
    if ecosystem not in _LOOKS:
        return []
    old, new = (dict(_LOOKS[ecosystem](tree)) for tree in (before, after))
    if not old:
        return []  # what is new has nothing to be compared with
    paths = [frozenset(path for path, _ in places) for places in (old, new)]
    found = Found(places={**old, **new}, others=tuple(sorted(paths[0] | paths[1])), gone=paths[0] - paths[1])
    return [(_PROBES[ecosystem](found, before), found)]


def _of_go(tree: Path) -> Iterator[tuple[tuple[str, str], Place]]:
    for path, text in finding.texts(tree, endings=("_test.go",), apart=_APART):
        if "func Benchmark" in text:
            yield from _placed(path, text, _GO)


def _of_cargo(tree: Path) -> Iterator[tuple[tuple[str, str], Place]]:
    """Files below a folder `benches` are benchmarks whatever they hold, but for the modules that these share."""
    for path, text in finding.texts(tree, endings=(".rs",), apart=_APART):
        if "#[bench]" in text or "criterion_main!" in text or (_is_target(path) and "fn main" in text):
            yield (path, ""), Place(path=path)
            yield from _placed(path, text, _RUST)


def _is_target(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return "benches" in (parts[-2:-1] if parts[-1] != "main.rs" else parts[-3:-1])


def _placed(path: str, text: str, pattern: re.Pattern[str]) -> Iterator[tuple[tuple[str, str], Place]]:
    for one in list(pattern.finditer(text))[:_MOST_FUNCTIONS]:
        yield (path, next(filter(None, one.groups()))), Place(path=path, line=text.count("\n", 0, one.start()) + 1)


def _golang(found: Found, _: Path) -> Probe:
    """Folder by folder, as Go's packages are."""
    files: dict[str, dict[str, str]] = {}
    for path, function in sorted(found.places)[:_MOST_FUNCTIONS]:
        folder = PurePosixPath(path).parent.as_posix()
        files.setdefault("" if folder == "." else folder, {})[function] = path
    files = dict(list(files.items())[:_MOST_FOLDERS])
    build = {"mode": "build", "ecosystem": GOLANG, "folders": sorted(files)}
    return _probe(GOLANG, "the benchmarks of go test", build, {"files": files})


def _cargo(found: Found, before: Path) -> Probe:
    """Only what has benchmarks is built: of the library's own code where it holds some, and of all crates likewise."""
    below = [path for path in found.others if "benches" not in PurePosixPath(path).parts]
    words = ["--benches"] if below else ["--bench", "*"]
    if any(not path.startswith(("benches/", "src/")) for path in found.others):
        words.append("--workspace")
    # What Rust's own harness measures is for its nightly versions; its compiler can be asked to do as if it were one.
    nightly = any(_NIGHTLY in text for _, text in finding.texts(before, endings=(".rs",), apart=_APART))
    env = {"CARGO_PROFILE_BENCH_DEBUG": "0", "CARGO_PROFILE_BENCH_STRIP": "symbols"}
    env |= {"RUSTC_BOOTSTRAP": "1"} if nightly else {}
    build = {"mode": "build", "ecosystem": CARGO, "words": words}
    return _probe(CARGO, "the benchmarks of cargo bench", build, {}, env)


def _probe(
    ecosystem: str, title: str, build: Mapping[str, object], more: Mapping[str, object], env: Mapping[str, str] = {}
) -> Probe:
    # Our own interpreter, which no package can change.
    visible = (INSIDE, Path(os.path.realpath(sys.base_prefix)))
    command = (os.path.realpath(sys.executable), "-I", "-S", _RUNNER)

    def run(core: int, plans: Plans | None) -> Run:
        plan = {"mode": ecosystem, "core": core, "wanted": plans, **more}
        return Run(command=command, env={"SUREFOOT_BENCH": as_plan(plan)}, visible=visible)

    made = Run(command=command, env={**env, "SUREFOOT_BENCH": as_plan(build)}, visible=visible)
    return Probe(title=title, own=True, run=run, read=left, guessed=True, build=made)


_LOOKS = {GOLANG: _of_go, CARGO: _of_cargo}
_PROBES = {GOLANG: _golang, CARGO: _cargo}

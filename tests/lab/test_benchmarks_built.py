"""What was built on each side is run with the same work; what comes out of the building is believed within bounds."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.model import Isolation
from bot.lab.benchmarking import building
from bot.lab.benchmarking.comparing import Outcome
from bot.lab.benchmarking.probes import Probe, Run, left
from bot.lab.inside import surefoot_built
from bot.lab.jobs import Ran, Reason
from bot.lab.workbench import Workbench
from tests.lab.world import tree

# A program as `go test -c` makes one, as far as it is used here: it says what it was asked.
GO_PROGRAM = """\
#!/bin/sh
for word do
  case $word in
    -test.bench=*) name=$(echo "${word#-test.bench=}" | tr -d '^$') ;;
    -test.benchtime=*) calls=${word#-test.benchtime=} ;;
  esac
done
case $name in
  BenchmarkBad) echo "--- FAIL: BenchmarkBad"; echo "    a_test.go:3: no"; exit 1 ;;
  BenchmarkGone) echo "panic: nobody is here"; exit 2 ;;
  BenchmarkSub) echo "BenchmarkSub/a_b  1000  4000 ns/op  16 B/op  2 allocs/op" ;;
  *) echo "$name  1000  2000000 ns/op  # $calls in $(basename "$PWD")" ;;
esac
"""
# Go itself: builds what is asked where there is something to be built.
GO = f"""\
#!/bin/sh
while [ "$1" != -o ]; do shift; done
[ -e broken ] && {{ echo "a.go:1: undefined: x"; exit 1; }}
cat >"$2" <<'END'
{GO_PROGRAM}END
chmod +x "$2"
"""
RUST_PROGRAM = """\
#!/bin/sh
case "$*" in
  *fails*) echo "thread panicked"; exit 101 ;;
  *) echo "test $(basename "$CARGO_MANIFEST_DIR") ... bench:  1,000 ns/iter (+/- 1) # $*" ;;
esac
"""
CARGO = """\
#!/bin/sh
[ -e broken ] && { echo "error[E0425]: no water" >&2; exit 101; }
echo '{"reason": "compiler-message"}'
for name in spoken own; do
  printf '{"reason": "compiler-artifact", "executable": "%s/made", "manifest_path": "%s/Cargo.toml", ' "$PWD" "$PWD"
  printf '"target": {"src_path": "%s/benches/%s.rs"}}\\n' "$PWD" "$name"
done
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree, with stand-ins for the tools of both languages, as the runner in the jail finds it."""
    files = {
        "benches/spoken.rs": "use criterion::*;",
        "benches/own.rs": "#[bench]",
        "in/a_test.go": "",
        "made": RUST_PROGRAM,
    }
    place = tree(tmp_path / "work", files)
    for name, text in (("go", GO), ("cargo", CARGO)):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"SUREFOOT_{name.upper()}", str(tmp_path / name))
    for path in (tmp_path / "go", tmp_path / "cargo", place / "made"):
        path.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(place)
    return place


def built(work: Path, monkeypatch: pytest.MonkeyPatch, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """What building leaves, laid out where the programs are looked for."""
    surefoot_built.build({"mode": "build", **plan})
    place = work.parent / "built"
    with tarfile.open(work.parent / "results") as archive:
        archive.extractall(place, filter="data")
    monkeypatch.setenv("SUREFOOT_BUILT", str(place))
    return cast(Mapping[str, Any], json.loads((place / "index.json").read_text()))


FILES = {"in": {"BenchmarkIt": "in/a_test.go", "BenchmarkSub": "in/a_test.go", "BenchmarkBad": "in/a_test.go",
                "BenchmarkGone": "in/a_test.go"}}  # fmt: skip


def sampled(plan: Mapping[str, Any]) -> Any:
    """The sheet of one run."""
    sheet = surefoot_built.bench.Sheet()
    getattr(surefoot_built, plan["mode"])(sheet, plan)
    return sheet


def test_go_is_built_by_folder_and_run_by_function(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own folder; what breaks is told by its own words, and the rest goes on."""
    index = built(work, monkeypatch, {"ecosystem": "golang", "folders": ["in"]})
    assert index == {"programs": [{"file": "0", "folder": "in"}], "failed": {}}
    sheet = sampled({"mode": "golang", "core": 0, "files": FILES, "wanted": None})
    assert set(sheet.figures) == {"in/a_test.go::BenchmarkIt", "in/a_test.go::BenchmarkSub/a_b"}
    assert sheet.figures["in/a_test.go::BenchmarkSub/a_b"] == pytest.approx(
        {"seconds": 4e-6, "allocated": 16, "allocations": 2}
    )
    # A repeat takes three milliseconds.
    assert sheet.plans == {"in/a_test.go::BenchmarkIt": [2, 10], "in/a_test.go::BenchmarkSub/a_b": [750, 10]}
    assert sheet.failed == {
        "in/a_test.go::BenchmarkBad": "a_test.go:3: no",
        "in/a_test.go::BenchmarkGone": "panic: nobody is here",
    }


def test_both_sides_of_go_do_the_same_work(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls that were found out once, and nothing but what is wanted."""
    built(work, monkeypatch, {"ecosystem": "golang", "folders": ["in"]})
    wanted = {"in/a_test.go::BenchmarkIt": [5, 3], "in/other_test.go::BenchmarkIt": [1, 1]}
    heard: list[list[str]] = []

    def keep(words: list[str], folder: str, env: Mapping[str, str]) -> tuple[int, str]:
        heard.append(words[4:])
        return 0, ""

    monkeypatch.setattr(surefoot_built, "heard", keep)
    sampled({"mode": "golang", "core": 0, "files": FILES, "wanted": wanted})
    assert heard == [["-test.bench=^BenchmarkIt$", "-test.benchtime=5x", "-test.count=3"]]


def test_what_does_not_build_is_told(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the compiler's own words."""
    (work / "in" / "broken").touch()
    index = built(work, monkeypatch, {"ecosystem": "golang", "folders": ["in"]})
    assert index == {"programs": [], "failed": {"in": "a.go:1: undefined: x"}}
    (work / "broken").touch()
    (work.parent / "home" / "surefoot-built" / "index.json").unlink()
    (work.parent / "home" / "surefoot-built").rmdir()
    index = built(work, monkeypatch, {"ecosystem": "cargo", "words": []})
    assert index == {"programs": [], "failed": {"": "cargo bench ended with 101"}}


def test_cargos_programs_are_asked_as_their_harness_wants(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """criterion for few short samples in plain words; Rust's own for the benchmarks that are wanted."""
    index = built(work, monkeypatch, {"ecosystem": "cargo", "words": ["--bench", "*"]})
    assert [one["kind"] for one in index["programs"]] == ["criterion", "libtest"]
    sheet = sampled({"mode": "cargo", "core": 0, "wanted": None})
    assert set(sheet.figures) == {"benches/spoken.rs::work", "benches/own.rs::work"}
    some = sampled({"mode": "cargo", "core": 0, "wanted": {"benches/own.rs::work": [1, 1]}})
    assert set(some.figures) == set(some.plans) == {"benches/own.rs::work"}
    bad = sampled({"mode": "cargo", "core": 0, "wanted": {"benches/own.rs::fails": [1, 1]}})
    assert bad.failed == {"benches/own.rs": "thread panicked"}
    assert surefoot_built.options("libtest", ["a::b"]) == [["--bench", "--exact", "a::b"]]
    assert surefoot_built.options("criterion", ["a (1)"])[1][-3:] == ["--measurement-time", "1", "^(a \\(1\\))$"]
    assert surefoot_built.options("plain", ["a"]) == [["--bench"]]


def test_an_old_criterion_is_asked_for_whole_seconds(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it refuses all others."""
    built(work, monkeypatch, {"ecosystem": "cargo", "words": []})
    text = RUST_PROGRAM.replace("*fails*", "*0.1*")
    (work.parent / "built" / "0").write_text(text)
    sheet = sampled({"mode": "cargo", "core": 0, "wanted": None})
    assert "benches/spoken.rs::work" in sheet.figures and not sheet.failed


def test_it_runs_as_the_jail_starts_it(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of its own, without any package; from the plan to the results."""
    results = work.parent / "results"
    for plan in (
        {"mode": "build", "ecosystem": "golang", "folders": ["in"]},
        {"mode": "golang", "core": 0, "files": FILES, "wanted": None},
    ):
        env = {
            **os.environ,
            "SUREFOOT_BENCH": json.dumps(plan),
            "SUREFOOT_BUILT": str(work.parent / "home/surefoot-built"),
        }
        subprocess.run([sys.executable, "-I", "-S", surefoot_built.__file__], env=env, check=True, capture_output=True)
    assert set(left(results.read_bytes()).figures) == {"in/a_test.go::BenchmarkIt", "in/a_test.go::BenchmarkSub/a_b"}


# --- taken out -----------------------------------------------------------------------------------------------------


def packed(index: object = None, **files: bytes) -> bytes:
    """What a jail hands over."""
    held = io.BytesIO()
    listed = {"programs": [{"file": name} for name in files]} if index is None else index
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, data in {**files, "index.json": json.dumps(listed).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return held.getvalue()


@dataclass
class Builder:
    """A bench whose jails hand over these results, one after the other."""

    results: list[bytes | None]
    reason: Reason = Reason.FINISHED
    output: bytes = b""
    before: str = "old"
    after: str = "new"
    seen: list[str] = field(default_factory=list)

    def say(self, words: str) -> None:
        """What is being done."""

    async def run(self, sample: str, command: tuple[str, ...], **more: Any) -> Ran:
        """One side."""
        self.seen.append(sample)
        return Ran(
            code=0, reason=self.reason, seconds=1, peak=0, cpu_seconds=1, output=self.output,
            results=self.results[len(self.seen) - 1], isolation=Isolation.FULL, clean=True, slot=0,
        )  # fmt: skip


def a_probe() -> Probe:
    """One that has to be built."""
    made = Run(command=("build",), env={})
    return Probe(title="the benchmarks", own=True, run=lambda core, plans: made, read=left, build=made)


async def came_of(bench: Builder) -> Probe | Outcome:
    """What building gives."""
    async with building.built(cast(Workbench, bench), a_probe(), 5.0) as made:
        if isinstance(made, Probe):
            for sample in (bench.before, bench.after):
                place = made.programs_of(cast(Any, sample))
                assert place is not None and (place / "0").read_bytes() == sample.encode()
                assert (place / "0").stat().st_mode & 0o777 == 0o755
            assert made.programs_of(cast(Any, "another")) is None
        return made


async def test_each_side_gets_its_own_programs() -> None:
    """They last as long as they are needed."""
    made = await came_of(Builder([packed(**{"0": b"old"}), packed(**{"0": b"new"})]))
    assert isinstance(made, Probe) and not any(folder.exists() for _, folder in made.built)


BAD = [
    None,
    b"",
    b"none",
    gzip.compress(b"none", mtime=0),
    packed(index=[]),
    packed(index={"programs": [{"file": 3}]}),
    packed(**{"../../out": b"x"}),
    packed(**{"0": b"x"})[:-20],
]


@pytest.mark.parametrize("results", BAD)
async def test_what_is_no_folder_of_programs_is_refused(results: bytes | None) -> None:
    """On the baseline nothing can be known then; of the candidate a person is asked; nobody is blamed."""
    good = packed(**{"0": b"old"})
    old = await came_of(Builder([results, good]))
    assert isinstance(old, Outcome) and old.unable and "cannot be built here" in old.problem
    new = await came_of(Builder([good, results]))
    assert isinstance(new, Outcome) and not new.unable and "of the candidate could not be built" in new.problem


async def test_a_candidate_that_does_not_build_is_at_fault() -> None:
    """With the words of the compiler; but not where the jail was too small, or the time too short."""
    good, bad = packed(**{"0": b"old"}), packed(index={"programs": [], "failed": {"": "it `broke`"}})
    made = await came_of(Builder([good, bad], output=b"  error[E0425]: no water\n"))
    assert isinstance(made, Outcome) and made.troubles[0].failed
    assert made.troubles[0].words == "`it 'broke' error[E0425]: no water`"
    full = await came_of(Builder([good, bad], output=b"error: No space left on device (os error 28)\n"))
    assert isinstance(full, Outcome) and not full.troubles and full.problem
    late = await came_of(Builder([good, good], reason=Reason.TIMEOUT))
    assert isinstance(late, Outcome) and late.unable and "it takes more than 5 s" in late.problem

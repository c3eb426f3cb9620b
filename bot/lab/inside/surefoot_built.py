"""Builds in the jail the benchmarks of Go and Rust once, and in later jails takes one sample each of what was built.

The plan is JSON in SUREFOOT_BENCH. "build" leaves a packed folder of programs with an index of them; "golang" and
"cargo" run them and leave a sheet as `surefoot_bench` does. What they print is a claim of the code under test.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [*[place for place in sys.path if place != HERE], HERE]
bench: Any = importlib.import_module("surefoot_bench")
printed: Any = importlib.import_module("surefoot_printed")

INDEX = "index.json"
WORDS = 2000  # characters of what a compiler complained about
# Seconds of one repeat in Go, and repeats: short enough to be left alone by others now and then.
SHORTEST, REPEATS = 0.003, 10
FIRST = "10ms"
# Its collector runs when it likes; what it has to collect is counted besides, and between repeats it is told to run.
QUIET = {"GOGC": "off"}
# Criterion's usual 8 seconds a benchmark are for one run of it; here there are twenty.
CRITERION = ("--bench", "--noplot", "--sample-size", "10", "--nresamples", "1000", "--output-format", "bencher")
# Seconds of warming up and of measuring; before 0.4 it knows whole ones alone, and refuses all others at once.
TIMES = (("0.1", "0.3"), ("1", "1"))


# --- building ------------------------------------------------------------------------------------------------------


def build(plan: dict[str, Any]) -> None:
    """All in a folder of its own, packed as the results."""
    place = os.path.join(os.environ["HOME"], "surefoot-built")
    os.makedirs(place)
    ways = {"golang": build_go, "cargo": build_cargo}
    index = ways[plan["ecosystem"]](plan, place)
    with open(os.path.join(place, INDEX), "w") as file:
        json.dump(index, file)
    with tarfile.open(os.environ["SUREFOOT_RESULTS"], "w:gz", compresslevel=1) as archive:
        for name in sorted(os.listdir(place)):
            archive.add(os.path.join(place, name), name)


def build_go(plan: dict[str, Any], place: str) -> dict[str, Any]:
    """One program for each folder with benchmarks, without what is for debuggers."""
    programs: list[dict[str, str]] = []
    failed: dict[str, str] = {}
    for folder in plan["folders"]:
        name = str(len(programs))
        words = [os.environ["SUREFOOT_GO"], "test", "-c", "-ldflags=-s -w", "-o", os.path.join(place, name), "."]
        code, said = told(words, folder)
        if code == 0 and os.path.exists(os.path.join(place, name)):
            programs.append({"file": name, "folder": folder})
        else:
            failed[folder] = said
    return {"programs": programs, "failed": failed}


def build_cargo(plan: dict[str, Any], place: str) -> dict[str, Any]:
    """The targets that cargo says it built; which way each measures is told by its source."""
    words = [os.environ["SUREFOOT_CARGO"], "bench", "--no-run", "--message-format=json-render-diagnostics"]
    done = subprocess.run([*words, *plan["words"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=2)
    if done.returncode != 0:
        return {"programs": [], "failed": {"": f"cargo bench ended with {done.returncode}"}}
    programs: list[dict[str, str]] = []
    for made in artifacts(done.stdout):
        name, source = str(len(programs)), os.path.relpath(made["target"]["src_path"])
        shutil.copy(made["executable"], os.path.join(place, name))
        folder = os.path.relpath(os.path.dirname(made["manifest_path"]))
        programs.append({"file": name, "folder": folder, "source": source, "kind": kind_of(source)})
    return {"programs": programs, "failed": {}}


def artifacts(lines: bytes) -> Iterator[dict[str, Any]]:
    """The programs among cargo's messages."""
    for line in lines.splitlines():
        said = json.loads(line) if line.startswith(b"{") else {}
        if said.get("reason") == "compiler-artifact" and said.get("executable"):
            yield said


def kind_of(source: str) -> str:
    """criterion's own words, those of Rust's own harness, or a program of which we know nothing."""
    with open(source, encoding="utf-8", errors="replace") as file:
        text = file.read(1 << 20)
    return "criterion" if "criterion" in text else "libtest" if "#[bench]" in text or "fn main" not in text else "plain"


def told(words: list[str], folder: str) -> tuple[int, str]:
    """The exit code, and the end of what it said."""
    done = subprocess.run(
        words, cwd=folder or ".", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    sys.stdout.buffer.write(done.stdout[-WORDS:])
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()[-WORDS:]


# --- measuring -----------------------------------------------------------------------------------------------------


def programs_of(plan: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Where what was built lies, and what it is."""
    place = os.environ["SUREFOOT_BUILT"]
    with open(os.path.join(place, INDEX)) as file:
        return place, json.load(file)["programs"]


def golang(sheet: Any, plan: dict[str, Any]) -> None:
    """Each benchmark in a process of its own, with as many calls as on the other side; all of a function at first."""
    place, programs = programs_of(plan)
    for program in programs:
        # folder -> function -> its file
        for function, path in plan["files"].get(program["folder"], {}).items():
            words = [os.path.join(place, program["file"]), "-test.run=^$", "-test.benchmem", "-test.cpu=1"]
            for name, more in asked_of_go(path, function, plan["wanted"]):
                go_told(sheet, [*words, *more], program["folder"], f"{path}::{name}")


def literal(text: str) -> str:
    """As a pattern of Go or Rust: what is no sign of theirs, as a space, must stand as it is."""
    return re.sub(r"([\\.+*?()|\[\]{}^$#&~-])", r"\\\1", text)


def asked_of_go(path: str, function: str, wanted: dict[str, list[int]] | None) -> Iterator[tuple[str, list[str]]]:
    """(name as Go has it, options)."""
    if wanted is None:
        yield function, [f"-test.bench=^{function}$", f"-test.benchtime={FIRST}"]
        return
    for name, (calls, repeats) in wanted.items():
        there, _, bare = name.partition("::")
        if there == path and bare.partition("/")[0] == function:
            parts = "/".join(f"^{literal(part)}$" for part in bare.split("/"))
            yield bare, [f"-test.bench={parts}", f"-test.benchtime={calls}x", f"-test.count={repeats}"]


def go_told(sheet: Any, words: list[str], folder: str, full: str) -> None:
    """Runs it; what failed is noted under the name of the function, which is that of its file before."""
    path, _, name = full.partition("::")
    code, said = heard(words, folder, QUIET)
    figures = printed.figures(said)
    calls = printed.calls(said)
    for one, figure in figures.items():
        sheet.figures[f"{path}::{one}"] = figure
        sheet.plans[f"{path}::{one}"] = plan_of(figure["seconds"], calls.get(one, 1))
    sheet.failed.update({f"{path}::{one}": text for one, text in printed.failed(said).items()})
    if code != 0 and not figures:
        sheet.failed.setdefault(f"{path}::{name}", said.strip()[-300:] or f"it ended with {code}")


def plan_of(seconds: float, calls: int) -> list[int]:
    """Calls of a repeat that is long enough, and repeats that fit."""
    count = max(1, math.ceil(SHORTEST / seconds)) if seconds < SHORTEST else 1
    count = min(count, max(calls * 4, 1), 10**8)  # where what it says of a call cannot be
    return [count, max(1, min(REPEATS, int(bench.LONGEST / (count * seconds))))]


def cargo(sheet: Any, plan: dict[str, Any]) -> None:
    """Each target in a process of its own, as its harness measures."""
    place, programs = programs_of(plan)
    for program in programs:
        source, names = program["source"], None
        if plan["wanted"] is not None:
            names = [name.partition("::")[2] for name in plan["wanted"] if name.partition("::")[0] == source]
            if not names:
                continue
        for more in options(program["kind"], names):
            words = [os.path.join(place, program["file"]), *more]
            # A program that is built finds by this what cargo tells it.
            code, said = heard(words, program["folder"], {"CARGO_MANIFEST_DIR": os.path.abspath(program["folder"])})
            if figures := printed.figures(said):
                break
        for one, figure in figures.items():
            sheet.figures[f"{source}::{one}"] = figure
            sheet.plans[f"{source}::{one}"] = [1, 1]
        if code != 0:
            sheet.failed[source] = said.strip()[-300:] or f"it ended with {code}"


def options(kind: str, names: list[str] | None) -> list[list[str]]:
    """What each harness is told, in one way after the other. names: the benchmarks that are wanted, None for all."""
    if kind == "criterion":
        only = [f"^({'|'.join(map(literal, names))})$"] if names else []
        return [[*CRITERION, "--warm-up-time", warm, "--measurement-time", long, *only] for warm, long in TIMES]
    return [["--bench", *(["--exact", *names] if names and kind == "libtest" else [])]]


def heard(words: list[str], folder: str, env: dict[str, str]) -> tuple[int, str]:
    """What a program says in the folder where its own tools would start it. env: what it finds besides."""
    done = subprocess.run(
        words, cwd=folder or ".", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **env},
    )  # fmt: skip
    text = done.stdout[: bench.MOST_SAID].decode("utf-8", "replace")
    print(text[-WORDS:])
    return done.returncode, text


def main() -> None:
    """One plan, one sheet or one folder."""
    plan = json.loads(os.environ["SUREFOOT_BENCH"])
    if plan["mode"] == "build":
        build(plan)
        return
    sheet = bench.Sheet()
    bench.on_one_core(plan["core"])
    {"golang": golang, "cargo": cargo}[plan["mode"]](sheet, plan)
    with open(os.environ["SUREFOOT_RESULTS"], "w") as file:
        file.write(sheet.left(bench.resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()

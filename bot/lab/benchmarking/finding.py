"""Finds by reading alone what of a tree can be measured: nothing of it is run or parsed as code here.

Patterns over lines are enough to know where to look; what is really there is found out in the jail. All is bounded.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bot.core.benchmarks import Place
from bot.core.errors import ConfigProblem
from bot.lab import reading

_MOST_FILES, _MOST_BYTES, _MOST_TOTAL = 5000, 1 << 20, 64 << 20
# What is asked of the runner goes through its environment, of which one value may have 128 KiB.
_MOST_LISTED, _LONGEST_PATH, _MOST_FUNCTIONS = 150, 150, 200
_APART = frozenset(
    {".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "site-packages", "__pycache__", "build", "dist"}
)
_FUNCTION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w{1,200})[ \t]*\(([^()]{0,500})", re.MULTILINE)
_FIXTURE = re.compile(r"\bbenchmark(?:_weave)?\b")
_ASV_FOLDER = re.compile(r'"benchmark_dir"\s*:\s*"([^"\\]{1,200})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a tree holds. fixtures: files with tests that take the fixture `benchmark`; timed: files with `time_*`.

    others: files with benchmarks that other tools run. places: (path, name of the function) -> where it stands. timed
    maps each path to its (root, dotted module). gone: files that only the earlier tree has. whole: where that stands
    by which all of them are run.
    """

    fixtures: tuple[str, ...] = ()
    timed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    whole: Place | None = None

    def still_there(self, name: str) -> bool:
        """Whether the later tree has the file of this benchmark."""
        return name.partition("::")[0] not in self.gone

    def place_of(self, name: str) -> Place | None:
        """Of a benchmark by the name that its tool or our own runner gives it: "path::Class::test_it[1]"."""
        path, _, rest = name.partition("[")[0].partition("::")
        first = rest.partition("/")[0]
        for function in (first, *(re.split(pattern, first)[-1] for pattern in (r"::|\.", " > "))):
            if place := self.places.get((path, function)):
                return place
        return Place(path=path) if path in self.paths else self.whole

    @property
    def paths(self) -> frozenset[str]:
        """Of all files with benchmarks."""
        return frozenset((*self.fixtures, *self.timed, *self.others))


def look(tree: Path, *, fixtures_too: bool = True) -> Found:
    """Reads every Python file once; what cannot be read is passed over.

    fixtures_too: whether tests with the fixture are looked for, anywhere in the tree.
    """
    folder = _asv_folder(tree)
    fixtures: list[str] = []
    timed: dict[str, tuple[str, str]] = {}
    places: dict[tuple[str, str], Place] = {}
    for path, text in texts(tree, "" if fixtures_too else folder):
        module = _module(path, folder)
        tests, times = _functions(text)
        if tests and fixtures_too:
            fixtures.append(path)
        if times and module is not None:
            timed[path] = module
        for one in [*(tests if fixtures_too else []), *(times if module else [])]:
            line = text.count("\n", 0, one.start(1)) + 1
            places.setdefault((path, one[1]), Place(path=path, line=line))
    kept = dict(list(timed.items())[:_MOST_LISTED])
    left = len(fixtures[_MOST_LISTED:]) + len(timed) - len(kept)
    notes = (f"not run: the benchmarks of {left} more files",) if left else ()
    return Found(fixtures=tuple(fixtures[:_MOST_LISTED]), timed=kept, places=places, notes=notes)


def _functions(text: str) -> tuple[list[re.Match[str]], list[re.Match[str]]]:
    """Those that take the fixture, and those that are named as asv wants it."""
    if "benchmark" not in text and "def time_" not in text:
        return [], []
    every = list(itertools.islice(_FUNCTION.finditer(text), _MOST_FUNCTIONS))
    tests = [one for one in every if _FIXTURE.search(one[2]) and one[1] not in ("benchmark", "__init__")]
    return tests, [one for one in every if one[1].startswith("time_")]


def texts(
    tree: Path, below: str = "", *, endings: tuple[str, ...] = (".py",), apart: Collection[str] = _APART
) -> Iterator[tuple[str, str]]:
    """(path, text) of the files with such an ending, but for those in folders apart; bounded, and in order."""
    left = _MOST_TOTAL
    for path in _files(tree, below, endings, apart):
        if left <= 0 or len(path) > _LONGEST_PATH:
            continue
        try:
            text = reading.text(tree, path, _MOST_BYTES)
        except (ConfigProblem, OSError):
            continue
        left -= len(text)
        yield path, text


def _files(tree: Path, below: str, endings: tuple[str, ...], apart: Collection[str]) -> Iterator[str]:
    seen = 0
    start = tree / below
    if not start.resolve().is_relative_to(tree.resolve()):
        return  # a link; the walk does not follow those that it meets, but would begin at this one
    for folder, folders, files in os.walk(start):
        folders[:] = sorted(name for name in folders if name not in apart and not name.startswith("-"))
        # A name that begins with a dash would be read as an option.
        for name in sorted(name for name in files if name.endswith(endings) and not name.startswith("-")):
            seen += 1
            if seen > _MOST_FILES:
                return
            yield (Path(folder) / name).relative_to(tree).as_posix()


def _asv_folder(tree: Path) -> str:
    """Where asv looks: "benchmarks", unless its settings (JSON with comments) name another folder of the tree."""
    try:
        told = _ASV_FOLDER.search(reading.text(tree, "asv.conf.json", _MOST_BYTES))
    except (ConfigProblem, OSError):
        told = None
    if told is None:
        return "asv_bench/benchmarks" if (tree / "asv_bench" / "benchmarks").is_dir() else "benchmarks"
    named = os.path.normpath(told[1]).replace(os.sep, "/")
    return named if not named.startswith(("/", "..")) else "benchmarks"


def _module(path: str, folder: str) -> tuple[str, str] | None:
    """(folder to be searched for modules, dotted name) of a file below asv's folder."""
    below = PurePosixPath(path)
    if not below.is_relative_to(folder):
        return None
    root = PurePosixPath(folder).parent
    names = below.relative_to(root).with_suffix("").parts
    names = names[:-1] if names[-1] == "__init__" else names
    return (str(root), ".".join(names)) if names and all(name.isidentifier() for name in names) else None


def as_plan(plan: Mapping[str, object]) -> str:
    """A plan for the runner in the jail."""
    return json.dumps(plan, sort_keys=True)

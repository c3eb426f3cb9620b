"""What of a Node project can be measured: its own script or vitest's benchmarks, else how its packages load.

Benchmarks are found in text alone, by patterns over lines, and what is really there is found out in the jail; what the
code takes in was found by a parser there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from bot.core.benchmarks import Place
from bot.core.compatibility import Guard
from bot.core.errors import ConfigProblem
from bot.core.lockreaders import npm, pnpm
from bot.core.modules import How
from bot.core.suites import COMPATIBILITY
from bot.lab import nodes, reading
from bot.lab.benchmarking import finding, probes
from bot.lab.benchmarking.finding import Found
from bot.lab.benchmarking.probes import Probe
from bot.lab.inside.surefoot_scripts_reader import package_of
from bot.lab.learnt import Learnt
from bot.lab.ready import NPM, Environment
from bot.lab.scripting import changes
from bot.lab.scripting.changes import Change
from bot.lab.workbench import Workbench

_SCRIPTS = ("bench", "benchmark", "benchmarks")
_SOURCES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_BENCHES = tuple(f".bench{ending}" for ending in _SOURCES)
_APART = frozenset({"node_modules", ".git", ".hg", "dist", "build", "out", "coverage", ".next"})
_BESIDE = frozenset(
    {"test", "tests", "__tests__", "__mocks__", "spec", "e2e", "bench", "benchmark", "benchmarks", "examples", "docs",
     "scripts", "tools"}
)  # fmt: skip
_TOOL = re.compile(r"\.(?:test|spec|bench|config|stories)\.[a-z]{1,5}$|\.d\.[mc]?ts$")
_VITEST = re.compile(r"\bvitest bench\b")
_NAMED = re.compile(r"""\b(?:bench|describe)(?:\.\w{1,20})?\(\s{0,80}['"`]([^'"`\n]{1,150})""")
_MOST_PACKAGES, _MOST_MODULES = 8, 5
_REPORT = {"SUREFOOT_REPORT": "{work}/.surefoot-bench.json"}
_TO_REPORT = '--run --outputJson="$SUREFOOT_REPORT"'


def ways(before: Path, after: Path) -> list[tuple[Probe, Found]]:
    """The benchmarks of its own that both trees have, as one way; empty where there are none."""
    said = _script(before)
    if said is None or _script(after) is None:
        return _of_vitest(before, after, "", f"npx vitest bench {_TO_REPORT}") if said is None else []
    name, text = said
    if _VITEST.search(text):
        return _of_vitest(before, after, name, f"npm run {name} -- {_TO_REPORT}")
    where = nodes.folder_of(after) or ""
    return [(_guessed(_there(where, f"npm run {name}")), Found(whole=_declared(after, name)))]


def _guessed(command: str, env: Mapping[str, str] | None = None) -> Probe:
    """A script of that name may be anything, also what needs a network or never ends."""
    return replace(probes.of_command(command, env), guessed=True)


def _script(tree: Path) -> tuple[str, str] | None:
    scripts = _manifest(tree).get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    return next(((name, str(scripts[name])) for name in _SCRIPTS if name in scripts), None)


def _manifest(tree: Path) -> Mapping[str, object]:
    where = nodes.folder_of(tree)
    try:
        return {} if where is None else reading.table(tree, _beside(where, nodes.MANIFEST))
    except ConfigProblem:
        return {}


def _beside(where: str, name: str) -> str:
    return f"{where}/{name}" if where else name


def _there(where: str, command: str) -> str:
    return f"cd {shlex.quote(where)} && {command}" if where else command


def _declared(tree: Path, name: str) -> Place:
    """Where package.json names the script."""
    path = _beside(nodes.folder_of(tree) or "", nodes.MANIFEST)
    lines = enumerate(reading.text(tree, path).splitlines(), 1)
    return Place(path=path, line=next((number for number, line in lines if f'"{name}"' in line), None))


def _of_vitest(before: Path, after: Path, script: str, command: str) -> list[tuple[Probe, Found]]:
    """Files as x.bench.ts, where vitest is among the packages; their paths are those below the project's folder."""
    where = nodes.folder_of(after) or ""
    kinds = [_manifest(after).get(kind) for kind in ("dependencies", "devDependencies")]
    old, new = (_benches(tree, where) for tree in (before, after))
    if not old or not any(isinstance(kind, dict) and "vitest" in kind for kind in kinds):
        return []
    places: dict[tuple[str, str], Place] = {}
    for path, text in {**old, **new}.items():
        for one in _NAMED.finditer(text):
            line = text.count("\n", 0, one.start()) + 1
            places.setdefault((path, one[1]), Place(path=_beside(where, path), line=line))
    whole = _declared(after, script) if script else None
    found = Found(places=places, others=tuple(old | new), gone=frozenset(old.keys() - new.keys()), whole=whole)
    return [(_guessed(_there(where, command), _REPORT), found)]


def _benches(tree: Path, where: str) -> dict[str, str]:
    texts = finding.texts(tree, where, endings=_BENCHES, apart=_APART)
    return {PurePosixPath(path).relative_to(where).as_posix(): text for path, text in texts}


# --- loading -------------------------------------------------------------------------------------------------------


async def loads(bench: Workbench) -> Probe | None:
    """Of the packages that changed those that the tree's own code takes in, as it does; None for none. OutOfTime."""
    sides = [_node(side.environment) for side in (bench.before, bench.after)]
    if None in sides:
        return None
    before, after = (side for side in sides if side is not None)
    old, new = versions(before.lock), versions(after.lock)
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    # What the tree uses is kept where compatibility keeps it: it is read once for both.
    change = await changes.found(bench, Learnt(folder=bench.folder / COMPATIBILITY)) if changed else None
    found: dict[str, dict[str, str]] = {}
    for name, module, how in _used(change, after.where) if change else ():
        if name in changed and len(found.get(name, ())) < _MOST_MODULES:
            found.setdefault(name, {}).setdefault(module, how)
    groups = {f"load of {name}": sorted(found[name].items()) for name in sorted(found)[:_MOST_PACKAGES]}
    return probes.of_loads(groups, after.where, after.interpreter.path) if groups else None


def _node(environment: Environment) -> Environment | None:
    return next((one for one in (environment, *environment.beside) if one.ecosystem == NPM), None)


def versions(lock: str) -> Mapping[str, frozenset[str]]:
    """Name -> the versions of it that a lock of npm or pnpm holds; what cannot be read holds none."""
    read = npm.read if lock.lstrip().startswith("{") else pnpm.read
    found: dict[str, set[str]] = {}
    try:
        for one in read(lock):
            found.setdefault(one.name, set()).add(one.version)
    except (ConfigProblem, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: frozenset(held) for name, held in found.items()}


def _used(change: Change, where: str) -> Iterator[tuple[str, str, str]]:
    """(package, module, "import" or "require") of the tree's own code, of what is found from the project's folder."""
    project = PurePosixPath(where)
    every = (one for base, group in change.taken.items() if project.is_relative_to(base) for one in group)
    for one in sorted(every, key=lambda one: (one.use.file, one.use.line)):
        # Types are gone when the code runs, and what is only looked up is not loaded.
        hows = [how.load for how in one.hows if how is not How.RESOLVE]
        if one.loads and hows and one.use.guard is not Guard.TYPES and _is_own(one.use.file, project):
            yield package_of(one.specifier), one.specifier, hows[0]


def _is_own(path: str, project: PurePosixPath) -> bool:
    """Not a test, an example or a tool of the build: those do not run where the code is used."""
    place = PurePosixPath(path)
    beside = (_APART | _BESIDE).intersection(place.parts[:-1])
    return place.is_relative_to(project) and not beside and not _TOOL.search(place.name)

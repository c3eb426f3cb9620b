"""A Go tree's modules: fetched by go in the jail behind the gateway, checked by the tree's go.sum, and taken out.

Nothing of a module is built or run for that. A tree with a `vendor` folder of its own needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import ConfigProblem
from bot.core.model import Grade
from bot.core.suites import UNIT
from bot.lab import reading
from bot.lab.cache import Cache
from bot.lab.fetching import Fetching
from bot.lab.locking import words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import PROJECT, Errand, Step
from bot.lab.locking.golang import places_of as _places
from bot.lab.ready import GOLANG, Environment, Interpreter
from bot.lab.resolver import NotPrepared
from bot.tools import processes

MANIFEST = "go.mod"
_READ = (MANIFEST, "go.sum", "go.work", "go.work.sum")
_FOLDER = "surefoot-modules"
_LAYOUT = "1"  # part of every key: raise it when environments are made differently
_MOST_FILES, _ASK_SECONDS = 300, 30.0
_APART = frozenset({"vendor", "testdata", "node_modules"})
_MEND = "Install Go (Debian: golang-go) where Surefoot runs, first on PATH"
# The lock says other bytes than the proxy gives, or the manifest asks for what is not there.
_BROKEN = re.compile(
    r"checksum mismatch|unknown revision|missing go\.sum entry|404 Not Found|410 Gone|errors parsing go\.mod"
)
_ENVIRONMENT: Mapping[str, str] = {
    "GOMODCACHE": f"{{work}}/{PROJECT}/{_FOLDER}",
    "GOCACHE": "{work}/cache",
    "GOENV": "off",
    "GOFLAGS": "-modcacherw",
    # What go.sum holds is what counts; what it lacks, the tests' own build refuses.
    "GOSUMDB": "off",
    "GOTOOLCHAIN": "local",
    "GOTELEMETRY": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Go:
    """Go on this machine. places: the proxies that its settings name; root: its folder."""

    interpreter: Interpreter
    root: Path
    places: tuple[Place, ...]


def commands(tree: Path) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Kind -> (command, notes), empty when there are no tests."""
    has_tests = any(name.endswith("_test.go") for _, files in _walk(tree) for name in files)
    return {UNIT: ("go test ./...", ())} if has_tests else {}


@contextlib.asynccontextmanager
async def prepared(tree: Path, *, fetching: Fetching, cache: Cache) -> AsyncIterator[Environment]:
    """The modules of a tree, made or reused; they stay while the context lasts. Errors as `environments.prepared`."""
    go = await _find()
    files = await asyncio.to_thread(_read, tree)
    lock = json.dumps(files, sort_keys=True)
    parts = (GOLANG, _LAYOUT, lock, str(go.interpreter.path), go.interpreter.version, platform.platform())
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    async def make(place: Path) -> None:
        if (tree / "vendor" / "modules.txt").is_file():
            (place / "modules" / _FOLDER).mkdir(parents=True)
        else:
            await _fetch(go, files, place / "modules", fetching)

    async with cache.entry(key, make) as place:
        yield Environment(
            key=key, folder=place / "modules" / _FOLDER, interpreter=go.interpreter, lock=lock, ecosystem=GOLANG,
            folders=(go.root,),
        )  # fmt: skip


async def _fetch(go: _Go, files: Mapping[str, str], place: Path, fetching: Fetching) -> None:
    if not go.places:
        raise NotPrepared(Grade.UNKNOWN, "Go modules cannot be fetched here: GOPROXY of this machine names no proxy")
    env = {**_ENVIRONMENT, "GOPROXY": ",".join(one.url for one in go.places)}
    step = Step(command=(str(go.interpreter.path), "mod", "download"))
    given = Errand(steps=(step,), wanted=(), files=files, env=env, visible=(go.root,))
    brought = await fetching.take(given, _FOLDER, place, places=go.places)
    if brought.code:
        grade = Grade.FAILED if _BROKEN.search(brought.said) else Grade.UNKNOWN
        raise NotPrepared(grade, f"go cannot fetch the modules: {words.paragraph(brought.said.splitlines())}")
    (place / _FOLDER).mkdir(exist_ok=True)  # a module may need no other one


async def _find() -> _Go:
    """The Go on PATH, and what it says of itself. NotPrepared with the mend where there is none."""
    found = shutil.which("go")
    if found is None:
        raise NotPrepared(Grade.UNKNOWN, f"Go is not installed, so nothing of it can be tried. {_MEND}")
    known = {name: value for name, value in os.environ.items() if name in ("HOME", "PATH") or name.startswith("GO")}
    process = await processes.start(found, "env", "-json", "GOPROXY", "GOROOT", "GOVERSION", env=known)
    told, _ = await processes.communicate(process, _ASK_SECONDS)
    said = json.loads(told)
    root = Path(os.path.realpath(said["GOROOT"]))  # noqa: ASYNC240 - a few links
    program = Path(os.path.realpath(root / "bin" / "go"))  # noqa: ASYNC240 - a few links
    node = Interpreter(path=program, version=said["GOVERSION"].removeprefix("go"), prefix=root)
    return _Go(interpreter=node, root=root, places=tuple(_places(said["GOPROXY"])))


def _read(tree: Path) -> dict[str, str]:
    """Every go.mod and what lies beside the first. ConfigProblem for a tree without one, or one that cannot be read."""
    found = {name: reading.text(tree, name) for name in _READ if (tree / name).is_file()}
    if MANIFEST not in found:
        raise ConfigProblem("there is none", where=MANIFEST)
    for folder, files in _walk(tree):
        if MANIFEST in files and len(found) < _MOST_FILES:
            path = (folder / MANIFEST).as_posix()
            found.setdefault(path, reading.text(tree, path))
    return found


def _walk(tree: Path) -> list[tuple[Path, list[str]]]:
    """(folder in the tree, its files), as Go looks for packages."""
    found = []
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _APART and name[:1] not in (".", "_"))
        found.append((Path(folder).relative_to(tree), files))
    return found

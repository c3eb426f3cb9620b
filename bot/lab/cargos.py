"""A Rust tree's crates: fetched and checked by `cargo vendor` in the jail behind the gateway, and taken out.

No build script is run for that; the tests' own build runs them, in the jail without a network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import msgspec
import tomlkit

from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Grade
from bot.core.suites import UNIT
from bot.lab import reading
from bot.lab.cache import Cache
from bot.lab.fetching import Fetching
from bot.lab.locking import cargo, words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import AUTHORITY, PORT, Errand, Step
from bot.lab.locking.programs import Program
from bot.lab.ready import CARGO, Environment, Interpreter
from bot.lab.resolver import NotPrepared

MANIFEST, LOCK = cargo.MANIFEST, cargo.NAME
_FOLDER = "surefoot-crates"
_LAYOUT = "1"  # part of every key: raise it when environments are made differently
_MOST_FILES, _MOST_READ = 20_000, 2000
_APART = frozenset({"target", "vendor", "node_modules"})
_TEST = re.compile(r"#\[(?:\w{1,30}::)?test\b")
# The lock says other bytes than the registry gives, is not the manifest's, or asks for what is not there.
_BROKEN = re.compile(r"checksum|needs to be updated|failed to select a version|cannot update the lock file")
_ENVIRONMENT: Mapping[str, str] = {
    "CARGO_HOME": "{work}/cargo",
    "CARGO_HTTP_PROXY": f"http://127.0.0.1:{PORT}",
    "CARGO_HTTP_CAINFO": f"{{work}}/{AUTHORITY}",
    "CARGO_HTTP_MULTIPLEXING": "false",
    "CARGO_NET_RETRY": "0",
    "CARGO_TERM_COLOR": "never",
}


class _Index(msgspec.Struct):
    """The index's own settings. dl: where crates are, perhaps with words to be filled in."""

    dl: str


# Made once and here: a decoder must not be made in a thread.
_INDEX = msgspec.json.Decoder(_Index)


def commands(tree: Path) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Kind -> (command, notes), empty when there are no tests."""
    files = list(_sources(tree))[:_MOST_READ]
    has_tests = any(name.startswith("tests/") for name in files) or any(_TEST.search(_text(tree, one)) for one in files)
    return {UNIT: ("cargo test", ())} if has_tests else {}


@contextlib.asynccontextmanager
async def prepared(tree: Path, *, fetching: Fetching, cache: Cache) -> AsyncIterator[Environment]:
    """The crates of a tree, made or reused; they stay while the context lasts. Errors as `environments.prepared`."""
    try:
        program = await cargo.find()
    except Permanent as problem:
        raise NotPrepared(Grade.UNKNOWN, f"crates cannot be fetched: {problem}") from problem
    version = ".".join(map(str, program.version))
    path = Path(program.command[0])
    files = await asyncio.to_thread(_read, tree)
    lock = files.get(LOCK, "")
    parts = (CARGO, _LAYOUT, json.dumps(files, sort_keys=True), str(path), version, platform.platform())
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    async def make(place: Path) -> None:
        await _fetch(program, files, place / "modules", fetching)

    async with cache.entry(key, make) as place:
        yield Environment(
            key=key, folder=place / "modules" / _FOLDER, lock=lock, ecosystem=CARGO, folders=program.folders,
            interpreter=Interpreter(path=path, version=version, prefix=program.folders[0]),
            notes=() if lock else ("no Cargo.lock: cargo chose the versions",),
        )  # fmt: skip


async def _fetch(program: Program, files: Mapping[str, str], place: Path, fetching: Fetching) -> None:
    locked = ("--locked",) if LOCK in files else ()
    command = (*program.command, "vendor", "--versioned-dirs", "--respect-source-config", *locked, _FOLDER)
    rustc = str(Path(program.command[0]).with_name("rustc"))
    settings, places = _settings(fetching.crates), await _places(fetching)
    given = Errand(
        steps=(Step(command=command),), wanted=(), files=files, settings=settings, visible=program.folders,
        env={**_ENVIRONMENT, "RUSTC": rustc},
    )  # fmt: skip
    brought = await fetching.take(given, _FOLDER, place, places=places)
    if brought.code:
        grade = Grade.FAILED if _BROKEN.search(brought.said) else Grade.UNKNOWN
        raise NotPrepared(grade, f"cargo cannot fetch the crates: {words.paragraph(brought.said.splitlines())}")
    (place / _FOLDER).mkdir(exist_ok=True)  # a crate may need no other one


def _settings(crates: cargo.Crates) -> dict[str, str]:
    """cargo's own, by which the machine's index stands for crates.io."""
    if crates.index == cargo.INDEX:
        return {}
    told = {"crates-io": {"replace-with": "machine"}, "machine": {"registry": f"sparse+{crates.index}/"}}
    return {"cargo/config.toml": tomlkit.dumps({"source": told})}


async def _places(fetching: Fetching) -> list[Place]:
    """The index, and where it says that crates are. Errors as `Http.get`; ConfigProblem for what is no index."""
    crates = fetching.crates
    login = {"Authorization": crates.login.reveal()} if crates.login else {}
    told = await fetching.room.http.get(f"{crates.index}/config.json", headers=login)
    try:
        files = _INDEX.decode(told.body).dl.partition("{")[0].rstrip("/")
    except msgspec.MsgspecError as problem:
        raise ConfigProblem(f"is no index of cargo: {problem}", where=f"{crates.index}/config.json") from problem
    return [
        Place(url=crates.index, asked=crates.index, login=crates.login),
        Place(url=files, asked=files),
    ]


def _read(tree: Path) -> dict[str, str]:
    """The manifests and the lock; of sources it is enough that they are there. ConfigProblem without a manifest."""
    if not (tree / MANIFEST).is_file():
        raise ConfigProblem("there is none", where=MANIFEST)
    found = dict.fromkeys(_sources(tree), "")
    for folder, files in _walk(tree):
        if MANIFEST in files:
            path = (folder / MANIFEST).as_posix()
            found[path] = reading.text(tree, path)
    if (tree / LOCK).is_file():
        found[LOCK] = reading.text(tree, LOCK)
    return found


def _text(tree: Path, name: str) -> str:
    try:
        return reading.text(tree, name)
    except ConfigProblem:
        return ""


def _sources(tree: Path) -> Iterator[str]:
    count = 0
    for folder, files in _walk(tree):
        for name in files:
            count += name.endswith(".rs")
            if name.endswith(".rs") and count <= _MOST_FILES:
                yield (folder / name).as_posix()


def _walk(tree: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _APART and name[:1] != ".")
        yield Path(folder).relative_to(tree), files

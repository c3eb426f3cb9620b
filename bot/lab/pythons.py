"""A Python tree's packages: resolved with network, locked by hashes, installed from wheels alone, ready for a jail."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.core.model import Grade
from bot.lab import indexes, origins, resolver, wants
from bot.lab.cache import Cache
from bot.lab.ready import Environment, Interpreter
from bot.lab.resolver import NotPrepared, Uv
from bot.lab.wants import Want, Wants
from bot.tools import processes

_COMPILE_SECONDS, _ASK_SECONDS = 120.0, 30.0


class _Python(msgspec.Struct):
    """One line of uv's list."""

    path: str
    version: str
    implementation: str


# Made once and here: a decoder must not be made in a thread.
_LISTED = msgspec.json.Decoder(list[_Python])
_LAYOUT = "1"  # part of every key: raise it when environments are made differently


@contextlib.asynccontextmanager
async def prepared(tree: Path, uv: Uv, cache: Cache) -> AsyncIterator[Environment]:
    """The environment for a tree's tests, made or reused; it stays while the context lasts.

    NotPrepared with the reason; ConfigProblem for a file of the tree that cannot be read; Transient when the index
    is away.
    """
    asked = await asyncio.to_thread(wants.read, tree)
    interpreter = await find_python(asked.python, uv, cache.folder)
    lock, notes = await _lock(asked, interpreter, uv, cache.folder)
    key = key_of(lock, interpreter)

    async def make(place: Path) -> None:
        await _install(place, lock, interpreter, uv)

    async with cache.entry(key, make) as place:
        yield Environment(
            key=key, folder=place / "venv", interpreter=interpreter, lock=lock, notes=(*asked.notes, *notes)
        )


def key_of(lock: str, interpreter: Interpreter) -> str:
    """The same lock for the same interpreter on the same platform is the same environment."""
    parts = (_LAYOUT, lock, str(interpreter.path), interpreter.version, platform.platform(), platform.machine())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


async def _lock(asked: Wants, interpreter: Interpreter, uv: Uv, folder: Path) -> tuple[str, list[str]]:
    """The tree's own lock where it answers everything, else what the resolver finds."""
    notes: list[str] = []
    own = asked.lock()
    has_pytest = any(want.name == "pytest" for want in asked.all)
    if own is not None and has_pytest:
        return _as_text(own), [f"locked by {own[0].where.rpartition(':')[0]}"]
    lines = [want.text for want in asked.all]
    if not has_pytest:
        notes.append("pytest is added, since no file asks for it")
        lines.append("pytest")
    limits = [want.text for want in asked.constraints]
    question = (*lines, "", *limits, "", str(interpreter.path), interpreter.version, repr(uv.index))
    if (text := uv.resolved.get(question)) is None:
        with tempfile.TemporaryDirectory(dir=_made(folder)) as name:
            text = uv.resolved[question] = await _compile(Path(name), lines, limits, interpreter, uv)
    own_hashes = {one for want in asked.all for one in want.hashes}
    return await origins.checked(with_own_hashes(text, asked.all), uv, own_hashes), notes


async def _compile(place: Path, lines: list[str], limits: list[str], interpreter: Interpreter, uv: Uv) -> str:
    (place / "asked.txt").write_text("".join(f"{line}\n" for line in lines))
    (place / "limits.txt").write_text("".join(f"{line}\n" for line in limits))
    words = ("--no-build", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
    bounds = [word for path in ("limits.txt", *uv.index.constraints) for word in ("--constraint", path)]
    asking = ("pip", "compile", "asked.txt", "--python", str(interpreter.path), *bounds, *words)
    try:
        return await uv.run(place, *asking)
    except NotPrepared as problem:
        if not problem.absent:
            raise
        # uv keeps an index's pages for minutes, and what was published meanwhile is not in them.
        return await uv.run(place, *asking, "--refresh")


def with_own_hashes(found: str, asked: Iterable[Want]) -> str:
    """The resolver takes hashes from the index; where the tree names its own, only those are let through."""
    own = {(want.name, origins.name_and_version(want.text)[1]): want for want in asked if want.locked}
    blocks = found.replace("\\\n", " ").splitlines()
    made = []
    for block in blocks:
        head = block.split(" --hash=")[0].strip()
        name, version = origins.name_and_version(head)
        mine = own.get((canonicalize_name(name), version))
        hashes = None if mine is None else "".join(f" --hash={one}" for one in mine.hashes)
        made.append(" ".join(block.split()) if hashes is None else head + hashes)
    return "".join(f"{line}\n" for line in sorted(made) if line)


def _as_text(lock: Iterable[Want]) -> str:
    return "".join(f"{line}\n" for line in sorted({want.line for want in lock}))


async def _install(place: Path, lock: str, interpreter: Interpreter, uv: Uv) -> None:
    (place / "lock.txt").write_text(lock)
    venv = place / "venv"
    await uv.run(place, "venv", "--quiet", "--no-project", "--python", str(interpreter.path), str(venv))
    # Every file is named by its hash, so it does not matter which index offers it.
    exact = ("--require-hashes", "--index-strategy", indexes.FIRST_MATCH)
    words = ("--quiet", "--no-build", *exact, "--python", str(venv / "bin" / "python"))
    await uv.run(place, "pip", "sync", *words, "lock.txt")
    await resolver.compile_bytecode(interpreter.path, venv / "lib", _COMPILE_SECONDS)


async def find_python(asked: str, uv: Uv, folder: Path) -> Interpreter:
    """Our own interpreter where the tree allows it, else the newest other of this machine that it allows.

    NotPrepared when there is none.
    """
    ours, wanted = platform.python_version(), SpecifierSet(asked)
    if wanted.contains(ours, prereleases=True):
        return Interpreter(path=_real(sys.executable), version=ours, prefix=_real(sys.base_prefix))
    words = ("--only-installed", "--no-python-downloads", "--output-format", "json")
    listed = _LISTED.decode(await uv.run(_made(folder), "python", "list", *words))
    fitting = [one for one in listed if one.implementation == "cpython" and wanted.contains(one.version)]
    # A wrapper, as version managers have them, may be among them and not work; the next one is asked then.
    for one in sorted(fitting, key=lambda one: Version(one.version), reverse=True):
        if (found := await _ask(Path(one.path))) and wanted.contains(found.version):
            return found
    raise NotPrepared(
        Grade.UNKNOWN, f"the tree asks for Python {asked}; this machine has {ours} and no other that fits"
    )


async def _ask(python: Path) -> Interpreter | None:
    """What it says of itself; None for one that cannot say it."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable, sys.base_prefix, sep='\\n')"
    try:
        process = await processes.start(str(python), "-I", "-S", "-c", code, env={})
        told, _ = await processes.communicate(process, _ASK_SECONDS)
        version, path, prefix = told.decode().splitlines()
    except (OSError, ValueError):
        return None
    return Interpreter(path=_real(path), version=version, prefix=_real(prefix))


def _real(text: str) -> Path:
    return Path(os.path.realpath(text))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder

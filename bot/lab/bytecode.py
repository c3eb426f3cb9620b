"""A tree's modules compiled ahead, so that a new tree starts as one that ran before: by Python and pytest alone.

Each candidate is a tree that never ran, and most of it is what the base holds too. What is compiled comes from the
base's environment, in a jail, without one line of the tree being run, and serves only files with the very same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bot.core.model import Isolation
from bot.lab import installed, learnt, pytests, tables, trees
from bot.lab.environments import PYPI
from bot.lab.jobs import MIB, Reason
from bot.lab.learnt import Learnt
from bot.lab.ready import INSIDE
from bot.lab.workbench import OutOfTime, Sample, Workbench

_LAYOUT = "1"  # part of every key: raise it when they are made or read differently
_KIND = "bytecode"
_MOST_KEPT, _MOST_MADE = 512 * MIB, 64 * MIB
_SECONDS = 60.0
_SHARE = 10  # of the time that is left, one part in so many is spent at most
# Less source than this is compiled by the tests themselves in less time than it takes to lay it in.
_WORTH_IT = 100_000

_NAME = re.compile(r"[\w.+-]{1,200}\.pyc")
_BY_TIME = bytes(4)  # the flags of a compiled file that is checked by its source's time and size (PEP 552)

# Made here, since a decoder that is made in a thread may meet another's making.
_TOLD = msgspec.json.Decoder(list[tuple[str, str, str, int]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file of bytecode. name: its own; digest: SHA-256 of the source that it was made from, in hex."""

    name: str
    digest: str
    data: memoryview


# The path of a source in its tree -> what was made of it: one for Python, and one for pytest where it is a test.
Known = Mapping[str, Sequence[Module]]


@contextlib.asynccontextmanager
async def laid(bench: Workbench) -> AsyncIterator[Workbench]:
    """The same workbench, where each side has what is known of the files that it holds. Unchanged without any.

    With it go the tables that each tree would make anew, see `bot.lab.tables`.
    """
    if not _can_be(bench):
        yield bench
        return
    known = await _known(bench) if await asyncio.to_thread(_worth_it, bench.before.tree) else {}
    made = await tables.known(bench)
    if not known and not made:
        yield bench
        return
    with tempfile.TemporaryDirectory(prefix="surefoot-bytecode-") as folder:
        before, after = await asyncio.to_thread(_both, bench, known, made, Path(folder))
        yield replace(bench, before=before, after=after)


def _can_be(bench: Workbench) -> bool:
    """Python on both sides, and the same one; in a jail, since only there trees always lie at the same path."""
    sides = [one.environment for one in (bench.before, bench.after)]
    if any(one.ecosystem != PYPI for one in sides) or sides[0].interpreter != sides[1].interpreter:
        return False
    return bench.host.isolation is not Isolation.UNJAILED


def _worth_it(tree: Path) -> bool:
    return sum(path.stat().st_size for path in _sources(tree)) >= _WORTH_IT


def _sources(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name not in trees.APART]
        for name in files:
            if name.endswith(".py") and not (path := Path(folder) / name).is_symlink() and path.is_file():
                yield path


async def _known(bench: Workbench) -> Known:
    """Of the base: from an earlier simulation, or made now. Nothing where that does not succeed; tests run without."""
    before = bench.before
    patterns = pytests.rewritten(before.tree)
    tree = await asyncio.to_thread(trees.fingerprint, before.tree, ".py")
    store = Learnt(folder=bench.folder / _KIND, most=_MOST_KEPT)
    key = learnt.key_of(_LAYOUT, before.environment.key, tree, *patterns)
    data = store.recall(key)
    if data is None and (data := await _made(bench, patterns)) is not None:
        store.remember(key, data)
    return read(data or b"")


async def _made(bench: Workbench, patterns: Sequence[str]) -> bytes | None:
    """What the jail hands over, which may be nothing; None where there was no time, as there may be the next time."""
    there = bench.before.environment
    if (site := installed.site_of(there)) is None:
        return b""
    try:
        seconds = min(_SECONDS, bench.budget.left() / _SHARE)
        ran = await bench.run(
            bench.before,
            (str(there.programs / "python"), "-I", "-S", str(INSIDE / "surefoot_bytecode.py"), str(site)),
            env={"SUREFOOT_REWRITTEN": json.dumps(patterns), "SUREFOOT_UNTIL": f"{time.monotonic() + seconds * 0.8}"},
            visible=(INSIDE,),
            seconds=seconds,
            keep_results=_MOST_MADE,
        )
    except OutOfTime:
        return None
    return ran.results or (None if ran.reason is Reason.TIMEOUT else b"")


def read(data: bytes) -> Known:
    """What a jail handed over; nothing of it where it is not as it should be, for foreign code had a hand in it."""
    head, _, rest = data.partition(b"\n")
    try:
        told = _TOLD.decode(head)
    except msgspec.DecodeError:
        return {}
    known: dict[str, list[Module]] = {}
    codes, at = memoryview(rest), 0
    for path, name, digest, size in told:
        stem = path.rpartition("/")[2].removesuffix(".py")
        if size < 16 or at + size > len(codes) or not (name.startswith(f"{stem}.") and _NAME.fullmatch(name)):
            return {}
        known.setdefault(path, []).append(Module(name=name, digest=digest, data=codes[at : at + size]))
        at += size
    return known


def _both(bench: Workbench, known: Known, made: tables.Tables, place: Path) -> tuple[Sample, Sample]:
    place.chmod(0o755)  # the jail's uid must get in
    before, after = (with_known(side, known, made, place) for side in (bench.before, bench.after))
    return before, after


def with_known(side: Sample, known: Known, made: tables.Tables, place: Path) -> Sample:
    """The side, with a folder that holds what fits its files; its other folders are as the tree's own."""
    folder = Path(tempfile.mkdtemp(dir=place))
    tables.lay(made, side.tree, folder)
    tops = {Path()}
    for path in _sources(side.tree):
        name = path.relative_to(side.tree)
        if modules := known.get(name.as_posix()):
            source = path.read_bytes()
            digest = hashlib.sha256(source).hexdigest()
            fitting = [one for one in modules if one.digest == digest]
            _lay(fitting, folder / name.parent / "__pycache__", path)
            tops |= {name.parent, *name.parent.parents} if fitting else set()
    _open_to_the_jail(folder)
    for one in sorted(tops, key=lambda one: len(one.parts), reverse=True):
        shutil.copystat(side.tree / one, folder / one)  # since a copy over them takes on what these are like
    folder.chmod(0o755)
    return replace(side, ahead=folder)


def _open_to_the_jail(folder: Path) -> None:
    """Its uid must be able to read, whatever our umask is."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _lay(modules: Sequence[Module], folder: Path, source: Path) -> None:
    """One that is checked by time gets the time that its source has in this tree."""
    for one in modules:
        folder.mkdir(parents=True, exist_ok=True)
        changed = (int(source.stat().st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
        by_time = bytes(one.data[4:8]) == _BY_TIME
        data = b"".join((one.data[:8], changed, one.data[12:])) if by_time else one.data
        (folder / one.name).write_bytes(data)

"""Hypothesis' tables of Unicode, made once for an environment: it makes them anew in each tree that never ran.

They hang on the interpreter and on Hypothesis alone, and take over a second. They come from a jail with the base's
environment, without anything of the tree, and serve sides that have this very Hypothesis.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.lab import installed, learnt
from bot.lab.jobs import MIB, Reason
from bot.lab.learnt import Learnt
from bot.lab.ready import INSIDE, Environment
from bot.lab.workbench import OutOfTime, Workbench

_LAYOUT = "1"  # part of every key: raise it when they are made or read differently
_KIND = "tables"
FOLDER = ".hypothesis"  # where Hypothesis keeps what it made, in the working folder
_MOST_KEPT, _MOST_MADE = 64 * MIB, MIB
_SECONDS = 30.0
_SHARE = 10  # of the time that is left, one part in so many is spent at most
_PLACE = re.compile(r"\.gitignore|unicode_data/[0-9][0-9.]{0,20}/\w[\w.-]{0,80}\.json\.gz")

# Path below FOLDER -> content.
Tables = Mapping[str, bytes]

# Made here, since a decoder that is made in a thread may meet another's making.
_TOLD = msgspec.json.Decoder(dict[str, str])


async def known(bench: Workbench) -> Tables:
    """From an earlier simulation, or made now; nothing where the two sides do not have the very same Hypothesis."""
    used = {_hypothesis(side.environment) for side in (bench.before, bench.after)}
    if len(used) != 1 or "" in used:
        return {}
    store = Learnt(folder=bench.folder / _KIND, most=_MOST_KEPT)
    key = learnt.key_of(_LAYOUT, bench.before.environment.key)
    data = store.recall(key)
    if data is None and (data := await _made(bench)) is not None:
        store.remember(key, data)
    return read(data or b"")


def _hypothesis(there: Environment) -> str:
    """What the lock says of it, with its hashes; "" without it."""
    lines = there.lock.replace("\\\n", " ").splitlines()
    return next((" ".join(line.split()) for line in lines if re.match(r"hypothesis(\[[^\]]*\])?\s*==", line)), "")


async def _made(bench: Workbench) -> bytes | None:
    """What the jail hands over, which may be nothing; None where there was no time, as there may be the next time."""
    there = bench.before.environment
    if (site := installed.site_of(there)) is None:
        return b""
    try:
        ran = await bench.run(
            bench.before,
            (str(there.programs / "python"), "-I", "-S", str(INSIDE / "surefoot_tables.py"), str(site)),
            visible=(INSIDE,),
            seconds=min(_SECONDS, bench.budget.left() / _SHARE),
            keep_results=_MOST_MADE,
        )
    except OutOfTime:
        return None
    return ran.results or (None if ran.reason is Reason.TIMEOUT else b"")


def read(data: bytes) -> Tables:
    """What a jail handed over; nothing of it where it is not as it should be, for foreign code had a hand in it."""
    try:
        told = _TOLD.decode(data)
        found = {path: binascii.a2b_base64(text, strict_mode=True) for path, text in told.items()}
    except (msgspec.DecodeError, ValueError):
        return {}
    return found if all(_PLACE.fullmatch(path) for path in found) else {}


def lay(tables: Tables, tree: Path, folder: Path) -> None:
    """Below folder, where the tree has nothing of Hypothesis' of its own."""
    if (tree / FOLDER).is_symlink() or (tree / FOLDER).exists():
        return
    for name, content in tables.items():
        path = folder / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

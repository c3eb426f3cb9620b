"""Which names of other packages a tree uses, with file and line; read in the jail, as a tree may be made to harm."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.core.calls import Call
from bot.core.compatibility import Guard, Use
from bot.core.quoting import code
from bot.lab import learnt, questions, trees
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.questions import Seat
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when uses are found or written differently
_MOST_FILES, _MOST_BYTES, _MOST_USES = 10_000, 1 << 20, 50_000
_MOST_NOTES, _LONGEST = 20, 300


class Told(msgspec.Struct, frozen=True):
    """What the reader in the jail hands over: file, path, line, guard and the shape of the call, for each use."""

    uses: list[tuple[str, str, int, Guard, tuple[int, tuple[str, ...], bool, bool] | None]]
    notes: list[str] = []


_READER = msgspec.json.Decoder(Told)


async def of(bench: Workbench, store: Learnt) -> tuple[Sequence[Use], Sequence[str]]:
    """The uses of the candidate's tree, in the order of its files, and what could not be read. OutOfTime.

    They are kept by its Python files alone, since most updates change other files.
    """
    tree = bench.after.tree
    files = await asyncio.to_thread(trees.fingerprint, tree, ".py")
    key = learnt.key_of("uses", _LAYOUT, files, f"{sys.version_info[:2]}")
    if (known := _decoded(store.recall(key))) is not None:
        return known
    data, problem = await _asked(bench, tree)
    found = _decoded(data)
    if data is None or found is None:
        return (), (f"this repository's files could not be searched for uses: {problem or 'the answer is no answer'}",)
    store.remember(key, data)
    return found


async def _asked(bench: Workbench, tree: Path) -> tuple[bytes | None, str]:
    python = questions.ours()
    ran = await questions.ask(
        bench,
        "surefoot_names_used",
        {"tree": str(tree), "most_files": _MOST_FILES, "most_bytes": _MOST_BYTES, "most_uses": _MOST_USES},
        Seat(python=(str(python.path), "-I", "-S"), visible=(tree, python.prefix)),
    )
    if ran.reason is not Reason.FINISHED or ran.code != 0:
        return None, f"it ended with {ran.reason}: {code(ran.text.strip()[-200:])}"
    return ran.results, ""


def _decoded(data: bytes | None) -> tuple[Sequence[Use], Sequence[str]] | None:
    try:
        told = _READER.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    uses = [_use(*one) for one in told.uses[:_MOST_USES] if one[1] and _is_inside(one[0])]
    return uses, [code(note) for note in told.notes[:_MOST_NOTES]]


def _is_inside(file: str) -> bool:
    path = Path(file)
    return not path.is_absolute() and ".." not in path.parts and len(file) <= 1000


def _use(file: str, path: str, line: int, guard: Guard, shape: tuple[Any, ...] | None) -> Use:
    call = None
    if shape is not None:
        positional, keywords, star, double_star = shape
        call = Call(positional=positional, keywords=keywords, star=star, double_star=double_star)
    return Use(path=tuple(path[:_LONGEST].split(".")), file=file, line=line, guard=guard, call=call)

"""Which names of packages a tree's JavaScript and TypeScript use, with file and line; read in the jail.

The parser is tree-sitter, which is native code: it never reads a stranger's file in our own process.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bot.core.compatibility import Guard
from bot.core.modules import Form
from bot.core.quoting import code
from bot.lab import learnt, questions, trees
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.questions import Seat
from bot.lab.workbench import Workbench

_LAYOUT = "2"  # part of every key: raise it when uses are found or written differently
_MOST_FILES, _MOST_BYTES, _MOST_USES = 20_000, 512 << 10, 20_000
# What is asked travels as one argument, of which the kernel takes 128 KiB.
_MOST_NAMES, _LONGEST_NAME = 1000, 90
_SECONDS, _GRACE = 30.0, 15.0
_MOST_NOTES, _LONGEST = 20, 200
_ENDINGS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")  # of what the reader in the jail reads
_PARSERS = ("tree_sitter", "tree_sitter_javascript", "tree_sitter_typescript")


class Written(msgspec.Struct, frozen=True, array_like=True):
    """One use as it stands in a file. shape: arguments, whether a spread brings more, a function at the end, `new`.

    loads: here the package is come by.
    """

    file: str
    form: Form
    specifier: str
    path: tuple[str, ...]
    line: int
    guard: Guard
    shape: tuple[int, bool, bool, bool] | None
    loads: bool


class Told(msgspec.Struct, frozen=True):
    """What the reader in the jail hands over."""

    uses: list[Written]
    notes: list[str] = []


_READER = msgspec.json.Decoder(Told)


async def of(bench: Workbench, store: Learnt, names: Iterable[str]) -> tuple[Sequence[Written], Sequence[str]]:
    """The uses of these packages in the candidate's tree, in the order of its files, and what could not be read.

    names: the first ones count, where they are too many. Kept by its scripts alone, as most updates change other files.
    OutOfTime.
    """
    every = list(names)
    wanted = sorted([name for name in every if len(name) <= _LONGEST_NAME][:_MOST_NAMES])
    cut = (
        [f"only {len(wanted)} of {len(every)} packages that change were looked for"] if len(every) > len(wanted) else []
    )
    files = await asyncio.to_thread(trees.fingerprint, bench.after.tree, *_ENDINGS)
    versions = [importlib.metadata.version(name) for name in _PARSERS]
    key = learnt.key_of("script uses", _LAYOUT, files, f"{sys.version_info[:2]}", *versions, *wanted)
    found = _decoded(store.recall(key))
    if found is None:
        data, problem = await _asked(bench, wanted)
        found = _decoded(data)
        if data is None or found is None:
            why = problem or "the answer is no answer"
            return (), (f"this repository's scripts could not be searched for uses: {why}",)
        store.remember(key, data)
    return found[0], (*found[1], *cut)


async def _asked(bench: Workbench, wanted: Sequence[str]) -> tuple[bytes | None, str]:
    python, tree = questions.ours(), bench.after.tree
    folders = parsers()
    ran = await questions.ask(
        bench,
        "surefoot_scripts_used",
        {
            "tree": str(tree), "wanted": wanted, "paths": sorted({str(one.parent) for one in folders}),
            "most_files": _MOST_FILES, "most_bytes": _MOST_BYTES, "most_uses": _MOST_USES, "seconds": _SECONDS,
        },
        Seat(python=(str(python.path), "-I", "-S"), visible=(tree, python.prefix, *folders)),
        seconds=_SECONDS + _GRACE,
    )  # fmt: skip
    if ran.reason is not Reason.FINISHED or ran.code != 0:
        return None, f"it ended with {ran.reason}: {code(ran.text.strip()[-200:])}"
    return ran.results, ""


def parsers() -> list[Path]:
    """The folders of the parser and its grammars."""
    return [_folder(name) for name in _PARSERS]


def _folder(name: str) -> Path:
    """Where it lies; it is never imported here."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None, f"{name} is one of our own requirements"
    return Path(spec.origin).resolve().parent


def _decoded(data: bytes | None) -> tuple[Sequence[Written], Sequence[str]] | None:
    try:
        told = _READER.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    uses = [one for one in told.uses[:_MOST_USES] if _is_sound(one)]
    return uses, [code(note) for note in told.notes[:_MOST_NOTES]]


def _is_sound(one: Written) -> bool:
    path = Path(one.file)
    inside = not path.is_absolute() and ".." not in path.parts and len(one.file) <= 1000
    steps = (one.specifier, *one.path)
    return inside and one.line > 0 and len(steps) < 20 and all(0 < len(step) <= _LONGEST for step in steps)

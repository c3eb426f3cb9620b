"""Regular expressions as an earlier run compiled them: to load two hundred takes a tenth of what compiling them takes.

Python keeps the bytecode of modules and not of the patterns in them, of which a program with many libraries compiles
some hundred as it starts. Kept is what `re` hands to its engine, for this very Python alone. The file lies in the
user's own cache folder, where their bytecode would lie too; the engine checks each program before it takes it.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAME = "patterns"
_MOST, _LONGEST = 2000, 4000  # patterns, and characters of one
_WORTH_IT = 8  # new ones; a few of the standard library's are made from sets, and so are new ones each time
_VERSION = sys.version
# What a pattern means may hang on the locale of the moment, and whoever asks for the details wants to see them.
_APART = int(re.LOCALE | re.DEBUG)

Program = tuple[int, bytes, int, dict[str, int], tuple[str | None, ...]]  # as the engine takes it, its code packed
Programs = dict[tuple[str | bytes, int], Program]


@contextmanager
def kept(path: Path) -> Iterator[Callable[[], None]]:
    """What is compiled meanwhile comes out of the file where it is known there. Given: to be called to keep the new.

    Where Python has other insides than those of 3.11 to 3.13, everything is as ever.
    """
    compiler: Any = getattr(re, "_compiler", None)
    if compiler is None or not {"_code", "_parser", "_sre", "compile"} <= vars(compiler).keys():
        yield lambda: None
        return
    usual, engine, known = compiler.compile, compiler._sre, _read(path)
    before = len(known)

    def compiled(pattern: Any, flags: int = 0) -> Any:
        if not isinstance(pattern, (str, bytes)) or len(pattern) > _LONGEST or flags & _APART:
            return usual(pattern, flags)
        program = known.get((pattern, int(flags)))
        if program is None:
            if len(known) >= _MOST or (program := _program(compiler, pattern, flags)) is None:
                return usual(pattern, flags)
            known[pattern, int(flags)] = program
        shape, code, groups, index, names = program
        try:
            return engine.compile(pattern, shape, memoryview(code).cast("I").tolist(), groups, index, names)
        except (RuntimeError, ValueError, TypeError):  # a file that somebody spoilt
            return usual(pattern, flags)

    compiler.compile = compiled
    try:
        yield lambda: _write(path, known) if len(known) >= before + _WORTH_IT else None
    finally:
        compiler.compile = usual


def _program(compiler: Any, pattern: str | bytes, flags: int) -> Program | None:
    """As `re._compiler.compile` makes it; re.error for what is no pattern. None for what is not to be kept."""
    read = compiler._parser.parse(pattern, flags)
    if (shape := int(flags) | read.state.flags) & _APART:
        return None
    index: dict[str, int] = dict(read.state.groupdict)
    names: list[str | None] = [None] * read.state.groups
    for name, place in index.items():
        names[place] = name
    code = memoryview(bytearray(4 * len(words := compiler._code(read, flags)))).cast("I")
    for place, word in enumerate(words):
        code[place] = word
    return shape, code.tobytes(), read.state.groups - 1, index, tuple(names)


def _read(path: Path) -> Programs:
    """Nothing where there is no file, or one of another Python."""
    try:
        version, known = marshal.loads(path.read_bytes())  # noqa: S302 - our own, as the bytecode beside it
    except (OSError, ValueError, TypeError, EOFError):
        return {}
    return known if version == _VERSION and isinstance(known, dict) else {}


def _write(path: Path, known: Programs) -> None:
    """Whole or not at all; without a place to write to, the next run compiles them again."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(marshal.dumps((_VERSION, known)))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()

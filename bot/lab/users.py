"""Which tests use a component directly: the files that import it, to be run first; none is left out for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from bot.core.errors import ConfigProblem
from bot.lab import installed, pytests, reading
from bot.lab.ready import PYPI, Environment

_MOST_FILES, _MOST_NAMES = 2000, 50
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,100}")


def direct(tree: Path, environment: Environment, components: Iterable[str]) -> tuple[str, ...]:
    """The test files of a Python tree that import one of these by name; all of them are worth no word: then none."""
    if environment.ecosystem != PYPI:
        return ()
    held = installed.read(environment, frozenset(map(canonicalize_name, components))).values()
    names = [name for one in held for name in one.tops if _IDENTIFIER.fullmatch(name)][:_MOST_NAMES]
    if not names:
        return ()
    pattern = re.compile(rf"^\s{{0,40}}(?:import|from)\s{{1,4}}(?:{'|'.join(names)})\b", re.MULTILINE)
    files = list(pytests.test_files(tree))
    found = [name for name in files[:_MOST_FILES] if pattern.search(_text(tree, name))]
    return tuple(found) if len(found) < len(files) else ()


def _text(tree: Path, name: str) -> str:
    try:
        return reading.text(tree, name)
    except ConfigProblem:
        return ""

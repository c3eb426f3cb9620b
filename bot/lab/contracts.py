"""What a project promises on the command line: the programs that its files declare, and how each is asked for its help.

Read from text alone. A program is run in place, as the project is not installed: by the words of its entry point.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core import tomls
from bot.core.errors import ConfigProblem
from bot.lab import nodes, reading
from bot.lab.ready import NPM, PYPI

MOST = 10  # programs of one project that are asked
_HELP = "--help"
# What a program looks at to know how wide and how colourful its words may be.
SAME_FOR_ALL = {"COLUMNS": "80", "LINES": "24", "TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_WORD = r"[A-Za-z_][A-Za-z0-9_]{0,60}"
_ENTRY = re.compile(rf"({_WORD}(?:\.{_WORD}){{0,9}}) {{0,5}}: {{0,5}}({_WORD})((?:\.{_WORD}){{0,3}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One command and how people call it. path, line: where the repository declares it; contract: found by us."""

    shown: str
    command: tuple[str, ...]
    contract: bool = False
    path: str | None = None
    line: int | None = None


def find(tree: Path, ecosystem: str) -> tuple[Case, ...]:
    """The programs of a project of this ecosystem, at most ten."""
    finders = {PYPI: _of_python, NPM: _of_node}
    found = {case.shown: case for case in finders[ecosystem](tree)} if ecosystem in finders else {}
    return tuple(found.values())[:MOST]


def _of_python(tree: Path) -> Iterator[Case]:
    project = _text(tree, "pyproject.toml")
    try:
        table = tomls.loads(project)
    except tomllib.TOMLDecodeError:
        table = {}
    for scripts in (_table(table, "project", "scripts"), _table(table, "tool", "poetry", "scripts")):
        for name, entry in scripts.items():
            yield from _entry(str(name), str(entry), "pyproject.toml", project)
    setup = _text(tree, "setup.cfg")
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read_string(setup)
    except configparser.Error:
        return
    for line in settings.get("options.entry_points", "console_scripts", fallback="").splitlines():
        name, _, entry = line.partition("=")
        yield from _entry(name.strip(), entry, "setup.cfg", setup)


def _entry(name: str, entry: str, path: str, text: str) -> Iterator[Case]:
    found = _ENTRY.fullmatch(entry.partition("[")[0].strip())  # extras follow in brackets
    if not found or not _NAME.fullmatch(name):
        return
    module, top, rest = found.groups()
    code = f"import sys; from {module} import {top}; sys.argv = [{name!r}, {_HELP!r}]; sys.exit({top}{rest}())"
    yield Case(
        shown=f"{name} {_HELP}", command=("python", "-c", code), contract=True, path=path, line=_line(text, name)
    )


def _of_node(tree: Path) -> Iterator[Case]:
    where = nodes.folder_of(tree)
    if where is None:
        return
    path = f"{where}/{nodes.MANIFEST}" if where else nodes.MANIFEST
    try:
        manifest = reading.table(tree, path)
    except ConfigProblem:
        return
    said = manifest.get("bin")
    # One program alone is named as its package is, without the scope.
    programs = said if isinstance(said, dict) else {str(manifest.get("name", "")).rpartition("/")[2]: said}
    for name, file in programs.items():
        place = f"{where}/{file}" if where else str(file)
        if isinstance(file, str) and _NAME.fullmatch(str(name)) and _text(tree, place.replace("/./", "/")):
            command = ("node", place, _HELP)
            line = _line(_text(tree, path), f'"{name}"')
            yield Case(shown=f"{name} {_HELP}", command=command, contract=True, path=path, line=line)


def _text(tree: Path, name: str) -> str:
    try:
        return reading.text(tree, name)
    except (ConfigProblem, OSError, ValueError):
        return ""


def _table(found: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _line(text: str, name: str) -> int | None:
    """The first line that begins with the name; good enough for a place to look at."""
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if line.strip().strip("\"'").startswith(name.strip('"'))), None)

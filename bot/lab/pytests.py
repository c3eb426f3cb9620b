"""Finds the test commands of a Python project: pytest, on what tox names where it names it, integration tests apart."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.core import tomls
from bot.core.errors import ConfigProblem
from bot.core.quoting import code
from bot.core.suites import INTEGRATION, UNIT
from bot.lab import noxes, reading

PYTEST = "python -m pytest"
_LEFT_OUT = frozenset({".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "site-packages", "__pycache__"})
_APART = ("tests/integration", "tests/e2e", "test/integration", "test/e2e", "integration_tests")
_MARKER = INTEGRATION
_MOST_READ = 2000  # files that are looked into for the marker
_POSARGS = re.compile(r"\{posargs(?::([^{}]{0,500}))?\}")
_TAKE_ONE = ("-m", "-k", "--ignore", "--ignore-glob", "--deselect")  # options that choose tests, and are taken over

Commands = Mapping[str, tuple[str, tuple[str, ...]]]


def commands(tree: Path) -> Commands:
    """Kind -> (command, notes), empty when there are no tests. It runs unittest's test cases too."""
    files = list(test_files(tree))
    if not files:
        return {}
    words, notes = _of_tox(tree) or _of_nox(tree)
    folders = [name for name in _APART if any(file.startswith(f"{name}/") for file in files)]
    folders = [name for name in folders if name not in words]  # tox asks for them by name: they are its unit tests
    marked = "-m" not in words and _is_marked(tree, files)
    if len(folders) and all(file.startswith(tuple(f"{name}/" for name in folders)) for file in files):
        return {INTEGRATION: (_joined(folders), notes)}
    unit = [*words, *(f"--ignore={name}" for name in folders), *(["-m", f"not {_MARKER}"] if marked else [])]
    found = {UNIT: (_joined(unit), notes)}
    if folders:
        found[INTEGRATION] = (_joined(folders), ())
    elif marked:
        found[INTEGRATION] = (_joined(["-m", _MARKER]), ())
    return found


def _joined(words: Iterable[str]) -> str:
    return " ".join([PYTEST, *map(shlex.quote, words)])


def test_files(tree: Path) -> Iterator[str]:
    """The files that pytest would look into by its own rules, as paths in the tree."""
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(files):
            if name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py")):
                yield (Path(folder) / name).relative_to(tree).as_posix()


test_files.__test__ = False  # type: ignore[attr-defined]  # the name is the trade's; pytest must not collect it


def rewritten(tree: Path) -> tuple[str, ...]:
    """Patterns of the files whose assertions pytest rewrites by itself; none where a setting changes what it writes."""
    settings = list(_settings(tree))
    if any("enable_assertion_pass_hook" in one for one in settings):
        return ()
    own = [word for one in settings for line in _lines(one.get("python_files")) for word in line.split()]
    return tuple(dict.fromkeys(("test_*.py", "*_test.py", *own)))


def _is_marked(tree: Path, files: Sequence[str]) -> bool:
    """The marker is registered, and some test bears it; the project's own choice by -m is left alone."""
    settings = list(_settings(tree))
    registered = any(re.match(rf"{_MARKER}\b", line.strip()) for one in settings for line in _lines(one.get("markers")))
    if not registered or any("-m" in " ".join(_lines(one.get("addopts"))).split() for one in settings):
        return False
    return any(f"mark.{_MARKER}" in _read(tree, name) for name in files[:_MOST_READ])


def _lines(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value or "").splitlines()


def _read(tree: Path, name: str) -> str:
    try:
        return reading.text(tree, name)
    except ConfigProblem:
        return ""


def _settings(tree: Path) -> Iterator[Mapping[str, Any]]:
    """What the files that pytest reads say; the first that says anything counts, and more do no harm here."""
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        found = _ini(_read(tree, name))
        if found.has_section(section):
            yield dict(found[section])
    yield _table(_pyproject(tree), "tool", "pytest", "ini_options")


def _ini(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        found.read_string(text)
    except configparser.Error:
        return configparser.ConfigParser()
    return found


def _pyproject(tree: Path) -> Mapping[str, Any]:
    try:
        return tomls.loads(_read(tree, "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _table(found: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _of_tox(tree: Path) -> tuple[list[str], tuple[str, ...]] | None:
    """What tox's commands let pytest run on. Only words that choose tests: others may need what is not installed.

    None where it runs none.
    """
    for place, command in _tox_commands(tree):
        plain = [re.sub(r"^\{toxinidir\}/", "", word) for word in command]
        if (start := next((at for at, word in enumerate(plain) if word in ("pytest", "py.test")), None)) is None:
            continue
        chosen = _choosing(tree, plain[start + 1 :])
        return chosen, _said(chosen, place)
    return None


def _of_nox(tree: Path) -> tuple[list[str], tuple[str, ...]]:
    """The same of a noxfile, which is read and never run."""
    session = noxes.tests_of(tree)
    if session is None or session.tests is None:
        return [], ()
    if session.moves:
        return [], (f"{noxes.NAME}: what {code(session.name)} runs is not taken over, as it changes its folder",)
    chosen = _choosing(tree, session.tests)
    return chosen, (*_said(chosen, noxes.NAME), *session.notes)


def _said(chosen: Sequence[str], place: str) -> tuple[str, ...]:
    return (f"pytest is run on {shlex.join(chosen)}, as {place} says",) if chosen else ()


def _tox_commands(tree: Path) -> Iterator[tuple[str, list[str]]]:
    """(file, words) of the commands of the usual environment; none for those that cannot be read."""
    tox = _table(_pyproject(tree), "tool", "tox")
    for place, text in (("tox.ini", _read(tree, "tox.ini")), ("pyproject.toml", str(tox.get("legacy_tox_ini", "")))):
        written = _ini(text).get("testenv", "commands", fallback="")
        for line in re.sub(r"\\\n\s*", " ", written).splitlines():
            try:
                yield place, shlex.split(_POSARGS.sub(lambda match: match[1] or "", line))
            except ValueError:
                continue
    for command in _table(tox, "env_run_base").get("commands", []):
        if isinstance(command, list):
            yield "pyproject.toml", [word for word in command if isinstance(word, str)]


def _choosing(tree: Path, words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word in _TAKE_ONE and at + 1 < len(words):
            kept += [word, words[at + 1]]
            at += 1
        elif word.startswith(tuple(f"{name}=" for name in _TAKE_ONE)) or _is_here(tree, word):
            kept.append(word)
        at += 1
    return kept


def _is_here(tree: Path, word: str) -> bool:
    path = word.partition("::")[0]
    if word.startswith("-") or not path or ".." in Path(path).parts or Path(path).is_absolute():
        return False
    return (tree / path).exists()

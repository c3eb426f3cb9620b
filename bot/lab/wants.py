"""Reads what a checked-out tree asks to have installed for its tests. Text in, facts out: nothing of the tree is run.

Read are the requirements files and the tables of `pyproject.toml`. Options that would change where packages come from
are not followed: a tree does not choose whom this machine speaks to.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bot.core import tomls
from bot.core.errors import ConfigProblem
from bot.lab import noxes
from bot.lab import reading as files

TEST_GROUPS = ("test", "tests", "testing", "dev", "develop")
_DEEPEST = 10
_HASH = re.compile(r"--hash[= ](\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One requirement and the place that it stands at. locked: pinned to one version, with hashes."""

    text: str  # without hashes
    name: str
    where: str
    hashes: tuple[str, ...] = ()

    @property
    def locked(self) -> bool:
        """An exact version and at least one hash."""
        return bool(self.hashes) and re.search(r"===?\s*[^*\s;,]+\s*(;|$)", self.text) is not None

    @property
    def line(self) -> str:
        """As a requirements file has it."""
        return self.text + "".join(f" --hash={value}" for value in self.hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """All that a tree asks for. locks: whole files in which every line is locked, in the order of their names."""

    loose: tuple[Want, ...] = ()
    locks: tuple[tuple[Want, ...], ...] = ()
    constraints: tuple[Want, ...] = ()
    python: str = ""
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Want, ...]:
        """Loose and locked ones."""
        return (*(want for lock in self.locks for want in lock), *self.loose)

    def lock(self) -> tuple[Want, ...] | None:
        """A locked file that answers everything else that is asked for, if there is one: it is the lock itself."""
        for lock in self.locks:
            pinned = {want.name: want for want in lock if _applies(want)}
            limits = [limit for limit in self.constraints if limit.name in pinned]
            if all(_answers(pinned.get(want.name), want) for want in (*self.all, *limits)):
                return lock
        return None


def _applies(want: Want) -> bool:
    marker = Requirement(want.text).marker
    return marker is None or marker.evaluate()


def _answers(pinned: Want | None, want: Want) -> bool:
    if not _applies(want) or pinned is want:
        return True
    if pinned is None:
        return False
    version = str(Requirement(pinned.text).specifier).lstrip("=")
    return Requirement(want.text).specifier.contains(version, prereleases=True)


@dataclass(slots=True)
class _Reading:
    """What has been found so far."""

    tree: Path
    notes: list[str] = field(default_factory=list)
    constraints: list[Want] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


def read(tree: Path) -> Wants:
    """ConfigProblem, with file and line, for what cannot be read or would not come from an index."""
    reading = _Reading(tree)
    files = [*sorted(tree.glob("requirements*.txt")), *sorted(tree.glob("requirements/*.txt"))]
    files = [path for path in files if "constraint" not in path.name]
    read_files = [tuple(_file(reading, path, 0)) for path in files if path not in reading.seen]
    locks = [wants for wants in read_files if wants and all(want.locked for want in wants)]
    loose = [want for wants in read_files if wants not in locks for want in wants]
    python = ""
    table: dict[str, Any] = {}
    if (tree / "pyproject.toml").is_file():
        table = _toml(reading, tree / "pyproject.toml")
        loose += _of_pyproject(reading, table)
        python = str(table.get("project", {}).get("requires-python", ""))
    locked = [want for lock in locks for want in lock]
    for look in (_of_tox, _of_nox):
        if not any(want.name == "pytest" for want in (*loose, *locked)):
            loose += look(reading, table)
    for name in ("setup.py", "setup.cfg"):
        if (tree / name).is_file() and not loose and not locks:
            reading.notes.append(f"{name} is not read: put dependencies into pyproject.toml or a requirements file")
    return Wants(
        loose=tuple(loose), locks=tuple(sorted(locks, key=len, reverse=True)),
        constraints=tuple(reading.constraints), python=_python(python), notes=tuple(dict.fromkeys(reading.notes)),
    )  # fmt: skip


def _python(text: str) -> str:
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier as problem:
        raise ConfigProblem(str(problem), where="pyproject.toml: project.requires-python") from problem


def _text(reading: _Reading, path: Path) -> str:
    """The file's text; a link that leads out of the tree is refused."""
    return files.text(reading.tree, path.relative_to(reading.tree).as_posix())


def _file(reading: _Reading, path: Path, depth: int) -> Iterator[Want]:
    """The lines of a requirements file and of those that it names by -r."""
    reading.seen.add(path)
    yield from _lines(reading, _text(reading, path), path, depth)


def _lines(reading: _Reading, text: str, path: Path, depth: int) -> Iterator[Want]:
    name = path.relative_to(reading.tree).as_posix()
    for number, line in _logical_lines(text):
        where = f"{name}:{number}"
        if match := re.match(r"(-r|--requirement|-c|--constraint)[= ]*(\S+)", line):
            other = (path.parent / match[2]).resolve()
            if depth >= _DEEPEST or not other.is_relative_to(reading.tree.resolve()):
                raise ConfigProblem(f"{match[2]} leads out of the tree or in a circle", where=where)
            inside = list(_file(reading, reading.tree / other.relative_to(reading.tree.resolve()), depth + 1))
            if match[1] in ("-c", "--constraint"):
                reading.constraints += inside
            else:
                yield from inside
        elif line.startswith("-e") or line.startswith("--editable") or re.match(r"\.{0,2}(/|$)", line):
            reading.notes.append(f"{where}: {line} is not installed, its modules are found in place")
        elif line.startswith("-"):
            reading.notes.append(f"{where}: {line.split()[0]} is not followed, only pip's own configuration is")
        else:
            yield _want(line, where)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, joined over a backslash, with the number of the first; as pip reads them."""
    joined, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if joined else number
        joined += re.sub(r"(^|\s)#.*$", "", raw)
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        if joined.strip():
            yield start, joined.strip()
        joined = ""
    if joined.strip():
        yield start, joined.strip()


def _of_tox(reading: _Reading, _table: Mapping[str, Any]) -> list[Want]:
    """What tox would install beside the project; asked only where nobody else says what the tests need.

    What it installs under conditions of its own, or builds its names of, is passed over.
    """
    if not (reading.tree / "tox.ini").is_file():
        return []
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read_string(_text(reading, reading.tree / "tox.ini"))
        lines = settings.get("testenv", "deps", fallback="").splitlines()
        listed = "\n".join(line.strip().replace("{toxinidir}/", "") for line in lines)
        plain = [line for line in listed.splitlines() if not re.match(r"[^#;@]*(\{|:\s)", line)]
        return list(_lines(reading, "\n".join(plain), reading.tree / "tox.ini", 0))
    except (configparser.Error, ConfigProblem) as problem:
        reading.notes.append(f"tox.ini is not read: {problem}")
        return []


def _of_nox(reading: _Reading, table: Mapping[str, Any]) -> list[Want]:
    """What the session of a noxfile that runs the tests installs; asked only where nobody else says it."""
    session = noxes.tests_of(reading.tree)
    found: list[Want] = []
    if session is None:
        return found
    reading.notes.extend(session.notes)
    for call in session.installs:
        try:
            found += _installed(reading, call, table)
        except ConfigProblem as problem:
            reading.notes.append(f"{noxes.NAME}:{call.line} is not read: {problem}")
    return found


def _installed(reading: _Reading, call: noxes.Call, table: Mapping[str, Any]) -> list[Want]:
    """Of `.[test]` the extra, of all else what pip would make of it; the project itself is found in place."""
    own, extras, groups = _tables(table)
    found = [want for name in call.groups for want in _of_group(groups, canonicalize_name(name), frozenset())]
    words, lines = iter(call.words), list[str]()
    for word in words:
        if word in ("-r", "-c", "--requirement", "--constraint"):
            lines.append(f"{word} {next(words, '')}")
        elif match := re.fullmatch(r"\.(?:\[([\w.,\s-]{1,200})\])?", word):
            names = [canonicalize_name(name.strip()) for name in (match[1] or "").split(",") if name.strip()]
            found += [want for name in names for want in _of_extra(extras, name, own, frozenset())]
        elif word not in ("-e", "--editable"):
            lines.append(word)
    for line in lines:
        # At its own line, so that whatever is wrong with it is said there.
        found += _lines(reading, "\n" * (call.line - 1) + line, reading.tree / noxes.NAME, 0)
    return found


def _want(line: str, where: str) -> Want:
    hashes = tuple(_HASH.findall(line))
    text = _HASH.sub("", line).strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement as problem:
        raise ConfigProblem(f"{text!r} cannot be read: {problem}", where=where) from problem
    if requirement.url:
        raise ConfigProblem(
            f"{requirement.name} is named by a URL; only what an index offers is tried", where=where,
            mend="Pin a published version, or run this repository's tests in its own CI",
        )  # fmt: skip
    return Want(text=text, name=canonicalize_name(requirement.name), where=where, hashes=hashes)


def _toml(reading: _Reading, path: Path) -> dict[str, Any]:
    try:
        return tomls.loads(_text(reading, path))
    except tomllib.TOMLDecodeError as problem:
        raise ConfigProblem(str(problem), where="pyproject.toml") from problem


def _of_pyproject(reading: _Reading, table: Mapping[str, Any]) -> list[Want]:
    project = table.get("project", {})
    own, extras, groups = _tables(table)
    if not project and "poetry" in table.get("tool", {}):
        reading.notes.append("pyproject.toml: tool.poetry is not read; export it to a requirements file")
    if {"scripts", "gui-scripts", "entry-points"} & project.keys():
        reading.notes.append(
            "the project is not installed, as that would build it: its scripts and metadata are missing on both sides"
        )
    found = [_want(str(text), "pyproject.toml: project.dependencies") for text in project.get("dependencies", [])]
    for name in TEST_GROUPS:
        found += _of_extra(extras, name, own, frozenset())
        found += _of_group(groups, name, frozenset())
    return found


def _tables(table: Mapping[str, Any]) -> tuple[str, Mapping[str, list[str]], Mapping[str, list[Any]]]:
    """The project's own name, its extras and its dependency groups."""
    project = table.get("project", {})
    extras = {str(canonicalize_name(name)): lines for name, lines in project.get("optional-dependencies", {}).items()}
    groups = {str(canonicalize_name(name)): lines for name, lines in table.get("dependency-groups", {}).items()}
    return str(canonicalize_name(str(project.get("name", "")))), extras, groups


def _of_extra(extras: Mapping[str, list[str]], name: str, own: str, above: frozenset[str]) -> Iterator[Want]:
    """An extra may name others of the same project: dev = ["it[test]"]."""
    for text in extras.get(name, []) if name not in above else []:
        want = _want(str(text), f"pyproject.toml: project.optional-dependencies.{name}")
        if want.name != own:
            yield want
            continue
        for other in sorted(Requirement(want.text).extras):
            yield from _of_extra(extras, canonicalize_name(other), own, above | {name})


def _of_group(groups: Mapping[str, list[Any]], name: str, above: frozenset[str]) -> Iterator[Want]:
    """PEP 735: a group holds requirements and tables that include other groups."""
    for entry in groups.get(name, []) if name not in above else []:
        if isinstance(entry, str):
            yield _want(entry, f"pyproject.toml: dependency-groups.{name}")
        elif "include-group" in entry:
            yield from _of_group(groups, canonicalize_name(str(entry["include-group"])), above | {name})

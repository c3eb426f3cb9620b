"""What an environment's packages say of themselves, by their `.dist-info`: modules, Python, extras, programs.

The formats: packaging.python.org, "Recording installed projects" and "Core metadata". It is all a claim of the package.
"""

from __future__ import annotations

import configparser
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from bot.lab import origins
from bot.lab.environments import Environment

_MOST_RECORD, _MOST_METADATA = 16 << 20, 4 << 20
_SOURCES = (".py", ".pyi")
_COMPILED = (".so", ".pyd", ".abi3.so")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One distribution in one environment. name: normalised. sources: its Python files, below site.

    modules: their dotted names; compiled: those of which no source is there. python: its Requires-Python.
    """

    name: str
    version: str
    site: Path
    sources: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()
    compiled: frozenset[str] = frozenset()
    python: str = ""
    extras: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()

    @property
    def tops(self) -> tuple[str, ...]:
        """The packages and modules at the top of it."""
        return tuple(sorted({name.partition(".")[0] for name in self.modules | self.compiled}))

    def owns(self, path: tuple[str, ...]) -> bool:
        """Does this name belong to it? A namespace that several share belongs to none of them."""
        prefixes = (".".join(path[:place]) for place in range(1, len(path) + 1))
        return any(one in self.modules or one in self.compiled for one in prefixes)


def versions(environment: Environment) -> Mapping[str, str]:
    """Normalised name -> version, of all that its lock names."""
    lines = (line.split(" --hash=")[0] for line in environment.lock.replace("\\\n", " ").splitlines() if "==" in line)
    pairs = (origins.name_and_version(line.strip()) for line in lines)
    return {canonicalize_name(name): version for name, version in pairs}


def site_of(environment: Environment) -> Path | None:
    """The folder of its packages."""
    return next(iter(sorted(environment.folder.glob("lib/python*/site-packages"))), None)


def read(environment: Environment, names: frozenset[str]) -> dict[str, Installed]:
    """Those of these names (normalised) that are installed there."""
    site = site_of(environment)
    found = {}
    for folder in sorted(site.glob("*.dist-info")) if site else ():
        if canonicalize_name(folder.name.partition("-")[0]) in names:
            one = _one(folder)
            found[one.name] = one
    return found


def _one(folder: Path) -> Installed:
    head = _head(folder / "METADATA")
    name, _, version = folder.name.removesuffix(".dist-info").partition("-")
    files = _files(folder)
    sources = tuple(path for path in files if path.endswith(_SOURCES))
    modules = frozenset(module for path in sources if (module := _module(path)))
    compiled = frozenset(module for path in files if path.endswith(_COMPILED) and (module := _module(path)))
    return Installed(
        name=canonicalize_name(name),
        version=version,
        site=folder.parent,
        sources=sources,
        modules=modules,
        compiled=compiled - modules,
        python=str(head.get("Requires-Python", "")),
        extras=frozenset(canonicalize_name(str(one)) for one in head.get_all("Provides-Extra", [])),
        scripts=_scripts(folder / "entry_points.txt"),
    )


def _text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def _head(path: Path) -> Message:
    return HeaderParser().parsestr(_text(path, _MOST_METADATA))


def _files(folder: Path) -> list[str]:
    """The paths of its RECORD that stay below the folder of packages."""
    rows = csv.reader(_text(folder / "RECORD", _MOST_RECORD).splitlines())
    try:
        paths = [PurePosixPath(row[0]) for row in rows if row]
    except csv.Error:
        return []
    return sorted(path.as_posix() for path in paths if not path.is_absolute() and ".." not in path.parts)


def _module(path: str) -> str:
    """The dotted name of a file; "" for one that is no module."""
    pure = PurePosixPath(path)
    parts = [*pure.parts[:-1], pure.name.partition(".")[0]]
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def _scripts(path: Path) -> frozenset[str]:
    reader = configparser.RawConfigParser(delimiters=("=",), strict=False)
    setattr(reader, "optionxform", str)  # noqa: B010 - names of programs are told apart by case
    try:
        reader.read_string(_text(path, _MOST_METADATA))
    except configparser.Error:
        return frozenset()
    return frozenset(reader.options("console_scripts")) if reader.has_section("console_scripts") else frozenset()

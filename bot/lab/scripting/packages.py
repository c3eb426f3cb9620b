"""The packages of npm in one environment: what each says of itself, and which one a file of the tree would find.

The lock says which there are and what binds their content, the disk what they ask for. It is a claim of the package.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from bot.core.errors import ConfigProblem
from bot.lab import learnt, reading, security_installed
from bot.lab.learnt import Learnt
from bot.lab.ready import NPM, Environment

_LAYOUT = "2"  # part of every key: raise it when manifests are read differently
_MANIFEST = "package.json"
_MOST_PACKAGES, _MOST_CLOSURE, _MOST_TEXT = 20_000, 400, 300
_ASKED = ("dependencies", "optionalDependencies", "peerDependencies")


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. place: its folder below that of the environment.

    node: the range of Nodes that it runs on. peers: name -> range of what it wants beside it; spare: those that may be
    missing. programs: what it puts on the path. old: why it is deprecated, as the lock says.
    """

    name: str
    version: str
    place: str
    node: str = ""
    peers: dict[str, str] = {}
    spare: list[str] = []
    programs: list[str] = []
    old: str = ""


Held = Mapping[str, Package]  # by place
_KEPT = msgspec.json.Decoder(dict[str, Package])


def node_of(environment: Environment) -> Environment | None:
    """The environment of npm's packages, which may stand beside another."""
    every = (environment, *environment.beside)
    return next((replace(one, beside=()) for one in every if one.ecosystem == NPM), None)


def contents(environment: Environment) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Name -> version and what binds it, of each that is there; places do not count."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in security_installed.of(environment) or ():
        found.setdefault(one.name, set()).add((one.version, one.line))
    return {name: frozenset(every) for name, every in found.items()}


async def held(store: Learnt, environment: Environment) -> Held:
    """All of them, by place; read once for each environment."""
    key = learnt.key_of("packages", _LAYOUT, environment.key)
    try:
        return await asyncio.to_thread(_KEPT.decode, store.recall(key) or b"")
    except msgspec.DecodeError:
        pass  # not known yet
    found = await asyncio.to_thread(_read, environment)
    store.remember(key, msgspec.json.encode(found))
    return found


def _read(environment: Environment) -> dict[str, Package]:
    """What lies behind links is also known by the place of the link, where a project asks for it itself."""
    old = _deprecated(environment.lock)
    of_npm = environment.lock.lstrip().startswith("{")
    found = {}
    for one in (security_installed.of(environment) or ())[:_MOST_PACKAGES]:
        place = (PurePosixPath(environment.where) / one.place).as_posix()
        found[place] = _package(environment, place, one.name, one.version, peers=of_npm, old=old.get(one.place, ""))
    for name in () if of_npm else {one.name: True for one in found.values()}:
        place = (PurePosixPath(environment.where) / "node_modules" / name).as_posix()
        if version := version_at(environment, environment.where or ".", name):
            found[place] = _package(environment, place, name, version, peers=False, old="")
    return found


def _package(environment: Environment, place: str, name: str, version: str, *, peers: bool, old: str) -> Package:
    """peers: of npm's own layout alone, where what stands beside a package can be told by its place."""
    said = manifest(environment, place)
    spare = _table(said.get("peerDependenciesMeta")).items()
    return Package(
        name=name, version=version, place=place, node=_texts(said.get("engines")).get("node", ""), old=old,
        peers=_texts(said.get("peerDependencies")) if peers else {}, programs=_programs(said),
        spare=[one for one, meta in spare if _table(meta).get("optional") is True],
    )  # fmt: skip


def _programs(said: Mapping[str, Any]) -> list[str]:
    """A text is one program that bears the name of the package."""
    named, name = said.get("bin"), said.get("name")
    if isinstance(named, str) and isinstance(name, str):
        return [name.rpartition("/")[2]]
    return sorted(_texts(named))


def manifest(environment: Environment, place: str) -> dict[str, Any]:
    """The package.json of one place; nothing of one that is not there, or is none."""
    try:
        return reading.table(environment.folder, f"{place}/{_MANIFEST}")
    except (ConfigProblem, OSError, ValueError):
        return {}


def _table(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _texts(said: Any) -> dict[str, str]:
    pairs = list(_table(said).items())[:_MOST_TEXT]
    return {name: text[:_MOST_TEXT] for name, text in pairs if isinstance(text, str)}


def _deprecated(lock: str) -> Mapping[str, str]:
    """Of npm's own locks: place below the lock -> why."""
    try:
        entries = json.loads(lock)["packages"].items()
        return {place: str(one["deprecated"])[:_MOST_TEXT] for place, one in entries if one.get("deprecated")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _above(folder: str) -> Iterator[str]:
    """A folder, and all above it, nearest first; none of them is one of packages."""
    path = PurePosixPath(folder)
    for one in (path, *path.parents):
        if one.name != "node_modules":
            yield one.as_posix()


def found_from(environment: Environment, folder: str, name: str) -> str | None:
    """The folder whose node_modules a file in that folder would find a package in; None where there is none."""
    for one in _above(folder):
        if (environment.folder / one / "node_modules" / name / _MANIFEST).is_file():
            return one
    return None


def nearest(known: Held, folder: str, name: str) -> Package | None:
    """Which package of that name a file in that folder would find, by what is known of the environment."""
    for one in _above(folder):
        place = (PurePosixPath(one) / "node_modules" / name).as_posix()
        if place in known:
            return known[place]
    return None


def version_at(environment: Environment, folder: str, name: str) -> str:
    """Of the package that lies there."""
    version = manifest(environment, f"{folder}/node_modules/{name}").get("version")
    return version if isinstance(version, str) else ""


Bounds = Mapping[tuple[str, str], str]  # name and version -> what binds its content


def bounds_of(found: Mapping[str, frozenset[tuple[str, str]]]) -> Bounds:
    """Of `contents`; of two under one name and version the last one counts, always the same."""
    return {(name, version): bound for name, every in found.items() for version, bound in sorted(every)}


def closure(environment: Environment, bounds: Bounds, folder: str, name: str) -> str | None:
    """What binds a package and all that it may load, in one hash; None where that is too much to be told."""
    root = environment.folder.resolve()
    waiting, seen = [(root / folder, name)], dict[Path, str]()
    while waiting:
        beside, wanted = waiting.pop()
        place = _resolved(root, beside, wanted)
        if place is None or place in seen:
            continue
        if len(seen) >= _MOST_CLOSURE:
            return None
        said = manifest(environment, place.relative_to(root).as_posix())
        version = str(said.get("version", ""))
        seen[place] = bounds.get((str(said.get("name", "")), version)) or f"{wanted} {version} of {environment.key}"
        waiting += [(place, one) for key in _ASKED for one in _texts(said.get(key))]
    return learnt.key_of(*sorted(seen.values())) if seen else None


def _resolved(root: Path, beside: Path, name: str) -> Path | None:
    """As Node finds it: links are followed, within the environment."""
    for one in (beside, *beside.parents):
        if not one.is_relative_to(root):
            return None
        place = one / "node_modules" / name
        if one.name != "node_modules" and (place / _MANIFEST).is_file():
            real = place.resolve()
            return real if real.is_relative_to(root) else None
    return None


def direct(tree: Path, where: str) -> Mapping[str, tuple[str, int | None]]:
    """What a tree's own manifest asks for: name -> the file and the line."""
    path = (PurePosixPath(where) / _MANIFEST).as_posix()
    try:
        said, lines = reading.table(tree, path), reading.text(tree, path).splitlines()
    except ConfigProblem:
        return {}  # whoever prepares the environment says so
    names = {name for key in (*_ASKED, "devDependencies") for name in _texts(said.get(key))}
    return {name: (path, _line(lines, name)) for name in sorted(names)}


def scripts(tree: Path, where: str) -> Mapping[str, str]:
    """Those of a tree's own manifest."""
    try:
        return _texts(reading.table(tree, (PurePosixPath(where) / _MANIFEST).as_posix()).get("scripts"))
    except ConfigProblem:
        return {}


def _line(lines: Sequence[str], name: str) -> int | None:
    """The last one that has it for a key: scripts, which may bear the same name, stand before."""
    key = f"{json.dumps(name)}:"
    hits = [number for number, line in enumerate(lines, 1) if key in line.replace('" :', '":')]
    return hits[-1] if hits else None

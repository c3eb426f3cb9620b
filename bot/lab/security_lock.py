"""Which packages differ between the two sides of a trial, and where in the tree each is asked for.

Of Python's by name, as an environment holds one of each; of npm's by name and content, since one name may lie in many
places and a package moves between them for no reason of its own.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bot.core.errors import ConfigProblem
from bot.lab import origins, reading, wants
from bot.lab.ready import NPM, PYPI, Environment
from bot.lab.workbench import Workbench

_KEY = re.compile(r'\s*"([^"]{1,214})"\s*:\s*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock. line: what binds its content. place: of npm's, its folder below the lock's own."""

    name: str
    version: str
    line: str
    place: str = ""

    @property
    def hashes(self) -> frozenset[str]:
        """Of the files that may be installed."""
        return frozenset(self.line.split(" --hash=")[1:])


Lock = tuple[Locked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The environments of one ecosystem on both sides, and their locks."""

    before: Environment
    after: Environment
    old: Lock
    new: Lock

    @property
    def ecosystem(self) -> str:
        """As `core.ecosystems` names it."""
        return self.after.ecosystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A package that differs. before, after: what binds its content; "" where it is not locked. same: the version is.

    was, now: its places, of npm's. label: by what it is told apart from all others.
    """

    name: str
    label: str
    before: str
    after: str
    same: bool = False
    was: str = ""
    now: str = ""


def sides(bench: Workbench) -> tuple[Sides, ...]:
    """For each ecosystem that both sides have and of which contents can be read."""
    found = []
    for ecosystem, reader in _READERS.items():
        before, after = (_of(one.environment, ecosystem) for one in (bench.before, bench.after))
        if before and after:
            found.append(Sides(before=before, after=after, old=reader(before.lock), new=reader(after.lock)))
    return tuple(found)


def _of(environment: Environment, ecosystem: str) -> Environment | None:
    every = (environment, *environment.beside)
    return next((replace(one, beside=()) for one in every if one.ecosystem == ecosystem), None)


def read(lock: str) -> Lock:
    """Of a requirements file; lines whose marker does not hold here are left out, as nothing is installed for them."""
    found = []
    for line in lock.splitlines():
        pinned = line.split(" --hash=")[0].strip()
        name, version = origins.name_and_version(pinned)
        if name and not name.startswith("#") and _holds(pinned):
            found.append(Locked(name=str(canonicalize_name(name)), version=version, line=line.strip()))
    return tuple(found)


def _holds(pinned: str) -> bool:
    try:
        marker = Requirement(pinned).marker
    except InvalidRequirement:
        return True
    return marker is None or marker.evaluate()


def read_npm(lock: str) -> Lock:
    """Of a package-lock.json (lockfileVersion 2 and 3); nothing of what is none."""
    try:
        packages = json.loads(lock)["packages"].items()
        return tuple(one for place, entry in packages if (one := _of_npm(str(place), entry)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def _of_npm(place: str, entry: Mapping[str, object]) -> Locked | None:
    """The root, members of the workspace and links are the tree's own."""
    name = str(entry.get("name") or place.rpartition("node_modules/")[2])
    if "node_modules/" not in place or entry.get("link") or ".." in place.split("/"):
        return None
    version = str(entry.get("version", ""))
    bound = entry.get("integrity") or entry.get("resolved") or ""
    return Locked(name=name, version=version, line=f"{name}@{version} --hash={bound}", place=place)


_READERS = {PYPI: read, NPM: read_npm}


def changes(before: Lock, after: Lock) -> tuple[Change, ...]:
    """Those that came or went, and those whose version or files differ, by name.

    A lock may name more files of a version than another does. That is innocent, and it is how a file that was added
    to an old release would come in, so it is looked into.
    """
    known = {_content(one) for one in before}
    kept = {_content(one) for one in after}
    found = [_change(_nearest(one, before), one) for one in _each(after) if _content(one) not in known]
    named = {one.name for one in after}
    gone = [one for one in _each(before) if _content(one) not in kept and one.name not in named]
    found += [Change(name=one.name, label=_label(one), before=one.line, after="", was=one.place) for one in gone]
    return tuple(sorted(_told_apart(found), key=lambda change: change.label))


def _told_apart(found: Sequence[Change]) -> list[Change]:
    """Two of one name and version with other bytes are told apart by their places."""
    labels = Counter(change.label for change in found)
    return [
        replace(change, label=f"{change.label} in {change.now or change.was}") if labels[change.label] > 1 else change
        for change in found
    ]


def _content(one: Locked) -> tuple[str, str, frozenset[str]]:
    return one.name, one.version, one.hashes


def _each(lock: Lock) -> tuple[Locked, ...]:
    """The same content once, wherever it lies."""
    return tuple({_content(one): one for one in reversed(lock)}.values())


def _nearest(one: Locked, others: Lock) -> Locked | None:
    """What it is compared with: what lay in its place, else another of its name, the one of its version first."""
    mine = [other for other in others if other.name == one.name]
    return max(mine, key=lambda other: (other.place == one.place, other.version == one.version), default=None)


def _label(one: Locked) -> str:
    """npm may install several versions of a name."""
    return f"{one.name}@{one.version}" if one.place else one.name


def _change(old: Locked | None, new: Locked) -> Change:
    was = old or replace(new, version="", line="", place="")
    return Change(
        name=new.name, label=_label(new), before=was.line, after=new.line, same=was.version == new.version,
        was=was.place, now=new.place,
    )  # fmt: skip


def swapped(before: Lock, after: Lock) -> tuple[str, ...]:
    """ "name version" of what keeps its version and has no file in common."""
    found = {}
    for new in after:
        known = [old.hashes for old in before if (old.name, old.version) == (new.name, new.version)]
        if new.hashes and all(known) and known and not any(new.hashes & old for old in known):
            found[f"{new.name} {new.version}"] = True
    return tuple(found)


Places = Mapping[str, tuple[str, int | None]]  # name -> (file, line) of the tree


def places(tree: Path, sides: Sides) -> Places:
    """Where the tree asks for what; of a tree that cannot be read, nowhere."""
    with contextlib.suppress(ConfigProblem):  # the environment was made from it, so this was said before
        return _places_of_npm(tree, sides.after.where) if sides.ecosystem == NPM else _places(tree)
    return {}


def _places(tree: Path) -> Places:
    found: dict[str, tuple[str, int | None]] = {}
    asked = wants.read(tree)
    for want in (*asked.constraints, *asked.all):
        file, _, line = want.where.partition(":")
        found[want.name] = (file, int(line)) if line.strip().isdigit() else (file, None)
    return found


def _places_of_npm(tree: Path, where: str) -> Places:
    """A dependency is a key with a text beside it; a script of the same name that comes later is taken for it."""
    path = f"{where}/package.json" if where else "package.json"
    lines = enumerate(reading.text(tree, path).splitlines(), 1)
    keys = ((_KEY.match(line), number) for number, line in lines)
    return {key[1]: (path, number) for key, number in keys if key}

"""Which packages differ between the two sides of a trial, and where in the tree each is asked for.

Of Python's by name, as an environment holds one of each; of npm's by name and content, since one name may lie in many
places and a package moves between them for no reason of its own.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.errors import ConfigProblem
from bot.lab import reading, security_installed, wants
from bot.lab.ready import Environment
from bot.lab.security_installed import Lock as Lock
from bot.lab.security_installed import Locked as Locked
from bot.lab.security_installed import read as read
from bot.lab.security_installed import read_npm as read_npm
from bot.lab.workbench import Workbench

_TOLD: Mapping[str, tuple[str, re.Pattern[str]]] = {  # by ecosystem: the manifest, and a line that asks for a package
    "npm": ("package.json", re.compile(r'\s*"([^"]{1,214})"\s*:\s*"')),
    "golang": ("go.mod", re.compile(r"(?:require\s+|\s+)([^\s()]{1,300})\s+v\d")),
    "cargo": ("Cargo.toml", re.compile(r'(?:\[[\w.-]{0,100}dependencies\.)?"?([\w-]{1,64})"?(?:\.\w+)?\s*(?:=|\]$)')),
}


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
    for ecosystem in sorted(bench.after.environment.ecosystems):
        before, after = (_of(one.environment, ecosystem) for one in (bench.before, bench.after))
        if before and after and (both := [security_installed.of(one) for one in (before, after)]) != [None, None]:
            found.append(Sides(before=before, after=after, old=both[0] or (), new=both[1] or ()))
    return tuple(found)


def _of(environment: Environment, ecosystem: str) -> Environment | None:
    every = (environment, *environment.beside)
    return next((replace(one, beside=()) for one in every if one.ecosystem == ecosystem), None)


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
        if new.hashes and not new.bundled and all(known) and known and not any(new.hashes & old for old in known):
            found[f"{new.name} {new.version}"] = True
    return tuple(found)


Places = Mapping[str, tuple[str, int | None]]  # name -> (file, line) of the tree


def places(tree: Path, sides: Sides) -> Places:
    """Where the tree asks for what; of a tree that cannot be read, nowhere."""
    with contextlib.suppress(ConfigProblem):  # the environment was made from it, so this was said before
        told = _TOLD.get(sides.ecosystem)
        return _places_in(tree, sides.after.where, *told) if told else _places(tree)
    return {}


def _places(tree: Path) -> Places:
    found: dict[str, tuple[str, int | None]] = {}
    asked = wants.read(tree)
    for want in (*asked.constraints, *asked.all):
        file, _, line = want.where.partition(":")
        found[want.name] = (file, int(line)) if line.strip().isdigit() else (file, None)
    return found


def _places_in(tree: Path, where: str, manifest: str, line: re.Pattern[str]) -> Places:
    """Some other line that has the shape of one that asks for a package, and its name, may be taken for it."""
    path = f"{where}/{manifest}" if where else manifest
    lines = enumerate(reading.text(tree, path).splitlines(), 1)
    keys = ((line.match(text), number) for number, text in lines)
    return {key[1]: (path, number) for key, number in keys if key}

"""What differs between two lock files: which packages moved, and which stayed but changed."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from bot.core.errors import ConfigProblem
from bot.core.lockreaders import READERS
from bot.core.lockreaders import Locked as Locked

_TOOLS = "uv, Poetry, PDM, Pipenv, npm, pnpm, Yarn, Bun, cargo, Go, Bundler and Composer"
_UNMADE = {
    "bun.lockb": "it is no text; run `bun install --save-text-lockfile` once",
}


class Moved(NamedTuple):
    """A package whose version differs. before: "" when it is new, after: "" when it is gone; several with commas."""

    name: str
    before: str
    after: str


def why_not(lock: str, files: Collection[str] = ()) -> str:
    """Why this lock file (a path) is not made anew here; "" when it is. files: all of its repository."""
    name = lock.rpartition("/")[2]
    if name in READERS:
        return next((f"{lock} is not made anew: {why}" for path, why in _beside(lock) if path in files), "")
    why = _UNMADE.get(name, "its tool is none of those that are started here")
    return f"{lock} is not made anew: {why}; those of {_TOOLS} are"


def _beside(lock: str) -> Iterator[tuple[str, str]]:
    """Files that would have to follow as well, and why they do not."""
    folder, _, name = lock.rpartition("/")
    if name == "go.sum":
        place = posixpath.join(folder, "vendor/modules.txt")
        yield place, f"{place} says that all modules lie in the repository; run `go mod vendor` after the change"
        above = [folder, *(folder[:at] for at, sign in enumerate(folder) if sign == "/"), ""]
        for place in dict.fromkeys(posixpath.join(one, "go.work.sum") for one in above):
            yield place, f"{place} holds checksums for all its modules together; run `go work sync` after the change"


def needed(lock: str, files: Collection[str], manifest: str = "") -> tuple[str, ...]:
    """Which of a repository's files the lock's own tool reads: the lock, the manifests of its folder and all below.

    A workspace names its members by patterns that only the tool understands; one too many does no harm. Go reads its
    source as well, and that of the folders which its manifest (the text) names.
    """
    folder, _, name = lock.rpartition("/")
    if name == "go.sum":
        from bot.core import gofiles  # what Go reads is a chapter of its own, and most repositories have none

        return gofiles.needed(lock, files, manifest)
    beside, everywhere = _READ.get(name, ((), ()))
    place = f"{folder}/" if folder else ""
    wanted = {lock, *(place + one for one in beside)}
    below = (path for path in files if path.startswith(place) and "node_modules/" not in path)
    named = (path for path in below if any(fnmatchcase(path.rpartition("/")[2], like) for like in everywhere))
    return tuple(sorted(wanted.intersection(files).union(named)))


@functools.lru_cache(maxsize=8)
def read(text: str, lock: str) -> tuple[Locked, ...]:
    """Every package that the lock names, in its order. ConfigProblem for what is no such lock, or one too old."""
    if reason := why_not(lock):
        raise ConfigProblem(reason)
    try:
        return tuple(READERS[lock.rpartition("/")[2]](text))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as problem:
        raise ConfigProblem(f"cannot be read: {type(problem).__name__}", where=lock) from problem


def moved(old: str, new: str, lock: str) -> tuple[Moved, ...]:
    """Which packages have other versions in the new text, by name. A package may be locked in several versions."""
    before, after = _versions(read(old, lock)), _versions(read(new, lock))
    found = []
    for name in sorted(before.keys() | after.keys()):
        had, has = before.get(name, ()), after.get(name, ())
        gone = [version for version in had if version not in has]
        came = [version for version in has if version not in had]
        if gone or came:
            found.append(Moved(name, ", ".join(gone), ", ".join(came)))
    return tuple(found)


def swapped(old: str, new: str, lock: str) -> tuple[str, ...]:
    """ "name version" of what kept its version, yet names another checksum for a file of the same name.

    Such a lock has been given other bytes under an old name.
    """
    before = _by_version(read(old, lock))
    now = _by_version(read(new, lock))
    return tuple(" ".join(key) for key in now if key in before and not _agree(before[key], now[key]))


def strayed(old: str, new: str, lock: str) -> tuple[tuple[str, str], ...]:
    """(name, origin) of what the old lock takes from elsewhere only: a package stays with its registry.

    Else what is private could be taken from a public registry, where anyone may publish its name.
    """
    before, now = _origins(read(old, lock)), _origins(read(new, lock))
    return tuple((name, one) for name in now if name in before for one in now[name] if one not in before[name])


def _agree(some: Iterable[Locked], others: Sequence[Locked]) -> bool:
    known = {(file, other.files[file]) for other in others for file in other.files}
    names = {file for file, _ in known}
    return all((file, one.files[file]) in known for one in some for file in one.files if file in names)


def _origins(packages: Iterable[Locked]) -> dict[str, list[str]]:
    """By name. A lock may be told not to say where packages of a registry come from; that is no place to stray from."""
    found: dict[str, list[str]] = {}
    for one in packages:
        if one.origin or one.aside:
            found.setdefault(one.name, []).append(one.origin)
    return found


def _versions(packages: Iterable[Locked]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in packages:
        had = found.get(one.name, ())
        found[one.name] = had if one.version in had else (*had, one.version)
    return found


def _by_version(packages: Iterable[Locked]) -> dict[tuple[str, str], list[Locked]]:
    found: dict[tuple[str, str], list[Locked]] = {}
    for one in packages:
        found.setdefault((one.name, one.version), []).append(one)
    return found


_PROJECT = ((".npmrc",), ("package.json",))
# What a gemspec asks for its own version lies in files of these names.
_RUBY = ((".ruby-version", ".tool-versions", "Gemfile", "gems.rb"), ("*.gemspec", "*.gemfile", "version.rb", "VERSION"))
# By the lock's name: what its tool reads beside it, and how the manifests of a workspace are called.
_READ: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "uv.lock": (("uv.toml",), ("pyproject.toml",)),
    "poetry.lock": ((), ("pyproject.toml",)),
    "pdm.lock": ((), ("pyproject.toml",)),
    "Pipfile.lock": (("Pipfile",), ()),
    "package-lock.json": _PROJECT,
    "npm-shrinkwrap.json": _PROJECT,
    "Cargo.lock": ((), ("Cargo.toml",)),
    "composer.lock": ((), ("composer.json",)),
    "yarn.lock": ((".npmrc", ".yarnrc.yml"), ("package.json",)),
    "pnpm-lock.yaml": ((".npmrc", "pnpm-workspace.yaml"), ("package.json",)),
    "bun.lock": _PROJECT,
    "Gemfile.lock": _RUBY,
    "gems.locked": _RUBY,
}

"""What a lock file holds, and what differs between two of them: which packages moved, and which stayed but changed.

Read are uv.lock (version 1 of its format) and package-lock.json or npm-shrinkwrap.json (lockfileVersion 2 and 3).
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.core.errors import ConfigProblem

_UNMADE = {
    "poetry.lock": "Poetry is no part of Surefoot",
    "pdm.lock": "PDM is no part of Surefoot",
    "Pipfile.lock": "Pipenv is no part of Surefoot",
    "Cargo.lock": "cargo's registry is not let through to the jail yet",
    "go.sum": "Go's module proxy is not let through to the jail yet",
}


class Moved(NamedTuple):
    """A package whose version differs. before: "" when it is new, after: "" when it is gone; several with commas."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock. origin: the URL it comes from, "" where it lies in the repository or the lock is silent.

    files: name of a file -> its checksum as written. aside: not from a registry (a folder, a git commit, a URL).
    """

    name: str
    version: str
    origin: str
    files: Mapping[str, str]
    aside: bool = False


def why_not(lock: str) -> str:
    """Why this lock file (a path) is not made anew here; "" when it is."""
    name = lock.rpartition("/")[2]
    if name in _READERS:
        return ""
    why = _UNMADE.get(name, "its tool is none of those that are started here")
    return f"{lock} is not made anew: {why}; those of uv and npm are"


def needed(lock: str, files: Collection[str]) -> tuple[str, ...]:
    """Which of a repository's files the lock's own tool reads: the lock, the manifests of its folder and all below.

    A workspace names its members by patterns that only the tool understands; one too many does no harm.
    """
    folder, _, name = lock.rpartition("/")
    beside, everywhere = _READ.get(name, ((), ""))
    place = f"{folder}/" if folder else ""
    wanted = {lock, *(place + one for one in beside)}
    below = (path for path in files if path.startswith(place) and path.rpartition("/")[2] == everywhere)
    return tuple(sorted(wanted.intersection(files).union(path for path in below if "node_modules/" not in path)))


@functools.lru_cache(maxsize=8)
def read(text: str, lock: str) -> tuple[Locked, ...]:
    """Every package that the lock names, in its order. ConfigProblem for what is no such lock, or one too old."""
    if reason := why_not(lock):
        raise ConfigProblem(reason)
    try:
        return tuple(_READERS[lock.rpartition("/")[2]](text))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as problem:
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


def _uv(text: str) -> Iterator[Locked]:
    document = tomllib.loads(text)
    if document.get("version") != 1:
        raise ConfigProblem(f"is of version {document.get('version')!r}; only 1 is known", where="uv.lock")
    for package in document.get("package", ()):
        # A package whose version is found out by building it has none in the lock.
        source, version = package["source"], str(package.get("version", ""))
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        kind = next(iter(source))
        yield Locked(
            name=str(package["name"]),
            version=version,
            origin="" if kind in ("virtual", "editable", "directory") else str(source[kind]),
            files={_last(file): str(file["hash"]) for file in files if "hash" in file},
            aside=kind != "registry",
        )


def _last(file: Mapping[str, Any]) -> str:
    """The name of a file, by its URL or its path."""
    return str(file.get("url") or file.get("path") or file["filename"]).partition("#")[0].rpartition("/")[2]


def _npm(text: str) -> Iterator[Locked]:
    document = json.loads(text)
    version = document.get("lockfileVersion")
    if version not in (2, 3):
        raise ConfigProblem(
            f"has lockfileVersion {version!r}; only 2 and 3 are known",
            where="package-lock.json", mend="Run `npm install --package-lock-only` once with npm 7 or newer",
        )  # fmt: skip
    for place, package in document["packages"].items():
        _, inside, name = place.rpartition("node_modules/")
        # The root and the workspaces are the repository's own; what is bundled comes inside of another package.
        if not inside or package.get("link") or package.get("inBundle"):
            continue
        resolved, integrity = str(package.get("resolved", "")), str(package.get("integrity", ""))
        real = str(package.get("name", name))
        yield Locked(
            name=real,
            version=str(package.get("version", "")),
            origin=_registry(resolved, real),
            files={f"{real.rpartition('/')[2]}-{package.get('version')}.tgz": integrity} if integrity else {},
            aside=bool(resolved) and not resolved.startswith(("https://", "http://")),
        )


def _registry(resolved: str, name: str) -> str:
    """The registry of a tarball's URL, which every npm registry lays out as `<registry>/<name>/-/<file>`.

    Where it is laid out otherwise, the server; for what is no URL of the web, all of it.
    """
    for spelt in (name, name.replace("/", "%2f"), name.replace("/", "%2F")):
        before, found, _ = resolved.partition(f"/{spelt}/-/")
        if found:
            return before
    web = resolved.startswith(("https://", "http://"))
    return "/".join(resolved.split("/")[:3]) if web else resolved


_PROJECT = ((".npmrc",), "package.json")
# By the lock's name: what its tool reads beside it, and how the manifests of a workspace are called.
_READ: Mapping[str, tuple[tuple[str, ...], str]] = {
    "uv.lock": (("uv.toml",), "pyproject.toml"),
    "package-lock.json": _PROJECT,
    "npm-shrinkwrap.json": _PROJECT,
}
_READERS: Mapping[str, Callable[[str], Iterator[Locked]]] = {
    "uv.lock": _uv,
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
}

"""Texts of Poetry: what it wrote with the old text of all that did not move put back, and what its words mean. Pure.

Poetry writes the whole file anew: another version of it spells markers otherwise and lists more of a package, and an
index may have got more files of an old version. A lock of format 2.0 stays one: what 2.1 adds is taken out again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bot.core import tomls

_MARK = "[[package]]\n"
_ADDED = re.compile(r"^(?:groups|markers) = [^\n]*\n", re.MULTILINE)  # by 2.1, to each package
_TAIL = re.compile(r"^\[(?:extras|metadata)\]\n", re.MULTILINE)
_VERSION = re.compile(r'^lock-version = "[^"\n]*"$', re.MULTILINE)
_HASH = re.compile(r'^content-hash = "(?P<hash>[0-9a-f]{64})"$', re.MULTILINE)
_MADE_BY = re.compile(r"by Poetry (?P<major>\d+)\.(?P<minor>\d+)")
_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT = ("requires-python", "dependencies", "optional-dependencies")

Package = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """A lock in pieces. packages: as read and as written; tail: from `[extras]` or `[metadata]` on."""

    head: str
    packages: tuple[tuple[Package, str], ...]
    tail: str

    @property
    def is_older(self) -> bool:
        """Whether it is of format 2.0, which knows neither groups nor markers of a package."""
        return '\nlock-version = "2.0"\n' in self.tail


def parted(text: str) -> Parts | None:
    """The pieces; None where the marks stand elsewhere too, which Poetry never writes."""
    head, *texts = re.split(r"^\[\[package\]\]\n", text, flags=re.MULTILINE)
    packages = tomls.loads(text).get("package", [])
    if not texts or len(texts) != len(packages):
        return None
    *whole, last = texts
    found = _TAIL.search(last)
    if found is None:
        return None
    texts = [*whole, last[: found.start()]]
    written = (_MARK + part.rstrip("\n") + "\n" for part in texts)
    return Parts(head, tuple(zip(packages, written, strict=True)), last[found.start() :])


def quiet(old: str, new: str, manifest: str) -> str:
    """The new text, with the old text of each package that did not move, the old format, line ends and first line.

    manifest: the text of pyproject.toml.
    """
    plain, windows = old.replace("\r\n", "\n"), "\r\n" in old
    before, after = parted(plain), parted(new.replace("\r\n", "\n"))
    if before is None or after is None:
        return new
    older = before.is_older
    had = {_named(package): (package, text) for package, text in before.packages}
    texts = list(_texts(had, after, older=older))
    tail = _VERSION.sub('lock-version = "2.0"', after.tail) if older else after.tail
    made = before.head + "\n".join(texts) + "\n" + _hashed(tail, before.head, manifest)
    return made.replace("\n", "\r\n") if windows else made


def _texts(had: Mapping[Any, tuple[Package, str]], after: Parts, *, older: bool) -> Iterator[str]:
    for package, text in after.packages:
        was = had.get(_named(package))
        if was is not None and _essence(was[0], older=older) == _essence(package, older=older):
            yield was[1]
        else:
            front, mark, rest = text.partition("\nfiles = ")
            yield (_ADDED.sub("", front + "\n").removesuffix("\n") if older else front) + mark + rest


def _named(package: Package) -> tuple[str, str, str]:
    return str(package["name"]).lower(), str(package["version"]), str(sorted(package.get("source", {}).items()))


def _essence(package: Package, *, older: bool) -> tuple[Any, ...]:
    """What may differ although the package is the same: who needs it, when, and the names of what it needs."""
    needs = sorted(str(name).lower() for name in package.get("dependencies", {}))
    own = (package.get("optional"), package.get("develop"), needs, sorted(package.get("extras", {})))
    return own if older else (*own, package.get("groups"), package.get("markers"))


def _hashed(tail: str, head: str, manifest: str) -> str:
    """With the checksum of the manifest as the Poetry of this project writes it.

    Before 2.3 it left dependency groups out, and such a one would find the lock stale; later ones take both in a lock
    that says by its first line that it is so old.
    """
    made = _MADE_BY.search(head)
    document = tomls.loads(manifest)
    if made is None or (int(made["major"]), int(made["minor"])) >= (2, 3) or not document.get("dependency-groups"):
        return tail
    found = _HASH.search(tail)
    if found is None or found["hash"] != checksum(document):
        return tail
    return tail.replace(found["hash"], checksum({**document, "dependency-groups": {}}))


def checksum(manifest: Mapping[str, Any]) -> str:
    """Of what in a pyproject.toml matters to a lock (Poetry 2.5, `poetry.packages.locker`)."""
    project, poetry = manifest.get("project", {}), manifest.get("tool", {}).get("poetry", {})
    groups = manifest.get("dependency-groups", {})
    own = {key: project[key] for key in _PROJECT if key in project}
    rest = {key: poetry.get(key) for key in (*_LEGACY, "group") if _counts(key, poetry, bool(own or groups))}
    whole: dict[str, Any] = {**({"project": own} if own else {}), **({"dependency-groups": groups} if groups else {})}
    whole = {**whole, "tool": {"poetry": rest}} if whole else rest
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _counts(key: str, poetry: Mapping[str, Any], is_standard: bool) -> bool:
    """What is not there counts as nothing, in a project of Poetry's own kind only."""
    return poetry.get(key) is not None or (key in _LEGACY and not is_standard)


class Known:
    """What a lock says of packages of the public index, for those that are published as source only."""

    def __init__(self, lock: str) -> None:
        packages = [one for one in tomls.loads(lock).get("package", []) if "source" not in one]
        self._found = {(canonicalize_name(str(one["name"])), str(one["version"])): one for one in packages}

    def __call__(self, name: str, version: str) -> Sequence[str] | None:
        """The requirements in the words of PEP 508; None for what is not locked, or in words that it does not have."""
        found = self._found.get((canonicalize_name(name), version))
        if found is None:
            return None
        try:
            return [
                _requirement(str(name), one)
                for name, wishes in found.get("dependencies", {}).items()
                for one in (wishes if isinstance(wishes, list) else [wishes])
            ]
        except (InvalidRequirement, TypeError, AttributeError, KeyError):
            return None


def _requirement(name: str, wish: Any) -> str:
    said = wish if isinstance(wish, Mapping) else {"version": wish}
    version, extras = str(said["version"]), ",".join(map(str, said.get("extras", ())))
    line = f"{name}[{extras}]" if extras else name
    line += "" if version == "*" else f" {version}"
    line += f" ; {said['markers']}" if "markers" in said else ""
    return str(Requirement(line))


def pythons(said: str) -> list[str]:
    """Ranges of Python in the words of PEP 440, any of which will do: `^3.11 || ~3.9` has two."""
    return [",".join(_ranged(part) for part in re.split(r"[,\s]+", one.strip()) if part) for one in said.split("||")]


def _ranged(part: str) -> str:
    found = re.fullmatch(r"([~^])(\d{1,4})(?:\.(\d{1,4}))?(\.\d{1,4})?", part)
    if found is None:
        plain = re.fullmatch(r"\d[\d.]*(\.\*)?", part)
        return "" if part == "*" else f"=={part}" if plain else part
    sign, major, minor = found[1], int(found[2]), found[3]
    end = f"{major}.{int(minor) + 1}" if sign == "~" and minor else f"{major + 1}"
    return f">={part[1:]},<{end}"

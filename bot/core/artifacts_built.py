"""How each ecosystem speaks of what runs, and what of a package runs or is linked without being called.

A build script and a macro run where a crate is compiled, with all that its user may do; C, assembly and object files
of a Go module are no Go any more. That a release has what its package never had asks; what it had before does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from bot.core.quoting import code


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """language: what a version of is asked for; moment: when its code runs uncalled; manifest: who says the terms."""

    language: str
    moment: str
    manifest: str


PYTHON = Tongue(language="Python", moment="when it is imported", manifest="METADATA")
TONGUES: Mapping[str, Tongue] = {
    "pypi": PYTHON,
    "npm": Tongue(language="Node", moment="when it is loaded", manifest="package.json"),
    "cargo": Tongue(language="Rust", moment="when it is compiled", manifest="Cargo.toml"),
    "golang": Tongue(language="Go", moment="when the program starts", manifest="go.mod"),
}

# Groups of entries that are no entry points -> what is said of a group that the package did not have, and whether a
# person must look.
_GROUPS: Mapping[str, tuple[str, bool]] = {
    "npm": ("", False),  # scripts of an installation, each of which counts
    "build script": ("has a build script, which runs when it is compiled, and had none", True),
    "macro": ("is now run by the compiler, as a procedural macro", True),
    "links": ("links a native library", False),
    "cgo": ("compiles C with it, and did not", True),
    "assembly": ("has assembly, and had none", False),
    "objects": ("has object files, which are linked in without being named, and had none", True),
}
GROUPS = frozenset(_GROUPS)

# Marks of a file -> what is said, and whether a person must look.
MARKS: Mapping[str, tuple[str, bool]] = {
    "before": ("has code that runs before the program itself, by {}", True),
    "invisible": ("holds signs in a row that nobody can see ({})", True),
    "uses": ("newly uses {}", False),
    "generates": ("names a command for who works on it: {}", False),
}
# Where a dependency is not taken from the registry; `workspace:` and folders are no place that anyone can change.
_ELSEWHERE = re.compile(r"^(?:git[+:@]|https?:|(?:github|gitlab|bitbucket|gist):|[\w.-]{1,100}/[\w.-]{1,100}(?:#|$))")


def groups(
    was: Collection[tuple[str, str, str]], now: Collection[tuple[str, str, str]]
) -> Iterator[tuple[str, str, str, bool]]:
    """(rule, why, place, whether a person must look) for what a package newly is or has."""
    known = {group for group, _, _ in was}
    for group, name, target in now:
        why, asks = _GROUPS.get(group, ("", False))
        if why and group not in known:
            known.add(group)
            named = f": {code(name)}" if name and group == "links" else ""
            yield group.replace(" ", "-"), why + named, target or ("" if group == "links" else name), asks


def elsewhere(was: Collection[str], now: Collection[str]) -> Iterator[str]:
    """What is newly needed from a place that is no registry, as `name where`."""
    known = {text for text in was if _is_elsewhere(text)}
    yield from (text for text in now if text not in known and _is_elsewhere(text))


def _is_elsewhere(text: str) -> bool:
    """`name spec`, as it is written for packages of npm, or `name @ url` of Python's."""
    return bool(_ELSEWHERE.match(text.partition(" ")[2].removeprefix("@ ").strip()))

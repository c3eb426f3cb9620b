"""pnpm-lock.yaml (lockfileVersion 9.0): of its YAML what pnpm writes, line by line; all else is no such lock.

A whole reader of YAML would let a hostile file refer to itself; pnpm writes no anchors, and every resolution on a line
of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked
from bot.core.lockreaders.npm import registry_of

KNOWN = "9.0"
_KEY = re.compile(r"  (?P<quote>['\"]?)(?P<key>[^'\"\s][^'\"]*)(?P=quote):(?: \{\})?")
_RESOLUTION = re.compile(r"    resolution: \{(?P<inside>[^{}]*)\}")
_VERSION = re.compile(r"    version: (?P<version>\S+)")


def read(text: str) -> Iterator[Locked]:
    """Every package of a pnpm-lock.yaml."""
    # Newer ones put what pnpm itself is made of into a document before that of the project.
    document = text.replace("\r\n", "\n").rpartition("\n---\n")[2]
    found = re.search(r"^lockfileVersion: '?([^'\n]*)'?$", document, re.MULTILINE)
    if found is None or found[1] != KNOWN:
        raise ConfigProblem(
            f"has lockfileVersion {found[1][:40] if found else None!r}; only {KNOWN} is known",
            where="pnpm-lock.yaml", mend="Run `pnpm install --lockfile-only` once with pnpm 9 or newer",
        )  # fmt: skip
    for key, block in _blocks(document):
        yield _locked(key, block)


def _blocks(document: str) -> Iterator[tuple[str, str]]:
    """Each package's key, and the lines below it."""
    _, _, section = document.partition("\npackages:\n")
    key, lines = "", list[str]()
    for line in section.split("\n"):
        if line and not line.startswith(" "):
            break
        if line.startswith("  ") and not line.startswith("   "):
            if key:
                yield key, "\n".join(lines)
            head = _KEY.fullmatch(line)
            if head is None:
                raise ValueError(line[:80])
            key, lines = head["key"], []
        else:
            lines.append(line)
    if key:
        yield key, "\n".join(lines)


def _locked(key: str, block: str) -> Locked:
    """One package; its key is `name@version`, or `name@` and where it lies."""
    at = key.index("@", 1)
    name, version = key[:at], key[at + 1 :]
    said = _RESOLUTION.search(block)
    if said is None:
        raise ValueError(key[:80])
    resolution = dict(_pairs(said["inside"]))
    tarball, checksum = resolution.get("tarball", ""), resolution.get("integrity", "")
    aside = "type" in resolution or not re.match(r"\d", version)
    if aside:
        told = _VERSION.search(block)
        origin = resolution.get("repo") or tarball or resolution.get("directory", "")
        own = origin.startswith("file:") or resolution.get("type") == "directory"
        return Locked(name=name, version=told["version"] if told else version, origin="" if own else origin,
                      files={}, aside=True)  # fmt: skip
    return Locked(
        name=name, version=version, origin=registry_of(tarball, name) if tarball else PUBLIC,
        files={f"{name.rpartition('/')[2]}-{version}.tgz": checksum} if checksum else {},
    )  # fmt: skip


def _pairs(inside: str) -> Iterator[tuple[str, str]]:
    for part in inside.split(", "):
        key, _, value = part.partition(": ")
        yield key.strip(), value.strip().strip("'\"")

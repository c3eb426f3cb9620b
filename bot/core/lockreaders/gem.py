"""Gemfile.lock and gems.locked, line by line: sections with a head in capitals, and what they hold below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.core.lockreaders.locked import PUBLIC, Locked

RUBYGEMS = "https://rubygems.org"
_NONE = "no checksums are written"
_GEM = re.compile(r"    (?P<name>\S+) \((?P<version>[^\s()]+)\)")
_SUM = re.compile(r"  (?P<name>\S+) \((?P<version>[^\s()]+)\)(?: (?P<sum>\S+))?")
_HEAD = re.compile(r"[A-Z][A-Z ]*")


def read(text: str) -> Iterator[Locked]:
    """Every gem of a lock; one that has files for several platforms is named once for each."""
    checksums: dict[tuple[str, str], str] | None = None
    for head, lines in sections(text):
        if head == "CHECKSUMS":
            known = (found for line in lines if (found := _SUM.fullmatch(line)))
            checksums = {(found["name"], found["version"]): found["sum"] or "" for found in known}
    for head, lines in sections(text):
        if head in ("GEM", "GIT", "PATH", "PLUGIN SOURCE"):
            yield from (_locked(head, lines, found, checksums) for line in lines if (found := _GEM.fullmatch(line)))


def _locked(
    head: str, lines: list[str], found: re.Match[str], checksums: Mapping[tuple[str, str], str] | None
) -> Locked:
    name, version = found["name"], found["version"]
    places = [line.removeprefix("  remote: ").rstrip("/") for line in lines if line.startswith("  remote: ")]
    origin = "" if head == "PATH" else " ".join(PUBLIC if one == RUBYGEMS else one for one in places)
    checksum = (checksums or {}).get((name, version), "")
    # A lock may be without any checksums, and then none is missing.
    files = {_NONE: ""} if checksums is None else {f"{name}-{version}.gem": checksum} if checksum else {}
    return Locked(
        name=name,
        # A version of a gem has no hyphen; what follows one is the platform of its file.
        version=version.partition("-")[0],
        origin=origin,
        files=files,
        aside=head != "GEM",
    )


def remotes(text: str) -> list[str]:
    """The servers that gems come from, as the lock names them."""
    found = [line.removeprefix("  remote: ").rstrip("/") for head, lines in sections(text) if head == "GEM"
             for line in lines if line.startswith("  remote: ")]  # fmt: skip
    return list(dict.fromkeys(found))


def platforms(text: str) -> list[str]:
    """Those that the lock is for."""
    return [line.strip() for head, lines in sections(text) if head == "PLATFORMS" for line in lines]


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each head, and the lines below it. ValueError for a line that is none of a lock's."""
    head, lines = "", list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if line.startswith(" ") and head:
            lines.append(line)
            continue
        if head:
            yield head, lines
        if not _HEAD.fullmatch(line):
            raise ValueError(line[:80])
        head, lines = line, []
    if head:
        yield head, lines

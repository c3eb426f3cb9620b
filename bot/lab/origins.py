"""Of several indexes, a lock may only hold files that our own reader lists: what bears one name is never mixed.

A resolver that looks through several indexes would take a stranger's package from a public one for an internal name
(dependency confusion). Which index counts for a name is decided in one place, the source that lists its releases; here
each file that the resolver chose is held against that list.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from bot.core.errors import Permanent
from bot.core.model import Component, Grade, Release
from bot.lab.resolver import NotPrepared, Uv


async def checked(lock: str, uv: Uv, own: Collection[str] = ()) -> str:
    """The lock, a line each, without the files that do not count. own: hashes that the tree itself names.

    NotPrepared (unknown) for a name of which no file is left; what `uv.listed` raises when an index is away.
    """
    if not uv.mixes:
        return lock
    lines = (_line(line, uv, own) for line in lock.splitlines())
    answers = await asyncio.gather(*lines, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return "".join(f"{answer}\n" for answer in answers)


async def _line(line: str, uv: Uv, own: Collection[str]) -> str:
    pinned, *hashes = line.split(" --hash=")
    # The tree's own hashes say which file is meant, whoever offers it.
    if meant := [one for one in hashes if one in own]:
        return " --hash=".join((pinned, *meant))
    if line in uv.proven:
        return uv.proven[line]
    kept = await _counted(pinned, hashes, uv)
    uv.proven[line] = made = " --hash=".join((pinned, *kept))
    return made


async def _counted(pinned: str, hashes: Sequence[str], uv: Uv) -> list[str]:
    name, version = name_and_version(pinned)
    why = "another index counts for this name and does not offer that file"
    releases: Sequence[Release] = ()
    try:
        releases = await uv.listed(Component(name=name)) if uv.listed else ()
    except Permanent as problem:
        why = str(problem)
    known = {f"sha256:{file.sha256}" for release in releases for file in release.artifacts}
    # What the operator put into a folder of find-links is meant, as pip takes it too.
    if not known.intersection(hashes):
        known = await asyncio.to_thread(_linked, uv.index.find_links, name, version)
    if kept := [one for one in hashes if one in known]:
        return kept
    raise NotPrepared(Grade.UNKNOWN, f"{name} {version} is not installed: {why}")


def _linked(find_links: Sequence[str], name: str, version: str) -> set[str]:
    """Hashes of the files of one version in local folders."""
    folders = [Path(url2pathname(urlsplit(link).path)) for link in find_links if urlsplit(link).scheme in ("", "file")]
    files = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return {_digest(path) for path in files if _of(path.name) == (canonicalize_name(name), version)}


def name_and_version(pinned: str) -> tuple[str, str]:
    """Of a locked line without its hashes: `Name[extra]==1.0 ; marker`."""
    name, _, version = pinned.partition("==")
    return name.partition("[")[0].strip(), version.lstrip("=").partition(";")[0].strip()


def _of(filename: str) -> tuple[str, str] | None:
    read = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
    try:
        name, version, *_ = read(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return name, str(version)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()

"""What this machine remembers of releases: when one was first seen, and which files it had then.

A time is one small file, written once and never changed. The files of a component's releases are kept together, for the
versions that were asked for last; a swap that was found is kept longer than the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.core import files
from bot.core.files import Listed
from bot.core.model import Component, Release

MOST_VERSIONS = 20  # of one component, of which the files are remembered
MOST_SWAPS = 100  # and how many are, when files of theirs were swapped
MOST_BYTES = 8 << 20


class _Kept(msgspec.Struct):
    files: dict[str, str] = {}
    altered: str = ""


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_VERSIONS = msgspec.json.Decoder(dict[str, _Kept])
_ONE = msgspec.json.Decoder(_Kept)


class FolderSightings:
    """A `core.ports.Sightings` in a folder. Where it cannot write, everything is seen for the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def first(self, component: Component, release: Release, now: datetime) -> datetime:
        """The time kept for this version and digest, else now, which is kept from here on."""
        return await asyncio.to_thread(self._first, key_of(component, release), now)

    def _first(self, key: str, now: datetime) -> datetime:
        file = self._path / key
        try:
            return datetime.fromisoformat(file.read_text("ascii")).astimezone(UTC)
        except (OSError, ValueError):
            pass
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(now.isoformat(), "ascii")
        except OSError:
            return now  # it will count as too young again the next time: safe, and a full disk has other worries
        return now

    async def altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        """What was swapped of each of these since it was first listed here; their files are kept from here on."""
        named = [one for one in releases if files.digests(one)]
        # Some kilobytes of a file that was read a moment ago: a thread for it would cost twice as much as it takes.
        return self._altered(component, named, now) if named else {}

    def _altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        file = self._path / f"{_hashed(component.ecosystem, component.registry, component.name)}.files"
        known, fresh, told = _read(file), False, {}
        for release in releases:
            kept = known.get(release.version, _Kept())
            found = files.compared(Listed(files=kept.files, altered=kept.altered), release, now)
            told[release.version] = found.altered
            if found.files != kept.files or found.altered != kept.altered:
                known.pop(release.version, None)
                known[release.version] = _Kept(files=dict(found.files), altered=found.altered)
                fresh = True
        if fresh:
            self._write(file, _few(known))
        return {version: why for version, why in told.items() if why}

    def _write(self, file: Path, known: dict[str, _Kept]) -> None:
        fresh, text = file.with_suffix(f".{os.getpid()}"), msgspec.json.encode(known)
        try:
            try:
                fresh.write_bytes(text)
            except FileNotFoundError:
                self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
                fresh.write_bytes(text)
            fresh.replace(file)
        except OSError:
            return  # the next look begins anew


def _read(file: Path) -> dict[str, _Kept]:
    try:
        with file.open("rb") as opened:
            return _VERSIONS.decode(opened.read(MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return {}


def _few(known: dict[str, _Kept]) -> dict[str, _Kept]:
    """Those that were asked for last; they stand at the end."""
    swapped = [version for version, kept in known.items() if kept.altered][-MOST_SWAPS:]
    wanted = {*swapped, *list(known)[-MOST_VERSIONS:]}
    return {version: kept for version, kept in known.items() if version in wanted}


def key_of(component: Component, release: Release) -> str:
    """A name for what was seen: the same tag with another digest is another thing."""
    return _hashed(component.ecosystem, component.registry, component.name, release.version, release.digest)


def listing_of(component: Component, version: str) -> str:
    """A name for the files of a version."""
    return _hashed(component.ecosystem, component.registry, component.name, version)


def pack(listed: Listed) -> str:
    """As JSON."""
    return msgspec.json.encode(_Kept(files=dict(listed.files), altered=listed.altered)).decode()


def unpack(text: str) -> Listed:
    """The reverse."""
    kept = _ONE.decode(text)
    return Listed(files=kept.files, altered=kept.altered)


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

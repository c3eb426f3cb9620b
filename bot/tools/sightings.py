"""What this machine remembers of releases: when one was first seen, and which files it had then.

A time is written once and never changed. The files of a component's releases are kept together, for the versions that
were asked for last; a swap that was found is kept longer than the rest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec

from bot.core import files
from bot.core.files import Listed
from bot.core.model import Component, Release
from bot.tools.bundles import Bundles

MOST_VERSIONS = 20  # of one component, of which the files are remembered
MOST_SWAPS = 100  # and how many are, when files of theirs were swapped
MOST_BYTES = 8 << 20
DAYS = 400  # so long is remembered what nobody asks for any more


class _Kept(msgspec.Struct):
    files: dict[str, str] = {}
    altered: str = ""


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_VERSIONS = msgspec.json.Decoder(dict[str, _Kept])
_ONE = msgspec.json.Decoder(_Kept)


class FolderSightings:
    """A `core.ports.Sightings` in a folder. Where it cannot write, everything is seen for the first time.

    together: many stand in one file, which is written at the end of a `with`; else each has its own, written at once.
    """

    def __init__(self, path: Path, *, together: bool = False) -> None:
        self._path = path
        self._bundles = Bundles(path, days=DAYS) if together else None

    def __enter__(self) -> FolderSightings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bundles:
            with suppress(OSError):  # the next look begins anew
                self._bundles.flush()
            self._bundles.close()

    # Some kilobytes of a file that is read at once: a thread for it would cost twice as much as it takes.
    async def first(self, component: Component, release: Release, now: datetime) -> datetime:
        """The time kept for this version and digest, else now, which is kept from here on."""
        key = key_of(component, release)
        try:
            return datetime.fromisoformat(self._read(key).decode("ascii")).astimezone(UTC)
        except ValueError:
            # Where it cannot be kept it counts as too young again the next time, which is safe.
            self._write(key, now.isoformat().encode())
            return now

    async def altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        """What was swapped of each of these since it was first listed here; their files are kept from here on."""
        named = [one for one in releases if files.digests(one)]
        return self._altered(component, named, now) if named else {}

    def _altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        key = f"{_hashed(component.ecosystem, component.registry, component.name)}.files"
        known, fresh, told = _versions(self._read(key)), False, {}
        for release in releases:
            kept = known.get(release.version, _Kept())
            found = files.compared(Listed(files=kept.files, altered=kept.altered), release, now)
            told[release.version] = found.altered
            if found.files != kept.files or found.altered != kept.altered:
                known.pop(release.version, None)
                known[release.version] = _Kept(files=dict(found.files), altered=found.altered)
                fresh = True
        if fresh:
            self._write(key, msgspec.json.encode(_few(known)))
        return {version: why for version, why in told.items() if why}

    def _read(self, name: str) -> bytes:
        """What was kept under this name, b"" where nothing was."""
        if self._bundles:
            return self._bundles.load(name) or b""
        try:
            with (self._path / name).open("rb") as opened:
                return opened.read(MOST_BYTES)
        except OSError:
            return b""

    def _write(self, name: str, text: bytes) -> None:
        with suppress(OSError):  # the next look begins anew; a full disk has other worries
            if self._bundles:
                self._bundles.keep(name, text)
                return
            fresh = self._path / f"{name}.{os.getpid()}"
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(text)
            fresh.replace(self._path / name)


def _versions(text: bytes) -> dict[str, _Kept]:
    try:
        return _VERSIONS.decode(text) if text else {}
    except msgspec.MsgspecError:
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

"""When a release was first seen on this machine: one small file each, written once and never changed."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from bot.core.model import Component, Release


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


def key_of(component: Component, release: Release) -> str:
    """A name for what was seen: the same tag with another digest is another thing."""
    parts = (component.ecosystem, component.registry, component.name, release.version, release.digest)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

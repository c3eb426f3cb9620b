"""Many small answers in few files: to make a file takes longer than to write one, a hundred times over.

A bundle is written once, whole, and never changed. It begins with a line that says where each answer stands and on
which day it was last wanted. When there are many bundles they are made one, without what nobody wanted for long; who
reads an old one meanwhile has it open, and goes on reading. Losing a bundle loses nothing but time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import msgspec

PREFIX = "bundle-"
MOST_BUNDLES = 8
MOST_WAITING = 8 << 20  # bytes that wait to be written
MOST_INDEX = 16 << 20
DAY = 86400
DAYS_KEPT = 30
FRESH_DAYS = 10  # so old a day is written anew when the answer is wanted
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


Blob = bytes | memoryview


@dataclass(frozen=True, slots=True)
class _Place:
    handle: int
    start: int
    length: int
    day: int


class Bundles:
    """What is kept in the bundles of one folder. days: for so long after it was last wanted; today: since 1970."""

    def __init__(
        self, path: Path, *, days: int = DAYS_KEPT, today: Callable[[], int] = lambda: int(time.time()) // DAY
    ) -> None:
        self._path, self._today, self._days = path, today, days
        self._waiting: dict[str, tuple[int, bytes]] = {}
        self._bytes = 0
        self._places: dict[str, _Place] | None = None
        self._files: list[tuple[str, int]] = []  # each with the handle that it was opened by
        self._turn = threading.RLock()  # what is big is made, and kept, in a thread

    def load(self, name: str) -> bytes | None:
        """What was kept under a name, None where nothing was."""
        with self._turn:
            if (waiting := self._waiting.get(name)) is not None:
                return waiting[1]
            place = self._known().get(name)
            if place is None:
                return None
            blob = os.pread(place.handle, place.length, place.start)
            if place.day < self._today() - FRESH_DAYS:
                self.keep(name, blob)
            return blob

    def keep(self, name: str, blob: bytes) -> None:
        """Remember it; it is written with many others, at the latest by `flush`. OSError when that fails."""
        with self._turn:
            before = self._waiting.pop(name, (0, b""))[1]
            self._waiting[name] = (self._today(), blob)
            self._bytes += len(blob) - len(before)
            if self._bytes > MOST_WAITING:
                self.flush()

    def flush(self) -> None:
        """Write what waits. OSError when it cannot be written."""
        with self._turn:
            if not self._waiting:
                return
            known = self._known()
            fresh, self._waiting, self._bytes = self._waiting, {}, 0
            if len(self._files) < MOST_BUNDLES:
                self._write(fresh, {})
                return
            oldest, files = self._today() - self._days, [file for file, _ in self._files]
            wanted = {name: one for name, one in known.items() if one.day >= oldest and name not in fresh}
            self._write(fresh, wanted)
            for file in files:
                Path(file).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files."""
        with self._turn:
            for _, handle in self._files:
                os.close(handle)
            self._files, self._places = [], None

    def _write(self, fresh: Mapping[str, tuple[int, bytes]], old: Mapping[str, _Place]) -> None:
        """A new bundle with these. The old ones are copied one by one: together they may be big."""
        sizes = [(name, one.length, one.day) for name, one in old.items()]
        sizes += [(name, len(blob), day) for name, (day, blob) in fresh.items()]
        starts = accumulate((length for _, length, _ in sizes), initial=0)
        index = {name: (start, length, day) for (name, length, day), start in zip(sizes, starts, strict=False)}
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = os.urandom(8).hex()
        beside = self._path / f".new-{token}"
        with os.fdopen(os.open(beside, NEW, 0o600), "wb") as out:
            out.write(msgspec.json.encode(index) + b"\n")
            # One that was cut short fills its place, and is found to be damaged when it is read.
            out.writelines(os.pread(one.handle, one.length, one.start).ljust(one.length) for one in old.values())
            out.writelines(blob for _, blob in fresh.values())
        # Names sort by the time they were made, so that the later one counts.
        beside.replace(self._path / f"{PREFIX}{time.time_ns():020}-{token}")
        self.close()

    def _known(self) -> dict[str, _Place]:
        if self._places is None:
            self._places = {}
            for file in sorted(self._listed()):
                self._open(file, self._places)
        return self._places

    def _listed(self) -> list[str]:
        try:
            with os.scandir(self._path) as files:
                return [file.path for file in files if file.name.startswith(PREFIX)]
        except OSError:
            return []

    def _open(self, file: str, places: dict[str, _Place]) -> None:
        try:
            handle = os.open(file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return  # another process made one of many meanwhile
        self._files.append((file, handle))
        try:
            os.utime(file)
            with os.fdopen(os.dup(handle), "rb") as raw:
                head = raw.readline(MOST_INDEX)
            places.update(
                (name, _Place(handle, len(head) + start, length, day))
                for name, (start, length, day) in _INDEX.decode(head).items()
                if start >= 0 and length >= 0
            )
        except (OSError, msgspec.DecodeError):
            return  # damaged: as good as none


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_INDEX = msgspec.json.Decoder(dict[str, tuple[int, int, int]])

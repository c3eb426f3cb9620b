"""A bounded folder of ready things, each named by what is in it, used by many processes at once."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.05  # seconds between two looks at a lock that another process holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """folder: where it lies. most: bytes above which the longest unused entries go."""

    folder: Path
    most: int = 4 << 30

    @contextlib.asynccontextmanager
    async def entry(self, key: str, make: Callable[[Path], Awaitable[None]]) -> AsyncIterator[Path]:
        """The folder of this entry, made by `make` if it is not there. It is not pruned while the context lasts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / key
        with _opened(self.folder / f"{key}.lock") as lock:
            await _hold(lock, fcntl.LOCK_SH)
            while not _ready(place):
                await _hold(lock, fcntl.LOCK_EX)
                if not _ready(place):
                    await self._fill(place, make)
                await _hold(lock, fcntl.LOCK_SH)  # a pruner may come between the two; hence the loop
            os.utime(place / ".ready")
            yield place

    async def _fill(self, place: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        """What an earlier process left half done is thrown away: only the mark at the end makes an entry."""
        _anew(place)
        try:
            await make(place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        (place / ".ready").write_text(str(size_of(place)))
        self.prune(keep=place.name)

    def prune(self, *, keep: str = "") -> list[str]:
        """Remove the longest unused entries until the rest fits; those in use stay. The names of the removed."""
        ready = sorted(self.folder.glob("*/.ready"), key=lambda mark: mark.stat().st_mtime)
        sizes = {mark.parent: int(mark.read_text() or 0) for mark in ready}
        total, gone = sum(sizes.values()), []
        for place, size in sizes.items():
            if total <= self.most:
                break
            if place.name != keep and self._remove(place):
                total -= size
                gone.append(place.name)
        return gone

    def _remove(self, place: Path) -> bool:
        with _opened(self.folder / f"{place.name}.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            (place / ".ready").unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            return True


def _anew(place: Path) -> None:
    """Empty, and open to the uid that the jail will have, whatever our umask is."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    place.chmod(0o755)


def _ready(place: Path) -> bool:
    return (place / ".ready").is_file()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


async def _hold(fd: int, how: int) -> None:
    """Wait for a lock without stopping the loop."""
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_POLL)
        else:
            return


def size_of(folder: Path) -> int:
    """Bytes on disk below folder. A file with several names is counted whole: the bound errs on the small side."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(path) / name).lstat().st_size
    return total

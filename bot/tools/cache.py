"""What a server once said, kept with its validators so that it may answer "not modified"; losing it loses nothing."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

import msgspec
from cachetools import LRUCache

from bot.tools.bundles import DAYS_KEPT, NEW, Blob, Bundles

BIG = 1 << 20  # what is bigger has a file of its own in any case


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One answer. headers: lower-case names, only those worth keeping.

    digest: sha256 of what was sent, in hex, or the ETag that it was sent with.
    body: what was sent, or what was made of it and is kept instead (`tools.forms`); a view, it may be.
    mark: under what it was asked for.
    """

    url: str
    digest: str
    body: Blob
    headers: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""


class Cache(Protocol):
    """Where answers are kept, by a key that says who asked for what."""

    def load(self, key: str) -> Kept | None:
        """The answer as kept, or None."""
        ...

    def keep(self, key: str, kept: Kept) -> None:
        """Remember it; failing to is no error."""
        ...


class Memory:
    """Answers in memory, the least used thrown out when they outgrow `most` bytes."""

    def __init__(self, most: int = 64 << 20) -> None:
        self._kept: LRUCache[str, Kept] = LRUCache(most, getsizeof=lambda kept: len(kept.body) + 512)

    def load(self, key: str) -> Kept | None:
        """The answer as kept, or None."""
        return self._kept.get(key)

    def keep(self, key: str, kept: Kept) -> None:
        """Remember it, unless it alone is bigger than all the room."""
        if len(kept.body) + 512 <= self._kept.maxsize:
            self._kept[key] = kept


class Folder:
    """Answers in one folder, readable by the owner alone; unused ones go after 30 days.

    Each is a file of its own, or with `together` stands in a file with many: those are written at the end of a `with`.
    """

    def __init__(self, path: Path, *, together: bool = False) -> None:
        self._path = path
        self._bundles = Bundles(path) if together else None
        # Threads and processes side by side each write to files of their own.
        self._mine, self._count = f"{path}/.new-{os.urandom(8).hex()}", itertools.count(1)

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bundles:
            with suppress(OSError):  # a full disk or a read-only home costs speed, not truth
                self._bundles.flush()
            self._bundles.close()

    def load(self, key: str) -> Kept | None:
        """The answer as kept; None also when the file is damaged, since its sum is checked."""
        try:
            blob = self._read(_name(key))
            at = blob.index(b"\n")
            # A view: to copy what is mostly decoded at once would take as long as to decode it.
            kept, body = _HEADS.decode(blob[:at]), memoryview(blob)[at + 1 :]
            if _check(body) != kept.check if kept.check else hashlib.sha256(body).hexdigest() != kept.digest:
                return None
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        return Kept(url=kept.url, digest=kept.digest, headers=kept.headers, body=body, mark=kept.mark)

    def keep(self, key: str, kept: Kept) -> None:
        """Remember it, in a file of its own or together with others."""
        check, headers = _check(kept.body), dict(kept.headers)
        said = _Head(url=kept.url, digest=kept.digest, headers=headers, check=check, mark=kept.mark)
        try:
            self._write(_name(key), b"\n".join((msgspec.json.encode(said), kept.body)))
        except OSError:
            return  # a full disk or a read-only home costs speed, not truth

    def _read(self, name: str) -> bytes:
        if self._bundles and (found := self._bundles.load(name)):
            return found
        file = f"{self._path}/{name}"
        with open(file, "rb", buffering=0) as raw:  # noqa: PTH123 (hundreds of paths are slow to make)
            whole = raw.read()
        os.utime(file)
        return whole

    def _write(self, name: str, blob: bytes) -> None:
        """Beside, and then moved into place, so that a reader never sees half a file."""
        if self._bundles:
            big = len(blob) > BIG
            self._bundles.keep(name, b"" if big else blob)
            if not big:
                return
        beside = f"{self._mine}-{next(self._count)}"
        try:
            handle = os.open(beside, NEW, 0o600)
        except FileNotFoundError:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(beside, NEW, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(blob)
        os.replace(beside, f"{self._path}/{name}")  # noqa: PTH105 (as above)

    def sweep(self, *, now: float | None = None) -> int:
        """Remove what nobody asked for in 30 days; returns how many files. now: Unix time."""
        oldest = (time.time() if now is None else now) - DAYS_KEPT * 86400
        gone = 0
        try:
            with os.scandir(self._path) as files:
                for file in files:
                    if file.is_file() and file.stat().st_mtime < oldest:
                        Path(file.path).unlink()
                        gone += 1
        except OSError:
            return gone
        return gone


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _check(body: Blob) -> str:
    """Against what breaks by accident. Who could write here on purpose could write any sum beside it."""
    return f"crc32 {zlib.crc32(body):08x}"


class _Head(msgspec.Struct, omit_defaults=True):
    """check: a sum over what follows the head, where that is not what was sent, which has its own digest."""

    url: str
    digest: str
    headers: dict[str, str]
    check: str = ""
    mark: str = ""


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_HEADS = msgspec.json.Decoder(_Head)

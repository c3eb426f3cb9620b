"""What a server once said, kept with its validators so that it may answer "not modified"; losing it loses nothing."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec
from cachetools import LRUCache

DAYS_KEPT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One answer. digest: sha256 of what was sent, in hex; headers: lower-case names, only those worth keeping.

    body: what was sent, or what was made of it and is kept instead (`tools.forms`). mark: under what it was asked for.
    """

    url: str
    digest: str
    body: bytes
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
    """Answers as files of one folder, readable by the owner alone; unused ones go after 30 days."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, key: str) -> Kept | None:
        """The answer as kept; None also when the file is damaged, since its digest is checked."""
        try:
            file = self._file(key)
            head, _, body = file.read_bytes().partition(b"\n")
            kept = _HEADS.decode(head)
            if hashlib.sha256(body).hexdigest() != (kept.check or kept.digest):
                return None
            os.utime(file)
        except (OSError, msgspec.DecodeError):
            return None
        return Kept(url=kept.url, digest=kept.digest, headers=kept.headers, body=body, mark=kept.mark)

    def keep(self, key: str, kept: Kept) -> None:
        """Write it beside and move it into place, so that a reader never sees half a file."""
        check = hashlib.sha256(kept.body).hexdigest()
        said = _Head(url=kept.url, digest=kept.digest, headers=dict(kept.headers), check=check, mark=kept.mark)
        head = msgspec.json.encode(said)
        try:
            handle, beside = self._beside()
            with os.fdopen(handle, "wb") as out:
                out.write(head + b"\n" + kept.body)
            Path(beside).replace(self._file(key))
        except OSError:
            return  # a full disk or a read-only home costs speed, not truth

    def _beside(self) -> tuple[int, str]:
        try:
            return tempfile.mkstemp(dir=self._path, prefix=".new-")
        except FileNotFoundError:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return tempfile.mkstemp(dir=self._path, prefix=".new-")

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

    def _file(self, key: str) -> Path:
        return self._path / hashlib.sha256(key.encode()).hexdigest()


class _Head(msgspec.Struct, omit_defaults=True):
    """check: sha256 of what follows the head, where that is not the digest of what was sent."""

    url: str
    digest: str
    headers: dict[str, str]
    check: str = ""
    mark: str = ""


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_HEADS = msgspec.json.Decoder(_Head)


def user_folder(environ: Mapping[str, str]) -> Path:
    """The user's cache folder for us: XDG_CACHE_HOME, else ~/.cache."""
    root = environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path is to be ignored.
    return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "surefoot"

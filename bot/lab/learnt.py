"""A bounded folder of small files, each named by what it was made from: what is learnt once serves every repository."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """folder: where they lie. most: bytes above which the longest unused go. No jail can write there."""

    folder: Path
    most: int = 256 << 20

    def recall(self, key: str) -> bytes | None:
        """None when it is not known."""
        path = self.folder / f"{key}.json"
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def remember(self, key: str, data: bytes) -> None:
        """Keep it; a full disk is no reason to stop."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{key}.{os.getpid()}.part"
            part.write_bytes(data)
            part.replace(self.folder / f"{key}.json")
            self._prune()

    def _prune(self) -> None:
        files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= self.most:
                return
            total -= path.stat().st_size
            path.unlink()


def key_of(*parts: str) -> str:
    """The same parts give the same key."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def digest_of(paths: Iterable[Path]) -> str:
    """One hash over the names and the content of these files, in their order; one that cannot be read counts too."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                told = hashlib.file_digest(file, "sha256").digest()
        except OSError:
            told = b"?"
        total.update(path.name.encode("utf-8", "surrogateescape") + b"\0" + told)
    return total.hexdigest()

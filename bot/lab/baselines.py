"""Remembers how a suite came out on a tree that was tried before: the baseline of one update is that of the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.differential import Side

_LAYOUT = "2"  # part of every key: raise it when runs are made or read differently


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """folder: where they lie, one file each. most: bytes above which the longest unused go."""

    folder: Path
    most: int = 256 << 20

    def recall(self, key: str) -> Side | None:
        """None when it is not known, or cannot be read any more."""
        path = self.folder / f"{key}.json"
        try:
            side = msgspec.json.decode(path.read_bytes(), type=Side)
            os.utime(path)
        except (OSError, msgspec.DecodeError):
            return None
        return side

    def remember(self, key: str, side: Side) -> None:
        """Only a run that finished and reported: what was cut off may come out otherwise the next time."""
        if side.ended != "finished" or not side.outcomes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{key}.{os.getpid()}.part"
        part.write_bytes(msgspec.json.encode(side))
        part.replace(self.folder / f"{key}.json")
        self._prune()

    def _prune(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # another process prunes as well
            files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
            total = sum(path.stat().st_size for path in files)
            for path in files:
                if total <= self.most:
                    return
                total -= path.stat().st_size
                path.unlink()


def key_of(*, environment: str, tree: str, command: str, isolation: str) -> str:
    """The same environment, tree and command under the same isolation give the same baseline."""
    return hashlib.sha256("\0".join((_LAYOUT, environment, tree, command, isolation)).encode()).hexdigest()[:32]

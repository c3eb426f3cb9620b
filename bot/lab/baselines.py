"""Remembers how a suite came out on a tree that was tried before: the baseline of one update is that of the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.differential import Side
from bot.lab import learnt
from bot.lab.learnt import Learnt

_LAYOUT = "4"  # part of every key: raise it when runs are made or read differently

# Made here, since a decoder that is made in a thread may meet another's making.
_SIDE = msgspec.json.Decoder(Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """folder: where they lie, one file each. most: bytes above which the longest unused go."""

    folder: Path
    most: int = 256 << 20

    def recall(self, key: str) -> Side | None:
        """None when it is not known, or cannot be read any more."""
        data = Learnt(folder=self.folder, most=self.most).recall(key)
        try:
            return None if data is None else _SIDE.decode(data)
        except msgspec.DecodeError:
            return None

    def remember(self, key: str, side: Side) -> None:
        """Only a run that finished and reported: what was cut off may come out otherwise the next time."""
        if side.ended == "finished" and side.outcomes:
            Learnt(folder=self.folder, most=self.most).remember(key, msgspec.json.encode(side))


def key_of(*, environment: str, tree: str, command: str, isolation: str) -> str:
    """The same environment, tree and command under the same isolation give the same baseline."""
    return learnt.key_of(_LAYOUT, environment, tree, command, isolation)

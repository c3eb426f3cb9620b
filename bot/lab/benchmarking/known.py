"""Remembers pairs that were measured and found quiet: the same two environments are not measured twice.

Always both sides together, as they were measured by turns; a figure of one side is never held against one of another
hour. What got worse is not remembered: it is measured again each time.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

import msgspec

from bot.core.benchmarks import Measured
from bot.core.model import Level
from bot.lab import learnt
from bot.lab.learnt import Learnt

_LAYOUT = "2"  # part of every key: raise it when samples are taken or compared differently
_DECODER = msgspec.json.Decoder(tuple[Measured, ...])


def recall(store: Learnt, key: str) -> tuple[Measured, ...]:
    """Empty when it is not known, or cannot be read any more."""
    try:
        return _DECODER.decode(store.recall(key) or b"[]")
    except msgspec.DecodeError:
        return ()


def remember(store: Learnt, key: str, found: Sequence[Measured]) -> None:
    """Only where nothing got worse."""
    levels = [one.level for each in found for one in each.every]
    if found and all(level is Level.NOTICE for level in levels):
        store.remember(key, msgspec.json.encode(tuple(found)))


def key_of(*parts: str) -> str:
    """On another machine the same pair may come out otherwise."""
    return learnt.key_of("measured", _LAYOUT, platform.platform(), str(os.cpu_count()), *parts)

"""Which parts of a failing whole make it fail: halves are tried until what is left cannot be halved any more.

Delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002), for a handful of parts
and a costly trial: one guilty part among n costs about log2 n trials, and parts that fail only together are found
together.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def guilty(parts: Sequence[T]) -> Generator[tuple[T, ...], bool, tuple[T, ...]]:
    """Yields what is to be tried alone, is sent whether that fails, and returns the fewest parts that still fail.

    parts: known to fail all together. Taking any one of the returned away makes the rest pass, as far as the trials
    tell the same each time; nothing is tried twice.
    """
    left = tuple(parts)
    pieces = 2
    told: dict[frozenset[int], bool] = {}
    while len(left) > 1:
        found = yield from _smaller(left, pieces, told)
        if found is not None:
            left, pieces = found, max(2, pieces - 1)
        elif pieces >= len(left):
            return left
        else:
            pieces = min(len(left), 2 * pieces)
    return left


def _smaller(
    left: tuple[T, ...], pieces: int, told: dict[frozenset[int], bool]
) -> Generator[tuple[T, ...], bool, tuple[T, ...] | None]:
    """A piece that fails, or what is left without one; None when all of them pass."""
    cuts = [len(left) * place // pieces for place in range(pieces + 1)]
    chunks = [left[start:end] for start, end in pairwise(cuts)]
    rests = [tuple(one for one in left if all(one is not other for other in chunk)) for chunk in chunks]
    for wanted in [*chunks, *(rests if pieces > 2 else [])]:
        key = frozenset(map(id, wanted))
        if key not in told:
            told[key] = yield wanted
        if told[key]:
            return wanted
    return None

"""What two rows of numbers say of each other: the step between them, and whether they still count the same thing.

A maker who begins to count by years has changed the numbering: the numbers before and after say nothing about each
other, and a person should look once.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.model import Kind

YEARS = range(1990, 2200)
SHORT_YEARS = range(17, 40)  # calendar versions of two digits, as in 24.1
JUMP = 8  # pip went from 10 to 18: no maker of semantic versions skips that many


def step(one: Sequence[int], other: Sequence[int]) -> Kind:
    """The kind of the step between two rows of numbers, either way: the first number that differs names it.

    A missing number is a zero, so 1 and 1.0.0 are the same.
    """
    left, right = _three(one), _three(other)
    if left[0] == right[0]:
        return Kind.PATCH if left[1] == right[1] else Kind.MINOR
    return Kind.SCHEME if changed(*sorted((left, right))) else Kind.MAJOR


def changed(low: Sequence[int], high: Sequence[int]) -> bool:
    """Whether the lower row counts releases and the higher one years, or months where there were years."""
    if _shape(low[0]) != _shape(high[0]):
        return True
    jumped = high[0] - low[0] >= JUMP
    return jumped and high[0] in SHORT_YEARS and high[1] <= 12 and low[0] < SHORT_YEARS.start


def trimmed(numbers: Sequence[int]) -> tuple[int, ...]:
    """Without the zeros at the end, which say nothing."""
    if numbers and numbers[-1]:
        return tuple(numbers)
    kept = list(numbers)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _three(numbers: Sequence[int]) -> tuple[int, int, int]:
    first, second, third = (*numbers, 0, 0, 0)[:3]
    return first, second, third


def _shape(first: int) -> str:
    """How the first number counts: releases, years, or whole dates (20260304)."""
    if first < YEARS.start:
        return "count"
    return "year" if first in YEARS else "date"

"""Figures counted by those who ask and shown by `metrics`, which is loaded only where somebody looks at figures.

To load what shows them takes as long as forty questions to a registry that has no news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

Count = Callable[[str, str, int], None]
Put = Callable[[str, str, float], None]

_counted: Counter[tuple[str, str]] = Counter()
_put: dict[tuple[str, str], float] = {}
_shown: list[tuple[Count, Put]] = []


def count(figure: str, label: str) -> None:
    """One more. figure: a name that `metrics` knows; label: of a closed set, since each is a series of its own."""
    if _shown:
        _shown[0][0](figure, label, 1)
    else:
        _counted[figure, label] += 1


def put(figure: str, label: str, value: float) -> None:
    """How much it is now."""
    if _shown:
        _shown[0][1](figure, label, value)
    else:
        _put[figure, label] = value


def show(count: Count, put: Put) -> None:
    """From here on everything goes to these, and what came before comes first."""
    for (figure, label), number in _counted.items():
        count(figure, label, number)
    for (figure, label), value in _put.items():
        put(figure, label, value)
    _counted.clear()
    _put.clear()
    _shown[:] = [(count, put)]

"""How often a benchmark is run where a test is not about chance: twice the work shows soon."""

from __future__ import annotations

import pytest

from bot.core import comparisons
from bot.lab.benchmarking import comparing


def samples(patch: pytest.MonkeyPatch, fewest: int) -> None:
    """So many samples of each side, and one more where these do not decide."""
    patch.setattr(comparisons, "FEWEST", fewest)
    for module in (comparisons, comparing):
        patch.setattr(module, "USUAL", fewest)
    patch.setattr(comparing, "MOST", fewest + 1)

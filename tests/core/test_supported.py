"""Pythons that a project promises and a package takes away."""

from __future__ import annotations

import pytest

from bot.core.supported import lost

CASES = {
    (">=3.8", ">=3.7", ">=3.10"): ("3.8", "3.9"),
    (">=3.8,<3.10", "", ">=3.9"): ("3.8",),
    (">=3.10", ">=3.7", ">=3.10"): (),
    ("", ">=3.7", ">=3.10"): (),
    (">=3.8", ">=3.10", ">=3.10"): (),
    (">=3.8", ">=3.9", ">=3.10"): ("3.9",),
    (">=3.11", "", "<3.13,>=3.9"): tuple(f"3.{minor}" for minor in range(13, 40)),
    (">=3.8.2", "", "!=3.8.*"): ("3.8",),
    (">=3.8", ">=3.8", "not a specifier"): (),
    ("3.8", ">=3.8", ">=3.9"): (),
}


@pytest.mark.parametrize("texts", CASES)
def test_what_is_lost(texts: tuple[str, str, str]) -> None:
    """Only what was promised, was kept before, and is not kept now."""
    assert lost(*texts) == CASES[texts]

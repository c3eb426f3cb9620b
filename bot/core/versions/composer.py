"""Composer's versions and constraints: to the letter of composer/semver 3.

A branch (`dev-main`, `1.x-dev`) is a version there, and never a finished one.
"""

from __future__ import annotations

from bot.core.model import Kind
from bot.core.versions import _composer_range, _composer_version, _numbering

ANY = 9999999  # how Composer writes the x of 1.x-dev


def key(text: str) -> tuple[int, ...]:
    """Composer's order: branches, then versions, then the default branches. ValueError when it cannot be parsed."""
    return _composer_version.key(_composer_version.normal(text))


def is_stable(text: str) -> bool:
    """Neither a branch nor dev, alpha, beta or RC. A patch (1.0-p1) is finished."""
    return _composer_version.stability(_composer_version.normal(text)) == "stable"


def same_release(one: str, other: str) -> bool:
    """The numbers are the same; a branch leads to no release but its own."""
    left, right = _numbers(one), _numbers(other)
    if not left or not right or ANY in (*left, *right):
        return _composer_version.normal(one) == _composer_version.normal(other)
    return _numbering.trimmed(left) == _numbering.trimmed(right)


def is_zero(text: str) -> bool:
    """0.y."""
    return _numbers(text)[:1] == (0,)


def satisfies(text: str, wanted: str) -> bool:
    """By Composer's constraints: `^`, `~`, wildcards, hyphens, `||`, and flags (`@beta`) as they widen a bound."""
    return not wanted.strip() or _composer_range.contains(wanted, _composer_version.normal(text))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; between a version and a named branch there is no number."""
    one, other = _numbers(before), _numbers(after)
    if one and other:
        return _numbering.step(one, other)
    return Kind.PATCH if _composer_version.normal(before) == _composer_version.normal(after) else Kind.SCHEME


def _numbers(text: str) -> tuple[int, ...]:
    """There are none in a branch that has a name."""
    normalized = _composer_version.normal(text)
    if _composer_version.is_branch(normalized):
        return ()
    return tuple(map(int, normalized.partition("-")[0].split(".")))

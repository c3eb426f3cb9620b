"""Python's versions by PEP 440, ordered and matched by `packaging`, its reference implementation.

Post-releases and local builds are patches. A version that begins to count by years, or in a new epoch, changes its
scheme: the numbers before and after say nothing about each other, and a person should look once.
"""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from bot.core.model import Kind

YEARS = range(1990, 2200)
SHORT_YEARS = range(17, 40)  # calendar versions of two digits, as in 24.1
JUMP = 8  # pip went from 10 to 18: no maker of semantic versions skips that many


@lru_cache(maxsize=4096)
def _version(text: str) -> Version:
    return Version(text)


@lru_cache(maxsize=4096)
def _range(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def key(text: str) -> Version:
    """Version objects compare as PEP 440 says; equal ones hash alike ("1.0" and "1")."""
    return _version(text)


def is_stable(text: str) -> bool:
    """A post-release of a finished version is finished; one of a pre-release is not."""
    return not _version(text).is_prerelease


def same_release(one: str, other: str) -> bool:
    """Epoch and numbers are the same, trailing zeros apart."""
    left, right = _version(one), _version(other)
    return left.epoch == right.epoch and _numbers(left) == _numbers(right)


def is_zero(text: str) -> bool:
    """0.y in any epoch."""
    return _version(text).major == 0


def satisfies(text: str, wanted: str) -> bool:
    """By PEP 440's specifiers; whether a pre-release is wanted at all is the caller's question."""
    return _range(wanted).contains(_version(text), prereleases=True)


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind."""
    low, high = sorted((_version(before), _version(after)))
    if low.epoch != high.epoch or _changes_scheme(low, high):
        return Kind.SCHEME
    if low.major != high.major:
        return Kind.MAJOR
    return Kind.MINOR if low.minor != high.minor else Kind.PATCH


def _changes_scheme(low: Version, high: Version) -> bool:
    if _shape(low) != _shape(high):
        return True
    jumped = high.major - low.major >= JUMP
    return jumped and high.major in SHORT_YEARS and high.minor <= 12 and low.major < SHORT_YEARS.start


def _shape(version: Version) -> str:
    """How the first number counts: releases, years, or whole dates (20260304)."""
    if version.major < YEARS.start:
        return "count"
    return "year" if version.major in YEARS else "date"


def _numbers(version: Version) -> tuple[int, ...]:
    numbers = list(version.release)
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

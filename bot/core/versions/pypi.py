"""Python's versions by PEP 440, ordered and matched by `packaging`, its reference implementation.

Post-releases and local builds are patches. A version that begins to count by years, or in a new epoch, changes its
scheme: the numbers before and after say nothing about each other, and a person should look once.
"""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from bot.core.model import Kind
from bot.core.versions import _numbering


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


def fits(before: str, after: str) -> bool:
    """Whether both are of one build: a local label (1.3+cu121) is its own line, and `==1.3` takes every label."""
    return _version(before).local == _version(after).local


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; another epoch is another numbering."""
    low, high = sorted((_version(before), _version(after)))
    return Kind.SCHEME if low.epoch != high.epoch else _numbering.step(low.release, high.release)


def _numbers(version: Version) -> tuple[int, ...]:
    return _numbering.trimmed(version.release)

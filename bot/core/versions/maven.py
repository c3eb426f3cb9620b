"""Maven's versions: ComparableVersion's order, and the ranges of a POM.

A requirement without brackets is soft: Maven takes it as a wish that any other requirement overrides, so every version
satisfies it. `[1.0]` is the hard one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _maven_order, _maven_range, _numbering

# What Maven itself calls unfinished, and what makers call so that Maven does not know.
UNFINISHED = {"alpha", "beta", "milestone", "rc", "cr", "snapshot"}
UNFINISHED |= {"dev", "ea", "eap", "nightly", "canary", "pre", "preview", "prerelease"}
SHORT = {"a", "b", "m"}

_WORD = re.compile(r"([a-z]+)(-?[0-9])?")
_SNAPSHOT_BUILD = re.compile(r"-[0-9]{8}\.[0-9]{6}-[0-9]+$")  # a snapshot as a repository stores it
_NUMBERS = re.compile(r"[A-Za-z]?([0-9]+(?:\.[0-9]+)*)")  # guava's r09, a tag's v1.2


def key(text: str) -> tuple[int | str, ...]:
    """ComparableVersion's order, of Maven 4. ValueError for what Maven would refuse as a version."""
    return _maven_order.key(text)


def is_stable(text: str) -> bool:
    """Neither a snapshot nor an alpha, beta, milestone or candidate (a1, b1 and m1 too), nor named like a preview."""
    words = _WORD.findall(text.lower())
    unfinished = any(word in UNFINISHED or (number and word in SHORT) for word, number in words)
    return not unfinished and not _SNAPSHOT_BUILD.search(text)


def same_release(one: str, other: str) -> bool:
    """The numbers before the first qualifier are the same, trailing zeros apart."""
    left, right = _numbers(one), _numbers(other)
    if not (left and right):
        return key(one) == key(other)
    return _numbering.trimmed(left) == _numbering.trimmed(right)


def is_zero(text: str) -> bool:
    """0.y."""
    return _numbers(text)[:1] == (0,)


def satisfies(text: str, wanted: str) -> bool:
    """By a POM's ranges: `[1,2)`, `(,1.0]`, `[1.0]`, `[1.2.*]` and several with commas; a soft one takes all."""
    return not wanted.strip() or _maven_range.contains(_range(wanted.strip()), text)


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; versions without numbers are for a person to look at."""
    one, other = _numbers(before), _numbers(after)
    if one and other:
        return _numbering.step(one, other)
    return Kind.PATCH if key(before) == key(after) else Kind.SCHEME


@lru_cache(maxsize=4096)
def _range(wanted: str) -> _maven_range.Range:
    return _maven_range.parse(wanted)


def _numbers(text: str) -> tuple[int, ...]:
    found = _NUMBERS.match(text)
    return tuple(map(int, found[1].split("."))) if found else ()

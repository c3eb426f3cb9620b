"""Python's versions by PEP 440, ordered and matched by `packaging`, its reference implementation.

Post-releases and local builds are patches. A version that begins to count by years, or in a new epoch, changes its
scheme: the numbers before and after say nothing about each other, and a person should look once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf
from typing import TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from bot.core.model import Kind
from bot.core.versions import _numbering

Label: TypeAlias = tuple[tuple[int, int, str], ...]
Key: TypeAlias = tuple[int, tuple[int, ...], str, int, int, float, Label]

# As most that are not finished write themselves; numbers as long as any that were meant.
_WRITTEN_OUT = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})(?:(a|b|rc)([0-9]{1,9}))?(?:\.post([0-9]{1,9}))?(?:\.dev([0-9]{1,9}))?"
)


@lru_cache(maxsize=4096)
def _version(text: str) -> Version:
    return Version(text)


@lru_cache(maxsize=4096)
def _range(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def key(text: str) -> Key:
    """Epoch, numbers without trailing zeros, then what stands behind them, in PEP 440's order; "1.0" and "1" are equal.

    Behind the numbers stand: the pre-release's letter ("" for a bare development build, which comes before all, "~"
    for none) and number, the post-release (-1 for none), the development build (infinite for none), the local label.
    """
    if text.isascii() and text.replace(".", "").isdigit():  # as nearly all are, and read ten times as fast
        return (0, _numbering.trimmed(tuple(map(int, text.split(".")))), "~", 0, -1, inf, ())
    if found := _WRITTEN_OUT.fullmatch(text):
        return _written_out(*found.groups())
    version = _version(text)
    letter, number = version.pre or ("" if version.post is None and version.dev is not None else "~", 0)
    post, dev = (-1 if version.post is None else version.post), (inf if version.dev is None else version.dev)
    return (version.epoch, _numbers(version), letter, number, post, dev, _label(version.local))


def _written_out(numbers: str, letter: str | None, number: str | None, post: str | None, dev: str | None) -> Key:
    """As of a `Version`, which takes eight times as long."""
    bare = letter is None and post is None and dev is not None
    place = (letter, int(number or 0)) if letter else ("" if bare else "~", 0)
    after, before = (int(post) if post else -1), (int(dev) if dev else inf)
    return (0, _numbering.trimmed(tuple(map(int, numbers.split(".")))), *place, after, before, ())


def by_numbers(major: int, minor: int, patch: int, pre: str) -> Key | None:
    """The key of three numbers; None where more stands behind them."""
    numbers = (major, minor, patch) if patch else _numbering.trimmed((major, minor))
    return None if pre else (0, numbers, "~", 0, -1, inf, ())


def line(of: Key) -> tuple[int, int]:
    """Epoch and major number, by a key."""
    return of[0], of[1][0] if of[1] else 0


def is_finished(of: Key) -> bool:
    """As `is_stable`, by a key."""
    return of[2] == "~" and of[5] == inf


def is_stable(text: str) -> bool:
    """A post-release of a finished version is finished; one of a pre-release is not."""
    return is_finished(key(text))


def same_release(one: str, other: str) -> bool:
    """Epoch and numbers are the same, trailing zeros apart."""
    left, right = _version(one), _version(other)
    return left.epoch == right.epoch and _numbers(left) == _numbers(right)


def is_zero(text: str) -> bool:
    """0.y in any epoch."""
    return line(key(text))[1] == 0


def satisfies(text: str, wanted: str) -> bool:
    """By PEP 440's specifiers; whether a pre-release is wanted at all is the caller's question."""
    return _range(wanted).contains(_version(text), prereleases=True)


def fits(before: str, after: str) -> bool:
    """Whether both are of one build: a local label (1.3+cu121) is its own line, and `==1.3` takes every label."""
    return ("+" not in before and "+" not in after) or key(before)[-1] == key(after)[-1]


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; another epoch is another numbering."""
    return by_keys(key(before), key(after))


def by_keys(one: Key, other: Key) -> Kind:
    """As `bump`, by keys."""
    return Kind.SCHEME if one[0] != other[0] else _numbering.step(one[1], other[1])


def _label(local: str | None) -> Label:
    """Words come before numbers; a label comes after none."""
    parts = local.split(".") if local else ()
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def _numbers(version: Version) -> tuple[int, ...]:
    return _numbering.trimmed(version.release)

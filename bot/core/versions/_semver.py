"""SemVer's order as flat tuples, and the marks that ranges set in it; its four schemes differ in what they accept.

A key is three numbers and then 2 for a finished version, or for each pre-release identifier 0 and its number, or 1 and
its text. Tuples compare item by item, so numbers stand before words, a longer row after its own beginning, and the
finished version after all that lead to it: SemVer 2.0.0, section 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from bot.core.model import Kind
from bot.core.versions import _numbering
from bot.core.versions._ranges import TESTS, Row

Key = tuple[int | str, ...]

FINISHED: Key = (2,)
LOWEST: Key = (0, 0)  # the pre-release "0", before which there is none

NUMBER = r"(?:0|[1-9][0-9]*)"
IDENTIFIER = rf"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRERELEASE = rf"{IDENTIFIER}(?:\.{IDENTIFIER})*"
BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"

NOTHING: Row = ((TESTS["<"], (0, 0, 0, *LOWEST)),)  # a range that no version meets


def identifiers(text: str | None) -> Key:
    """What stands for a pre-release (without its hyphen) in a key. The text has been checked already."""
    if not text:
        return FINISHED
    found: list[int | str] = []
    for part in text.split("."):
        found += (0, int(part)) if part.isdigit() else (1, part)
    return tuple(found)


def is_stable(key: Key) -> bool:
    """Whether the key is that of a finished version."""
    return key[3:] == FINISHED


def is_zero(key: Key) -> bool:
    """Whether it is 0.y."""
    return key[0] == 0


def step(one: Key, other: Key) -> Kind:
    """The kind of the step between two keys; a step between pre-releases of one version is a patch."""
    return _numbering.step(cast(tuple[int, ...], one[:3]), cast(tuple[int, ...], other[:3]))


def by_numbers(major: int, minor: int, patch: int, pre: str) -> Key:
    """The key by what it is made of. pre: short identifiers, or "" for a finished version."""
    return (major, minor, patch, *identifiers(pre)) if pre else (major, minor, patch, 2)


def first(given: Sequence[str]) -> Key:
    """Before every version, pre-releases too, that begins with these numbers: 1.2 gives 1.2.0-0."""
    return (*_three([int(text) for text in given]), *LOWEST)


def after(given: Sequence[str]) -> Key:
    """Behind every version that begins with these one to three numbers, and before the next: 1.2 gives 1.3.0-0."""
    numbers = [int(text) for text in given]
    numbers[-1] += 1
    return (*_three(numbers), *LOWEST)


def caret(given: Sequence[str]) -> Key:
    """Where ^ ends: behind the versions that keep the first number that is not written "0", or all given ones."""
    kept = next((place for place, text in enumerate(given) if text != "0"), len(given) - 1)
    return after(given[: kept + 1])


def tests(sign: str, given: Sequence[str], pre: Key = FINISHED) -> Row:
    """What npm means by a sign and up to three numbers, with pre-releases let in (`includePrerelease`).

    sign: ^, ~, ~>, or a comparator, "" meaning "=". given: the numbers before the first x. pre: the key of the
    pre-release, where all three numbers are given. Other than cargo's, a partial version begins with its pre-releases.
    """
    if not given:
        return NOTHING if sign in ("<", ">") else ()
    start = first(given) if len(given) < 3 else (*_three([int(text) for text in given]), *pre)
    if sign in ("^", "~", "~>"):
        end = caret(given) if sign == "^" else after(given[:2])
        return ((TESTS[">="], start), (TESTS["<"], end))
    if len(given) == 3:
        return ((TESTS[sign], start),)
    if sign in (">", "<="):
        return ((TESTS[">=" if sign == ">" else "<"], after(given)),)
    if sign in ("<", ">="):
        return ((TESTS[sign], start),)
    return ((TESTS[">="], start), (TESTS["<"], after(given)))


def _three(numbers: Sequence[int]) -> tuple[int, int, int]:
    major, minor, patch = (*numbers, 0, 0)[:3]
    return major, minor, patch

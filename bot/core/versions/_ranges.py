"""A range is rows of tests on sort keys: one row must hold, with all its tests.

What the rows mean is each scheme's question; `comparators` reads the plain form, for schemes without one of their own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

Test = tuple[Callable[[Any, Any], bool], Any]  # asked with a version's key and the key that stands here
Row = tuple[Test, ...]
Rows = tuple[Row, ...]

LONGEST = 2_000  # some npm ranges name hundreds of versions; a hostile one could be without end

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq, "=": operator.eq, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_GAP = re.compile(r"([<>=!^~])\s+")
_COMPARATOR = re.compile(r"(==?|!=|[<>]=?)?([^<>=!|^~*]+?)(\.[*xX])?")


def holds(rows: Rows, key: Any) -> bool:
    """Whether one of the rows holds for a version's key; an empty row holds for every version."""
    return any(all(test(key, mark) for test, mark in row) for row in rows)


def bounded(text: str) -> str:
    """The text itself; ValueError when it is longer than any range that is meant."""
    if len(text) > LONGEST:
        raise ValueError(f"{text[:40]!r}… is too long for a range")
    return text


def rows(text: str, read: Callable[[str], Row]) -> Rows:
    """The rows of `>=1, <2 || 3`: commas and spaces join tests, two bars part rows; read: one test, without spaces.

    An empty text is one row that always holds. ValueError when a row is empty beside others, or the text is too long.
    """
    if not bounded(text).strip():
        return ((),)
    return tuple(_row(part, read) for part in text.split("||"))


def comparators(text: str, key: Callable[[str], Any], begins: Callable[[str], Row] | None = None) -> Rows:
    """Rows of `>=`, `<=`, `>`, `<`, `!=`, `=` and bare versions, which mean `=`.

    key: reads a version. begins: reads what stands before `.*`, where a scheme has that. ValueError for anything else.
    """

    def read(token: str) -> Row:
        found = _COMPARATOR.fullmatch(token)
        if not found:
            raise ValueError(f"{token!r} is no comparator")
        sign, version, star = found.groups(default="")
        if not star:
            return ((TESTS[sign], key(version)),)
        if begins and TESTS[sign] is operator.eq:
            return begins(version)
        raise ValueError(f"{token!r} has a star where none can stand")

    return rows(text, read)


def _row(part: str, read: Callable[[str], Row]) -> Row:
    tokens = _GAP.sub(r"\1", part).replace(",", " ").split()
    if not tokens:
        raise ValueError("an empty alternative would let every version in")
    return tuple(test for token in tokens for test in read(token))

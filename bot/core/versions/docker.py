"""Image tags, by a model of our own, since a tag has habits and no grammar; `_tags` says which.

Tags order by core, stage and build. Variant, prefix and commit order nothing: they belong to the shape, which an update
keeps. A tag with fewer numbers is one that moves: 1.27 is the newest 1.27.x, so it comes after every one of them, while
a build makes a tag exact: 11.0.16_8 comes before 11.0.16.1_1. Dates come before counts, so that a date among counting
tags is never news; a step between the two is a change of scheme.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions._numbering import step, trimmed
from bot.core.versions._tags import Sort, Stage, Tag, numbers_of, parse

Key = tuple[Sort, tuple[float, ...], Stage, tuple[int, ...], tuple[int, ...]]

_CLAUSE = re.compile(r"(<=|>=|==|!=|<|>|=|)([^<>=!,\s]+)")
_PLACEHOLDERS = frozenset({"x", "X", "*"})


@lru_cache(maxsize=4096)
def _tag(text: str) -> Tag:
    return parse(text)


def key(text: str) -> Key:
    """Sort, core, stage and build. The core ends with infinity where the tag moves within it, else with -1."""
    tag = _tag(text)
    exact = tag.sort is not Sort.COUNT or tag.stage is not Stage.FINISHED or tag.build or tag.commit
    return tag.sort, (*tag.numbers, -1 if exact else math.inf), tag.stage, tag.stage_numbers, tag.build


def is_stable(text: str) -> bool:
    """No word in it says that it is unfinished."""
    return _tag(text).stage is Stage.FINISHED


def same_release(one: str, other: str) -> bool:
    """The numbers of the core are the same, trailing zeros apart, whatever stage, build and variant."""
    left, right = _tag(one), _tag(other)
    return left.sort == right.sort and trimmed(left.numbers) == trimmed(right.numbers)


def is_zero(text: str) -> bool:
    """A count that begins with 0."""
    tag = _tag(text)
    return tag.sort is Sort.COUNT and tag.numbers[0] == 0


def fits(before: str, after: str) -> bool:
    """Whether the second keeps the shape of the first: prefix, variant, kind of build, and how many numbers.

    Dates keep their way of writing; what counts within a date may come and go (bionic-20190912.1, bionic-20200219). A
    JDK's core drops zeros at its end, so with a build after _ it may have more or fewer numbers (11.0.16_8,
    11.0.16.1_1). A date never takes the place of a count, nor a count that of a date.
    """
    one, other = _tag(before), _tag(after)
    if _shape(one) != _shape(other):
        return False
    return len(one.numbers) == len(other.numbers) or one.sort is Sort.DATE or one.marks[:1] == ("_",)


def _shape(tag: Tag) -> tuple[object, ...]:
    marks = tuple(mark for mark in tag.marks if mark.strip("#")) if tag.sort is Sort.DATE else tag.marks
    return tag.prefix, tag.sort, tag.style, marks, tag.variant, tag.commit


def bump(before: str, after: str) -> Kind:
    """The first number of the core that differs names the kind; of a date year, month and day."""
    one, other = _tag(before), _tag(after)
    if one.sort is not other.sort:
        return Kind.SCHEME
    return step(one.numbers, other.numbers)


def satisfies(text: str, wanted: str) -> bool:
    """By the numbers of the core: comparators as in >=1.2,<2 and series as in 1.x, 1.2.* or 1.2, which must all hold.

    A missing number is zero for a comparator. Stage, build and variant count for nothing, so 2.0.0-rc1 is not within
    <2. A date lies only in a range of dates (>=2024-01-01), a count only in one of counts.
    """
    tag = _tag(text)
    return all(_holds(tag, operator, sort, numbers) for operator, sort, numbers in _range(wanted))


def _holds(tag: Tag, operator: str, sort: Sort | None, numbers: tuple[int, ...]) -> bool:
    if sort is None:
        return True
    if tag.sort is not sort:
        return operator == "!="
    if operator == "":
        return _series(tag.numbers, len(numbers)) == numbers
    mine, its = trimmed(tag.numbers), trimmed(numbers)
    if mine == its:
        return operator in ("=", "==", "<=", ">=")
    return operator == "!=" or ("<" if mine < its else ">") in operator


def _series(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    """The first numbers, with zeros for those that are missing."""
    return (*numbers, *(0,) * length)[:length]


@lru_cache(maxsize=1024)
def _range(wanted: str) -> tuple[tuple[str, Sort | None, tuple[int, ...]], ...]:
    return tuple(_clauses(wanted))


def _clauses(wanted: str) -> Iterator[tuple[str, Sort | None, tuple[int, ...]]]:
    """(operator, sort, numbers); a series has no operator, and one of everything no sort."""
    if not wanted.strip():
        return
    for part in wanted.split(","):
        words = re.sub(r"(?<=[<>=!])\s+", "", part).split()
        if not words:
            raise ValueError(f"nothing stands between two commas of {wanted!r}")
        for word in words:
            found = _CLAUSE.fullmatch(word)
            if found is None:
                raise ValueError(f"{word!r} is no comparator with a version, nor a series like 1.x")
            yield _clause(*found.groups())


def _clause(operator: str, version: str) -> tuple[str, Sort | None, tuple[int, ...]]:
    pieces = version.split(".")
    while pieces and pieces[-1] in _PLACEHOLDERS:
        pieces.pop()
    series = len(pieces) < len(version.split("."))
    if series and operator:
        raise ValueError(f"{operator}{version} mixes a comparator with a series")
    if not pieces:
        return "", None, ()
    sort, numbers = numbers_of(".".join(pieces))
    if sort is Sort.DATE and not series:
        return operator or "=", sort, numbers
    return operator, sort, numbers

"""The version ranges of a POM: to the letter of Maven's VersionRange, and its resolver's `[1.2.*]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.core.versions import _maven_order

LONGEST = 1000  # ranges are written by people; time grows with the square of the length

Key = tuple[int | str, ...]

_PREFIX = re.compile(r"([0-9]+(?:\.[0-9]+)*)\.\*")
_LEADING = re.compile(r"[0-9]+(?:[._-][0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From a version to a version; None is no limit."""

    low: Key | None
    low_in: bool
    high: Key | None
    high_in: bool


@dataclass(frozen=True, slots=True)
class Prefix:
    """All that begin with these numbers, their pre-releases too."""

    numbers: tuple[int, ...]


Range = tuple[Interval | Prefix, ...]
ALL = Interval(low=None, low_in=False, high=None, high_in=False)


def parse(wanted: str) -> Range:
    """Read a requirement without spaces around it. ValueError when Maven would refuse it."""
    if len(wanted) > LONGEST:
        raise ValueError("the range is too long")
    found: list[Interval | Prefix] = []
    rest = wanted
    while rest[:1] in ("[", "("):
        end = min((at for at in (rest.find("]"), rest.find(")")) if at >= 0), default=-1)
        if end < 0:
            raise ValueError("a bracket is not closed")
        read = _set(rest[: end + 1])
        _check_order(found, read)
        found.append(read)
        rest = rest[end + 1 :].strip().removeprefix(",").strip()
    if not rest:
        return tuple(found)
    if found:
        raise ValueError("only sets in brackets can be joined")
    _maven_order.key(rest)
    return (ALL,)


def contains(wanted: Range, text: str) -> bool:
    """Whether the version lies in one of the sets."""
    version = _maven_order.key(text)
    return any(
        _begins(text, one.numbers) if isinstance(one, Prefix) else _between(version, one)
        for one in wanted
    )  # fmt: skip


def _set(text: str) -> Interval | Prefix:
    low_in, high_in = text[0] == "[", text[-1] == "]"
    low, comma, high = (part.strip() for part in text[1:-1].partition(","))
    if not comma:
        if not (low_in and high_in):
            raise ValueError("a single version stands in square brackets")
        if prefix := _PREFIX.fullmatch(low):
            return Prefix(tuple(map(int, prefix[1].split("."))))
        only = _maven_order.key(low)
        return Interval(low=only, low_in=True, high=only, high_in=True)
    read = Interval(low=_bound(low), low_in=low_in, high=_bound(high), high_in=high_in)
    if read.low and read.high and (read.high < read.low or (read.low == read.high and not (low_in and high_in))):
        raise ValueError("the range is empty")
    return read


def _bound(text: str) -> Key | None:
    return _maven_order.key(text) if text else None


def _check_order(before: list[Interval | Prefix], read: Interval | Prefix) -> None:
    """Sets go upward and do not overlap; a prefix is compared by the resolver, which does not ask."""
    last = before[-1] if before else None
    if isinstance(last, Prefix) or isinstance(read, Prefix) or last is None or last.high is None:
        return
    if read.low is None or read.low < last.high:
        raise ValueError("the sets overlap")


def _between(version: Key, one: Interval) -> bool:
    if one.low is not None and (version < one.low or (version == one.low and not one.low_in)):
        return False
    return one.high is None or version < one.high or (version == one.high and one.high_in)


def _begins(text: str, prefix: tuple[int, ...]) -> bool:
    found = _LEADING.match(text)
    numbers = tuple(map(int, re.split("[._-]", found[0]))) if found else ()
    return found is not None and (numbers + (0,) * len(prefix))[: len(prefix)] == prefix

"""Versions that count by the calendar: 2024.1, 2024.01.15.3, 24.04, 20240115, with words behind them as tags have.

The first number is a year of four digits, or of two where another number follows, or a whole date of six digits or
more. All are brought to one row, so that 24.4, 2024.04 and 202404 are the same version and a project may change how it
writes them. What follows the year may be months, weeks or a count: calver.org leaves that to the project.

Ranges are comparators, and `2024.*`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _free_form, _numbering, _ranges

WEEKS = 53  # with two digits for the year, what follows is a month, a week or a small count: 24.04, but not 24.500

_DATE = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])(?:(0[1-9]|[12][0-9]|3[01])([0-9]{4}(?:[0-9]{2})?)?)?")


def key(text: str) -> _free_form.Key:
    """Year, month and so on without the zeros at the end, and what follows them. ValueError when it has no year."""
    _, numbers, rest = _free_form.split(text)
    row = (*_dated(numbers[0], followed=len(numbers) > 1), *(int(number) for number in numbers[1:]))
    if len(numbers[0]) == 2 and row[1] > WEEKS:
        raise ValueError(f"{text!r} does not begin with a date")
    return _numbering.trimmed(row), _free_form.tail(rest)


def is_stable(text: str) -> bool:
    """No word in it announces a release to come."""
    return _free_form.is_stable(key(text))


def same_release(one: str, other: str) -> bool:
    """The same date and count, up to the word that announces the release."""
    return _free_form.same_release(key(one), key(other))


def is_zero(text: str) -> bool:
    """Never: dates promise nothing in any year. ValueError when it has no year."""
    key(text)
    return False


def satisfies(text: str, wanted: str) -> bool:
    """Whether it meets the comparators; ValueError when there are none to be read."""
    return _ranges.holds(_rows(wanted), key(text))


def fits(before: str, after: str) -> bool:
    """Whether both have the same name before the numbers."""
    return _free_form.fits(before, after)


def bump(before: str, after: str) -> Kind:
    """Another year is major, another month (or whatever stands second) minor, all else a patch."""
    return _numbering.step(key(before)[0], key(after)[0])


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    return _ranges.comparators(text, key, _begins)


def _begins(start: str) -> _ranges.Row:
    _, numbers, _ = _free_form.split(start)
    row = (*_dated(numbers[0], followed=True), *(int(number) for number in numbers[1:]))
    return ((_free_form.begins, row),)


def _dated(first: str, *, followed: bool) -> tuple[int, ...]:
    """The row that the first number stands for. followed: whether another number comes behind it."""
    if len(first) == 4:
        row: tuple[int, ...] = (int(first),)
    elif len(first) == 2 and followed:
        row = (2000 + int(first),)
    elif found := _DATE.fullmatch(first):
        year, month, day, time = found.groups()
        row = tuple(int(part) for part in (year, month, day, time and time.ljust(6, "0")) if part)
    else:
        row = (0,)
    if row[0] not in _numbering.YEARS:
        raise ValueError(f"{first!r} is neither a year nor a date")
    return row

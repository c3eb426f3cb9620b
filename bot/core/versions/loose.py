"""Versions of no known discipline, as git tags are: any text with a number in it, in an order that is total.

`v1.2`, `release-1.2` and `1.2.0` are the same version. Numbers count one by one, however many; a letter behind them is
a later patch (1.1.1w); alpha, beta, rc and their like come before the release; other words and numbers come after it.
A tag takes another's place only when both have the same name before the numbers, a lone `v` apart.

Ranges are comparators, and `1.2.*`.
"""

from __future__ import annotations

from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _free_form, _numbering, _ranges


def key(text: str) -> _free_form.Key:
    """The numbers without the zeros at their end, and what follows them. ValueError when there is no number."""
    _, numbers, rest = _free_form.split(text)
    return _numbering.trimmed([int(number) for number in numbers]), _free_form.tail(rest)


def is_stable(text: str) -> bool:
    """No word in it announces a release to come. A word that says nothing to us is taken for finished."""
    return _free_form.is_stable(key(text))


def same_release(one: str, other: str) -> bool:
    """The same up to the word that announces the release."""
    return _free_form.same_release(key(one), key(other))


def is_zero(text: str) -> bool:
    """Its first number is a zero."""
    return not _free_form.split(text)[1][0].strip("0")


def satisfies(text: str, wanted: str) -> bool:
    """Whether it meets the comparators; ValueError when there are none to be read."""
    return _ranges.holds(_rows(wanted), key(text))


def fits(before: str, after: str) -> bool:
    """Whether both have the same name before the numbers."""
    return _free_form.fits(before, after)


def bump(before: str, after: str) -> Kind:
    """The first of three numbers that differs names the kind; all that follows them is a patch."""
    return _numbering.step(key(before)[0], key(after)[0])


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    return _ranges.comparators(text, key, _begins)


def _begins(start: str) -> _ranges.Row:
    return ((_free_form.begins, tuple(int(number) for number in _free_form.split(start)[1])),)

"""Alpine's versions as apk 3 orders them: number{.number}{letter}{_suffix{number}}{~hash}{-r number}.

The first number, those after suffixes and the build's compare as numbers. Between dots a number with a leading zero
compares as text, and before all numbers without one: 1.02 comes before 1.1. Where one version has more to it than the
other, what is more decides: _alpha, _beta, _pre and _rc come before the plain version, everything else after it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions._clauses import clauses
from bot.core.versions._numbering import step, trimmed

OPERATORS = ("<", "<=", "=", "==", ">=", ">", "~", "=~", "~=", "<~", "<=~", ">~", ">=~")

_BEFORE = ("alpha", "beta", "pre", "rc")
_SNAPSHOTS = ("cvs", "svn", "git", "hg")
_SUFFIXES = (*_BEFORE, *_SNAPSHOTS, "p")

_VERSION = re.compile(
    rf"([0-9]+)((?:\.[0-9]+)*)([a-z]?)((?:_(?:{'|'.join(_SUFFIXES)})[0-9]*)*)(?:~([0-9a-f]+))?(?:-r([0-9]+))?"
)
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")

# What may come next, in rising order; marks and the end of a text are smaller than any digit or letter.
_PRE, _END, _BUILD, _HASH, _COUNT, _POST, _LETTER, _ZEROED, _NUMBER = map(chr, range(1, 10))
_STOP = "\x00"


@lru_cache(maxsize=4096)
def _parsed(text: str) -> re.Match[str]:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(f"not number{{.number}}{{letter}}{{_suffix}}{{~hash}}{{-r number}}: {text!r}")
    return found


def key(text: str) -> str:
    """A text with a mark before each part; an older version's is smaller."""
    return _sortable(_parsed(text)) + _END


def _sortable(version: re.Match[str]) -> str:
    first, numbers, letter, suffixes, commit, build = version.groups()
    parts = [_counted(first)]
    parts += [_dotted(number) for number in numbers.split(".")[1:]]
    parts += [_LETTER + letter] if letter else []
    parts += [_suffixed(word, number) for word, number in _SUFFIX.findall(suffixes)]
    parts += [_HASH + commit + _STOP] if commit else []
    parts += [_BUILD + _counted(build)] if build else []
    return "".join(parts)


def _counted(number: str) -> str:
    """Its length, then its digits without leading zeros."""
    digits = number.lstrip("0")
    return chr(1 + len(digits)) + digits


def _dotted(number: str) -> str:
    return _ZEROED + number + _STOP if number.startswith("0") else _NUMBER + _counted(number)


def _suffixed(word: str, number: str) -> str:
    mark = _PRE if word in _BEFORE else _POST
    return mark + chr(_SUFFIXES.index(word)) + (_COUNT + _counted(number) if number else "")


def is_stable(text: str) -> bool:
    """_p is a finished patch; the other suffixes are pre-releases and snapshots of a repository."""
    return all(word == "p" for word, _ in _SUFFIX.findall(_parsed(text)[4]))


def same_release(one: str, other: str) -> bool:
    """Numbers and letter are the same, whatever the suffixes and Alpine's build."""
    return _release(one) == _release(other)


def _release(text: str) -> tuple[tuple[int, ...], str]:
    return trimmed(_numbers(text)), _parsed(text)[3]


def _numbers(text: str) -> tuple[int, ...]:
    first, rest = _parsed(text).group(1, 2)
    return tuple(map(int, (first + rest).split(".")))


def is_zero(text: str) -> bool:
    """0.y."""
    return _numbers(text)[0] == 0


def satisfies(text: str, wanted: str) -> bool:
    """By apk's operators; with ~ the wanted version stands for all that begin with it: ~1.2 takes 1.2.5 and 1.2_rc1."""
    return all(_holds(text, operator, bound) for operator, bound in _clauses(wanted))


@lru_cache(maxsize=1024)
def _clauses(wanted: str) -> tuple[tuple[str, str], ...]:
    return clauses(wanted, operators=OPERATORS)


def _holds(text: str, operator: str, bound: str) -> bool:
    mine, its = key(text), key(bound)
    if mine == its or ("~" in operator and mine.startswith(_sortable(_parsed(bound)))):
        return "=" in operator or "~" in operator
    return ("<" if mine < its else ">") in operator


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; letters, suffixes and builds are patches."""
    return step(_numbers(before), _numbers(after))

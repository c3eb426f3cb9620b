"""A range edited as little as possible, in the style it is written in, so that it may take one more version.

Text in, text out: nothing here knows a scheme. What comes out are proposals; `versions.widened` proves each of them.

Bounds move (`<2` to `<3`, `<=1.9` to `<=2.3`, `1.0 - 1.9`, `[1,2)`), and every lower bound and exclusion stays. What
names a line of versions (`^1.2`, `~> 1.2`, `1.x`, `==1.2.*`) is exchanged for the line of the version, and where there
are alternatives (`^1 || ^2`), one more is put behind them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Takes = Callable[[str], bool]  # whether a text is a range that takes the version
Numbers = tuple[int, ...]

_CLAUSE = re.compile(
    r"(?P<sign>\^|~>|~=|~|={1,3}|!=|<>|>=|<=|>|<)?(?P<gap>[ \t]*)(?P<lead>v?)"
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<wild>(?:\.[xX*])*)"
    r"(?P<rest>(?:[-+._]?[0-9A-Za-z](?:[0-9A-Za-z.+-]*[0-9A-Za-z])?)?)"
)
_VERSION = re.compile(
    r"[v=\s]*(?P<whole>(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?:[-._]?[0-9A-Za-z][0-9A-Za-z.-]*)?)(?:\+.*)?"
)
_BETWEEN = re.compile(r"[\s,]*|-\*|(?:-\*)?[\s,]+|@[a-zA-Z]+[\s,]*")
_OR = re.compile(r"\s*\|\|?\s*")
_HYPHEN = re.compile(r"\s+-\s+")
_INTERVAL = re.compile(r"(?P<head>.*[\[(])(?P<low>[^\[\](),]*)(?P<comma>,\s*)?(?P<high>[^\[\](),]*)(?P<tail>[\])]\s*)")
_KEPT = frozenset({">", ">=", "!=", "<>"})
# Behind an upper bound these mean "not even an unfinished one", and go with it to the next number.
_LOWEST = frozenset({"-0", "-dev", ".dev0", "dev0", "a0", ".a0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """The version that is to be taken. whole: as it is published, without its build; exact: to write it so.

    rounded: to end a new alternative in the zeros in which the one before it ends.
    """

    numbers: Numbers
    whole: str
    rounded: bool
    exact: bool
    takes: Takes


class _Unwritable(Exception):
    pass


def proposals(wanted: str, version: str, takes: Takes) -> Iterator[str]:
    """What the range might be widened to, the shortest first; none where it is of no style that is known here.

    takes: whether a part of the range, or the whole, takes the version; False too for what is no range.
    """
    read = _VERSION.fullmatch(version)
    if read is None or "!" in wanted.replace("!=", ""):
        return
    for rounded, exact in ((True, False), (False, False), (False, True)):
        aim = _Aim(numbers=_numbers(read["numbers"]), whole=read["whole"], rounded=rounded, exact=exact, takes=takes)
        try:
            yield _edited(wanted, aim)
        except _Unwritable:
            continue


def _edited(wanted: str, aim: _Aim) -> str:
    bars = list(_OR.finditer(wanted))
    if not bars:
        return _alternative(wanted, aim)
    head, last = wanted[: bars[-1].end()], wanted[bars[-1].end() :]
    body = last.rstrip()
    only = _CLAUSE.fullmatch(body)
    if only is None or only["sign"] in {*_KEPT, "<", "<="}:
        return head + _alternative(last, aim)
    return head + body + bars[-1][0] + _replaced(only, aim, zeros=aim.rounded) + last[len(body) :]


def _alternative(text: str, aim: _Aim) -> str:
    if interval := _INTERVAL.fullmatch(text):
        return _interval(interval, aim)
    ends = list(_HYPHEN.finditer(text))
    if len(ends) != 1:
        return _clauses(text, aim)
    high = text[ends[0].end() :]
    found = _CLAUSE.match(high)
    if found is None or found["sign"] or high[found.end() :].strip():
        raise _Unwritable
    return text[: ends[0].end()] + _at_most(found, aim) + high[found.end() :]


def _interval(found: re.Match[str], aim: _Aim) -> str:
    """The upper end of the last set moves; a set of one version, or of one line of them, is exchanged."""
    part = found["high"] if found["comma"] else found["low"]
    bound = _CLAUSE.match(part)
    if bound is None or bound["sign"] or part[bound.end() :].strip():
        raise _Unwritable
    edit = _replaced if not found["comma"] else _at_most if found["tail"].startswith("]") else _below
    before = found["head"] + (found["low"] + found["comma"] if found["comma"] else "")
    return before + edit(bound, aim) + part[bound.end() :] + found["tail"]


def _clauses(text: str, aim: _Aim) -> str:
    """Every clause that shuts the version out, where it is not there to shut out."""
    found = list(_CLAUSE.finditer(text))
    ends = [0, *(one.end() for one in found)]
    starts = [*(one.start() for one in found), len(text)]
    between = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    if not found or not all(_BETWEEN.fullmatch(part) for part in between):
        raise _Unwritable
    written = [one[0] if one["sign"] in _KEPT or aim.takes(one[0]) else _clause(one, aim) for one in found]
    return between[0] + "".join(new + gap for new, gap in zip(written, between[1:], strict=True))


def _clause(found: re.Match[str], aim: _Aim) -> str:
    match found["sign"]:
        case "<":
            return _below(found, aim)
        case "<=":
            return _at_most(found, aim)
        case _:
            return _replaced(found, aim)


def _below(found: re.Match[str], aim: _Aim) -> str:
    """The next number in the last place that is no zero: `<2.0` becomes `<3.0`, and `<1.5` becomes `<1.8`."""
    written = _upward(found, aim)
    place = _place(written)
    kept = _padded(aim.numbers, place)
    raised = (*kept[:-1], kept[-1] + 1, *(0 for _ in written[place:]))
    rest = found["rest"] if found["rest"] in _LOWEST else ""
    return _front(found) + _text(raised) + rest


def _at_most(found: re.Match[str], aim: _Aim) -> str:
    """In the precision that is written, or whole: PEP 440's `<=2.3` does not take 2.3.4, and npm's does."""
    written = _upward(found, aim)
    return _front(found) + (aim.whole if aim.exact else _text(_padded(aim.numbers, len(written))))


def _replaced(found: re.Match[str], aim: _Aim, *, zeros: bool = False) -> str:
    """The line of versions in which the version lies. zeros: where zeros are written at the end, they stay."""
    written = _upward(found, aim)
    if found["wild"] and found["rest"]:
        raise _Unwritable
    numbers = _padded(aim.numbers, len(written))
    if zeros:
        numbers = (*numbers[: _place(written)], *(0 for _ in written[_place(written) :]))
    new = aim.whole if aim.exact and not found["wild"] else _text(numbers)
    return _front(found) + new + found["wild"]


def _front(found: re.Match[str]) -> str:
    return (found["sign"] or "") + found["gap"] + found["lead"]


def _upward(found: re.Match[str], aim: _Aim) -> Numbers:
    """The numbers of a clause; a range is never moved down, for then it would lose what it takes."""
    written = _numbers(found["numbers"])
    if _padded(aim.numbers, len(written)) < written:
        raise _Unwritable
    return written


def _place(written: Numbers) -> int:
    """How many numbers there are up to the last one that is no zero, and at least one."""
    return max((place for place, number in enumerate(written, 1) if number), default=1)


def _padded(numbers: Numbers, length: int) -> Numbers:
    return (*numbers, *(0 for _ in range(length)))[:length]


def _numbers(text: str) -> Numbers:
    return tuple(map(int, text.split(".")))


def _text(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))

"""npm's versions as node-semver orders and matches them, read loosely as npm itself does (`loose: true`).

Loosely: a leading `v` or `=`, leading zeros, and `1.2.3beta` without its hyphen are fine, and what stands in a range
without being readable is passed over, unless nothing else stands there. Builds have no order.

Ranges are evaluated as with `includePrerelease: true`: node-semver alone lets a pre-release in only where the range
names one of the same version; whether pre-releases are wanted is the caller's question here.

Not followed: numbers beyond what JavaScript counts exactly make a range unreadable here, always. Between pre-release
numbers of that size node-semver stops comparing where the rounded numbers are equal, and then its order is none; here
the next identifier decides.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _ranges, _semver

LONGEST = 256
EXACT = 2**53 - 1  # Number.MAX_SAFE_INTEGER
# What JavaScript's \s and trim() take for a space, which is not quite what Python does.
SPACE = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"

_DIGITS = rf"[0-9]{{1,{LONGEST}}}"  # bounded as in npm, so that no range is slow to read
_ID = rf"(?:[0-9]{{0,{LONGEST}}}[A-Za-z-][0-9A-Za-z-]{{0,250}}|{_DIGITS})"
_PRE = rf"(?:-?({_ID}(?:\.{_ID})*))?"
_BUILD = rf"(?:\+{_semver.BUILD})"
_PLAIN = rf"({_DIGITS})\.({_DIGITS})\.({_DIGITS}){_PRE}{_BUILD}?"
_X = rf"({_DIGITS}|[xX*])"
_PARTIAL = rf"{_X}(?:\.{_X}(?:\.{_X}{_PRE}{_BUILD}?)?)?"

_VERSION = re.compile(rf"[v={SPACE}]*{_PLAIN}")
_SPACES = re.compile(f"[{SPACE}]+")
_BUILDS = re.compile(_BUILD)
_HYPHEN = re.compile(rf" ?([v= ]*){_PARTIAL} - [v= ]*{_PARTIAL} ?")
_TEST = re.compile(rf"(\^|~>?|[<>]?=?)[v=]*{_PARTIAL}")
_STARRED = re.compile(rf"([<>]?=?)[v=]*{_PLAIN}")
_STAR = re.compile(r"[<>]?=?\*")
_GAPS = (
    (re.compile(rf"( ?)([<>]?=?) ?([v= ]*(?:{_PLAIN}|{_PARTIAL}))"), r"\1\2\3"),
    (re.compile(r"~>? "), "~"),
    (re.compile(r"\^ "), "^"),
)

by_numbers, by_keys = _semver.by_numbers, _semver.step  # for who has many


def key(text: str) -> _semver.Key:
    """ValueError when npm would not take the text for a version even loosely."""
    # As nearly all are, and read three times as fast; numbers of so few digits are all counted exactly.
    if len(text) < 16 and text.isascii() and text.count(".") == 2 and text.replace(".", "").isdigit():
        first, second, third = text.split(".")
        return (int(first), int(second), int(third), *_semver.FINISHED)
    found = _VERSION.fullmatch(text.strip(SPACE)) if len(text) <= LONGEST else None
    if not found:
        raise ValueError(f"{text[:LONGEST]!r} is no npm version")
    major, minor, patch = int(found[1]), int(found[2]), int(found[3])
    if major > EXACT or minor > EXACT or patch > EXACT:
        raise ValueError(f"{text!r} has a number that npm cannot count to")
    return (major, minor, patch, *_pre(found[4]))


def is_stable(text: str) -> bool:
    """No pre-release; a build says nothing about that."""
    return _semver.is_stable(key(text))


def same_release(one: str, other: str) -> bool:
    """The three numbers are the same."""
    return key(one)[:3] == key(other)[:3]


def is_zero(text: str) -> bool:
    """0.y.z, where ^ keeps the minor number too."""
    return _semver.is_zero(key(text))


def satisfies(text: str, wanted: str) -> bool:
    """Whether it lies in the range, pre-releases let in; ValueError when npm could read nothing of the range."""
    return _ranges.holds(_rows(wanted), key(text))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind."""
    return _semver.step(key(before), key(after))


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    parts = _SPACES.sub(" ", _ranges.bounded(text).strip(SPACE)).split("||")
    read = tuple(row for part in parts if (row := _row(part.strip(" "))) is not None)
    if not read:
        raise ValueError(f"{text!r} holds no npm range")
    if any(int(number) > EXACT for row in read for _, mark in row for number in mark[:3]):
        raise ValueError(f"{text!r} has a number that npm cannot count to")
    return read


def _row(part: str) -> _ranges.Row | None:
    """None when nothing in it can be read."""
    part = _BUILDS.sub("", part)
    if found := _HYPHEN.fullmatch(part):
        spaces, *ends = found.groups(default="")
        return _from(ends[:4], detached=" " in spaces) + _to(ends[4:])
    for gap, closed in _GAPS:
        part = gap.sub(closed, part)
    read = [_tests(token) for token in part.split(" ")]
    # Where all else is passed over, a star in the midst is lost too: "foo * bar" is no range, and "foo *" is one.
    if not any(read) and () not in (read[0], read[-1]):
        return None
    return tuple(test for row in read if row for test in row)


def _tests(token: str) -> _ranges.Row | None:
    """None when the token is no comparator, which npm passes over."""
    if not token:
        return ()
    if found := _TEST.fullmatch(token):
        sign, *parts, pre = found.groups(default="")
        given = _given(parts)
        if sign[:1] in ("^", "~") or not any(part.isdigit() for part in parts[len(given) :]):
            return _semver.tests(sign, given, _pre(pre))
    # A star beside a whole version says nothing: 1.2.3* is 1.2.3.
    found = _STARRED.fullmatch(_STAR.sub("", token, count=1))
    return _semver.tests(found[1], found.groups()[1:4], _pre(found[5])) if found else None


def _from(end: list[str], *, detached: bool) -> _ranges.Row:
    given = _given(end[:3])
    if not given:
        return ()
    start = _semver.tests(">=", given, _pre(end[3]) if end[3] else _semver.LOWEST)
    # In "v 1.2.3 - 2" the space parts the version from the >= that it gets, which then is passed over.
    return ((_ranges.TESTS["="], start[0][1]),) if detached and len(given) == 3 else start


def _to(end: list[str]) -> _ranges.Row:
    given = _given(end[:3])
    if not given:
        return ()
    if len(given) == 3 and end[3]:
        return _semver.tests("<=", given, _pre(end[3]))
    return ((_ranges.TESTS["<"], _semver.after(given)),)


def _given(parts: list[str]) -> list[str]:
    """The numbers before the first x."""
    return parts[: next((place for place, part in enumerate(parts) if not part.isdigit()), 3)]


def _pre(text: str | None) -> _semver.Key:
    found = _semver.identifiers(text)
    if text and len(text) >= 16:  # JavaScript rounds numbers that are larger than it counts exactly
        return tuple(int(float(item)) if isinstance(item, int) and item > EXACT else item for item in found)
    return found

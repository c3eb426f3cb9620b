"""Cargo's versions and requirements as the crate `semver` reads and orders them; a bare version means `^`.

Unlike SemVer, the crate's order goes on into the build: `1.0.0 < 1.0.0+1 < 1.0.0+a`. Requirements do not look at it.

The crate lets a pre-release in only where a comparator names one of the same version. Whether pre-releases are wanted
is the caller's question here, so they are matched as Cargo does where it lets them in (`matches_prerelease`, RFC 3493):
a partial version begins with its first finished one, and `<2.0.0` leaves 2.0.0-rc.1 out unless a lower bound of the
same requirement names a pre-release. Finished versions match exactly as in the crate.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _ranges, _semver

LARGEST = 2**64 - 1
MOST = 32  # comparators in one requirement

_TAIL = rf"(?:-({_semver.PRERELEASE}))?(?:\+({_semver.BUILD}))?"
_VERSION = re.compile(rf"({_semver.NUMBER})\.({_semver.NUMBER})\.({_semver.NUMBER}){_TAIL}")
_COMPARATOR = re.compile(
    rf"(=|>=?|<=?|~|\^)? *({_semver.NUMBER})"
    rf"(?:\.({_semver.NUMBER})(?:\.(?:({_semver.NUMBER}){_TAIL}|([xX*])))?|(\.[xX*](?:\.[xX*])?))? *"
)

Key = tuple[_semver.Key, _semver.Key]  # SemVer's key, and that of the build


def key(text: str) -> Key:
    """ValueError when the text is no version for the crate `semver`."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no Cargo version")
    major, minor, patch, pre, build = found.groups()
    return (*_numbers([major, minor, patch]), *_semver.identifiers(pre)), _build(build)


def is_stable(text: str) -> bool:
    """No pre-release; a build says nothing about that."""
    return _semver.is_stable(key(text)[0])


def same_release(one: str, other: str) -> bool:
    """The three numbers are the same."""
    return key(one)[0][:3] == key(other)[0][:3]


def is_zero(text: str) -> bool:
    """0.y.z, where ^ keeps the minor number too."""
    return _semver.is_zero(key(text)[0])


def satisfies(text: str, wanted: str) -> bool:
    """Whether it meets the requirement, pre-releases let in; ValueError when it is none.

    An empty one takes all; the crate would refuse it.
    """
    return _ranges.holds(_rows(wanted), key(text)[0])


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; builds are patches."""
    return _semver.step(key(before)[0], key(after)[0])


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    if _ranges.bounded(text).strip(" ") in ("", "*", "x", "X"):
        return ((),)
    parts = text.lstrip(" ").split(",")
    if len(parts) > MOST:
        raise ValueError(f"{text[:40]!r}… has more than {MOST} comparators")
    found = [_comparator(part.lstrip(" ")) for part in parts]
    named = any(sign in (">", ">=") and pre for sign, _, pre in found)
    return (tuple(test for sign, given, pre in found for test in _tests(sign, given, pre, named=named)),)


def _comparator(part: str) -> tuple[str, list[str], str]:
    """Its sign, its one to three numbers, and its pre-release."""
    found = _COMPARATOR.fullmatch(part)
    if not found:
        raise ValueError(f"{part!r} is no comparator of a Cargo requirement")
    sign, *numbers, pre, _, last, stars = found.groups(default="")
    given = [number for number in numbers if number]
    _numbers(given)
    return sign or ("=" if last or stars else "^"), given, pre


def _tests(sign: str, given: list[str], pre: str, *, named: bool) -> _ranges.Row:
    """named: a lower bound names a pre-release, so that `<` leaves those of its own version in."""
    start = (*_numbers([*given, "0", "0"][:3]), *_semver.identifiers(pre))
    whole = len(given) == 3
    if sign in ("^", "~"):
        end = _semver.caret(given) if sign == "^" else _semver.after(given[:2])
        return ((_ranges.TESTS[">="], start), (_ranges.TESTS["<"], end))
    if sign == "<":
        return ((_ranges.TESTS["<"], start if pre or named else _semver.first(given)),)
    if whole or sign == ">=":
        return ((_ranges.TESTS[sign], start),)
    if sign in (">", "<="):
        return ((_ranges.TESTS[">=" if sign == ">" else "<"], _semver.after(given)),)
    return ((_ranges.TESTS[">="], start), (_ranges.TESTS["<"], _semver.after(given)))


def _numbers(given: list[str]) -> tuple[int, ...]:
    numbers = tuple(int(text) for text in given)
    if max(numbers) > LARGEST:
        raise ValueError(f"{'.'.join(given)} has a number beyond 64 bits")
    return numbers


def _build(text: str | None) -> _semver.Key:
    """0 < 00 < 1 < 01 < 001 < 2 < 10 < a; no build is before them all."""
    if not text:
        return ()
    found: list[int | str] = []
    for part in text.split("."):
        found += (0, int(part), len(part)) if part.isdigit() else (1, part, 0)
    return tuple(found)

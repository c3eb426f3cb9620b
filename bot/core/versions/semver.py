"""Semantic Versioning 2.0.0, strictly: no leading v, no leading zeros, always three numbers; builds have no order.

SemVer defines no ranges. These are those that people know from npm, read strictly: comparators, `^`, `~`, `1.2.x`,
partial versions; spaces or commas join them and `||` parts them. Pre-releases count as the order says: `^1.2.3` ends
before 2.0.0-0, and `<2.0.0` takes 2.0.0-rc.1, while `<2` does not.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _ranges, _semver

_VERSION = re.compile(
    rf"({_semver.NUMBER})\.({_semver.NUMBER})\.({_semver.NUMBER})(?:-({_semver.PRERELEASE}))?(?:\+{_semver.BUILD})?"
)
_PART = rf"({_semver.NUMBER}|[xX*])"
_TEST = re.compile(
    rf"(\^|~>?|==?|!=|[<>]=?)?{_PART}(?:\.{_PART}(?:\.{_PART}(?:-({_semver.PRERELEASE}))?(?:\+{_semver.BUILD})?)?)?"
)

by_keys = _semver.step  # for who has many


def key(text: str) -> _semver.Key:
    """ValueError when the text is no SemVer 2.0.0 version."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no semantic version")
    major, minor, patch, pre = found.groups()
    return (int(major), int(minor), int(patch), *_semver.identifiers(pre))


def is_stable(text: str) -> bool:
    """No pre-release; a build says nothing about that."""
    return _semver.is_stable(key(text))


def same_release(one: str, other: str) -> bool:
    """The three numbers are the same."""
    return key(one)[:3] == key(other)[:3]


def is_zero(text: str) -> bool:
    """0.y.z is for initial development (SemVer 2.0.0, section 4)."""
    return _semver.is_zero(key(text))


def satisfies(text: str, wanted: str) -> bool:
    """Whether it lies in the range; ValueError when the range is none."""
    return _ranges.holds(_rows(wanted), key(text))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind."""
    return _semver.step(key(before), key(after))


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    return _ranges.rows(text, _tests)


def _tests(token: str) -> _ranges.Row:
    found = _TEST.fullmatch(token)
    if not found:
        raise ValueError(f"{token!r} is no part of a range")
    sign, *parts, pre = found.groups(default="")
    given = [part for part in parts if part.isdigit()]
    if any(part.isdigit() for part in parts[len(given) :]):
        raise ValueError(f"{token!r} has a number behind its x")
    if sign == "!=" and len(given) < 3:
        raise ValueError(f"{token!r} must name one version; write two comparators and || instead")
    return _semver.tests("" if sign == "==" else sign, given, _semver.identifiers(pre))

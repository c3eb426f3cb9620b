"""Go's module versions as golang.org/x/mod/semver orders them: `v` is a must, `v1` and `v1.2` are short for v1.2.0.

Builds have no order, `+incompatible` among them. A pseudo-version (v1.2.4-0.20200101000000-abcdef123456) is a
pre-release by its form: it stands where its commit does, before the version to come, and later commits after it.

go.mod knows no ranges, only minimums; these here are for the rules that people write about updates: comparators with
or without the `v`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _ranges, _semver

_VERSION = re.compile(
    rf"v({_semver.NUMBER})(?:\.({_semver.NUMBER})"
    rf"(?:\.({_semver.NUMBER})(?:-({_semver.PRERELEASE}))?(?:\+{_semver.BUILD})?)?)?"
)

by_keys = _semver.step  # for who has many


def key(text: str) -> _semver.Key:
    """ValueError when x/mod/semver does not take the text for a version."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no Go version")
    major, minor, patch, pre = found.groups()
    return (int(major), int(minor or 0), int(patch or 0), *_semver.identifiers(pre))


def is_stable(text: str) -> bool:
    """Neither a pre-release nor a pseudo-version, which names a commit between releases."""
    return _semver.is_stable(key(text))


def same_release(one: str, other: str) -> bool:
    """The three numbers are the same: a commit after v1.2.3 leads to v1.2.4."""
    return key(one)[:3] == key(other)[:3]


def is_zero(text: str) -> bool:
    """v0 makes no promise."""
    return _semver.is_zero(key(text))


def satisfies(text: str, wanted: str) -> bool:
    """Whether it meets the comparators; ValueError when there are none to be read."""
    return _ranges.holds(_rows(wanted), key(text))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; between commits that lead to one version it is a patch."""
    return _semver.step(key(before), key(after))


@lru_cache(maxsize=4096)
def _rows(text: str) -> _ranges.Rows:
    return _ranges.comparators(text, lambda version: key(version if version.startswith("v") else f"v{version}"))

"""Which Pythons and Nodes an update takes away from a project: those that it promises and the package no longer has.

`Requires-Python` and `requires-python` are version specifiers (PEP 440, PEP 621); `engines.node` and what a package
wants beside it are ranges of npm's.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion

_MINORS = tuple((3, minor) for minor in range(40))
_LATEST_PATCH = 99  # a minor version counts as allowed when any late patch of it is


def lost(promised: str, before: str, after: str) -> tuple[str, ...]:
    """The minor versions that promised and before allow and after does not, oldest first.

    Nothing is lost where a text is no specifier, or where nothing is promised: an application runs on one Python.
    """
    if not promised.strip() or before == after:
        return ()
    try:
        own, old, new = (SpecifierSet(text) for text in (promised, before, after))
    except InvalidSpecifier:
        return ()
    return tuple(
        f"{major}.{minor}"
        for major, minor in _MINORS
        if all(_allows(one, major, minor) for one in (own, old)) and not _allows(new, major, minor)
    )


def _allows(wanted: SpecifierSet, major: int, minor: int) -> bool:
    return any(wanted.contains(f"{major}.{minor}.{patch}") for patch in (_LATEST_PATCH, 20, 10, 5, 1, 0))


def lost_nodes(promised: Sequence[str], before: str, after: str) -> tuple[str, ...]:
    """Of the Nodes that are promised, those that before takes and after does not; "" takes every one."""
    return tuple(one for one in promised if fits(one, before) and not fits(one, after))


def fits(version: str, wanted: str) -> bool:
    """Does a range of npm's take it? What cannot be read is no reason to complain."""
    try:
        return not wanted.strip() or versions.satisfies("npm", version, wanted)
    except (ConfigProblem, InvalidVersion):
        return True

"""Which Pythons an update takes away from a project: those that it promises to run on and the package no longer does.

`Requires-Python` and `requires-python` are version specifiers (PEP 440, PEP 621).
"""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet

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

"""A hint names what may have news: what a name may be, and which components it means. No version is ever in one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

MOST_NAMES = 50  # of one hint; whoever has more to say sends another
LONGEST_NAME = 300

# PyPI takes these three for the same sign, and a hint that means a little too much costs one request.
_ALIKE = str.maketrans("_.", "--")


def bounded(names: Iterable[str]) -> tuple[str, ...]:
    """Those that can be names, each once, the first fifty. What is too long is no name; it is not cut into another."""
    kept: dict[str, None] = {}
    for name in names:
        if 0 < len(name) <= LONGEST_NAME and name.isprintable():
            kept[name] = None
        if len(kept) == MOST_NAMES:
            break
    return tuple(kept)


def wanted(names: Collection[str]) -> frozenset[str]:
    """As `means` asks for them."""
    return frozenset(_folded(name) for name in names)


def means(names: frozenset[str], name: str) -> bool:
    """Whether one of `wanted` names it, or ends it as a path does: `acme/tool` means `github.com/acme/tool`."""
    rest = _folded(name)
    while rest not in names:
        _, _, rest = rest.partition("/")
        if not rest:
            return False
    return True


def last_parts(names: frozenset[str]) -> frozenset[str]:
    """What these end in: a chart is called by that alone, wherever its registry keeps it."""
    return frozenset(name.rpartition("/")[2] for name in names)


def _folded(name: str) -> str:
    return name.lower().translate(_ALIKE)

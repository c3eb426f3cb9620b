"""A file is known by its name, in any folder but those of code that others wrote and of tools."""

from __future__ import annotations

import re

_FOREIGN = re.compile(r"(?:^|/)(?:node_modules|vendor|\.git|\.terraform)/")


def foreign(path: str) -> bool:
    """Whether a repository path lies in a folder of code that others wrote, or of a tool."""
    return _FOREIGN.search(path) is not None


def named(path: str, names: re.Pattern[str]) -> bool:
    """Whether a repository path (with forward slashes) ends in such a name, outside of foreign folders."""
    return names.fullmatch(path.rpartition("/")[2]) is not None and not foreign(path)

"""One package of a lock file, whichever tool wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PUBLIC = "the public registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock.

    origin: the URL it comes from, PUBLIC for the registry that the tool asks unless it is told otherwise, "" where it
    lies in the repository or the lock is silent.

    files: name of a file -> its checksum as written. aside: not from a registry (a folder, a git commit, a URL).
    """

    name: str
    version: str
    origin: str
    files: Mapping[str, str]
    aside: bool = False

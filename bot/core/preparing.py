"""How an environment is made by a command of the repository's owner, for ecosystems that the lab does not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """A command, as a shell reads it, and all that it works with; paths are relative to the root of the tree.

    files: patterns of the files that the command sees, a folder for all that is in it; nothing else of the tree is
    there when it runs, so that the same files make the same environment. keep: folders that it makes, to be laid
    read-only where they were made in every run; writable: the same, as a copy of its own in each run.
    hosts: where it fetches from, of those that the operator has opened. env: for the command and for all suites.
    repo: whose command it is (owner/name), "" where that is not known; never by the word of the repository itself.
    """

    run: str
    files: tuple[str, ...]
    keep: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    repo: str = ""

"""The tools of this machine: where they are, what a jail must show of them, and how they are asked what they are.

What is asked here runs outside of a jail: the operator's own programs, with nothing of a project before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import Permanent
from bot.tools import processes

SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A tool on this machine: what runs it, the folders outside of /usr that it needs, and its version."""

    command: tuple[str, ...]
    folders: tuple[Path, ...]
    version: tuple[int, ...] = ()

    @property
    def said_version(self) -> str:
        """The version for people."""
        return ".".join(map(str, self.version)) or "without a version"


async def told(*command: str, mend: str, env: Mapping[str, str] | None = None) -> str:
    """What a tool says of itself, started in no folder of anyone's. Permanent with the mend where it says nothing."""
    try:
        process = await processes.start(*command, env=env or {})
        said, _ = await processes.communicate(process, SECONDS)
    except (OSError, TimeoutError) as problem:
        raise Permanent(f"{command[0]} cannot be asked what it is: {problem}. {mend}") from problem
    return said.decode("utf-8", "replace")

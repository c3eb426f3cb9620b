"""Which tools for lock files this machine has; who knows them all is loaded only where a lock file binds an update."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.lab.toolshed import Toolshed


@cache
def _shed() -> Toolshed:
    from bot.lab.toolshed import Toolshed  # big, and most looks find nothing that is bound

    return Toolshed()


async def lacks(lock: str) -> str:
    """As `bot.lab.toolshed.Toolshed.lacks`."""
    return await _shed().lacks(lock)

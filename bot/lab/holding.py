"""What is bound by a lock file that nobody here can make anew is held before it is proposed, and not after."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.core import locks
from bot.core.choice import Choice
from bot.core.locks import Lacks
from bot.core.model import Pin, Verdict


async def held(choice: Choice, pins: Sequence[Pin], files: Collection[str], lacks: Lacks | None = None) -> Choice:
    """The choice, held where these pins cannot be moved with all that binds them in a repository with these files.

    lacks: who knows which tools there are; asked only about what would be proposed.
    """
    why = locks.bound(pins, files)
    if why or lacks is None or choice.verdict is not Verdict.APPROVE:
        return locks.unbound(choice, why)
    for lock, path in locks.binding(pins, files).items():
        if lacking := await lacks(lock):
            return locks.unbound(choice, f"{path} is bound by {lock}, and {lacking}")
    return choice

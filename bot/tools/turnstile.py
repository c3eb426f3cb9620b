"""So many at a time and no more: who finds no place comes again later, and holds no worker while he waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bot.core.lifecycle import Outcome, Waiting
from bot.core.model import Update

NO_PLACE = timedelta(seconds=10)  # how long to wait before asking for a place again
NO_ROOM = "waits for a free place to be tried in"


class Turnstile:
    """A stage of which at most `places` run side by side."""

    def __init__(
        self, stage: Callable[[Update], Awaitable[Outcome | None]], *, places: int, clock: Callable[[], datetime]
    ) -> None:
        self._stage, self._free, self._clock = stage, places, clock

    @property
    def full(self) -> bool:
        """Whether nobody would get a place now."""
        return self._free <= 0

    async def __call__(self, update: Update) -> Outcome | None:
        """What the stage answers, or Waiting at once when there is no place."""
        if self.full:
            return Waiting(update=update, until=self._clock() + NO_PLACE, why=NO_ROOM)
        self._free -= 1
        try:
            return await self._stage(update)
        finally:
            self._free += 1

"""One update at a time in an environment, and none after a bad one before its revert is settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import names
from bot.core.model import State, Update, UpdateId
from bot.core.quoting import calm
from bot.github import pulls
from bot.store.store import Store

_OVER = frozenset({State.DONE, State.SUPERSEDED, State.CLOSED})


class EnvironmentLeases:
    """The leases as one update sees them; satisfies `core.ports.Leases`."""

    def __init__(
        self, store: Store, update: Update, *, gh: Callable[[], Awaitable[GitHubAPI]], now: Callable[[], datetime]
    ) -> None:
        self._store, self._update, self._gh, self._now = store, update, gh, now

    async def take(self, environment: str) -> str:
        """Empty when it is ours now; else who has it and what is being waited for."""
        name = self._name(environment)
        holder = await self._store.lease(name, self._update.id, now=self._now())
        if holder == self._update.id:
            return ""
        row = await self._store.load(UpdateId(holder))
        busy = await self._busy(row.update) if row else ""
        if busy:
            return busy
        await self._store.release(name, holder)
        holder = await self._store.lease(name, self._update.id, now=self._now())
        return "" if holder == self._update.id else "another update was quicker"

    async def release(self, environment: str) -> None:
        """Give it back."""
        await self._store.release(self._name(environment), self._update.id)

    def _name(self, environment: str) -> str:
        return f"{self._update.repo.lower()}:{environment}"

    async def _busy(self, holder: Update) -> str:
        """Why the holder still needs it; empty when it does not."""
        what = calm(names.brought(holder))
        if holder.state in _OVER:
            return ""
        if holder.state is not State.ROLLED_BACK:
            return f"{what} is {holder.state.value.replace('_', ' ')} there"
        if holder.revert is None:
            return ""
        revert = await pulls.get(await self._gh(), holder.repo, holder.revert)
        if revert.state == "open":
            return f"{what} was rolled back, and #{holder.revert} that reverts it is still open"
        return ""

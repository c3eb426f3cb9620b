"""Advisories for a look at one checkout: where they cannot be asked, the look goes on, and says so once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.advisories import Advisory
from bot.core.errors import SurefootError
from bot.core.model import Component
from bot.core.ports import Advisories


class Forgiving:
    """A `core.ports.Advisories` that knows nothing once it could not be asked. failed: why, in words."""

    def __init__(self, inner: Advisories) -> None:
        self._inner = inner
        self.failed = ""

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What is known; nothing from the first failure on, so that a machine without a way out waits only once."""
        if self.failed:
            return {}
        try:
            return await self._inner.of(component, versions)
        except SurefootError as error:
            self.failed = str(error)
            return {}

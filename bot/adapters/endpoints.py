"""The endpoints that a repository describes are read for it alone: what one file says of a name holds for no other.

Each configuration gets a source of its own behind a poller of its own, found by the repository and by every word of the
description. Names that it does not describe are those that the operator's file may describe for all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from cachetools import LRUCache

from bot.adapters import Opened
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Release
from bot.core.ports import Source
from bot.core.repo_config import Adapted, Updates

KIND = "http"
MOST = 300  # configurations that are kept; one that was dropped only asks anew

Described: TypeAlias = Mapping[str, Adapted]
Opener: TypeAlias = Callable[[Mapping[str, object]], Source]
P = TypeVar("P", bound=Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A `core.ports.Source`. own: asked for the names that the repository describes; common: for all others."""

    names: Collection[str]
    own: Source
    common: Source

    async def releases(self, component: Component) -> Sequence[Release]:
        """As whoever knows the name lists it; errors as it."""
        return await self._of(component).releases(component)

    async def detail(self, component: Component, release: Release) -> Release:
        """As whoever knows the name tells it."""
        return await self._of(component).detail(component, release)

    def _of(self, component: Component) -> Source:
        return self.own if component.name in self.names else self.common


class Desk(Generic[P]):
    """Keeps the sources of repositories apart.

    open: a source of the kind `http` with these options; without any secret, which nobody here may send. polled: a
    poller in front of it.
    """

    def __init__(self, open: Opener, polled: Callable[[Source], P]) -> None:
        self._open, self._polled = open, polled
        self._known: LRUCache[tuple[str, str], P] = LRUCache(MOST)

    def over(self, common: Mapping[str, Source], updates: Updates, repo: str) -> Mapping[str, Source]:
        """All sources as one repository sees them. ConfigProblem with file and line for what cannot be read so."""
        if not (described := updates.described):
            return common
        key = (repo.lower(), json.dumps({name: one.options for name, one in described.items()}, sort_keys=True))
        own = self._known.get(key)
        if own is None:
            own = self._known[key] = self._polled(self._opened(described))
        split = Split(names=frozenset(described), own=own, common=common[KIND])
        return Opened(common, lambda kind: split if kind == KIND else common[kind])

    def every(self) -> Sequence[P]:
        """All that are kept."""
        return tuple(self._known.values())

    def _opened(self, described: Described) -> Source:
        for name, one in described.items():
            try:
                self._open({"components": {name: one.options}})
            except ConfigProblem as error:
                raise ConfigProblem(str(error), where=one.where) from None
        return self._open({"components": {name: one.options for name, one in described.items()}})

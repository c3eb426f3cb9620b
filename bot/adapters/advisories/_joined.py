"""Several databases as one: what each of them says, together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from bot.core.advisories import Advisory
from bot.core.model import Component
from bot.core.ports import Advisories


@runtime_checkable
class Forgetful(Protocol):
    """Advisories that can be told that what they remember of a package is old."""

    def forget(self, component: Component) -> None:
        """Ask anew when it is next wanted."""
        ...


class Joined:
    """A `core.ports.Advisories`. members: those that are asked, in order."""

    def __init__(self, *members: Advisories) -> None:
        self._members = members

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What all of them know. The first error among them is raised: half an answer could hide the worst of it."""
        found: defaultdict[str, list[Advisory]] = defaultdict(list)
        for member in self._members:
            for version, known in (await member.of(component, versions)).items():
                found[version] += known
        return found

    def forget(self, component: Component) -> None:
        """Each that remembers is to ask anew."""
        for member in self._members:
            if isinstance(member, Forgetful):
                member.forget(component)

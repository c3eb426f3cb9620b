"""From a source to an answer: lists once, and asks for the details of those few releases on which the answer hangs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.core.advisories import Advisory
from bot.core.choice import Choice
from bot.core.model import Component, Release
from bot.core.ports import Advisories, Sightings, Source
from bot.core.survey import Group

MOST_DETAILS = 20  # a registry that floods us with young releases costs so many requests and no more


class Choose(Protocol):
    """`core.choice.choose` with everything given but what is asked for here."""

    def __call__(self, releases: Sequence[Release], *, flaws: Mapping[str, Sequence[Advisory]]) -> tuple[Choice, ...]:
        """The answers that follow from what is known by now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Who is asked. sources: by their kind; advisories: None where nobody keeps any."""

    sources: Mapping[str, Source]
    sightings: Sightings
    advisories: Advisories | None = None


async def answers(group: Group, source: Source, choose: Choose, shelf: Shelf, now: datetime) -> tuple[Choice, ...]:
    """What `choose` says of the group's component, with the details of those few releases of which it must know more.

    Errors as `Source.releases` and `Advisories.of`. When too many would have to be asked for, the answer is that of
    what is known: held.
    """
    component = group.component
    listed = {release.version: release for release in await source.releases(component)}
    flaws: dict[str, Sequence[Advisory]] = {}
    current = [pin.version for pin in group.pins if pin.version is not None]
    for _ in range(MOST_DETAILS):
        found = choose(tuple(listed.values()), flaws=flaws)
        unread = {choice.asks.version: choice.asks for choice in found if choice.asks is not None}
        for version, release in unread.items():
            listed[version] = await _known(component, source, release, shelf.sightings, now)
        targets = [choice.target.version for choice in found if choice.target is not None]
        unjudged = [version for version in dict.fromkeys((*current, *targets)) if version not in flaws]
        if shelf.advisories is not None and current and unjudged:
            said = await shelf.advisories.of(component, unjudged)
            flaws |= {version: said.get(version, ()) for version in unjudged}
        elif not unread:
            return found
    return choose(tuple(listed.values()), flaws=flaws)


async def _known(
    component: Component, source: Source, release: Release, sightings: Sightings, now: datetime
) -> Release:
    if release.partial:
        release = replace(await source.detail(component, release), partial=False)
    if release.published is None and release.seen is None:
        release = replace(release, seen=await sightings.first(component, release, now))
    return release

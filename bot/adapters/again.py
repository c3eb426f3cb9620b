"""The second look: what is open is asked about once more, out of the same lists that the first look just read.

It costs nothing where nothing changed: lists and advisories are kept, and of a release that had to be read in full the
rest is kept with its list. What cannot be asked now is no news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bot.core import ecosystems, second_look, versions, weight
from bot.core.advisories import Advisory
from bot.core.errors import SurefootError
from bot.core.model import Component, Member, Release, Update, UpdateId
from bot.core.ports import Advisories, Sightings, Source
from bot.core.second_look import Seen

MOST = 200  # open updates of one repository; more of them than anybody looks at


class Asked(Protocol):
    """Who is asked: `listing.Shelf`."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """By their kind."""
        ...

    @property
    def sightings(self) -> Sightings:
        """What is remembered of releases."""
        ...

    @property
    def advisories(self) -> Advisories | None:
        """What is known to be bad; None where nobody is asked."""
        ...

    def refusal(self, component: Component) -> str:
        """Why a component may not be asked for where its file says; "" when it may."""
        ...


async def looks(known: Sequence[Update], shelf: Asked, now: datetime) -> Mapping[UpdateId, Seen]:
    """What came to light about each update of a repository that is on its way; nothing where all is as it was."""
    found: dict[UpdateId, Seen] = {}
    for update in [update for update in known if update.state in second_look.LOOKED_AT][:MOST]:
        seen = await _look(update, shelf, now)
        if seen is not None and second_look.learnt(update, seen, now)[1]:
            found[update.id] = seen
    return found


async def _look(update: Update, shelf: Asked, now: datetime) -> Seen | None:
    steps = [(step, await _step(step, shelf, now)) for step in update.parts]
    known = [(step, seen) for step, seen in steps if seen is not None]
    # Half of a group says nothing of the whole, but that it must not be merged.
    return second_look.together(known) if known and (len(known) == len(steps) or _stopped(known)) else None


def _stopped(known: Sequence[tuple[Member, Seen]]) -> bool:
    return any(seen.blocked for _, seen in known)


async def _step(step: Member, shelf: Asked, now: datetime) -> Seen | None:
    component = step.component
    try:
        source = shelf.sources.get(ecosystems.of(component).source)
        if source is None or shelf.refusal(component):
            return None
        listed = {release.version: release for release in await source.releases(component)}
        if step.target not in listed:
            return second_look.gone(step)
        release = listed[step.target] = await _whole(component, source, listed[step.target], shelf, now)
        # Where a range is widened, that is what is current, and nobody knows anything against a range.
        used = (one for one in (step.current, step.target) if versions.is_valid(ecosystems.scheme_of(component), one))
        flaws, asked = await _flaws(component, tuple(used), shelf)
        question = second_look.question_of(step, tuple(listed.values()), flaws, now)
        for one in weight.unread(question, release):
            listed[one.version] = replace(await source.detail(component, one), partial=False)
        question = second_look.question_of(step, tuple(listed.values()), flaws, now)
        return second_look.seen(step, release, question, asked=asked)
    except SurefootError:
        return None


async def _whole(component: Component, source: Source, release: Release, shelf: Asked, now: datetime) -> Release:
    if release.partial:
        release = replace(await source.detail(component, release), partial=False)
    swapped = await shelf.sightings.altered(component, (release,), now)
    return replace(release, altered=swapped.get(release.version, ""))


async def _flaws(component: Component, used: Sequence[str], shelf: Asked) -> tuple[dict[str, Sequence[Advisory]], bool]:
    """What is known against these, and whether that could be asked."""
    if shelf.advisories is None:
        return {}, True
    try:
        said = await shelf.advisories.of(component, used)
    except SurefootError:
        return {}, False
    return {version: said.get(version, ()) for version in used}, True

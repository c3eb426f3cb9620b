"""From a source to an answer: lists once, and asks for the details of those few releases on which the answer hangs.

What moves along in a lock file is held to the same rules: too young asks a person, malicious stops everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import nlargest
from typing import Protocol

from bot.core import advisories, ecosystems, registries
from bot.core.advisories import Advisory
from bot.core.choice import Choice
from bot.core.durations import spoken
from bot.core.errors import Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.locks import Lacks
from bot.core.model import Component, Release, Verdict
from bot.core.ports import Advisories, Sightings, Source
from bot.core.quoting import code
from bot.core.survey import Group

MOST_ALONG = 40  # of what moves along in a lock file that is looked at; more of it is for a person anyway
RIPENS = timedelta(days=30)  # about as long as anybody lets a release ripen
MOST_YOUNG = 10  # of those, the newest, whose files are compared with what they were
MOST_DETAILS = 20  # a registry that floods us with young releases costs so many requests and no more


class Choose(Protocol):
    """`core.choice.choose` with everything given but what is asked for here."""

    def __call__(self, releases: Sequence[Release], *, flaws: Mapping[str, Sequence[Advisory]]) -> tuple[Choice, ...]:
        """The answers that follow from what is known by now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Who is asked. sources: by their kind; advisories: None where nobody keeps any.

    allow: whom the operator lets a file name. endpoints: where components of the ecosystem `http` are asked for, by
    their names, as far as their repository says it. lacks: who knows which tools for lock files there are here.
    """

    sources: Mapping[str, Source]
    sightings: Sightings
    advisories: Advisories | None = None
    allow: registries.Allow = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    lacks: Lacks | None = None

    def refusal(self, component: Component) -> str:
        """Why a component may not be asked for where its file says; "" when it may."""
        return registries.refusal(component, self.allow, self._endpoint(component))

    def _endpoint(self, component: Component) -> str:
        return self.endpoints.get(component.name, "") if component.ecosystem == "http" else ""


async def answers(group: Group, source: Source, choose: Choose, shelf: Shelf, now: datetime) -> tuple[Choice, ...]:
    """What `choose` says of the group's component, with the details of those few releases of which it must know more.

    Errors as `Source.releases` and `Advisories.of`. When too many would have to be asked for, the answer is that of
    what is known: held. From where the operator does not allow it nothing is asked.
    """
    component = group.component
    if refusal := shelf.refusal(component):
        current = next((pin.version for pin in group.pins if pin.version), group.pins[0].requirement)
        return (Choice(verdict=Verdict.HOLD, current=current, why=(refusal,)),)
    listed = {release.version: release for release in await source.releases(component)}
    flaws: dict[str, Sequence[Advisory]] = {}
    compared: set[str] = set()
    pinned = [pin.version for pin in group.pins if pin.version is not None]
    for _ in range(MOST_DETAILS):
        found = choose(tuple(listed.values()), flaws=flaws)
        unread = {one.version: one for choice in found for one in (choice.asks, *choice.also) if one is not None}
        read = await asyncio.gather(
            *(_known(component, source, one, shelf.sightings, now) for one in unread.values()), return_exceptions=True
        )
        for one in read:
            if isinstance(one, BaseException):
                raise one
            listed[one.version] = one
        targets = [choice.target.version for choice in found if choice.target is not None]
        # A range pins nothing; where it is widened, what it takes now is what is in use.
        used = [*pinned, *(choice.inside for choice in found if choice.inside)]
        unjudged = [version for version in dict.fromkeys((*used, *targets)) if version not in flaws]
        wanted = used or any(choice.verdict is Verdict.APPROVE for choice in found)
        if shelf.advisories is not None and wanted and unjudged:
            said = await shelf.advisories.of(component, unjudged)
            flaws |= {version: said.get(version, ()) for version in unjudged}
        elif not unread and not await _swapped(component, found, listed, compared, shelf.sightings, now):
            return found
    return choose(tuple(listed.values()), flaws=flaws)


async def _swapped(
    component: Component,
    found: Sequence[Choice],
    listed: dict[str, Release],
    compared: set[str],
    sightings: Sightings,
    now: datetime,
) -> bool:
    """Whether a release that may be gone to is not what it was: it is marked so. Each is compared once.

    What ripens is looked at from its first day on, or nobody would know what it was then.
    """
    targets = [one.target.version for one in found if one.target is not None]
    young = (one for one in listed.values() if (at := one.published or one.seen) and now - at < RIPENS)
    news = nlargest(MOST_YOUNG, young, key=lambda one: one.published or one.seen or now) if targets else []
    wanted = [name for name in (*targets, *(one.version for one in news)) if name in listed and name not in compared]
    compared.update(wanted)
    told = await sightings.altered(component, [listed[name] for name in dict.fromkeys(wanted)], now) if wanted else {}
    listed.update({name: replace(listed[name], altered=why) for name, why in told.items()})
    return bool(told)


async def _known(
    component: Component, source: Source, release: Release, sightings: Sightings, now: datetime
) -> Release:
    if release.partial:
        release = await source.detail(component, release)
        release = replace(release, partial=False) if release.partial else release
    if release.published is None and release.seen is None:
        release = replace(release, seen=await sightings.first(component, release, now))
    return release


async def gates(
    moved: Sequence[Moved], ecosystem: str, least: timedelta, shelf: Shelf, now: datetime
) -> tuple[str, ...]:
    """What a person has to look at before these may come in: each too young one, and what nobody could look at.

    least: how old a release must be. Permanent for what is known to be malicious; Transient when a registry is away.
    """
    found: list[str] = []
    fresh = [(one.name, version) for one in moved for version in _new(one)]
    for name, version in fresh[:MOST_ALONG]:
        component = Component(name=name, ecosystem=ecosystem)
        await _must_be_harmless(component, version, shelf)
        if least and (why := await _young(component, version, least, shelf, now)):
            found.append(f"{code(name)} {code(version)} comes in with the lock file, and {why}")
    if len(fresh) > MOST_ALONG:
        found.append(f"{len(fresh)} packages move in the lock file, and {MOST_ALONG} of them were looked at")
    return tuple(found)


def _new(one: Moved) -> list[str]:
    """The versions that were not locked before: a package may be locked in several."""
    before = {version.strip() for version in one.before.split(",")}
    return [version for part in one.after.split(",") if (version := part.strip()) and version not in before]


async def _must_be_harmless(component: Component, version: str, shelf: Shelf) -> None:
    if shelf.advisories is None:
        return
    known = (await shelf.advisories.of(component, [version])).get(version, ())
    if away := advisories.unasked(known):
        raise Transient(away)
    if why := advisories.malice(known):
        raise Permanent(f"the lock file would bring in {component.name} {version}, which is {why}")


async def _young(component: Component, version: str, least: timedelta, shelf: Shelf, now: datetime) -> str:
    """Why it is too young; "" when it is not."""
    source = shelf.sources.get(ecosystems.of(component).source)
    try:
        listed = await source.releases(component) if source is not None else ()
    except Permanent as error:
        return f"nothing is known of it: {error}"
    release = next((release for release in listed if release.version == version), None)
    if release is None or source is None:
        return "its registry does not list it"
    since = await _since(component, await source.detail(component, release) if release.partial else release, shelf, now)
    return f"it is {spoken(now - since)} old and must be {spoken(least)}" if since + least > now else ""


async def _since(component: Component, release: Release, shelf: Shelf, now: datetime) -> datetime:
    return release.published or await shelf.sightings.first(component, release, now)

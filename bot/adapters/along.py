"""Whoever moves along in a lock file is held to the same rules: too young asks a person, malicious stops everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.adapters.listing import Shelf
from bot.core import advisories, ecosystems
from bot.core.durations import spoken
from bot.core.errors import Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component, Release
from bot.core.quoting import code

MOST = 40  # of those that are looked at; more in one lock is for a person anyway


async def gates(
    moved: Sequence[Moved], ecosystem: str, least: timedelta, shelf: Shelf, now: datetime
) -> tuple[str, ...]:
    """What a person has to look at before these may come in: each too young one, and what nobody could look at.

    least: how old a release must be. Permanent for what is known to be malicious; Transient when a registry is away.
    """
    found: list[str] = []
    fresh = [(one.name, version) for one in moved for version in _new(one)]
    for name, version in fresh[:MOST]:
        component = Component(name=name, ecosystem=ecosystem)
        await _must_be_harmless(component, version, shelf)
        if least and (why := await _young(component, version, least, shelf, now)):
            found.append(f"{code(name)} {code(version)} comes in with the lock file, and {why}")
    if len(fresh) > MOST:
        found.append(f"{len(fresh)} packages move in the lock file, and {MOST} of them were looked at")
    return tuple(found)


def _new(one: Moved) -> list[str]:
    """The versions that were not locked before: a package may be locked in several."""
    before = {version.strip() for version in one.before.split(",")}
    return [version for part in one.after.split(",") if (version := part.strip()) and version not in before]


async def _must_be_harmless(component: Component, version: str, shelf: Shelf) -> None:
    if shelf.advisories is None:
        return
    known = await shelf.advisories.of(component, [version])
    if why := advisories.malice(known.get(version, ())):
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

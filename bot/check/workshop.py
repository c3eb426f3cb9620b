"""Where updates are tried and lock files made anew; loaded only for a look that runs other people's code."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.config import Registries, jail_grade, lockers, trusted_root
from bot.core import bisecting
from bot.core.errors import Permanent
from bot.core.locks import Followed, Locker
from bot.core.model import Component, Member, Simulation
from bot.core.ports import Advisories, Lab, Manifest, Say, Trial
from bot.lab import chained, probe
from bot.lab.bisect import Means, culprits
from bot.lab.fetching import Fetching
from bot.lab.locks import Locksmith, Room
from bot.lab.locks import follow as follow
from bot.lab.relocked import Remembering
from bot.lab.resolver import Listed, find_uv
from bot.lab.trial import laboratory
from bot.tools.cache import Folder
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What it works with. folder: what is kept between looks."""

    http: Http
    reach: Reach
    cache: Folder
    folder: Path
    registries: Registries
    advisories: Advisories | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keeper:
    """A `core.locks.Keeper` that asks nobody about what comes along: nothing is proposed here."""

    locker: Locker | None

    async def follow(
        self,
        changed: Mapping[str, str],
        files: Collection[str],
        read: Callable[[str], Awaitable[str | None]],
        target: tuple[Component, str],
    ) -> Followed:
        if self.locker is None:
            raise Permanent("no lock file can be made anew here")
        made = await follow(changed, files, read, target, self.locker)
        return Followed(files=made.files, moved=made.moved)


async def locked(
    parts: Sequence[Member],
    changed: Mapping[str, str],
    tree: tuple[Collection[str], Callable[[str], Awaitable[str | None]]],
    locker: Locker,
) -> Followed:
    """The lock files that must follow these steps. tree: the names of its files, and how one is read."""
    return await chained.followed(parts, changed, *tree, _Keeper(locker=locker))


async def taken_apart(
    trial: Trial, failed: Simulation, manifests: Mapping[str, Manifest], makers: tuple[Lab, Locker | None], say: Say
) -> Simulation:
    """The verdict on a group that failed, with those of it that make it fail. makers: who tries, and who locks."""
    lab, locker = makers
    means = Means(lab=lab, manifests=manifests, keeper=_Keeper(locker=locker))
    return bisecting.named(failed, await culprits(trial, failed, means, say))


async def fitted(index: IndexSettings, listed: Listed, place: Place) -> tuple[Lab, Locker]:
    """The lab and the locker of this machine. listed: what is installed comes from the index that this reader names."""
    uv = find_uv(index, listed)
    there = await probe.probe(gvisor=jail_grade(os.environ) == "gvisor")
    room = Room(host=there, http=place.http, reach=place.reach, cache=place.cache)
    crates = lockers.crates_of(place.registries)
    opened, root = lockers.opened_of(place.registries), trusted_root(os.environ)
    fetching = Fetching(room=room, crates=crates, opened=opened, root=root)
    lab = laboratory(place.folder, host=there, uv=uv, advisories=place.advisories, fetching=fetching)
    packagist, gems = lockers.packagist_of(place.registries), lockers.gems_of(place.registries)
    return lab, Remembering(locker=Locksmith(room=room, uv=uv, crates=crates, packagist=packagist, gems=gems))

"""Where updates are tried and lock files made anew; loaded only for a look that runs other people's code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.config import Registries, lockers
from bot.core.locks import Locker
from bot.core.ports import Advisories, Lab
from bot.lab import probe
from bot.lab.fetching import Fetching
from bot.lab.locks import Locksmith, Room
from bot.lab.locks import follow as follow
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


async def fitted(index: IndexSettings, listed: Listed, place: Place) -> tuple[Lab, Locker]:
    """The lab and the locker of this machine. listed: what is installed comes from the index that this reader names."""
    uv = find_uv(index, listed)
    there = await probe.probe()
    room = Room(host=there, http=place.http, reach=place.reach, cache=place.cache)
    crates = lockers.crates_of(place.registries)
    fetching = Fetching(room=room, crates=crates)
    lab = laboratory(place.folder, host=there, uv=uv, advisories=place.advisories, fetching=fetching)
    return lab, Locksmith(room=room, uv=uv, crates=crates, packagist=lockers.packagist_of(place.registries))

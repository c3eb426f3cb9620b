"""Where updates are tried and lock files made anew; loaded only for a look that runs other people's code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.core.locks import Locker
from bot.core.ports import Lab
from bot.lab import probe
from bot.lab.locks import Locksmith, Room
from bot.lab.locks import follow as follow
from bot.lab.resolver import Listed, find_uv
from bot.lab.trial import laboratory
from bot.tools.cache import Folder
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What it works with. folder: what is kept between looks. say: hears what is being done."""

    http: Http
    reach: Reach
    cache: Folder
    folder: Path
    say: Callable[[str], None]


async def fitted(index: IndexSettings, listed: Listed, place: Place) -> tuple[Lab, Locker]:
    """The lab and the locker of this machine. listed: what is installed comes from the index that this reader names."""
    uv = find_uv(index, listed)
    there = await probe.probe()
    room = Room(host=there, http=place.http, reach=place.reach, cache=place.cache)
    return laboratory(place.folder, host=there, uv=uv, say=place.say), Locksmith(room=room, uv=uv)

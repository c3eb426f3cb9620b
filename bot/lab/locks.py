"""A lock file is made anew by its own tool, in the jail, so that only what must move moves; it is never edited by us.

The tools read hostile files and have to speak to registries. So they run where tests run, without a network, and with
one socket that leads to a gateway in our own process (`bot.lab.locking.gateway`). The gateway lets through what the
operator's own settings name as indexes and registries, and nothing else, adds the logins that are never inside, and
notes who else was asked for. What a tool made while it could not have something that it asked for is not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core import lockfiles, locks
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.locks import Locker
from bot.core.locks import LockJob as LockJob
from bot.core.locks import Relocked as Relocked
from bot.core.model import Component
from bot.lab.locking import bun, bundler, cargo, composer, golang, npm, pdm, pipenv, pnpm, poetry, uv, yarn
from bot.lab.locking.bundler import RUBYGEMS
from bot.lab.locking.bundler import RubyGems as RubyGems
from bot.lab.locking.cargo import CRATES_IO
from bot.lab.locking.cargo import Crates as Crates
from bot.lab.locking.composer import PACKAGIST
from bot.lab.locking.composer import Packagist as Packagist
from bot.lab.locking.errand import Room as Room
from bot.lab.resolver import Uv
from bot.lab.toolshed import lacking as lacking
from bot.tools.npm import NpmSettings, settings_of_npm

MOST_FILES = 300  # of one lock: the manifests of a workspace
MOST_SOURCES = 1500  # where the source decides as well, and each file may be a request of its own
_READ_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Locksmith:
    """What this machine has for it: where tools run, uv with pip's indexes, and who asks for npm's settings.

    also: indexes (URLs, with a login or without) that a project may name although pip is not told of them. They are
    asked for nothing but what a project's own settings take from them. crates, packagist, gems: what stands for
    crates.io, packagist.org and rubygems.org.
    """

    room: Room
    uv: Uv
    npm: Callable[[], NpmSettings] = settings_of_npm
    also: Sequence[str] = ()
    crates: Crates = CRATES_IO
    packagist: Packagist = PACKAGIST
    gems: RubyGems = RUBYGEMS

    async def lock(self, job: LockJob) -> Relocked:
        """The lock files that changed, and all that moved in them.

        ConfigProblem: the requirements conflict (in the tool's words), the files name a place that this machine does
        not ask, or the answer is not to be trusted. Transient: an index or registry is away. Permanent: no jail, no
        tool, or a lock of another kind; with the mend.
        """
        if why := lockfiles.why_not(job.lock):
            raise Permanent(why)
        if missing := [path for path in (job.lock, job.manifest) if path not in job.files]:
            raise ConfigProblem("is not among the files that were handed over", where=missing[0])
        await asyncio.to_thread(lockfiles.read, job.files[job.lock], job.lock)
        if job.lock.rpartition("/")[2] == golang.NAME:
            made = await golang.Tool(room=self.room).lock(job)
            return await asyncio.to_thread(_all_compared, job, made)
        return await asyncio.to_thread(_compared, job, await self._made(job))

    async def _made(self, job: LockJob) -> str:
        name = job.lock.rpartition("/")[2]
        if name == uv.NAME:
            return await uv.Tool(uv=self.uv, room=self.room, also=self.also).lock(job)
        if name == poetry.NAME:
            return await poetry.Tool(uv=self.uv, room=self.room, also=self.also).lock(job)
        if name == pdm.NAME:
            return await pdm.Tool(uv=self.uv, room=self.room, also=self.also).lock(job)
        if name == pipenv.NAME:
            return await pipenv.Tool(uv=self.uv, room=self.room, also=self.also).lock(job)
        if name == cargo.NAME:
            return await cargo.Tool(room=self.room, crates=self.crates).lock(job)
        if name == composer.NAME:
            return await composer.Tool(room=self.room, packagist=self.packagist).lock(job)
        if name in bundler.NAMES:
            return await bundler.Tool(room=self.room, gems=self.gems).lock(job)
        # Asked in a thread: npm may have to be started for it.
        settings = await asyncio.to_thread(self.npm)
        if name == pnpm.NAME:
            return await pnpm.Tool(settings=settings, room=self.room).lock(job)
        if name == yarn.NAME:
            return await yarn.Tool(settings=settings, room=self.room).lock(job)
        if name == bun.NAME:
            return await bun.Tool(settings=settings, room=self.room).lock(job)
        return await npm.Tool(settings=settings, room=self.room).lock(job)


def _compared(job: LockJob, new: str) -> Relocked:
    """What came of it. ConfigProblem where a package does not stay with its registry."""
    old = job.files[job.lock]
    if strange := lockfiles.strayed(old, new, job.lock):
        name, place = strange[0]
        raise ConfigProblem(f"would take {name} from {place[:200]}, not from where it comes now", where=job.lock)
    return Relocked(files={job.lock: new} if new != old else {}, moved=lockfiles.moved(old, new, job.lock))


def _all_compared(job: LockJob, made: Mapping[str, str]) -> Relocked:
    """The same for a tool that writes its manifest, too."""
    changed = {path: text for path, text in made.items() if text != job.files[path]}
    return replace(_compared(job, made[job.lock]), files=changed)


async def follow(
    changed: Mapping[str, str],
    files: Collection[str],
    read: Callable[[str], Awaitable[str | None]],
    target: tuple[Component, str],
    locker: Locker,
) -> Relocked:
    """The lock files that must follow a change of manifests, made anew one after the other.

    changed: path -> new text of the manifests; files: all paths of the repository; read: the text of one of them as it
    was. target: the component that moved, and its version. Errors as `Locker.lock`.
    """
    made: dict[str, str] = {}
    moved: list[Moved] = []
    for lock, manifest in locks.wanted(changed, files).items():
        if why := lockfiles.why_not(lock, files):
            raise Permanent(why)
        paths = lockfiles.needed(lock, files, changed[manifest])
        most = MOST_SOURCES if lock.endswith(golang.NAME) else MOST_FILES
        if len(paths) > most:
            raise ConfigProblem(f"would need {len(paths)} files, and {most} are read", where=lock)
        texts = await _texts([path for path in paths if path not in changed], read)
        job = LockJob(files={**texts, **changed}, lock=lock, manifest=manifest, component=target[0], version=target[1])
        done = await locker.lock(job)
        made |= done.files
        moved += done.moved
    return Relocked(files=made, moved=tuple(dict.fromkeys(moved)))


async def _texts(paths: Sequence[str], read: Callable[[str], Awaitable[str | None]]) -> dict[str, str]:
    """Those that there are, several at a time."""
    room = asyncio.Semaphore(_READ_AT_ONCE)

    async def one(path: str) -> str | None:
        async with room:
            return await read(path)

    found = await asyncio.gather(*map(one, paths))
    return {path: text for path, text in zip(paths, found, strict=True) if text is not None}

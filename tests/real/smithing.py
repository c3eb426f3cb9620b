"""The locksmith of a machine that knows registries on loopback alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab.registries import Npm


@asynccontextmanager
async def smith(host: Host, reach: Reach, **knows: Any) -> AsyncIterator[Locksmith]:
    """One with this way out. knows: the places that stand for the public ones, as `Locksmith` names them."""
    async with Http(reach) as http:
        room = Room(host=host, http=http, reach=reach, seconds=60, memory_mib=1024)
        yield Locksmith(room=room, uv=resolver.find_uv(IndexSettings()), **knows)


def of_npm(host: Host, settings: NpmSettings, **reach: Any) -> AbstractAsyncContextManager[Locksmith]:
    """One of a machine whose npm has these settings."""
    return smith(host, Reach(trusted=settings.hosts, **reach), npm=lambda: settings)


async def relocked(host: Host, registry: Npm, work: LockJob, **settings: Any) -> Relocked:
    """What comes of it on a machine that knows this registry of npm alone."""
    async with of_npm(host, NpmSettings(**{"registry": f"{registry.url}/", **settings})) as one:
        return await one.lock(work)

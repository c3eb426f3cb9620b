"""The locksmith of a machine that knows registries on loopback alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from bot.core.errors import ConfigProblem
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab.registries import Npm

# pad, whose later versions need tie, and top, which needs tie.
PACKAGES: dict[str, dict[str, Mapping[str, Any]]] = {
    "pad": {
        "1.0.0": {},
        "1.1.0": {"dependencies": {"tie": "^1.0.0"}},
        "1.2.0": {"dependencies": {"tie": "^1.1.0"}},
        "1.9.0": {},
    },
    "tie": {"1.0.0": {}, "1.1.0": {}, "1.5.0": {}},
    "top": {"1.0.0": {"dependencies": {"tie": "^1.0.0"}}},
}


@asynccontextmanager
async def smith(
    host: Host, reach: Reach, *, index: IndexSettings | None = None, seconds: float = 60, **knows: Any
) -> AsyncIterator[Locksmith]:
    """One with this way out. knows: the places that stand for the public ones, as `Locksmith` names them."""
    async with Http(reach) as http:
        room = Room(host=host, http=http, reach=reach, seconds=seconds, memory_mib=1024)
        yield Locksmith(room=room, uv=resolver.find_uv(index or IndexSettings()), **knows)


def of_npm(host: Host, settings: NpmSettings, **reach: Any) -> AbstractAsyncContextManager[Locksmith]:
    """One of a machine whose npm has these settings."""
    return smith(host, Reach(trusted=settings.hosts, **reach), npm=lambda: settings)


def of_pip(host: Host, index: IndexSettings, *, seconds: float = 100) -> AbstractAsyncContextManager[Locksmith]:
    """One of a machine whose pip has these settings."""
    reach, npm = Reach(trusted=index.hosts, ca=index.cert), NpmSettings(registry="https://npm.example/")
    return smith(host, reach, index=index, seconds=seconds, npm=lambda: npm)


async def relocked(host: Host, registry: Npm, work: LockJob, **settings: Any) -> Relocked:
    """What comes of it on a machine that knows this registry of npm alone."""
    async with of_npm(host, NpmSettings(**{"registry": f"{registry.url}/", **settings})) as one:
        return await one.lock(work)


async def refusal(locking: Awaitable[Relocked]) -> str:
    """Why it is refused, in the words that a person gets."""
    with pytest.raises(ConfigProblem) as caught:
        await locking
    return str(caught.value)

"""A lab that fetches from loopback, or from where a test says, and examines nothing but what a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.lab import resolver, trial
from bot.lab.environments import Fetching
from bot.lab.host import Host
from bot.lab.locks import Room
from bot.lab.trial import Laboratory
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings


@asynccontextmanager
async def fetching(host: Host, reach: Reach | None = None, **knows: Any) -> AsyncIterator[Fetching]:
    """A way out, to loopback alone by default. knows: what stands for the public places, as `Fetching` has them."""
    there = reach or Reach(trusted={"127.0.0.1"})
    async with Http(there) as http:
        yield Fetching(room=Room(host=host, http=http, reach=there), **knows)


@asynccontextmanager
async def laboratory(
    host: Host,
    folder: Path,
    *,
    reach: Reach | None = None,
    index: IndexSettings | None = None,
    examiners: Mapping[str, Any] | None = None,
    **knows: Any,
) -> AsyncIterator[Laboratory]:
    """One that keeps what it knows below folder. index: of Python, none by default. reach, knows: see `fetching`."""
    uv = resolver.find_uv(index or IndexSettings(no_index=True))
    async with fetching(host, reach, **knows) as ways:
        yield trial.laboratory(folder, host=host, uv=uv, fetching=ways, examiners=examiners or {})

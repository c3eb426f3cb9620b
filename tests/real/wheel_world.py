"""A small world of wheels for locks: pad, whose later versions need tie, and top, which needs tie."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.lab.host import Host
from bot.lab.locks import LockJob, Relocked
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.registries import Wheels
from tests.real.smithing import of_pip

NEEDS = {"pad 1.1": ["tie"], "pad 1.2": ["tie>=1.1"], "top 1.0": ["tie"]}


@asynccontextmanager
async def pads(place: Path) -> AsyncIterator[Wheels]:
    """An index with pad 1.0 to 2.0 (1.1 and 1.2 need tie), tie 1.0 to 1.2, and top that needs tie."""
    folder = place / "wheels"
    versions = {"pad": ["1.0", "1.1", "1.2", "2.0"], "tie": ["1.0", "1.1", "1.2"], "top": ["1.0"]}
    for name, each in versions.items():
        for version in each:
            world.wheel(folder, name, version, {f"{name}.py": f"#{version}"}, NEEDS.get(f"{name} {version}", []))
    async with Wheels(folder=folder).running(place) as index:
        yield index


def wheel(folder: Path, name: str, version: str) -> tuple[str, str]:
    """The name of its file, and the checksum as locks have it."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    return file.name, f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


async def relocked(host: Host, index: Wheels, work: LockJob, *, seconds: float = 100) -> Relocked:
    """What comes of it on a machine that asks this index in the stead of the public one."""
    async with of_pip(host, IndexSettings(index_url=f"{index.url}/simple"), seconds=seconds) as one:
        return await one.lock(work)

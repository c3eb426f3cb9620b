"""A bare fetch of index pages: each is fetched and decoded to what a choice needs, and nothing is chosen.

`python -m tests.bench.bare URL…` of pages of the simple API. Nothing of the project is imported: this is what
`surefoot check` is held against.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import msgspec

ACCEPT = "application/vnd.pypi.simple.v1+json"
AT_ONCE = 16


class File(msgspec.Struct, rename="kebab"):
    """One entry; the rest is passed over unread."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    upload_time: str | None = None
    yanked: str | bool = False


class Page(msgspec.Struct):
    """One project."""

    files: list[File]
    versions: list[str] = []


async def _all(urls: list[str]) -> int:
    room, decoder = asyncio.Semaphore(AT_ONCE), msgspec.json.Decoder(Page)

    async def one(session: aiohttp.ClientSession, url: str) -> int:
        async with room, session.get(url, headers={"Accept": ACCEPT}) as answer:
            return len(decoder.decode(await answer.read()).files)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        return sum(await asyncio.gather(*(one(session, url) for url in urls)))


if __name__ == "__main__":
    print(asyncio.run(_all(sys.argv[1:])))

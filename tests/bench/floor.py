"""The least that a program in Python can do: fetch each document, decode it, take the highest finished version.

`python -m tests.bench.floor BASE CACHE` where CACHE is a file of validators; with one there it asks conditionally.
Nothing of the project is imported: this is what it is held against.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
from packaging.version import InvalidVersion, Version

AT_ONCE = 16


def _highest(versions: list[str]) -> str:
    found = []
    for text in versions:
        try:
            found.append(Version(text))
        except InvalidVersion:
            continue
    return str(max((one for one in found if not one.is_prerelease), default=""))


async def _one(
    session: aiohttp.ClientSession, room: asyncio.Semaphore, url: str, known: dict[str, str], accept: str
) -> tuple[str, str]:
    headers = {"Accept": accept} | ({"If-None-Match": known[url]} if url in known else {})
    async with room, session.get(url, headers=headers) as answer:
        if answer.status == 304:
            return url, known[url]
        body = await answer.read()
        document = json.loads(body)
        _highest(list(document["versions"]))
        return url, answer.headers.get("ETag", "")


async def _all(urls: list[tuple[str, str]], place: Path) -> None:
    known = json.loads(place.read_text()) if place.exists() else {}
    room = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        got = await asyncio.gather(*(_one(session, room, url, known, accept) for url, accept in urls))
    place.write_text(json.dumps({url: etag for url, etag in got if etag}))


def main() -> None:
    """The names come on standard input, one a line: a path and what to accept."""
    base, place = sys.argv[1], Path(sys.argv[2])
    lines = [line.split("\t") for line in sys.stdin.read().splitlines()]
    asyncio.run(_all([(base + path, accept) for path, accept in lines], place))


if __name__ == "__main__":
    main()

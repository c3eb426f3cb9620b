"""Of one package a registry shows only the version that was chosen and those that are locked: the newest is that one.

Some tools have no way to say "this version, and my range beside it". They take the newest that a range lets through;
so that is what they are shown. What they make of it is judged like all else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import unquote

from bot.core.errors import ConfigProblem, Missing
from bot.lab.locking.gateway import Document

Get = Callable[[str, str], Awaitable[Document]]


class Npm:
    """A `gateway.Desk` for a registry of npm's. registry: its URL without a slash; kept: what is shown besides."""

    def __init__(self, registry: str, name: str, chosen: str, kept: Collection[str]) -> None:
        self._url = f"{registry}/{name}"
        self._chosen = chosen
        self._kept = {chosen, *kept}

    async def answer(self, url: str, get: Get) -> Document | None:
        """The package's document with these versions alone; None for all else."""
        if unquote(url) != self._url:
            return None
        found = await get(url, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*")
        return Document(await asyncio.to_thread(self._shown, found.body), "application/json")

    def _shown(self, body: bytes) -> bytes:
        try:
            told = json.loads(body)
            versions = {version: about for version, about in told["versions"].items() if version in self._kept}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
            raise ConfigProblem(f"the registry's document about {self._url} cannot be read") from problem
        if self._chosen not in versions:
            raise Missing(f"{self._url} has no version {self._chosen}")
        return json.dumps({**told, "versions": versions, "dist-tags": {"latest": self._chosen}}).encode()


class Gems:
    """A `gateway.Desk` for a compact index of gems. places: URLs of it; kept: name -> the versions that are shown."""

    def __init__(self, places: Collection[str], kept: Mapping[str, Collection[str]]) -> None:
        self._urls = {f"{place}/info/{name}": (name, versions) for place in places for name, versions in kept.items()}

    async def answer(self, url: str, get: Get) -> Document | None:
        """The lines of a gem's page with these versions alone; None for all else."""
        if unquote(url) not in self._urls:
            return None
        name, versions = self._urls[unquote(url)]
        found = await get(url, "*/*")
        lines = found.body.decode("utf-8", "replace").splitlines(keepends=True)
        shown = [line for line in lines if line.startswith("---") or _version_of(line) in versions]
        if len(shown) < 2:
            raise Missing(f"{url} has no version {', '.join(versions)} of {name}")
        return Document("".join(shown).encode(), "text/plain")


def _version_of(line: str) -> str:
    """Of `1.0.0-java dep:>= 1|checksum:…`."""
    return line.partition(" ")[0].partition("-")[0]

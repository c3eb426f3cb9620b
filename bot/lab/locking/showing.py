"""Of one package a registry shows only the version that was chosen and those that are locked: the newest is that one.

Some tools have no way to say "this version, and my range beside it". They take the newest that a range lets through;
so that is what they are shown. What they make of it is judged like all else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
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

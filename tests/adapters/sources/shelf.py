"""A registry on loopback: documents by their path, with validators, logins, failures and a log of what was asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.adapters.index_server import serving

Answer = Callable[[web.Request], web.Response]


@dataclass(frozen=True)
class Asked:
    """One request as it came in: the path as written, and the answer's status."""

    path: str
    status: int
    accept: str
    authorization: str


@dataclass
class Shelf:
    """pages: raw path -> text, JSON document or a function of the request. kinds: raw path -> content type.

    login: the Authorization header without which nobody is served. fail: a status for every request.
    """

    pages: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    login: str = ""
    fail: int = 0
    etags: bool = True
    seen: list[Asked] = field(default_factory=list)
    url: str = ""

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [asked.path for asked in self.seen]

    async def handle(self, request: web.Request) -> web.Response:
        """One request, noted with its answer."""
        answer = self._answer(request)
        header = request.headers.get
        self.seen.append(
            Asked(request.raw_path, answer.status, header("Accept", ""), header("Authorization", ""))
        )  # fmt: skip
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        if self.fail:
            return web.Response(status=self.fail)
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        page = self.pages.get(request.raw_path)
        if page is None:
            return web.Response(status=404)
        if callable(page):
            made: web.Response = page(request)
            return made
        text = page if isinstance(page, str) else json.dumps(page)
        kind = self.kinds.get(request.raw_path, "text/plain" if isinstance(page, str) else "application/json")
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
        if self.etags and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(text=text, content_type=kind, headers={"ETag": tag} if self.etags else {})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Shelf]:
        """Serve on a free loopback port while the block runs."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.handle)
        async with serving(app) as base:
            self.url = base
            yield self


def sends_to(url: str) -> Answer:
    """A page that sends the asker to another place."""
    return lambda request: web.Response(status=302, headers={"Location": url})

"""The door by which components are registered that no file pins: who deploys one says which version runs now."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bot.config.endpoints import registration
from bot.core.errors import ConfigProblem
from bot.core.model import Component, RepoName
from bot.store.registered import MOST, TooMany
from bot.store.rows import RepoRow, repo_work
from bot.store.store import Store

MOST_BYTES = 64 << 10
PATH = "/api/repos/{owner}/{name}/components"


class Components:
    """`GET`, `PUT` and `DELETE` of what is registered for one repository; guarded by `web.guard`."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [web.get(PATH, self.listed), web.put(PATH, self.register), web.delete(PATH, self.forget)]

    async def listed(self, request: web.Request) -> web.Response:
        """What is registered, as it was given."""
        row = await self._repo(request)
        documents = [json.loads(one) for one in await self._store.registered(row.name)]
        return web.json_response({"components": documents})

    async def register(self, request: web.Request) -> web.Response:
        """Register one, or say what runs of it now; the repository is looked at. 400 names the mistake."""
        row = await self._repo(request)
        document = await _document(request)
        try:
            found = registration(json.dumps(document))
        except ConfigProblem as problem:
            raise web.HTTPBadRequest(text=str(problem)) from None
        try:
            await self._store.register(row.name, found.component, json.dumps(document))
        except TooMany:
            raise web.HTTPConflict(text=f"no more than {MOST} components of one repository") from None
        await self._store.wake([repo_work(row.name)], now=self._clock())
        return web.json_response({"registered": document})

    async def forget(self, request: web.Request) -> web.Response:
        """Named by `?ecosystem=…&name=…`, and `registry` where it was given one. 404 when it was not registered."""
        row, query = await self._repo(request), request.query
        component = Component(
            name=query.get("name", ""), ecosystem=query.get("ecosystem", ""), registry=query.get("registry", "")
        )
        if not await self._store.unregister(row.name, component):
            raise web.HTTPNotFound(text="no such component is registered")
        await self._store.wake([repo_work(row.name)], now=self._clock())
        return web.json_response({"forgotten": component.name})

    async def _repo(self, request: web.Request) -> RepoRow:
        name = RepoName(f"{request.match_info['owner']}/{request.match_info['name']}")
        row = await self._store.repo(name)
        if row is None or not row.active:
            raise web.HTTPNotFound(text="the App is not installed on a repository of this name")
        return row


async def _document(request: web.Request) -> dict[str, object]:
    body = await request.read()
    if len(body) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(max_size=MOST_BYTES, actual_size=len(body))
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return found

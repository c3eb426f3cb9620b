"""Pages for people: every update, and of each the whole story; read only, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from bot.core import render
from bot.core.model import UpdateId
from bot.store.store import Store
from bot.web.pages import FOLDER, Pages


class Dashboard:
    """`/` and `/updates/{id}`. missing: what the operator has not set yet; pages: with the way to GitHub."""

    def __init__(self, store: Store, *, missing: Sequence[str] = (), pages: Pages | None = None) -> None:
        self._store, self._missing, self._pages = store, tuple(missing), pages or Pages()
        self._live = (FOLDER / "live.js").read_text()

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be guarded by `web.guard`."""
        return [
            web.get("/", self.updates),
            web.get("/updates/{id}", self.update),
            web.get("/live.js", self.live),
        ]

    async def updates(self, _request: web.Request) -> web.Response:
        """Every repository and the latest updates."""
        found, repos = await self._store.recent(200), await self._store.repos()
        return self._pages.page("updates.html", updates=found, repos=repos, missing=self._missing)

    async def update(self, request: web.Request) -> web.Response:
        """One update's story."""
        uid = UpdateId(request.match_info["id"])
        row = await self._store.load(uid)
        if row is None:
            raise web.HTTPNotFound(text="no such update")
        audit = await self._store.audit(uid)
        tried = row.update.simulation.suites if row.update.simulation else ()
        logs = list(dict.fromkeys(suite.kind for suite in tried if suite.log))
        return self._pages.page("update.html", u=row.update, stands=render.steps(row.update), audit=audit, logs=logs)

    async def live(self, _request: web.Request) -> web.Response:
        """What keeps a page fresh, as a file of its own: nothing that stands in a page may run."""
        return web.Response(text=self._live, content_type="text/javascript")

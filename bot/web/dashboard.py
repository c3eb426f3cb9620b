"""Pages for people: every update, and of each the whole story; read only, everything escaped."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.core import names, render
from bot.core.model import State, Update, UpdateId
from bot.store.store import Store

TONES = {
    State.DONE: "good",
    State.MERGED: "good",
    State.APPROVED: "good",
    State.REJECTED: "bad",
    State.FAILED: "bad",
    State.ROLLED_BACK: "bad",
    State.ROLLING_BACK: "bad",
    State.IN_REVIEW: "wait",
    State.DEFERRED: "wait",
    State.PAUSED: "wait",
}


def prose(text: str) -> Markup:
    """Our own sentences as a page shows them: escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped the line before


def steps(update: Update) -> list[str]:
    """From which version to which, of the first few components."""
    told = [f"{part.component.name} {part.current} → {part.target}" for part in update.parts]
    more = len(told) - names.NAMED
    return [*told[: names.NAMED], f"and {more} more"] if more > 0 else told


class Dashboard:
    """`/` and `/updates/{id}`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        folder = Path(__file__).parent / "templates"
        self._pages = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
        self._pages.filters["prose"] = prose
        self._pages.globals.update(words=render.WORDS, tone=lambda state: TONES.get(state, ""))
        self._pages.globals.update(steps=steps, brought=names.brought)

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be guarded by `web.guard`."""
        return [web.get("/", self.updates), web.get("/updates/{id}", self.update)]

    async def updates(self, _request: web.Request) -> web.Response:
        """Every repository and the latest updates."""
        return self._page("updates.html", updates=await self._store.recent(200), repos=await self._store.repos())

    async def update(self, request: web.Request) -> web.Response:
        """One update's story."""
        uid = UpdateId(request.match_info["id"])
        row = await self._store.load(uid)
        if row is None:
            raise web.HTTPNotFound(text="no such update")
        audit = await self._store.audit(uid)
        return self._page("update.html", u=row.update, stands=render.steps(row.update), audit=audit)

    def _page(self, name: str, **values: object) -> web.Response:
        return web.Response(text=self._pages.get_template(name).render(**values), content_type="text/html")

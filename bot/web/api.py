"""What machines read: health, figures, updates with their audit; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from bot import __version__
from bot.core import reports
from bot.core.model import ENDS, Simulation, State, Update, UpdateId
from bot.store.store import Store
from bot.tools import metrics
from bot.tools.secrets import redact


class Api:
    """The reading routes. missing: what the operator has not set, said by /healthz."""

    def __init__(self, store: Store, *, missing: tuple[str, ...]) -> None:
        self._store, self._missing = store, missing

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be guarded by `web.guard` but for /healthz."""
        return [
            web.get("/healthz", self.health),
            web.get("/metrics", self.figures),
            web.get("/api/updates", self.updates),
            web.get("/api/updates/{id}", self.update),
            web.get("/api/updates/{id}/simulation", self.simulation),
            web.get("/api/updates/{id}/simulation.xml", self.junit),
            web.get("/api/updates/{id}/log/{suite}", self.output),
            web.get("/api/repos", self.repos),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """200 when the store answers; says what is missing."""
        await self._store.get("alive")
        return web.json_response({"ok": True, "version": __version__, "missing": list(self._missing)})

    async def figures(self, _request: web.Request) -> web.Response:
        """Prometheus text. Updates are counted here, for a gauge tells of now."""
        counted = await self._store.standing()
        for state in State:
            if state not in ENDS:
                metrics.UPDATES.labels(state.value).set(counted.get(state, 0))
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def updates(self, request: web.Request) -> web.Response:
        """The latest updates; `repo=owner/name` for those of one repository, `limit` up to 500."""
        repo = request.query.get("repo")
        try:
            limit = min(500, max(1, int(request.query.get("limit", "100"))))
        except ValueError:
            raise web.HTTPBadRequest(text="limit must be a number") from None
        found = await self._store.of_repo(repo) if repo else await self._store.recent(limit)
        return _json({"updates": [_whole(one) for one in (found[-limit:] if repo else found)]})

    async def update(self, request: web.Request) -> web.Response:
        """One update with all that happened to it."""
        uid = UpdateId(request.match_info["id"])
        row = await self._store.load(uid)
        if row is None:
            raise web.HTTPNotFound(text="no such update")
        return _json({"update": _whole(row.update), "due": row.due, "audit": await self._store.audit(uid)})

    async def simulation(self, request: web.Request) -> web.Response:
        """The last simulation of an update, as `surefoot check --json` has it."""
        return _json(reports.as_plain(await self._tried(request)))

    async def junit(self, request: web.Request) -> web.Response:
        """The same as JUnit."""
        text = reports.as_junit(await self._tried(request))
        return web.Response(text=text, content_type="application/xml")

    async def output(self, request: web.Request) -> web.Response:
        """What the candidate's run of one suite printed, its last part, with what looks like a login taken out."""
        tried = await self._tried(request)
        kind = request.match_info["suite"]
        logs = [suite.log for suite in tried.suites if suite.kind == kind]
        if not logs:
            raise web.HTTPNotFound(text="no such suite")
        return web.Response(text=redact("\n".join(logs)), content_type="text/plain")

    async def _tried(self, request: web.Request) -> Simulation:
        row = await self._store.load(UpdateId(request.match_info["id"]))
        if row is None or row.update.simulation is None:
            raise web.HTTPNotFound(text="no such update, or it was not tried yet")
        return row.update.simulation

    async def repos(self, _request: web.Request) -> web.Response:
        """The repositories, with the last look's answer to "why was nothing proposed?"."""
        return _json({"repos": await self._store.repos()})


def _whole(update: Update) -> Mapping[str, object]:
    """An update, with every step that it makes under `parts`: one, or those of a group."""
    return {**msgspec.to_builtins(update), "parts": update.parts}


def _json(data: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json")

"""The door of production's controller: hand over a tree, ask for a share of traffic. Loopback only, for deploy jobs.

`GET /releases/{sha}`: 200 or 404. `PUT /releases/{sha}` with a tar: 201. `POST /deploy` with {"sha", "stable",
"weight"} in JSON: 200 once the traffic is as asked, 409 with the reason when it stayed as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.demo.fleet import Fleet, NotDeployed

MOST_TREE = 64 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Control:
    """The running door."""

    fleet: Fleet
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve on a free loopback port; answers the address, without a slash at its end."""
        app = web.Application(client_max_size=MOST_TREE)
        app.router.add_get("/releases/{sha}", self._known)
        app.router.add_put("/releases/{sha}", self._take)
        app.router.add_post("/deploy", self._deploy)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self.url

    async def close(self) -> None:
        """Stop serving; the fleet goes on."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _known(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        if not self.fleet.knows(sha):
            raise web.HTTPNotFound(text=f"no release {sha} here\n")
        return web.json_response({"sha": sha, "up": sha in self.fleet.up})

    async def _take(self, request: web.Request) -> web.Response:
        try:
            await self.fleet.take(request.match_info["sha"], await request.read())
        except NotDeployed as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        return web.json_response({"sha": request.match_info["sha"]}, status=201)

    async def _deploy(self, request: web.Request) -> web.Response:
        try:
            order = _order(await request.json())
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text=f"this is no order: {error!r}\n") from error
        try:
            await self.fleet.deploy(order.sha, stable=order.stable, weight=order.weight)
        except NotDeployed as error:
            raise web.HTTPConflict(text=f"{error}\n") from error
        return web.json_response({"weights": dict(self.fleet.proxy.weights)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    sha: str
    stable: str
    weight: int


def _order(said: Any) -> _Order:
    order = _Order(sha=str(said["sha"]), stable=str(said["stable"]), weight=int(said["weight"]))
    if not 0 <= order.weight <= 100:
        raise ValueError("a weight is a share in per cent, from 0 to 100")
    return order

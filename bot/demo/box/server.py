"""The door: a request passes weather, identity, limits and permissions before its route sees it; all is logged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.demo.box import auth, automerge, smart
from bot.demo.box.call import MISSING, Auth, Call, Reply, Route
from bot.demo.box.errors import DOCS, Refusal, not_found
from bot.demo.box.faults import RequestFault
from bot.demo.box.git import GitError
from bot.demo.box.pages import PAGES
from bot.demo.box.routes import API, graphql
from bot.demo.box.rows import Repo
from bot.demo.box.world import Exchange, World

VERSIONS = ("2022-11-28", "2026-03-10")
SLASHED = ("path", "ref", "basehead", "branch", "tag", "environment_name")  # parameters that may hold a slash
MEDIA = "github.v3; format=json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)


class Broken(Exception):
    """The connection ends here without an answer."""


def application(world: World) -> web.Application:
    """The whole server."""

    async def changed(repo: Repo) -> None:
        async with repo.lock:
            await automerge.consider(world, repo)

    world.when_changed = changed
    app = web.Application(client_max_size=256 * 2**20, middlewares=[refusals])
    # A last parameter that may hold slashes would swallow every longer path, so these are tried behind all others.
    for route in sorted(API, key=lambda one: one.path.endswith(tuple(f"{{{name}}}" for name in SLASHED))):
        for prefix in ("", "/api/v3"):
            app.router.add_route(route.method, prefix + pattern(route.path), door(world, route))
    advertise, exchange = smart.doors(world)
    app.router.add_get("/{owner}/{repo}/info/refs", advertise)
    app.router.add_post("/{owner}/{repo}/{service:git-(?:upload|receive)-pack}", exchange)
    for path, show in PAGES:
        app.router.add_get(pattern(path), page_door(world, show))
    return app


def pattern(template: str) -> str:
    """GitHub's template as one of aiohttp's, with the parameters that may hold slashes opened."""
    for name in SLASHED:
        template = template.replace(f"{{{name}}}", f"{{{name}:.+}}" if name != "path" else "{path:.*}")
    return template


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What no route caught: unknown addresses are 404 in JSON, and our own mistakes 500 with a trace in the log."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return web.json_response(not_found().body(), status=404)
    except (web.HTTPException, Broken, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("the box broke at %s %s", request.method, request.path)
        return web.json_response({"message": "Server Error"}, status=500)


def page_door(world: World, show: Callable[[Call], Awaitable[str]]) -> Handler:
    """A page for people; they need no token here."""

    async def handle(request: web.Request) -> web.StreamResponse:
        text = await show(await parsed(world, request, auth.NOBODY))
        return web.Response(text=text, content_type="text/html")

    return handle


async def parsed(world: World, request: web.Request, actor: auth.Actor) -> Call:
    """A request as a Call."""
    return Call(
        world=world,
        actor=actor,
        method=request.method,
        path=request.path.removeprefix("/api/v3"),
        params=dict(request.match_info),
        query=dict(request.query),
        headers=request.headers,
        raw=await request.read(),
    )


def door(world: World, route: Route) -> Handler:
    """The handler of one route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3")
        if path.startswith("/_box"):
            return encode(request, await attempt(route.handle(await parsed(world, request, auth.NOBODY))))
        row = await written_down(world, request, route, path)
        try:
            reply, headers = await answered(world, request, route, row)
        except Broken:
            row.status = 0
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        row.status = reply.status
        row.response = None if reply.json is MISSING else reply.json
        return encode(request, reply, headers)

    return handle


async def written_down(world: World, request: web.Request, route: Route, path: str) -> Exchange:
    """The row of the log, before anything can go wrong."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw.strip() else None
    except ValueError:
        body = raw.decode("utf-8", "replace")
    row = Exchange(method=request.method, path=path, template=route.path, query=dict(request.query), body=body)
    world.log.append(row)
    return row


async def answered(world: World, request: web.Request, route: Route, row: Exchange) -> tuple[Reply, dict[str, str]]:
    """The answer with its rate headers, or the fault that came between."""
    if early := await weather(world, "before", row):
        return early, {}
    headers: dict[str, str] = {}
    try:
        check_version(request)
        actor = auth.actor_of(world, request.headers.get("Authorization"))
        row.actor = actor.identity
        resource = "graphql" if route.path == "/graphql" else "core"
        bucket = world.limits.bucket(actor.identity, resource)
        counts = route.path != "/rate_limit"  # whoever is out of requests may still ask that, and it costs nothing
        if counts and (spent := check_limits(world, actor, resource)):
            return spent, bucket.headers(resource)
        bucket.used += counts
        reply = await attempt(routed(world, request, route, actor))
        etag = tag_of(reply, request)
        if etag and etag in request.headers.get("If-None-Match", ""):
            bucket.used -= counts  # GitHub does not count what has not changed
            reply = Reply(status=304, headers=reply.headers)
        headers = bucket.headers(resource) | ({"ETag": etag} if etag else {})
    except Refusal as refusal:
        reply = refused(refusal)
    if reply.status == 201:
        remember(world, reply.json)
    if late := await weather(world, "after", row):
        return late, headers
    return reply, headers


async def routed(world: World, request: web.Request, route: Route, actor: auth.Actor) -> Reply:
    """Permissions, then the route; changes to one repository happen one after the other."""
    call = await parsed(world, request, actor)
    if world.faults.hides(call.path):
        raise not_found()
    if onward := world.led_on(request.rel_url.raw_path.removeprefix("/api/v3")):
        return led(world, request, onward)
    if route.auth is Auth.APP and not actor.is_app:
        raise Refusal(401, "A JSON web token could not be decoded")
    if route.auth is Auth.REPO:
        auth.check(actor, call.repo, call.method, route.path)
        if call.repo.archived and call.method != "GET" and route.path != "/repos/{owner}/{repo}":
            raise Refusal(403, "Repository was archived so is read-only.")
    async with AsyncExitStack() as stack:
        if "repo" not in call.params or call.method == "GET":
            return await route.handle(call)
        await stack.enter_async_context(call.repo.lock)
        reply = await route.handle(call)
        await automerge.consider(world, call.repo)
        return reply


def led(world: World, request: web.Request, onward: str) -> Reply:
    """What a renamed repository answers under its old name: look there."""
    there = f"{world.url}{onward}" + (f"?{request.query_string}" if request.query_string else "")
    said = {"message": "Moved Permanently", "url": there, "documentation_url": DOCS}
    return Reply(status=301 if request.method == "GET" else 307, json=said, headers={"Location": there})


async def attempt(work: Awaitable[Reply]) -> Reply:
    """A route's reply, its refusal, or git's refusal as 422."""
    try:
        return await work
    except Refusal as refusal:
        return refused(refusal)
    except GitError as error:
        return refused(Refusal(422, str(error)))


def refused(refusal: Refusal) -> Reply:
    """A refusal as a reply."""
    return Reply(status=refusal.status, json=refusal.body(), headers=refusal.headers)


def check_version(request: web.Request) -> None:
    """400 for an API version that GitHub does not speak."""
    version = request.headers.get("X-GitHub-Api-Version", VERSIONS[0])
    if version not in VERSIONS:
        raise Refusal(400, f"The API version '{version}' is not supported. Supported versions: {', '.join(VERSIONS)}.")


def check_limits(world: World, actor: auth.Actor, resource: str) -> Reply | None:
    """403 in the two ways that GitHub says it; only the headers tell them apart. GraphQL says the first with 200."""
    bucket = world.limits.bucket(actor.identity, resource)
    said = f"API rate limit exceeded for {actor.identity}."
    if bucket.remaining == 0 and resource == "graphql":
        return graphql.failed(said, "RATE_LIMITED")
    if bucket.remaining == 0:
        raise Refusal(403, said, headers=bucket.headers(resource))
    until = world.faults.secondary_until
    if until and until > world.now():
        wait = max(1, round((until - world.now()).total_seconds()))
        said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        raise Refusal(403, said, headers={"Retry-After": str(wait)})
    return None


async def weather(world: World, when: str, row: Exchange) -> Reply | None:
    """The fault that meets this request now: an answer, a broken line, or silence."""
    fault = world.faults.for_request(when, row.method, row.path)
    if fault is None:
        return None
    match fault.kind:
        case "answer":
            return stormy(fault)
        case "hang":
            await asyncio.Event().wait()  # until the client gives up
        case "call" if fault.run:
            await fault.run()
            return None
    raise Broken


def stormy(fault: RequestFault) -> Reply:
    """The answer of a fault."""
    said = {"message": "Server Error" if fault.status >= 500 else "Fault set in the box"}
    return Reply(status=fault.status, json=said, headers=fault.headers)


def remember(world: World, body: Any) -> None:
    """Where the new thing lives, for the replica that has not heard of it yet."""
    if isinstance(body, dict):
        urls = [body.get(name) for name in ("url", "issue_url")]
        world.faults.created(*[urlsplit(url).path for url in urls if isinstance(url, str)])


def tag_of(reply: Reply, request: web.Request) -> str | None:
    """The weak ETag of a readable answer."""
    if request.method != "GET" or reply.status != 200:
        return None
    text = reply.data if reply.json is MISSING else json.dumps(reply.json).encode()
    return f'W/"{hashlib.sha256(text).hexdigest()}"'


def encode(request: web.Request, reply: Reply, more: dict[str, str] | None = None) -> web.StreamResponse:
    """A reply on the wire."""
    headers = {
        "X-GitHub-Media-Type": MEDIA,
        "X-GitHub-Request-Id": f"BOX:{id(request):X}",
        **(more or {}),
        **reply.headers,
    }
    if reply.json is not MISSING and reply.status not in (204, 304):
        return web.json_response(reply.json, status=reply.status, headers=headers)
    return web.Response(body=reply.data or None, status=reply.status, headers=headers)

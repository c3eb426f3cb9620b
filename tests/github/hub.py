"""The smallest GitHub: it knows one App and its tokens, counts what it is asked, and answers as a test tells it to."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.github.client import Client, Line, Manners, Pace
from bot.github.etags import Etags
from bot.github.forge import Forge

APP_ID = 4242
START = 1_780_000_000.0  # seconds since 1970 at which a hub's clock begins


@cache
def key() -> rsa.RSAPrivateKey:
    """The App's key of this test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    """The same key as GitHub lets it be downloaded."""
    raw = key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return raw.decode()


@dataclass
class Clock:
    """Time that moves only when a test moves it."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


Reply = Callable[[Asked], web.Response] | Callable[[Asked], Awaitable[web.Response]]


def said(data: Any, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer; header names with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(data, status=status, headers=named)


def tagged(asked: Asked, data: Any, **headers: str) -> web.Response:
    """As GitHub does with a GET: an ETag over the body, and 304 without one for whoever has it."""
    body = json.dumps(data).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"etag": tag}
    if asked.headers.get("if-none-match") == tag:
        return web.Response(status=304, headers=named)
    return web.Response(body=body, content_type="application/json", headers=named)


@dataclass
class Hub:
    """Routes are (method, path) without query; what has none is 404. Every installation token it gave is valid."""

    clock: Clock = field(default_factory=Clock)
    routes: dict[tuple[str, str], Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    minted: list[Any] = field(default_factory=list)  # the bodies of the requests for a token
    hour: float = 3600.0  # how long a token lives
    token_form: str = "ghs_{number:036d}"
    mint_slowly: float = 0.0
    url: str = ""
    stop: Callable[[], Awaitable[None]] | None = None
    together: int = 0
    most_together: int = 0

    def on(self, method: str, path: str, reply: Reply) -> None:
        self.routes[(method, path)] = reply

    def to(self, path: str) -> list[Asked]:
        """The requests to one path."""
        return [one for one in self.asked if one.path == path]

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = json.loads(raw) if raw else None
        asked = Asked(request.method, request.path, dict(request.query), headers, body)
        self.asked.append(asked)
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        try:
            return await self._answer(asked)
        finally:
            self.together -= 1

    async def _answer(self, asked: Asked) -> web.Response:
        scheme, _, secret = asked.headers.get("authorization", "").partition(" ")
        if asked.path.endswith("/access_tokens"):
            return await self._mint(asked, scheme, secret)
        as_app = asked.path.startswith("/app") or asked.path.endswith("/installation")
        if secret and not as_app and secret not in self.tokens:
            return said({"message": "Bad credentials"}, 401)
        reply = self.routes.get((asked.method, asked.path))
        if reply is None:
            return said({"message": "Not Found"}, 404)
        answer = reply(asked)
        return await answer if isinstance(answer, Awaitable) else answer

    async def _mint(self, asked: Asked, scheme: str, secret: str) -> web.Response:
        claims = jwt.decode(
            secret,
            key().public_key(),
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False},
        )
        assert scheme == "Bearer" and claims["iss"] == str(APP_ID)
        assert claims["iat"] <= self.clock() < claims["exp"] <= self.clock() + 600
        await asyncio.sleep(self.mint_slowly)
        if (own := self.routes.get(("POST", asked.path))) is not None:
            answer = own(asked)
            assert isinstance(answer, web.Response)
            return answer
        self.minted.append(asked.body)
        token = self.token_form.format(number=len(self.minted))
        self.tokens.add(token)
        end = datetime.fromtimestamp(self.clock() + self.hour, UTC)
        return said({"token": token, "expires_at": f"{end:%Y-%m-%dT%H:%M:%SZ}"}, 201)


def speaking(line: Line, token: str | None = None) -> Client:
    """Somebody with a token of their own, or a stranger, at the same GitHub; nothing of what they hear is kept."""

    async def theirs(_stale: str | None) -> str | None:
        return token

    return Client(replace(line, etags=Etags(most_bytes=0)), "somebody", theirs)


@asynccontextmanager
async def hub_and_forge(hub: Hub | None = None, **manners: Any):
    """A hub on a free port of the loopback, and a forge that speaks to it without pacing unless told."""
    hub = hub or Hub()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", hub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    hub.url = f"http://{host}:{port}"
    hub.stop = site.stop
    how = {"clock": hub.clock, "pace": Pace(seconds=0), "seconds": 5.0} | manners
    async with aiohttp.ClientSession() as session:
        yield hub, Forge(APP_ID, pem(), session=session, api_url=hub.url, manners=Manners(**how))
    await runner.cleanup()

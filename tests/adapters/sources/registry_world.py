"""An image registry on loopback by the OCI distribution specification: open, with a login or with tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import web

from tests.adapters.index_server import serving

INDEX = "application/vnd.oci.image.index.v1+json"
DIGESTED = "Docker-Content-Digest"


def manifest(text: str) -> bytes:
    """An image index that differs for each text."""
    body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"what": text}}
    return json.dumps(body).encode()


def digest_of(body: bytes) -> str:
    """As a registry writes it."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def basic(user: str, password: str) -> str:
    """The header of a login."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Registry:
    """repositories: name -> tag -> manifest. way: "open", "basic" or "token". login: what is wanted, "" for anybody.

    page: tags given at once. realm: where tokens come from, by default this very server. lives: seconds of a token.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    way: str = "open"
    login: str = ""
    page: int = 1000
    realm: str = ""
    scope: str = "repository:{}:pull"
    lives: int | None = 300
    tells_digest: bool = True
    knows_head: bool = True
    fail: int = 0
    etags: bool = False
    next_host: str = ""
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def host(self) -> str:
        """As it stands in an image's name."""
        return self.url.removeprefix("http://")

    def requests(self) -> list[str]:
        """Methods and paths, without what was asked for in the query."""
        return [f"{method} {path}" for method, path, _ in self.seen]

    async def handle(self, request: web.Request) -> web.Response:
        """One request, noted with its answer and its login."""
        answer = self._token(request) if request.path == "/token" else self._answer(request)
        self.seen.append((request.method, request.path, answer.status))
        self.logins.append(request.headers.get("Authorization"))
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        name, _, rest = request.path.removeprefix("/v2/").partition("/tags/list")
        listing = request.path.endswith("/tags/list")
        if not listing:
            name, _, rest = request.path.removeprefix("/v2/").rpartition("/manifests/")
        if self.fail:
            return web.Response(status=self.fail, headers={"Retry-After": "30"})
        if refused := self._refused(request, name):
            return refused
        if name not in self.repositories:
            return web.json_response({"errors": [{"code": "NAME_UNKNOWN"}]}, status=404)
        return self._list(request, name) if listing else self._manifest(request, name, rest)

    def _refused(self, request: web.Request, name: str) -> web.Response | None:
        got = request.headers.get("Authorization", "")
        if self.way == "open" or (self.way == "basic" and got == self.login):
            return None
        if self.way == "token" and self.tokens.get(got.removeprefix("Bearer ")) == self.scope.format(name):
            return None
        ask = 'Basic realm="the registry"'
        if self.way == "token":
            realm, scope = self.realm or f"{self.url}/token", self.scope.format(name)
            ask = f'Bearer realm="{realm}",service="reg.example",scope="{scope}"'
        return web.Response(status=401, headers={"WWW-Authenticate": ask})

    def _token(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        made = secrets.token_urlsafe(16)
        self.tokens[made] = request.query["scope"]
        return web.json_response({"token": made, "expires_in": self.lives} if self.lives else {"access_token": made})

    def _list(self, request: web.Request, name: str) -> web.Response:
        tags = list(self.repositories[name])
        first = tags.index(request.query["last"]) + 1 if "last" in request.query else 0
        some = tags[first : first + min(self.page, int(request.query["n"]))]
        text = json.dumps({"name": name, "tags": some or None})
        headers = {"ETag": f'"{digest_of(text.encode())[7:20]}"'} if self.etags else {}
        if self.etags and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304)
        if first + len(some) < len(tags):
            there = f"/v2/{name}/tags/list?last={quote(some[-1])}&n={self.page}"
            headers["Link"] = f'<{self.next_host}{there}>; rel="next"'
        return web.Response(text=text, content_type="application/json", headers=headers)

    def _manifest(self, request: web.Request, name: str, tag: str) -> web.Response:
        body = self.repositories[name].get(tag)
        if request.method == "HEAD" and not self.knows_head:
            return web.Response(status=405)
        if body is None:
            return web.Response(status=404)
        if INDEX not in request.headers["Accept"]:
            return web.Response(status=406)
        headers = {DIGESTED: digest_of(body)} if self.tells_digest else {}
        return web.Response(body=body, content_type=INDEX, headers=headers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Registry]:
        """Serve on a free loopback port while the block runs."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        async with serving(app) as base:
            self.url = base
            yield self

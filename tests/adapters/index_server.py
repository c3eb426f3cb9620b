"""A package index on loopback: pages by the simple API in JSON or HTML, with or without validators, and a log."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

JSON = "application/vnd.pypi.simple.v1+json"


def digest(text: str) -> str:
    """The sha256 that the index gives for a file of this name."""
    return hashlib.sha256(text.encode()).hexdigest()


def wheel(name: str, version: str, **more: Any) -> dict[str, Any]:
    """A file's entry as an index lists it, with fields that nobody needs."""
    filename = str(more.get("filename", f"{name.replace('-', '_')}-{version}-py3-none-any.whl"))
    return {
        "filename": filename,
        "url": f"../../files/{filename}",
        "hashes": {"sha256": digest(filename)},
        "requires-python": ">=3.8",
        "size": 12345,
        "upload-time": "2026-01-02T03:04:05.678901Z",
        "yanked": False,
        "core-metadata": {"sha256": "0" * 64},
        **more,
    }


def sdist(name: str, version: str, **more: Any) -> dict[str, Any]:
    """The same for a source archive."""
    filename = f"{name}-{version}.tar.gz"
    own = {"filename": filename, "url": f"/files/{filename}", "hashes": {"sha256": digest(filename)}}
    return wheel(name, version, **{**own, **more})


@dataclass
class Index:
    """projects: name -> files. etags: whether the index gives validators. fail: a status for every request."""

    projects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    etags: bool = True
    html_only: bool = False
    fail: int = 0
    login: str = ""
    seen: list[tuple[str, int]] = field(default_factory=list)
    url: str = ""

    def page(self, name: str) -> dict[str, Any]:
        """The JSON document of one project."""
        files = self.projects[name]
        found = (re.search(r"-(\d[^-]*?)(?:-py|\.tar|\.zip|$)", file["filename"]) for file in files)
        versions = sorted({match[1] for match in found if match})
        return {"meta": {"api-version": "1.1", "_last-serial": 7}, "name": name, "versions": versions, "files": files}

    async def handle(self, request: web.Request) -> web.Response:
        """One request, noted with its answer."""
        answer = self._answer(request)
        self.seen.append((request.path, answer.status))
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        if self.fail:
            return web.Response(status=self.fail, headers={"Retry-After": "30"})
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        name = request.match_info["name"]
        if name not in self.projects:
            return web.Response(status=404)
        if JSON in request.headers.get("Accept", "") and not self.html_only:
            return self._sent(request, json.dumps(self.page(name)), JSON)
        return self._sent(request, self.html(name), "text/html")

    def html(self, name: str) -> str:
        """The same page as a browser would see it."""
        links = []
        for file in self.projects[name]:
            python = file["requires-python"]
            requires = f' data-requires-python="{python.replace(">", "&gt;")}"' if python else ""
            yanked = "" if file["yanked"] is False else f' data-yanked="{file["yanked"]}"'
            hashes = f"#sha256={file['hashes']['sha256']}" if file["hashes"] else ""
            links.append(f'<a href="{file["url"]}{hashes}"{requires}{yanked}>{file["filename"]}</a><br>')
        meta = '<meta name="pypi:repository-version" content="1.0">'
        return f"<!DOCTYPE html><html><head>{meta}</head><body>{''.join(links)}</body></html>"

    def _sent(self, request: web.Request, text: str, kind: str) -> web.Response:
        tag = f'"{digest(text)[:16]}"'
        if self.etags and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(text=text, content_type=kind, headers={"ETag": tag} if self.etags else {})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Index]:
        """Serve on a free loopback port while the block runs."""
        app = web.Application()
        app.router.add_get("/simple/{name}/", self.handle)
        async with serving(app) as base:
            self.url = f"{base}/simple"
            yield self


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free loopback port; gives its base URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

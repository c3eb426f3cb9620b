"""A package index on loopback: the simple API in JSON (PEP 691) and HTML (PEP 503), and files that somebody published.

It knows its own projects only. A client that needs more names it first and its usual indexes beside it.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from bot.demo.releases import Wheel

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"


@dataclass(slots=True, kw_only=True)
class Listed:
    """One file on the index. uploaded is UTC; yanked holds the reason, or None."""

    wheel: Wheel
    uploaded: datetime
    yanked: str | None = None


@dataclass(slots=True, kw_only=True)
class Index:
    """The running index. asked counts how often the page of a project was looked at."""

    files: dict[str, Listed] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve on a free loopback port; answers the simple API's address, without a slash at its end."""
        app = web.Application()
        app.router.add_get("/simple/", self._projects)
        app.router.add_get("/simple/{project}/", self._project)
        app.router.add_get("/files/{filename}", self._file)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/simple"
        return self.url

    async def close(self) -> None:
        """Stop serving; what was published is forgotten with the object."""
        if self._runner is not None:
            await self._runner.cleanup()

    def publish(self, wheel: Wheel) -> None:
        """List a file from now on. ValueError when that name was used: an index never swaps bytes under a name."""
        if wheel.filename in self.files:
            raise ValueError(f"{wheel.filename} is already published; make a new version")
        self.files[wheel.filename] = Listed(wheel=wheel, uploaded=datetime.now(UTC))

    def yank(self, project: str, version: str, reason: str) -> None:
        """Mark a version as not to be chosen any more (PEP 592). KeyError when it was never published."""
        found = [file for file in self._of(project) if file.wheel.version == version]
        if not found:
            raise KeyError(f"{project} {version} was never published")
        for file in found:
            file.yanked = reason

    def _of(self, project: str) -> Sequence[Listed]:
        return [file for file in self.files.values() if file.wheel.project == normal(project)]

    async def _projects(self, request: web.Request) -> web.Response:
        names = sorted({file.wheel.project for file in self.files.values()})
        if _wants_json(request):
            return _json({"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]})
        return _page("".join(f'<a href="{name}/">{name}</a><br>\n' for name in names))

    async def _project(self, request: web.Request) -> web.Response:
        name = request.match_info["project"]
        if name != normal(name):
            raise web.HTTPMovedPermanently(f"/simple/{normal(name)}/")
        files = self._of(name)
        if not files:
            raise web.HTTPNotFound(text=f"no project {name!r} here\n")
        self.asked[name] += 1
        return _json(_as_json(name, files)) if _wants_json(request) else _page("".join(map(_as_link, files)))

    async def _file(self, request: web.Request) -> web.Response:
        listed = self.files.get(request.match_info["filename"])
        if listed is None:
            raise web.HTTPNotFound(text="no such file here\n")
        return web.Response(body=listed.wheel.content, content_type="application/octet-stream")


def normal(name: str) -> str:
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wants_json(request: web.Request) -> bool:
    return JSON in request.headers.get("Accept", "")


def _json(body: dict[str, object]) -> web.Response:
    response = web.json_response(body)
    response.headers["Content-Type"] = JSON
    return response


def _page(body: str) -> web.Response:
    return web.Response(text=f"<!DOCTYPE html><html><body>\n{body}</body></html>\n", content_type=HTML)


def _as_json(name: str, files: Sequence[Listed]) -> dict[str, object]:
    """The document of one project, with the keys of API version 1.1."""
    return {
        "meta": {"api-version": "1.1"},
        "name": name,
        "versions": list(dict.fromkeys(file.wheel.version for file in files)),
        "files": [
            {
                "filename": file.wheel.filename,
                "url": f"../../files/{file.wheel.filename}",
                "hashes": {"sha256": file.wheel.sha256},
                "requires-python": file.wheel.requires_python,
                "size": len(file.wheel.content),
                "upload-time": file.uploaded.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "yanked": file.yanked if file.yanked is not None else False,
            }
            for file in files
        ],
    }


def _as_link(file: Listed) -> str:
    yanked = "" if file.yanked is None else f' data-yanked="{html.escape(file.yanked)}"'
    return (
        f'<a href="../../files/{file.wheel.filename}#sha256={file.wheel.sha256}"'
        f' data-requires-python="{html.escape(file.wheel.requires_python)}"{yanked}>{file.wheel.filename}</a><br>\n'
    )

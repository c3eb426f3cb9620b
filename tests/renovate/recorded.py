"""A small registry on loopback that serves what was recorded of real ones: pages of Python projects, npm documents.

`registry.json` holds, for a bounded list of releases, the fields that are read and nothing else:
`pypi`: name -> [[version, published, yanked, requires-python], ...], `yanked` a reason or whether;
`npm`: name -> {"latest": version, "versions": [[version, published, deprecated], ...]}. Files, their hashes and their
addresses are made up by rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.adapters.index_server import JSON, serving

DATA = Path(__file__).parents[1] / "data" / "renovate"
SUFFIX = ".sample"  # so that the sample is no manifest of this repository


def checkout(root: Path) -> None:
    """Write the sample repository."""
    for path in sorted((DATA / "shop").rglob(f"*{SUFFIX}")):
        place = root / path.relative_to(DATA / "shop").as_posix().removesuffix(SUFFIX)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())


@dataclass
class Recorded:
    """known: see the module. asked: the path of every request."""

    known: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    base: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Recorded]:
        """Serve on a free loopback port while the block runs."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/simple/{name}/", self._simple),
                web.get("/pypi/{name}/json", self._legacy),
                web.get("/npm/{name:.+}", self._npm),
            ]
        )
        async with serving(app) as base:
            self.base = base
            yield self

    def _found(self, request: web.Request, kind: str) -> tuple[str, Any]:
        self.asked.append(request.path)
        name = unquote(request.match_info["name"])
        if name not in self.known[kind]:
            raise web.HTTPNotFound
        return name, self.known[kind][name]

    async def _simple(self, request: web.Request) -> web.Response:
        name, releases = self._found(request, "pypi")
        files = [_file(name, *release) for release in releases]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [one[0] for one in releases], "files": files}
        return web.Response(text=json.dumps(page), content_type=JSON)

    async def _legacy(self, request: web.Request) -> web.Response:
        """The older document, which other programs ask for."""
        name, releases = self._found(request, "pypi")
        told = {
            version: [{"upload_time": published, "yanked": bool(yanked), "requires_python": python}]
            for version, published, yanked, python in releases
        }
        return web.json_response({"info": {"name": name}, "releases": told})

    async def _npm(self, request: web.Request) -> web.Response:
        name, said = self._found(request, "npm")
        document = {
            "name": name,
            "dist-tags": {"latest": said["latest"]},
            "versions": {version: self._version(name, version, why) for version, _, why in said["versions"]},
            "time": {version: published for version, published, _ in said["versions"] if published},
        }
        return web.json_response(document)

    def _version(self, name: str, version: str, deprecated: str) -> dict[str, Any]:
        tarball = f"{self.base}/npm/{name}/-/{version}.tgz"
        made: dict[str, Any] = {"name": name, "version": version, "dist": {"tarball": tarball, "shasum": "0" * 40}}
        return {**made, "deprecated": deprecated} if deprecated else made


def _file(name: str, version: str, published: str | None, yanked: str | bool, python: str | None) -> dict[str, Any]:
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    made = {
        "filename": filename,
        "url": f"../../files/{filename}",
        "hashes": {"sha256": hashlib.sha256(filename.encode()).hexdigest()},
        "requires-python": python,
        "upload-time": published,
        "yanked": yanked,
    }
    return {key: value for key, value in made.items() if value is not None}

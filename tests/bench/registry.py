"""A registry on loopback, a process of its own: pages of the simple API, npm documents, and the older JSON documents.

`python -m tests.bench.registry PORT_FILE [--no-etags] [--no-gzip] [--attested]` writes its port into the file. It
counts what it is asked for and how many bytes of bodies it sends: GET /-/counts tells, POST /-/counts forgets.
`lists` are pages and abbreviated documents; `most` says how often the document was asked for that was so most often.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from tests.bench import documents
from tests.bench.documents import Project

SIMPLE = "application/vnd.pypi.simple.v1+json"
INSTALL = "application/vnd.npm.install-v1+json"


@dataclass(frozen=True, slots=True)
class Page:
    """One document as it goes out."""

    plain: bytes
    packed: bytes
    etag: str
    kind: str


@dataclass
class Registry:
    """etags, gzips, attested: what it can do. Documents are made when they are first asked for, unless `made`."""

    etags: bool = True
    gzips: bool = True
    attested: bool = False
    base: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    pages: dict[str, Page] = field(default_factory=dict)
    known: dict[str, Project] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {one.name: one for one in (*documents.pypi_projects(), *documents.npm_projects())}

    def make(self) -> None:
        """The documents of the hundred, so that nobody waits for them."""
        for one in documents.pypi_projects():
            self.page(f"simple/{one.name}", SIMPLE, lambda one=one: documents.simple_page(one))  # type: ignore[misc]  # a default
        for one in documents.npm_projects():
            for short in (False, True):
                self.packument(one, short)

    def project(self, name: str) -> Project:
        if name not in self.known and name.startswith("many-"):
            return documents.fleet_project(name)
        if name not in self.known:
            raise web.HTTPNotFound
        return self.known[name]

    def page(self, key: str, kind: str, make: Callable[[], bytes]) -> Page:
        """A document, made once; those of a big fleet are made each time, since so many would fill the memory."""
        if (found := self.pages.get(key)) is not None:
            return found
        plain = make()
        packed = gzip.compress(plain, 5) if self.gzips else b""
        page = Page(plain, packed, f'"{hashlib.sha256(key.encode()).hexdigest()[:24]}"', kind)
        if "many-" not in key:
            self.pages[key] = page
        return page

    def packument(self, project: Project, short: bool) -> Page:
        def make() -> bytes:
            return documents.packument(project, self.base, short=short, attested=self.attested)

        return self.page(f"npm/{project.name}/{short}", INSTALL if short else "application/json", make)

    def sent(self, request: web.Request, key: str, make: Callable[[], Page]) -> web.Response:
        """The page, or 304 where the asker has it: nothing is made for those."""
        self.counts["requests"] += 1
        self.asked[key] += 1
        etag = f'"{hashlib.sha256(key.encode()).hexdigest()[:24]}"'
        headers = {"ETag": etag, "Vary": "Accept, Accept-Encoding"} if self.etags else {}
        if self.etags and request.headers.get("If-None-Match") == etag:
            self.counts["not_modified"] += 1
            return web.Response(status=304, headers=headers)
        page = make()
        body, status = page.plain, 200
        if wanted := request.headers.get("Range", "").removeprefix("bytes=0-"):
            body, status = body[: int(wanted) + 1], 206
            self.counts["partial"] += 1
        elif self.gzips and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = page.packed
            headers["Content-Encoding"] = "gzip"
        self.counts["bytes"] += len(body)
        return web.Response(status=status, body=body, headers={**headers, "Content-Type": page.kind})

    async def simple(self, request: web.Request) -> web.Response:
        project = self.project(request.match_info["name"])
        key = f"simple/{project.name}"
        return self.sent(request, key, lambda: self.page(key, SIMPLE, lambda: documents.simple_page(project)))

    async def legacy(self, request: web.Request) -> web.Response:
        project = self.project(request.match_info["name"])
        key = f"legacy/{project.name}"

        def make() -> Page:
            return self.page(key, "application/json", lambda: documents.legacy_page(project))

        return self.sent(request, key, make)

    async def npm(self, request: web.Request) -> web.Response:
        project = self.project(unquote(request.match_info["name"]))
        short = INSTALL in request.headers.get("Accept", "")
        return self.sent(request, f"npm/{project.name}/{short}", lambda: self.packument(project, short))

    async def attestations(self, request: web.Request) -> web.Response:
        name, _, version = unquote(request.match_info["what"]).rpartition("@")
        project = self.project(name)
        key = f"attestations/{name}@{version}"

        def make() -> Page:
            return self.page(key, "application/json", lambda: documents.attestation(project, version))

        return self.sent(request, key, make)

    async def told(self, request: web.Request) -> web.Response:
        said = {name: self.counts[name] for name in ("requests", "not_modified", "bytes", "partial")}
        said["lists"] = sum(
            times for key, times in self.asked.items() if key.startswith("simple/") or key.endswith("/True")
        )
        said["most"] = max(self.asked.values(), default=0)
        if request.method == "POST":
            self.counts.clear()
            self.asked.clear()
        return web.json_response(said)


async def serve(port_file: Path, registry: Registry) -> None:
    """Until it is told to end."""
    application = web.Application()
    application.add_routes(
        [
            web.get("/-/counts", registry.told),
            web.post("/-/counts", registry.told),
            web.get("/simple/{name}/", registry.simple),
            web.get("/pypi/{name}/json", registry.legacy),
            web.get("/npm/-/npm/v1/attestations/{what:.+}", registry.attestations),
            web.get("/npm/{name:.+}", registry.npm),
        ]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    registry.base = f"http://127.0.0.1:{port}/npm"
    registry.make()
    beside = port_file.with_suffix(".new")
    beside.write_text(str(port))
    beside.rename(port_file)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await runner.cleanup()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file", type=Path)
    parser.add_argument("--no-etags", action="store_true")
    parser.add_argument("--no-gzip", action="store_true")
    parser.add_argument("--attested", action="store_true")
    given = parser.parse_args()
    made = Registry(etags=not given.no_etags, gzips=not given.no_gzip, attested=given.attested)
    asyncio.run(serve(given.port_file, made))


if __name__ == "__main__":
    main()

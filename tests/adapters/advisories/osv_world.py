"""Records in the OSV format, and a service on loopback that answers as OSV.dev does: ids first, details one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.adapters.index_server import serving

V3_HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"  # 7.5, FIRST's example of Heartbleed
V4_CRITICAL = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"  # 10.0, FIRST's of Log4Shell
MODIFIED = "2026-03-01T10:00:00.123456Z"

Query = tuple[str, str, str]  # ecosystem, name, version


def affected(ecosystem: str, name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    """What a record says of one package: one range of these events."""
    kind = "SEMVER" if ecosystem in ("npm", "Go", "crates.io", "Hex") else "ECOSYSTEM"
    package = {"ecosystem": ecosystem, "name": name, "purl": f"pkg:{ecosystem.lower()}/{name}"}
    return {"package": package, "ranges": [{"type": kind, "events": list(events)}], **more}


def record(name: str, *packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole record, with the fields that nobody needs."""
    return {
        "schema_version": "1.7.4",
        "id": name,
        "modified": MODIFIED,
        "published": "2026-02-01T00:00:00Z",
        "summary": "Something is wrong",
        "details": "Very *much* so.\n\n```\nproof\n```",
        "affected": list(packages),
        "references": [
            {"type": "WEB", "url": "https://blog.example/it"},
            {"type": "ADVISORY", "url": f"https://advisories.example/{name}"},
        ],
        "credits": [{"name": "Ann", "type": "FINDER"}],
        **more,
    }


def flask(name: str = "GHSA-aaaa-bbbb-cccc", fixed: str = "2.0.1", **more: Any) -> dict[str, Any]:
    """A flaw in the Python package flask, with the marks of GitHub's database."""
    marks = {"severity": "HIGH", "github_reviewed": True, "cwe_ids": ["CWE-79"]}
    block = affected("PyPI", "flask", {"introduced": "0"}, {"fixed": fixed}, versions=["1.0", "2.0.0"])
    return record(
        name,
        block,
        **{
            "aliases": ["CVE-2026-0001"],
            "severity": [{"type": "CVSS_V3", "score": V3_HIGH}],
            "database_specific": marks,
            **more,
        },
    )


@dataclass
class Service:
    """records: what it can show. known: what it answers to a query, as ids; nothing for others.

    page: ids in one page. refused: names for which it refuses the whole batch. gone: ids that it lists and cannot
    show. fail: a status for every request, and wait its Retry-After. raw: what it answers to a path instead, whatever
    is asked. came: set when there was a batch.
    """

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[Query, Sequence[str]] = field(default_factory=dict)
    page: int = 1000
    refused: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    fail: int = 0
    wait: str = ""
    raw: dict[str, str] = field(default_factory=dict)
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    strays: list[str] = field(default_factory=list)  # paths that no client has any business with
    url: str = ""

    def add(self, document: dict[str, Any], *queries: Query) -> None:
        """Show this record, and list it for these queries."""
        self.records[document["id"]] = document
        for query in queries:
            self.known[query] = [*self.known.get(query, ()), document["id"]]

    @property
    def asked(self) -> list[Query]:
        """The questions of all batches, in order."""
        packages = [(query["package"], query.get("version", "")) for batch in self.batches for query in batch]
        return [(package["ecosystem"], package["name"], version) for package, version in packages]

    async def batch(self, request: web.Request) -> web.Response:
        """`POST /v1/querybatch`."""
        queries = (await request.json())["queries"]
        self.batches.append(queries)
        self.came.set()
        if self.fail:
            return web.Response(status=self.fail, headers={"Retry-After": self.wait} if self.wait else {})
        if request.path in self.raw:
            return web.Response(text=self.raw[request.path])
        if len(queries) > 1000:
            return web.json_response({"code": 3, "message": "Too many queries."}, status=400)
        if any(query["package"]["name"] in self.refused for query in queries):
            return web.json_response({"code": 3, "message": "Invalid query."}, status=400)
        return web.json_response({"results": [self._result(query) for query in queries]})

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        package = query["package"]
        every = self.known.get((package["ecosystem"], package["name"], query.get("version", "")), ())
        first = int(query.get("page_token", "0"))
        shown = every[first : first + self.page]
        if not shown:
            return {}
        vulns = [{"id": one, "modified": self.records.get(one, {}).get("modified")} for one in shown]
        more = first + self.page
        return {"vulns": vulns, "next_page_token": str(more)} if more < len(every) else {"vulns": vulns}

    async def show(self, request: web.Request) -> web.Response:
        """`GET /v1/vulns/<id>`."""
        name = request.match_info["id"]
        self.read.append(name)
        if self.fail:
            return web.Response(status=self.fail)
        if request.path in self.raw:
            return web.Response(text=self.raw[request.path])
        if name in self.gone or name not in self.records:
            return web.json_response({"code": 5, "message": "Bug not found."}, status=404)
        return web.json_response(self.records[name])

    async def stray(self, request: web.Request) -> web.Response:
        """Any other path."""
        self.strays.append(request.path)
        return web.Response(status=404)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Serve on a free loopback port while the block runs."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_post("/v1/querybatch", self.batch)
        app.router.add_get("/v1/vulns/{id}", self.show)
        app.router.add_route("*", "/{path:.*}", self.stray)
        async with serving(app) as base:
            self.url = base
            yield self

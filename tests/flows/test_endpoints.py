"""Registries of an operator and endpoints of a repository, from the file to the merge: each asked as described."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core import board
from bot.core.model import RepoName, State
from tests.adapters.sources import npm_registry
from tests.adapters.sources.shelf import Shelf
from tests.flows.flow import REPO, Flow, flowing

UPDATES = """\
updates:
  minimum_age: 0s
  files:
    - paths: [Makefile]
      pattern: '^TOOL *:= *(?P<version>[0-9.]+)'
      ecosystem: http
      name: tool
  endpoints:
    tool: {url: "SHELF/tool.json", json: "releases[?stable].tag", match: '^v(.+)$'}
  components:
    - name: gateway
      ecosystem: http
      current: {url: "SHELF/status", header: X-Gateway-Version}
"""
MAKEFILE = "TOOL := 1.0.0\n\nrun:\n\t./tool-$(TOOL) serve\n"


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


@asynccontextmanager
async def world(folder: Path, shelf: Shelf, *, updates: str = UPDATES, **given: str) -> AsyncIterator[Flow]:
    """A repository with a Makefile. sources: what the operator's file says; package: what else the repository pins."""
    # The operator writes another name of this machine, which nothing else makes trusted.
    text = given.get("sources", "").replace("SHELF", shelf.url.replace("127.0.0.1", "localhost"))
    (folder / "sources.yml").write_text(text)
    files = {
        "Makefile": MAKEFILE,
        ".github/surefoot.yml": f"version: 1\n{updates}".replace("SHELF", shelf.url),
        **({"package.json": given["package"]} if "package" in given else {}),
    }
    env = {"SUREFOOT_SOURCES": str(folder / "sources.yml"), "NPM_TOKEN": "hunter22"}
    env |= {"SUREFOOT_WRITE_TOKEN": given["write"]} if "write" in given else {}
    env |= {"SUREFOOT_ALLOW_NETWORKS": given["networks"]} if "networks" in given else {}
    async with flowing(folder, files=files, env=env) as flow:
        yield flow


async def dashboard(flow: Flow) -> str:
    """The dashboard issue's text; "" while there is none."""
    found: list[dict[str, Any]] = await flow.rosa._ask("GET", "/issues?state=all&per_page=100")
    return next((one["body"] for one in found if board.MARK in (one["body"] or "")), "")


async def shows(flow: Flow, words: str) -> bool:
    return words in await dashboard(flow)


async def test_a_pin_follows_an_endpoint_of_its_repository(tmp_path: Path, shelf: Shelf) -> None:
    """A Makefile's version moves to the newest stable one that a JSON document names, and nothing else in it."""
    shelf.pages["/tool.json"] = {"releases": [
        {"tag": "v1.0.0", "stable": True}, {"tag": "v1.0.1", "stable": True}, {"tag": "v1.0.2", "stable": False},
    ]}  # fmt: skip
    shelf.pages["/status"] = "no header"
    async with world(tmp_path, shelf) as flow:
        update = await flow.reach("1.0.1", State.DONE)

        assert (update.component.name, update.component.ecosystem) == ("tool", "http")
        assert await flow.rosa.text("Makefile", "main") == MAKEFILE.replace("1.0.0", "1.0.1")


async def test_a_private_registry_gets_its_token_and_nobody_else(tmp_path: Path, shelf: Shelf) -> None:
    """The operator's file names the variable; the registry is asked with it, and the endpoint beside it without.

    Its address is private, no network is opened, and it is meant all the same: it stands in the operator's file.
    """
    npm_registry.put(shelf, npm_registry.document(*(npm_registry.version("pad", one) for one in ("1.0.0", "1.0.1"))),
                     "/npm/pad")  # fmt: skip
    shelf.pages["/tool.json"] = {"releases": [{"tag": "v1.0.0", "stable": True}]}
    shelf.pages["/status"] = "no header"
    package = json.dumps({"name": "shop", "dependencies": {"pad": "1.0.0"}}, indent=2)
    sources = "npm: {url: SHELF/npm/, token: NPM_TOKEN}\n"
    async with world(tmp_path, shelf, sources=sources, package=package, networks="") as flow:
        await flow.reach("1.0.1", State.DONE)
        await flow.quiet()

    logins = {(one.path.partition("/pad")[0], one.authorization) for one in shelf.seen}
    assert logins == {("/npm", "Bearer hunter22"), ("/tool.json", ""), ("/status", "")}


async def test_a_place_that_the_operator_does_not_allow_is_not_asked(tmp_path: Path, shelf: Shelf) -> None:
    """The dashboard says who may be named instead; no request reaches the endpoint."""
    shelf.pages["/tool.json"] = {"releases": [{"tag": "v1.0.1", "stable": True}]}
    async with world(tmp_path, shelf, sources="allow: {http: [releases.example]}\n") as flow:
        await flow.until(lambda: shows(flow, "tool may not be taken from 127.0.0.1"))

        assert "the operator allows releases.example" in await dashboard(flow)
        assert "/tool.json" not in shelf.paths


async def test_what_no_file_pins_is_shown_and_never_proposed(tmp_path: Path, shelf: Shelf) -> None:
    """The running version is read from the service itself; the dashboard says what is there, without any box."""
    shelf.pages["/tool.json"] = {"releases": [{"tag": "v1.0.0", "stable": True}]}
    shelf.pages["/gateway"] = {"v": "2.0"}
    shelf.pages["/status"] = lambda request: web.Response(text="up", headers={"X-Gateway-Version": "1.9"})
    updates = UPDATES.replace("  endpoints:\n", '  endpoints:\n    gateway: {url: "SHELF/gateway", json: v}\n')
    async with world(tmp_path, shelf, updates=updates) as flow:
        await flow.until(lambda: shows(flow, "2.0 is there, and no file pins it"))
        await flow.quiet()

        line = next(one for one in (await dashboard(flow)).splitlines() if "no file pins it" in one)
        assert line.startswith("- ") and "[ ]" not in line and "gateway" in line and "1.9" in line
        assert "2.0" not in [one.target for one in await flow.app.store.of_repo(REPO)]


async def spoken(flow: Flow, method: str, body: object = None, token: str = "w" * 24, **query: str) -> tuple[int, Any]:
    """One request at the door for components, as a deploy script makes it."""
    door = flow.box.world.apps[flow.app_id].webhook_url.removesuffix("github") + f"api/repos/{REPO}/components"
    headers = {"Authorization": f"Bearer {token}"}
    async with flow.rosa.http.request(method, door, json=body, headers=headers, params=query) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if answer.content_type == "application/json" else text


async def test_what_a_script_registers_is_shown_until_it_is_forgotten(tmp_path: Path, shelf: Shelf) -> None:
    """Who deploys says what runs now; the dashboard follows each word, and is rid of it in the end."""
    shelf.pages["/tool.json"] = {"releases": [{"tag": "v1.0.0", "stable": True}]}
    shelf.pages["/gateway"] = {"v": "2.0"}
    updates = UPDATES.partition("  components:")[0] + '    gateway: {url: "SHELF/gateway", json: v}\n'
    gateway = {"name": "gateway", "ecosystem": "http", "version": "1.8"}
    async with world(tmp_path, shelf, updates=updates, write="w" * 24) as flow:
        await flow.until(lambda: shows(flow, "tool"))
        assert (200, {"registered": gateway}) == await spoken(flow, "PUT", gateway)
        await flow.until(lambda: shows(flow, "2.0 is there, and no file pins it"))
        assert "1.8" in await dashboard(flow)

        await spoken(flow, "PUT", {**gateway, "version": "2.0"})
        await flow.until(lambda: told(flow, "1.8", there=False))
        status, listed = await spoken(flow, "GET")
        assert (200, [{**gateway, "version": "2.0"}]) == (status, listed["components"])

        assert 200 == (await spoken(flow, "DELETE", ecosystem="http", name="gateway"))[0]
        await flow.until(lambda: told(flow, "gateway", there=False))
        assert 404 == (await spoken(flow, "DELETE", ecosystem="http", name="gateway"))[0]


async def told(flow: Flow, words: str, *, there: bool) -> bool:
    return (words in await dashboard(flow)) is there


async def test_only_who_may_write_registers_and_only_what_can_be_meant(tmp_path: Path, shelf: Shelf) -> None:
    """A wrong token, a mistake in the body: each is refused with its reason, and nothing changes."""
    shelf.pages["/tool.json"] = {"releases": [{"tag": "v1.0.0", "stable": True}]}
    shelf.pages["/status"] = "no header"
    good = {"name": "postgres", "ecosystem": "docker", "version": "15.3"}
    async with world(tmp_path, shelf, write="w" * 24) as flow:
        await flow.until(lambda: shows(flow, "tool"))
        assert 403 == (await spoken(flow, "PUT", good, token="r" * 24))[0]
        for wrong, words in (
            ({**good, "ecosystem": "dockr"}, "there is no ecosystem"),
            ({**good, "current": {"url": "https://x.example", "json": "v"}}, "either version or current"),
            ({"name": "postgres", "ecosystem": "docker"}, "either version or current"),
            ({**good, "extra": 1}, "unknown key"),
            ({"name": "x", "ecosystem": "npm", "version": "not one"}, "no version"),
            (["x"], "JSON object"),
            ({**good, "version": "x" * 70_000}, ""),
        ):
            status, said = await spoken(flow, "PUT", wrong)
            assert status in (400, 413) and words in said, said
        assert {"components": []} == (await spoken(flow, "GET"))[1]
        assert () == await flow.app.store.registered(RepoName("acme/other"))


async def test_without_a_token_nobody_writes(tmp_path: Path, shelf: Shelf) -> None:
    """The door is shut until the operator opens it."""
    shelf.pages["/tool.json"] = {"releases": []}
    shelf.pages["/status"] = "no header"
    async with world(tmp_path, shelf) as flow:
        status, said = await spoken(flow, "PUT", {"name": "a", "ecosystem": "npm", "version": "1.0.0"})
        assert 403 == status and "SUREFOOT_WRITE_TOKEN is not set" in said

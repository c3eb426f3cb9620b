"""The pages lead on: to GitHub, to what was printed, to what is not set; and they do not move under who reads them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.core.model import InstallationId, RepoName
from bot.github.client import web_url
from bot.store.store import Store
from bot.web.dashboard import Dashboard
from bot.web.guard import guard
from bot.web.inventory import Inventory
from bot.web.pages import Pages
from tests.builders import NOW, a_pull, a_simulation, a_suite, an_entry, an_update

World: TypeAlias = tuple[Store, "TestClient[Any, Any]"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A store on disk, and the pages before it, of a bot whose webhook secret is not set."""
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}", enqueue=lambda conn, key, seq: None)
    await store.migrate()
    application = web.Application(middlewares=[guard(None)])
    pages = Pages(web_url("https://api.github.example"))
    dashboard = Dashboard(store, missing=("WEBHOOK_SECRET: type it in",), pages=pages)
    application.add_routes([*dashboard.routes(), *Inventory(store).routes()])
    async with TestClient(TestServer(application)) as client:
        yield store, client
    store.close()


async def read(world: World, path: str) -> str:
    answer = await world[1].get(path)
    assert 200 == answer.status
    return await answer.text()


async def test_a_story_leads_to_its_pull_request_and_to_what_was_printed(world: World) -> None:
    """From the page of an update one comes to GitHub, to the report, and to the output of each suite that has any."""
    suites = (a_suite(log="boom"), a_suite(kind="security"))
    update = replace(an_update(simulation=a_simulation(suites=suites)), pull=a_pull())
    await world[0].add(update, an_entry(update=update.id))

    story = await read(world, f"/updates/{update.id}")

    assert f'href="https://github.example/{update.repo}/pull/{a_pull().number}"' in story
    assert f'href="/api/updates/{update.id}/simulation.xml"' in story
    assert f'href="/api/updates/{update.id}/log/unit"' in story and "/log/security" not in story


async def test_the_first_page_says_what_is_not_set(world: World) -> None:
    """Whoever has just started the bot sees on its first page why nothing happens, and what to do."""
    assert "WEBHOOK_SECRET: type it in" in await read(world, "/")


async def test_a_page_is_kept_fresh_by_a_file_that_the_browser_may_run(world: World) -> None:
    """Pages allow no script but the bot's own files; that one leaves a page alone where something is open."""
    page = await read(world, "/")
    [script] = re.findall(r'<script src="([^"]+)" defer></script>', page)

    assert "details[open]" in await read(world, script)
    assert '<meta http-equiv="refresh"' not in page.partition("<noscript>")[0]


async def test_what_nobody_could_tell_is_not_shown_as_up_to_date(world: World) -> None:
    """While a registry is away its components are neither behind nor not; the table says so."""
    said = {"name": "actions/checkout", "verdict": "hold", "current": "v6", "why": ["`x` is away"]}
    await world[0].install([RepoName("acme/shop")], InstallationId(1), now=NOW)
    row = await world[0].repo("acme/shop")
    assert row is not None
    await world[0].save_repo(replace(row, notes={"answers": [said]}), due=None)

    page, data = await read(world, "/inventory"), await (await world[1].get("/api/inventory")).json()

    assert '<span class="tag">not known</span>' in page and ">none</span>" not in page
    assert "<code>x</code> is away" in page
    assert (0, 1) == (data["components"][0]["behind"], data["components"][0]["not_known"])

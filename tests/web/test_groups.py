"""A group on the pages and in the API: whoever looks sees every component that it moves."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.core.grouping import together
from bot.core.model import Component, Entry, State, Update
from bot.core.repo_config import UpdateRule, Updates
from bot.web.api import Api
from bot.web.dashboard import Dashboard
from tests.builders import NOW, a_release, an_update


class Shelf:
    """As much of a store as a page reads."""

    def __init__(self, update: Update) -> None:
        self.update = update

    async def load(self, _: str) -> object:
        return type("Row", (), {"update": self.update, "due": None})

    async def recent(self, _: int) -> list[Update]:
        return [self.update]

    async def of_repo(self, _: str) -> list[Update]:
        return [self.update]

    async def repos(self) -> list[object]:
        return []

    async def audit(self, _: str) -> list[Entry]:
        return [Entry(update=self.update.id, at=NOW, was=State.DETECTED, now=State.DETECTED, why="found")]


def a_group(*names: str) -> Update:
    found = [an_update(component=Component(name=name), release=a_release()) for name in names]
    (made,) = together(found, Updates(rules=(UpdateRule(group="web"),)).group_of, ())
    return made


@pytest.mark.parametrize("update", [a_group("a", "b", "<c>", "d", "e", "f"), an_update()])
async def test_every_part_is_shown(update: Update) -> None:
    """In the list the first few, in the story and in the API all of them, and nothing of it is markup."""
    shelf = Shelf(update)
    app = web.Application()
    app.add_routes(Dashboard(shelf).routes())  # type: ignore[arg-type]  # it reads no more than that
    app.add_routes(Api(shelf, missing=()).routes())  # type: ignore[arg-type]  # nor does this
    async with TestClient(TestServer(app)) as client:
        listed = await (await client.get("/")).text()
        story = await (await client.get(f"/updates/{update.id}")).text()
        one = json.loads(await (await client.get(f"/api/updates/{update.id}")).text())["update"]
        many = json.loads(await (await client.get("/api/updates")).text())["updates"]

    parts = [part.component.name for part in update.parts]
    assert [part["component"]["name"] for part in one["parts"]] == parts
    assert [part["component"]["name"] for part in many[0]["parts"]] == parts
    assert "<c>" not in listed + story
    if update.members:
        assert "and 2 more" in listed and "(web)" in listed
        assert all(
            f'<td>{name}</td><td data-name="from">1.2.3</td><td data-name="to">1.2.4</td>' in story
            for name in ("a", "&lt;c&gt;", "f")
        )
    else:
        assert "greeter 1.2.3 → 1.2.4" in listed and "What it moves" not in story

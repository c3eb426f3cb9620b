"""The dashboard as its readers meet it: it says why nothing came, and a box that is ticked brings it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.core import board
from bot.core.model import State
from tests.flows.flow import CONFIG, Flow, flowing

WAITING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 30 days}")
OFF = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 30 days, dashboard: false}")


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with the App installed and a repository that takes nothing younger than a month."""
    async with flowing(tmp_path) as made:
        await made.configure(WAITING)
        yield made


async def dashboards(flow: Flow) -> list[dict[str, Any]]:
    """The issues that are one, as anybody sees them."""
    found = await flow.rosa._ask("GET", "/issues?state=all&per_page=100")
    return [one for one in found if board.MARK in (one["body"] or "") and "pull_request" not in one]


async def test_a_ticked_box_brings_what_waits(flow: Flow) -> None:
    """A young release is held and shown with its reason; rosa ticks its box, and it goes all the way."""
    flow.publish("1.2.4")
    await flow.look()
    await flow.until(lambda: _shows(flow, "must be 30 d"))
    (issue,) = await dashboards(flow)
    assert "- [ ] <!-- surefoot:release=" in issue["body"] and "1.2.4" in issue["body"]

    ticked = issue["body"].replace("- [ ] <!--", "- [x] <!--")
    await flow.rosa._ask("PATCH", f"/issues/{issue['number']}", {"body": ticked})

    await flow.reach("1.2.4", State.DONE)
    await flow.quiet()
    (after,) = await dashboards(flow)
    assert after["number"] == issue["number"]
    assert "[x]" not in after["body"]


async def test_where_nobody_wants_it_there_is_none(tmp_path: Path) -> None:
    """`dashboard: false` keeps the bot from opening any issue."""
    async with flowing(tmp_path, configured=False) as flow:
        await flow.configure(OFF)
        flow.publish("1.2.4")
        await flow.look()
        await flow.quiet()

        assert await dashboards(flow) == []


async def _shows(flow: Flow, words: str) -> bool:
    return any(words in issue["body"] for issue in await dashboards(flow))

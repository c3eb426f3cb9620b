"""A range is left alone until its owner asks for more, and is then widened like any update: proposed and tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import Kind, State
from tests.flows.flow import CONFIG, Flow, flowing

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n    "surefoot-demo-greeter >=1, <2",  # ours\n]\n'
WIDENING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s, ranges: widen}")


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with a repository that asks for a range."""
    async with flowing(tmp_path, files={"pyproject.toml": PROJECT, "requirements.txt": "# none\n"}) as made:
        yield made


async def test_a_range_is_left_alone_where_nobody_asked(flow: Flow) -> None:
    """It holds the release, the dashboard says so, and nothing is proposed."""
    flow.publish("2.0.0")
    await flow.look()

    async def told() -> bool:
        issues = await flow.rosa._ask("GET", "/issues")
        return any("held by the range >=1, <2 in pyproject.toml:5" in (one["body"] or "") for one in issues)

    await flow.until(told)
    assert await flow.rosa.pulls() == []
    assert await flow.rosa.text("pyproject.toml", "main") == PROJECT


async def test_a_range_is_widened_by_a_pull_request_where_asked(flow: Flow) -> None:
    """A major step, so a person says yes to our very commit; the lower bound, the comment and the blanks stay."""
    await flow.configure(WIDENING)
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    assert update.pull is not None and update.pull.ours
    assert (update.kind, update.current) == (Kind.MAJOR, ">=1, <2")
    assert await flow.rosa.text("pyproject.toml", update.pull.branch) == PROJECT.replace("<2", "<3")

    # GitHub's times are whole seconds, and a yes that is older than the commit counts for nothing.
    await asyncio.sleep(1.1)
    await flow.say(update, "/surefoot approve")
    done = await flow.reach("2.0.0", State.DONE)

    assert done.pull is not None and done.pull.ours
    assert await flow.rosa.text("pyproject.toml", "main") == PROJECT.replace("<2", "<3")


async def test_what_the_range_takes_is_no_update(flow: Flow) -> None:
    """Also where ranges may be widened: nobody gets a pull request for what an installer picks up by itself."""
    await flow.configure(WIDENING)
    flow.publish("1.9.0")
    flow.publish("2.0.0")
    await flow.look()
    await flow.reach("2.0.0", State.IN_REVIEW)

    assert await flow.update("1.9.0") is None
    assert len(await flow.rosa.pulls()) == 1

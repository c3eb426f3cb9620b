"""Each project of a repository goes as far as it can: what holds one back holds no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core import board
from bot.core.model import State
from bot.demo import releases
from tests.flows.flow import Flow, flowing

PINNED = f"{releases.PROJECT}=={releases.FIRST}\n"
HELD = f"{PINNED}{releases.PROJECT}<1.2.5\n"


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with a repository that pins a component in three folders, in one of them below a bound."""
    files = {"api/requirements.txt": PINNED, "docs/requirements.txt": HELD}
    async with flowing(tmp_path, files=files) as made:
        made.publish("1.2.4")
        made.publish("1.2.5")
        yield made


async def text(flow: Flow, folder: str) -> str:
    return await flow.rosa.text(f"{folder}requirements.txt", "main")


async def test_a_folder_that_is_held_back_holds_no_other(flow: Flow) -> None:
    """One pull request takes all that can go there to the newest, another takes the rest as far as it may go."""
    await flow.look()
    newest, other = await flow.reach("1.2.5", State.DONE), await flow.reach("1.2.4", State.DONE)

    assert {pin.path for pin in newest.pins} == {"requirements.txt", "api/requirements.txt"}
    assert {pin.path for pin in other.pins} == {"docs/requirements.txt"}
    assert await text(flow, "") == await text(flow, "api/") == PINNED.replace("1.2.3", "1.2.5")
    assert await text(flow, "docs/") == HELD.replace("1.2.3", "1.2.4")
    await flow.look()

    async def told() -> bool:
        issues = await flow.rosa._ask("GET", "/issues")
        body = next((one["body"] for one in issues if board.MARK in (one["body"] or "")), "")
        return "in `docs`" in body and "held by the range <1.2.5 in docs/requirements.txt:2" in body

    await flow.until(told)


async def test_what_is_let_go_later_follows_the_others(flow: Flow) -> None:
    """The bound is taken away: that folder goes to the version that the others have, by a pull request of its own."""
    await flow.look()
    first = await flow.reach("1.2.5", State.DONE)
    await flow.reach("1.2.4", State.DONE)
    await flow.commit("docs/requirements.txt", PINNED.replace("1.2.3", "1.2.4"))
    await flow.look()

    async def followed() -> bool:
        found = await flow.app.store.of_repo("acme/shop")
        return [one.state for one in found if one.target == "1.2.5" and one.id != first.id] == [State.DONE]

    await flow.until(followed)
    assert await text(flow, "docs/") == PINNED.replace("1.2.3", "1.2.5")
    await flow.look()
    await flow.quiet()
    assert len(await flow.app.store.of_repo("acme/shop")) == 3

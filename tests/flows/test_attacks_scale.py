"""Floods, outsiders and outages against the whole bot: production is looked after, and nothing fails for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import State
from tests.flows.flow import CONFIG, Flow, dispatches, flowing

REVIEWED = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}")
PATIENT = CONFIG.replace("bake: 1s", "bake: 60s")


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with flowing(tmp_path) as made:
        yield made


async def test_what_github_made_a_moment_ago_may_be_missing(flow: Flow) -> None:
    """For a second GitHub does not find the pull request that it just made; that fails nothing."""
    await flow.quiet()
    flow.box.world.faults.hide_new_ms = 1500
    flow.publish("1.2.4")
    await flow.look()

    await flow.reach("1.2.4", State.DONE, seconds=60)


async def test_a_suspended_app_fails_nothing(flow: Flow) -> None:
    """Not even where the event that told of it was lost; unsuspended, the next sweep goes on."""
    await flow.configure(REVIEWED)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    await flow.quiet()
    [installation] = flow.box.world.installations.values()
    installation.suspended_at = flow.box.world.now()
    await flow.app.store.wake([f"u:{update.id}"], now=flow.app._clock())

    async def waits() -> bool:
        row = await flow.app.store.load(update.id)
        return row is not None and row.tries > 0

    await flow.until(waits)
    assert State.IN_REVIEW is (await flow.reach("1.2.4", State.IN_REVIEW, State.FAILED)).state

    installation.suspended_at = None
    await flow.app.clock.heal()
    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", State.DONE)


async def test_an_outsiders_flood_does_not_stop_a_rollout(flow: Flow) -> None:
    """Thirty comments, commands among them, by somebody without a right: the bad release is turned back meanwhile."""
    await flow.configure(PATIENT)
    flow.publish("1.2.4")
    await flow.look()
    await flow.until(lambda: any(one["weight"] == "50" for one in dispatches(flow.box)))
    update = await flow.reach("1.2.4", State.ROLLING_OUT)
    flow.production.share_of_new = 1.0
    for number in range(30):
        await flow.say(update, "/surefoot rollback" if number % 3 == 0 else f"nice {number}", who="eve")

    await flow.reach("1.2.4", State.ROLLED_BACK)

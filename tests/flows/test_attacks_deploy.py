"""Whole walks along the edges of a deployment: what goes wrong there ends in the right place, or asks a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import State
from tests.flows.flow import CONFIG, Flow, dispatches, flowing

SLOW = CONFIG.replace("bake: 1s", "bake: 60s")


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with flowing(tmp_path) as made:
        yield made


def weights(flow: Flow) -> list[str]:
    return [one["weight"] for one in dispatches(flow.box)]


async def rolling_at(flow: Flow, config: str, weight: str) -> None:
    """1.2.4 is out, merged, and has this share of the traffic."""
    await flow.configure(config)
    flow.publish("1.2.4")
    await flow.look()
    # A busy machine may take a moment too long after saving an intention, and then waits for the provider's list.
    await flow.until(lambda: weight in weights(flow), seconds=60)
    await flow.reach("1.2.4", State.ROLLING_OUT)


async def test_an_environment_that_comes_later_gets_no_old_merges(flow: Flow) -> None:
    """What was merged before there was an environment has ended; only what comes after it is deployed."""
    await flow.configure("version: 1\nupdates: {minimum_age: 0s}\n")
    for version in ("1.2.4", "1.2.5"):
        flow.publish(version)
        await flow.look()
        assert "no environment is configured, so it ends here" == (await flow.reach(version, State.DONE)).note
    await flow.configure(CONFIG)
    await flow.quiet()
    assert [] == weights(flow)

    flow.publish("1.2.6")
    await flow.look()
    last = await flow.reach("1.2.6", State.DONE)

    assert {last.merge.sha} == {one["sha"] for one in dispatches(flow.box)}


async def test_what_people_released_since_is_what_traffic_goes_back_to(flow: Flow) -> None:
    """A newer good deployment by a person is the stable one, not an older one of ours, nor one of our runs' jobs."""
    flow.publish("1.2.4")
    await flow.look()
    await flow.reach("1.2.4", State.DONE)
    await flow.quiet()
    await flow.commit("feature.py", "x = 1\n")
    tip = await flow.rosa.head("main")
    body = {"ref": tip, "environment": "production", "auto_merge": False, "required_contexts": []}
    made = await flow.rosa._ask("POST", "/deployments", body)
    await flow.rosa._ask("POST", f"/deployments/{made['id']}/statuses", {"state": "success"})
    flow.publish("1.2.5")
    await flow.look()

    assert tip == (await flow.reach("1.2.5", State.DEPLOYING, State.ROLLING_OUT)).rollout.stable


async def test_a_typo_in_the_file_does_not_hinder_the_way_back(flow: Flow) -> None:
    """A rollout is held to the configuration that it began with: bad health turns it back all the same."""
    await rolling_at(flow, SLOW, "50")
    await flow.commit(".github/surefoot.yml", "version: 1\npolicie: {}\n")
    await flow.quiet()
    assert State.ROLLING_OUT is (await flow.update("1.2.4")).state
    flow.production.share_of_new = 0.9

    back = await flow.reach("1.2.4", State.ROLLED_BACK)

    assert back.revert is not None
    assert ["0", "50", "100"] == weights(flow)


async def test_steps_that_are_shortened_meanwhile_are_for_the_next(flow: Flow) -> None:
    """Five per cent were out when the file was changed: it is not called done before all traffic is there."""
    slow = CONFIG.replace("[50, 100]", "[5, 100]").replace("bake: 1s", "bake: 3s")
    await rolling_at(flow, slow, "5")
    await flow.configure(slow.replace("[5, 100]", "[100]"))

    await flow.reach("1.2.4", State.DONE)

    assert ["0", "5", "100"] == weights(flow)


async def test_a_release_that_kills_its_health_page_asks_a_person(flow: Flow) -> None:
    """Silence uses up the patience of the step; then both ways out are named, with what was wrong."""
    await rolling_at(
        flow, CONFIG.replace("bake: 1s, min_requests: 5", "bake: 2s, patience: 3s, min_requests: 100000"), "50"
    )
    flow.production.counts = None  # type: ignore[assignment]  # the page breaks

    paused = await flow.reach("1.2.4", State.PAUSED)

    assert "its health cannot be read" in paused.note and "`/surefoot rollback` goes back" in paused.note
    await flow.say(paused, "/surefoot rollback")
    await flow.reach("1.2.4", State.ROLLED_BACK)
    assert ["0", "50", "100"] == weights(flow)


async def test_a_revert_leaves_the_lines_of_others(flow: Flow) -> None:
    """Somebody changed the same file since: only our own change is taken back."""
    await rolling_at(flow, SLOW, "50")
    text = await flow.rosa.text("requirements.txt", "main")
    await flow.commit("requirements.txt", text + "# another line\n")
    flow.production.share_of_new = 0.9

    back = await flow.reach("1.2.4", State.ROLLED_BACK)
    reverted = await flow.rosa.text("requirements.txt", (await flow.rosa.pull(back.revert)).branch)

    assert text.replace("1.2.4", "1.2.3") + "# another line\n" == reverted


async def test_where_no_revert_can_be_made_nobody_follows(flow: Flow) -> None:
    """The very line was changed by hand: a person is asked, the next waits; once it is mended, a retry frees it."""
    await rolling_at(flow, SLOW, "50")
    await flow.commit("requirements.txt", "surefoot-demo-greeter==1.2.4  # by hand\n")
    flow.production.share_of_new = 0.9
    failed = await flow.reach("1.2.4", State.FAILED)
    assert "others changed the same lines of requirements.txt" in failed.note
    flow.production.share_of_new = 0.0
    flow.publish("1.2.5")
    await flow.look()
    await flow.reach("1.2.5", State.MERGED)
    assert ["0", "50", "100"] == weights(flow)

    await flow.say(failed, "/surefoot retry")

    freed = await flow.reach("1.2.4", State.ROLLED_BACK)
    assert freed.revert is None and "holds nothing of it any more" in freed.note


async def test_an_old_one_is_not_rolled_back_over_what_came_since(flow: Flow) -> None:
    """1.2.5 has all the traffic: asking 1.2.4 back moves none of it."""
    for version in ("1.2.4", "1.2.5"):
        flow.publish(version)
        await flow.look()
        await flow.reach(version, State.DONE)
    await flow.quiet()
    before = weights(flow)
    await flow.say(await flow.update("1.2.4"), "/surefoot rollback")

    back = await flow.reach("1.2.4", State.ROLLED_BACK)

    assert before == weights(flow) and "so its traffic stays where it is" in back.note
    assert State.DONE is (await flow.update("1.2.5")).state

"""What happens around an update: a lock, an archive, a new name, and the echo of our own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import InstallationId, State
from bot.demo.hub import Hub
from bot.loop import ARCHIVED
from bot.store.rows import key_of
from tests.flows.flow import CONFIG, REPO, Flow, flowing

ASKING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}")
MERGING = (State.MERGED, State.DEPLOYING, State.ROLLING_OUT, State.DONE)


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with an update that waits for a person and a bot that has nothing to do."""
    async with flowing(tmp_path) as made:
        await made.configure(ASKING)
        made.publish("1.2.4")
        await made.look()
        await made.reach("1.2.4", State.IN_REVIEW)
        await made.quiet()
        yield made


async def test_in_a_locked_conversation_commands_are_obeyed(flow: Flow) -> None:
    """GitHub lets the bot say nothing there: the yes counts all the same, and the audit says what was refused."""
    update = await flow.update("1.2.4")
    await flow.rosa._ask("PUT", f"/issues/{update.pull.number}/lock", {"lock_reason": "too heated"})
    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", State.DONE)

    assert any("@rosa approved" in why and "issue is locked" in why for why in await flow.whys(update))


async def test_a_stranger_cannot_make_the_bot_fill_a_page(flow: Flow) -> None:
    """eve may not write here: each of her commands gets a thumb down and not a word."""
    update = await flow.update("1.2.4")
    before = len(await flow.rosa._ask("GET", f"/issues/{update.pull.number}/comments"))
    asked = [
        await flow.say(update, f"/surefoot {word}", who="eve") for word in ("status", "help", "approve", "rollback")
    ]
    await flow.until(lambda: all(flow.reactions(one) for one in asked))
    await flow.quiet()

    after = len(await flow.rosa._ask("GET", f"/issues/{update.pull.number}/comments"))
    assert ([["-1"]] * 4, before + 4) == ([flow.reactions(one) for one in asked], after)
    assert State.IN_REVIEW is (await flow.update("1.2.4")).state


async def test_in_an_archived_repository_nothing_is_even_tried(flow: Flow) -> None:
    """From the event on the bot asks nothing there and says so in its audit; unarchived, it goes on."""
    update = await flow.update("1.2.4")
    await flow.rosa._ask("PATCH", "", {"archived": True})
    await flow.until(lambda: noted(flow, ARCHIVED))
    await flow.quiet()
    before = flow.asked()
    await flow.app.store.wake([key_of(update.id), f"r:{REPO}"], now=flow.app._clock())
    await flow.quiet()
    assert (before, State.IN_REVIEW) == (flow.asked(), (await flow.update("1.2.4")).state)
    assert ARCHIVED in await flow.whys(update)

    await flow.rosa._ask("PATCH", "", {"archived": False})
    await flow.until(lambda: noted(flow, "needs a review"))
    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", *MERGING)


async def noted(flow: Flow, words: str) -> bool:
    """Whether the update to 1.2.4 says so."""
    return words in (await flow.update("1.2.4")).note


@pytest.mark.parametrize("heard", [True, False])
async def test_a_renamed_repository_goes_on_as_one(flow: Flow, heard: bool) -> None:
    """Told of the change or not: the same update with its pull request under the new name, and nothing twice."""
    update = await flow.update("1.2.4")
    await flow.settled(update)
    if not heard:
        flow.box.world.faults.hook("lose", "repository")
    await flow.rosa._ask("PATCH", "", {"name": "store"})
    rosa = Hub(api=flow.box.url, repo="acme/store", login="rosa", token=flow.rosa.token, http=flow.rosa.http)
    await rosa._ask("POST", f"/issues/{update.pull.number}/comments", {"body": "/surefoot approve"})

    async def row() -> bool:
        found = await flow.app.store.load(update.id)
        return found is not None and found.update.state is State.DONE

    await flow.until(row, seconds=30)
    [after] = await flow.app.store.of_repo("acme/store")
    assert (update.id, update.pull.number, "acme/store") == (after.id, after.pull.number, after.repo)
    assert ["acme/store"] == [one.name for one in await flow.app.store.repos()]
    assert 1 == len(await rosa.pulls())


async def test_our_own_words_wake_nobody(flow: Flow) -> None:
    """GitHub tells us of each check run and suite that we write ourselves; another's report is looked at."""
    update = await flow.update("1.2.4")
    gh = await flow.app.powers.gh(update)
    heard, before = len(flow.box.world.deliveries.log), flow.asked()
    run = {"name": "surefoot / rollout", "head_sha": update.pull.head}
    made = await gh.post(f"/repos/{REPO}/check-runs", data=run)
    done = {"status": "completed", "conclusion": "neutral"}
    await gh.patch(f"/repos/{REPO}/check-runs/{made['id']}", data=done)
    await flow.quiet()
    told = [(one.event, one.action) for one in list(flow.box.world.deliveries.log.values())[heard:]]
    assert {("check_run", "completed"), ("check_suite", "completed")} <= set(told)
    assert before + 2 == flow.asked()

    await flow.status(update.pull.head, "others", "success")
    await flow.until(lambda: flow.asked() > before + 2)


async def test_an_installation_that_is_gone_is_forgotten(flow: Flow) -> None:
    """Neither its client nor its tokens are kept."""
    update = await flow.update("1.2.4")
    [installation] = flow.box.world.installations.values()
    number = InstallationId(installation.id)
    kept = await flow.app.powers.client(number)
    await flow.rosa.http.delete(f"{flow.box.url}/_box/installations/{number}")
    await flow.until(lambda: noted(flow, "may not act in this repository"))

    assert kept not in flow.app.powers.forge()._clients.values() and update.installation == number


async def test_the_figures_tell_of_trials_and_of_what_is_open(flow: Flow) -> None:
    """One trial that passed, and one update that waits in review; once it is done no update is open."""
    first = await flow.figures()
    assert 1 == first['surefoot_updates{state="in_review"}']
    await flow.say(await flow.update("1.2.4"), "/surefoot retry")
    await flow.until(lambda: len(flow.lab.trials) == 2)
    await flow.quiet()
    second = await flow.figures()
    for name in ('surefoot_simulations_total{grade="passed"}', "surefoot_simulation_seconds_count"):
        assert first[name] + 1 == second[name]

    await flow.close((await flow.update("1.2.4")).pull.number)
    await flow.reach("1.2.4", State.CLOSED)
    assert 0 == (await flow.figures())['surefoot_updates{state="in_review"}']

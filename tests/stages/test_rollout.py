"""Rollout: a look at how both releases feel, and the one move that follows; silence and guesses move no traffic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.core import strategies
from bot.core.errors import Permanent, Transient
from bot.core.lifecycle import Outcome, Waiting
from bot.core.model import Counts, Reading, State, Update
from bot.github import deployments
from bot.stages import rollout
from tests.builders import MINUTE, a_rollout, a_step, an_entry, an_update
from tests.github.town import REPO
from tests.stages.delivery import Place, delivering
from tests.stages.world import drawn, moved, waited

STRATEGY = strategies.canary((50, 100), MINUTE, 100)


class Broken:
    """A health page that the release broke."""

    async def read(self, *, stable: str, canary: str, since: datetime | None = None) -> Reading | None:
        raise Transient("the page answered 500")


@dataclass
class Health:
    """Cumulative counts that a test lays out look by look; None: not known yet."""

    readings: list[Reading | None] = field(default_factory=list)
    asked: list[tuple[str, str, datetime | None]] = field(default_factory=list)

    async def read(self, *, stable: str, canary: str, since: datetime | None = None) -> Reading | None:
        self.asked.append((stable, canary, since))
        return self.readings.pop(0) if self.readings else None


@pytest.fixture
async def place(shop, tmp_path):
    async with delivering(shop, tmp_path) as made:
        yield made


def reading(place: Place, requests: int, errors: int = 0) -> Reading:
    """So many requests to each arm since the beginning; the canary failed some of its."""
    at = place.now + timedelta(milliseconds=requests)
    return Reading(at=at, stable=Counts(requests=requests), canary=Counts(requests=requests, errors=errors))


async def rolling(place: Place, index: int = 0, ago: timedelta = timedelta(), **more) -> Update:
    """In a step that had its traffic `ago`; with a deployment on GitHub and the lease."""
    began = place.now - ago
    number = await deployments.create(place.shop.gh, REPO, environment="production", sha=place.shop.tip, key="k")
    step = a_step(key="k", weight=50, finished=began)
    values = {"sha": place.shop.tip, "deployment": number, "index": index, "step": step, "began": began} | more
    update = an_update(installation=place.shop.installation, state=State.ROLLING_OUT, rollout=a_rollout(**values))
    await place.store.add(update, an_entry(update=update.id), enqueue=False)
    await place.store.lease(f"{REPO}:production", update.id, now=place.now)
    return update


def at_all(update: Update) -> Update:
    """The same with all traffic."""
    return replace(update, rollout=replace(update.rollout, step=replace(update.rollout.step, weight=100)))


async def run(place: Place, update: Update, health: Health | None = None, strategy=STRATEGY) -> Outcome:
    """The same place and time; health as given."""
    return await rollout.run(
        update, gh=place.shop.gh, strategy=strategy, health=health, leases=place.leases(update), now=place.now
    )


async def test_what_is_installed_gets_its_first_traffic_unasked(place):
    """There is nothing to feel before there is traffic: the first weight is next, under a key of its own."""
    update, health = await rolling(place, index=-1), Health()
    outcome = await run(place, update, health)
    ahead = moved(outcome, State.DEPLOYING)

    assert (0, 50, f"{update.id}:production:1") == (
        ahead.rollout.index,
        ahead.rollout.step.weight,
        ahead.rollout.step.key,
    )
    assert [] == health.asked and State.DEPLOYING is drawn(update, outcome).state


async def test_a_step_that_baked_and_was_seen_goes_on(place):
    """Enough requests, none failing, long enough: all traffic next; a person's waiver of this step ends with it."""
    update, health = await rolling(place, ago=MINUTE, waived=True), Health([reading(place, 0), reading(place, 500)])
    first = waited(await run(place, update, health, strategies.canary((50, 100), 2 * MINUTE, 100)))
    ahead = moved(await run(place, first, health), State.DEPLOYING)

    assert (1, 100, False) == (ahead.rollout.index, ahead.rollout.step.weight, ahead.rollout.waived)
    assert (update.rollout.stable, update.rollout.sha, update.rollout.began) == health.asked[0]


async def test_bad_health_turns_back_at_once(place):
    """In the middle of a bake, with the figures as the reason, which the deployment and the revert will say."""
    update, health = await rolling(place), Health([reading(place, 0), reading(place, 500, 250)])
    first = waited(await run(place, update, health))
    outcome = await run(place, first, health)
    back = moved(outcome, State.ROLLING_BACK)

    assert "250 of 500 requests" in back.note and back.note == back.rollout.because
    assert State.ROLLING_BACK is drawn(first, outcome).state


async def test_a_source_that_knows_nothing_yet_is_waited_for(place):
    """An unknown release is neither good nor bad: what was seen stays, and it is looked at again soon."""
    update = await rolling(place, ago=2 * MINUTE)
    outcome = await run(place, update, Health([None]))

    assert isinstance(outcome, Waiting) and update.rollout.evidence == outcome.update.rollout.evidence
    assert place.now < outcome.until <= place.now + rollout.LOOK
    assert "0 of 100 requests seen" in outcome.why


@pytest.mark.parametrize(("bake", "wait"), [("1s", 1), ("8s", 2), ("10m", 5)])
async def test_short_steps_are_looked_at_more_often(place, bake, wait):
    """A bake of seconds could not be cut short otherwise; a long one is not asked about every second."""
    plan = strategies.read("canary", {"bake": bake, "steps": [50, 100]})
    outcome = await run(place, await rolling(place), Health(), plan)

    assert isinstance(outcome, Waiting) and outcome.until <= place.now + timedelta(seconds=wait)


async def test_a_health_page_that_breaks_is_silence_with_a_reason(place):
    """It is looked at on, and uses up the step's patience: then a person is asked, and told what was wrong."""
    outcome = await run(place, await rolling(place), Broken())
    assert outcome.until <= place.now + rollout.LOOK
    assert "its health cannot be read (the page answered 500)" in waited(outcome).note

    paused = moved(await run(place, await rolling(place, ago=timedelta(hours=1)), Broken()), State.PAUSED)
    assert "its health cannot be read" in paused.note and "`/surefoot rollback` goes back" in paused.note


async def test_a_step_that_was_stopped_under_way_is_carried_out_first(place):
    """A person let it go on: there is no traffic to judge before the run has ended."""
    update = await rolling(place)
    update = replace(update, rollout=replace(update.rollout, step=a_step(key="k:again:1", weight=50)))
    outcome = await run(place, update, Broken())

    assert update.rollout == moved(outcome, State.DEPLOYING).rollout
    assert State.DEPLOYING is drawn(update, outcome).state


async def test_silence_asks_a_person_with_both_ways_out(place):
    """No requests for too long: nothing can be told, so it pauses and says what to write."""
    update = await rolling(place, ago=timedelta(hours=1))
    outcome = await run(place, update, Health([None]))
    paused = moved(outcome, State.PAUSED)

    assert State.ROLLING_OUT is paused.paused_from
    assert "`/surefoot approve` goes on, `/surefoot rollback` goes back" in paused.note
    assert State.PAUSED is drawn(update, outcome).state


async def test_a_waiver_is_for_requests_of_this_step_only(place):
    """A person let it go on without requests: time is enough then, and bad health still turns it back."""
    update = await rolling(place, ago=timedelta(hours=1), waived=True)
    moved(await run(place, update, Health([None])), State.DEPLOYING)

    bad = Health([reading(place, 0), reading(place, 500, 250)])
    seen = await run(place, update, bad, strategies.canary((50, 100), timedelta(hours=2), 100))
    moved(await run(place, waited(seen), bad), State.ROLLING_BACK)


async def test_the_last_step_ends_the_environment(place):
    """GitHub is told, the lease is given back, and the next environment has its turn."""
    plan = strategies.canary((100,), MINUTE, 0)
    update = at_all(await rolling(place, ago=2 * MINUTE))
    outcome = await run(place, update, None, plan)
    done = moved(outcome, State.MERGED)

    assert ("production",) == done.environments_done and "all traffic of production runs it" in done.note
    assert ["success"] == await place.states(update.rollout.deployment)
    assert () == await place.store.leases()
    assert outcome == await run(place, update, None, plan)  # and again, after a crash: said once
    assert ["success"] == await place.states(update.rollout.deployment)


async def test_an_end_without_a_record_on_github_is_one(place):
    """Whoever deploys without GitHub's deployments still ends."""
    update = at_all(await rolling(place, ago=2 * MINUTE))
    update = replace(update, rollout=replace(update.rollout, deployment=None))
    moved(await run(place, update, None, strategies.canary((100,), MINUTE, 0)), State.MERGED)

    assert [] == place.shop.asked("POST", "/statuses")


async def test_no_strategy_is_no_permission(place):
    """The environment left the configuration, or there is no rollout: a person decides."""
    update = await rolling(place)
    for odd, strategy in ((update, None), (replace(update, rollout=None), STRATEGY)):
        with pytest.raises(Permanent, match="left the configuration"):
            await run(place, odd, Health(), strategy)

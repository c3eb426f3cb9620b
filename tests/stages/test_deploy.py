"""Deploy: one deployment and one run a step, in the environment whose turn it is, with real runs of a real workflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.errors import Permanent
from bot.core.lifecycle import Outcome, Waiting
from bot.core.model import Counts, Evidence, Merge, Rollout, Sha, State, Update
from bot.github import deployments, pulls
from bot.stages import deploy
from tests.builders import a_rollout, a_step, an_entry, an_update
from tests.github.town import REPO
from tests.stages.delivery import FAILS, Place, delivering
from tests.stages.world import drawn, moved, waited


async def run(place: Place, update: Update, *turned_back: Update) -> Outcome:
    """One look of the stage, with what it is given."""
    return await deploy.run(
        update,
        gh=place.shop.gh,
        places=place.places(),
        leases=place.leases(update),
        turned_back=turned_back,
        now=place.now,
    )


async def look(place: Place, update: Update) -> Update:
    """One look, saved as the loop would."""
    return drawn(update, await run(place, update))


async def until_it_ended(place: Place, update: Update) -> Update:
    """Look again and again, after the run had time to end, until the state is another."""
    for _ in range(8):
        await place.shop.box.settle()
        after = await look(place, update)
        if after.state is not update.state:
            return after
        update = after
    raise AssertionError(update)


@pytest.fixture
async def place(shop, tmp_path):
    async with delivering(shop, tmp_path) as made:
        yield made


async def test_a_step_is_dispatched_once_and_its_end_is_seen(place):
    """Deployment, intention, run, end: and only then is it said on GitHub that it goes on."""
    update = await place.merged()
    deploying = await look(place, update)
    rolling = await until_it_ended(place, deploying)
    [asked] = place.inputs()

    assert State.DEPLOYING is deploying.state and State.ROLLING_OUT is rolling.state
    assert ("0", update.merge.sha, update.merge.parent) == (asked["weight"], asked["sha"], asked["stable_sha"])
    assert f"{update.id}:production:0" == asked["deploy_id"] == rolling.rollout.step.key
    assert "installed, no traffic yet" == rolling.note
    assert ["in_progress"] == await place.states(rolling.rollout.deployment)
    assert (place.now, place.now) == (rolling.rollout.step.finished, rolling.rollout.began)


async def test_a_process_that_died_at_any_look_deploys_once(place):
    """Each look runs twice from the same row: one deployment, one lease, one run."""
    update = await place.merged()
    first, again = await look(place, update), await look(place, update)
    assert first == again

    asked = await look(place, first)
    await run(place, asked)
    await place.shop.box.settle()
    rolling = await until_it_ended(place, asked)

    assert (State.ROLLING_OUT, 1) == (rolling.state, len(place.inputs()))
    assert 1 == len(place.shop.repo.deployments)
    assert [update.id] == [lease.holder for lease in await place.store.leases()]


async def test_a_step_with_traffic_says_how_much(place):
    """The weight goes to the workflow and into the audit; the evidence of the step before does not count on."""
    update = await place.merged()
    seen = Evidence(against=(3.0,), canary=Counts(requests=500, errors=9), looks=7, stable_sum=4.0)
    rollout = replace((await look(place, update)).rollout, index=1, step=a_step(key="k:2", weight=50), evidence=seen)
    rolling = await until_it_ended(place, replace(update, state=State.DEPLOYING, rollout=rollout))

    assert "50 % of the traffic in production" == rolling.note
    assert ["50"] == [one["weight"] for one in place.inputs()]
    assert Evidence(stable_sum=4.0) == rolling.rollout.evidence


async def test_a_run_that_fails_turns_it_back(place):
    """A red run of the workflow is a reason, told with weight, place and GitHub's word."""
    update = await place.merged()
    rollout = replace((await look(place, update)).rollout, step=a_step(key="k:1", weight=FAILS))
    back = await until_it_ended(place, replace(update, state=State.DEPLOYING, rollout=rollout))

    assert State.ROLLING_BACK is back.state
    assert f"the deploy run to {FAILS} % in production ended as failure" == back.note == back.rollout.because


async def test_without_an_environment_it_is_done(place):
    """It ends, so that an environment that is configured later does not get every old merge."""
    place.names = ()
    update = await place.merged()
    outcome = await run(place, update)

    assert "no environment is configured, so it ends here" == moved(outcome, State.DONE).note
    assert State.DONE is drawn(update, outcome).state
    assert {} == place.shop.repo.deployments


async def test_environments_are_taken_in_their_order_and_then_it_is_done(place):
    """Staging first, then production; a process that comes back from one goes to the next."""
    place.names = ("staging", "production")
    update = await place.merged()

    assert "staging" == (await look(place, update)).rollout.environment
    update = replace(update, environments_done=("staging",))
    assert "production" == (await look(place, update)).rollout.environment
    done = moved(await run(place, replace(update, environments_done=("staging", "production"))), State.DONE)
    assert "runs in staging, production" == done.note


async def test_the_environment_of_another_is_waited_for(place):
    """Who has it is named; nothing is deployed, and it is asked again soon."""
    other = an_update(target="1.2.5", state=State.ROLLING_OUT, rollout=a_rollout())
    await place.store.add(other, an_entry(update=other.id), enqueue=False)
    await place.store.lease(f"{REPO}:production", other.id, now=place.now)
    outcome = await run(place, await place.merged())

    assert "production is taken: greeter 1.2.5 is rolling out there" == waited(outcome).note
    assert isinstance(outcome, Waiting) and outcome.told and place.now + deploy.TURN == outcome.until
    assert {} == place.shop.repo.deployments


async def test_what_ran_well_last_is_the_stable_one(place):
    """The last good deployment of ours, not the merge's parent, is what traffic goes back to."""
    update = await place.merged()
    gh, name = place.shop.gh, "production"
    good = await deployments.create(gh, REPO, environment=name, sha=update.merge.parent, key="earlier:production")
    older = Sha((await place.shop.repo.git.commit(update.merge.parent)).parents[0])
    await deployments.set_status(gh, REPO, good, state="failure")
    better = await deployments.create(gh, REPO, environment=name, sha=older, key="older:production")
    await deployments.set_status(gh, REPO, better, state="success")

    assert older == (await look(place, update)).rollout.stable


async def test_nothing_older_than_what_runs_is_deployed(place):
    """Two waited for the environment and the later one came first: the earlier merge is in it already."""
    update = await place.merged()
    newer = await place.shop.push({"theirs.txt": "x\n"})
    number = await deployments.create(place.shop.gh, REPO, environment="production", sha=newer, key="later:production")
    await deployments.set_status(place.shop.gh, REPO, number, state="success")
    outcome = await run(place, update)
    done = moved(outcome, State.MERGED)

    assert f"production runs {newer[:9]}, which contains {update.merge.sha[:9]} already" in done.note
    assert (("production",), []) == (done.environments_done, place.inputs())
    assert () == await place.store.leases() and 1 == len(place.shop.repo.deployments)
    assert State.DONE is drawn(done, await run(place, drawn(update, outcome))).state


async def test_a_bad_one_that_was_reverted_meanwhile_is_not_deployed_again(place):
    """The merge stands on a bad one whose revert came after it: the tip of the branch, with the revert, is deployed."""
    ann, update = place.shop.people["ann"], await place.merged()
    merge = Merge(sha=update.merge.parent, parent=update.merge.parent, at=place.now)
    await place.shop.push({"requirements.txt": "other==1\n"}, branch="revert")
    revert = await pulls.open(place.shop.gh, REPO, branch="revert", base="main", title="Revert", body="")
    bad = an_update(target="0.9", state=State.ROLLED_BACK, merge=merge, revert=revert.number)

    open_still = (await run(place, update, bad)).update.rollout
    await ann.put(f"/repos/{REPO}/pulls/{revert.number}/merge", data={})
    tip = place.shop.repo.git.refs["refs/heads/main"]
    after = await run(place, update, an_update(target="0.8", state=State.ROLLED_BACK), bad)

    assert (update.merge.sha, tip) == (open_still.sha, after.update.rollout.sha)
    assert f"{tip[:9]} is deployed, since greeter 0.9 in {update.merge.sha[:9]} was reverted after it" in after.why


async def test_where_nothing_is_known_the_guess_is_told(place):
    """The first rollout there takes what the merge was made on for what runs, and says that it does."""
    outcome = await run(place, await place.merged())

    assert "no good deployment to production is known" in outcome.why


async def test_a_run_that_somebody_cancelled_is_no_verdict(place):
    """It asks, and another try is a run of its own under a key of its own."""
    update = await look(place, await place.merged())
    update = await look(place, await look(place, update))
    run_id = update.rollout.step.run
    place.shop.repo.runs[int(run_id)].status = "completed"
    place.shop.repo.runs[int(run_id)].conclusion = "cancelled"
    outcome = await run(place, update)
    paused = moved(outcome, State.PAUSED)

    assert "ended as cancelled; that is no verdict: `/surefoot retry` dispatches it again" in paused.note
    assert (State.DEPLOYING, f"{update.id}:production:0:again:1") == (paused.paused_from, paused.rollout.step.key)
    assert f"{update.id}:production:0:again:2" == deploy._again(paused.rollout.step).key


async def test_an_environment_that_left_the_configuration_stops(place):
    """Nobody knows any more how to deploy there, so a person is asked."""
    update = await look(place, await place.merged())
    place.names = ("elsewhere",)
    with pytest.raises(Permanent, match="production is no longer in the configuration"):
        await run(place, update)


@pytest.mark.parametrize("rollout", [None, a_rollout(step=None)])
async def test_deploying_nothing_is_a_defect_that_stops(place, rollout):
    """Fail closed: no rollout, or none with a step."""
    await place.shop.gh.getitem(f"/repos/{REPO}")
    with pytest.raises(Permanent, match="without a step in hand"):
        await run(place, an_update(state=State.DEPLOYING, rollout=rollout))


async def test_a_deployment_that_is_not_githubs_has_no_status_there(place):
    """A rollout without a GitHub deployment goes on all the same."""
    update = await look(place, await place.merged())
    update = replace(update, rollout=replace(update.rollout, deployment=None))
    rolling = await until_it_ended(place, update)

    assert State.ROLLING_OUT is rolling.state and isinstance(rolling.rollout, Rollout)
    assert [] == place.shop.asked("POST", "/statuses")
    assert place.now == rolling.rollout.began

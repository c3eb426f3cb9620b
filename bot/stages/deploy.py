"""Dispatches one step of a deployment and waits for its run; which step it is, was decided before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gidgethub.abc import GitHubAPI

from bot.adapters import providers
from bot.core import judge, names, plans
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Merge, Rollout, Sha, State, Step, Update
from bot.core.ports import DeployJob, Leases, Provider
from bot.core.quoting import calm
from bot.core.repo_config import Environment
from bot.github import commits, deployments, pulls

TURN = timedelta(seconds=30)
RUN_LOOK = timedelta(seconds=5)
_CONTAINED = frozenset({"identical", "behind"})
_AGAIN = ":again:"


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    places: Mapping[str, plans.Place],
    leases: Leases,
    turned_back: Sequence[Update],
    now: datetime,
) -> Outcome:
    """From merged: take the next environment. From deploying: carry its step out."""
    if update.state is State.MERGED:
        place = next((place for name, place in places.items() if name not in update.environments_done), None)
        if place is None:
            done = f"runs in {', '.join(update.environments_done)}"
            why = done if update.environments_done else "no environment is configured, so it ends here"
            return Moved(update=update, to=State.DONE, why=why)
        if busy := await leases.take(place.environment.name):
            why = f"{place.environment.name} is taken: {busy}"
            return Waiting(update=update, until=now + TURN, why=why, told=True)
        return await _begin(update, place.environment, gh, leases, turned_back, now)
    rollout, step = update.rollout, update.rollout.step if update.rollout else None
    if rollout is None or step is None:
        raise Permanent("deploying without a step in hand")
    place = places.get(rollout.environment)
    if place is None:
        raise Permanent(f"the environment {rollout.environment} is no longer in the configuration")
    return await _carry_out(update, rollout, step, gh, place.provider, now)


async def _begin(
    update: Update,
    environment: Environment,
    gh: GitHubAPI,
    leases: Leases,
    turned_back: Sequence[Update],
    now: datetime,
) -> Outcome:
    """The lease is ours. Nothing older than what runs is deployed, and nothing that was turned back before."""
    assert update.merge is not None, "merged knows its merge"
    name = environment.name
    sha, because = await _what_to_deploy(update, update.merge, gh, turned_back)
    known = await deployments.last_good(gh, update.repo, name)
    if known and (await commits.compare(gh, update.repo, known, sha)).status in _CONTAINED:
        await leases.release(name)
        done = replace(update, environments_done=(*update.environments_done, name))
        why = f"{name} runs {known[:9]}, which contains {sha[:9]} already, so nothing is deployed there"
        return Moved(update=done, to=State.MERGED, why=why)
    stable = known or update.merge.parent
    number = await _deployment(update, name, sha, gh)
    step = Step(key=f"{update.id}:{name}:0", weight=0)
    plan = plans.kept(environment)
    rollout = Rollout(environment=name, sha=sha, stable=stable, deployment=number, step=step, began=now, plan=plan)
    guess = "" if known else f"; no good deployment to {name} is known, so what the merge was made on is taken for it"
    why = f"deploying to {name}, installed beside {stable[:9]} without traffic{guess}{because}"
    return Moved(update=replace(update, rollout=rollout), to=State.DEPLOYING, why=why)


async def _what_to_deploy(
    update: Update, merge: Merge, gh: GitHubAPI, turned_back: Sequence[Update]
) -> tuple[Sha, str]:
    """The merge; or the tip of its branch, where the merge holds a bad one whose revert was merged only after it."""
    for bad in turned_back:
        if bad.merge is None or bad.revert is None or not await _holds(gh, update, bad.merge.sha, merge.sha):
            continue
        revert = await pulls.get(gh, update.repo, bad.revert)
        if not revert.merged or revert.merge_commit_sha is None:
            continue
        tip = await commits.branch(gh, update.repo, revert.base_ref)
        if tip and not await _holds(gh, update, revert.merge_commit_sha, merge.sha):
            what = calm(names.brought(bad))
            return tip, f"; {tip[:9]} is deployed, since {what} in {merge.sha[:9]} was reverted after it"
    return merge.sha, ""


async def _holds(gh: GitHubAPI, update: Update, part: Sha, whole: Sha) -> bool:
    return (await commits.compare(gh, update.repo, whole, part)).status in _CONTAINED


async def _deployment(update: Update, environment: str, sha: Sha, gh: GitHubAPI) -> int:
    """The GitHub deployment: found by our key, or created."""
    key = f"{update.id}:{environment}"
    made = await deployments.find(gh, update.repo, environment=environment, sha=sha, key=key)
    return made or await deployments.create(gh, update.repo, environment=environment, sha=sha, key=key)


async def _carry_out(
    update: Update, rollout: Rollout, step: Step, gh: GitHubAPI, pipeline: Provider, now: datetime
) -> Outcome:
    carried = await providers.carry_out(pipeline, _job(update, rollout, step), step, now=now, every=RUN_LOOK)
    step = carried.step
    rollout = replace(rollout, step=step)
    moved = replace(update, rollout=rollout)
    if carried.ok is None:
        why = f"{step.weight} % is on its way: {carried.detail}"
        return Waiting(update=moved, until=carried.until, why=why)
    if rollout.deployment is not None:
        # Its link also tells later which deployments were made by the jobs of our own runs.
        await deployments.set_status(gh, update.repo, rollout.deployment, state="in_progress", log_url=step.url)
    because = f"the deploy run to {step.weight} % in {rollout.environment} ended as {carried.detail}"
    if not carried.ok and carried.detail == providers.CANCELLED:
        asked = replace(moved, rollout=replace(rollout, step=_again(step)), paused_from=State.DEPLOYING)
        ways = "that is no verdict: `/surefoot retry` dispatches it again, `/surefoot rollback` goes back"
        return Moved(update=asked, to=State.PAUSED, why=f"{because}; {ways}")
    if not carried.ok:
        failed = replace(moved, rollout=replace(rollout, because=because))
        return Moved(update=failed, to=State.ROLLING_BACK, why=because)
    fresh = replace(rollout, step=replace(step, finished=now), evidence=judge.onward(rollout.evidence), began=now)
    why = f"{step.weight} % of the traffic in {rollout.environment}" if step.weight else "installed, no traffic yet"
    return Moved(update=replace(update, rollout=fresh), to=State.ROLLING_OUT, why=why)


def _again(step: Step) -> Step:
    """Another try of the same step is a run of its own, so it has a key of its own."""
    key, _, tries = step.key.partition(_AGAIN)
    return Step(key=f"{key}{_AGAIN}{int(tries or 0) + 1}", weight=step.weight)


def _job(update: Update, rollout: Rollout, step: Step) -> DeployJob:
    return DeployJob(
        key=step.key,
        environment=rollout.environment,
        sha=rollout.sha,
        stable=rollout.stable,
        weight=step.weight,
        version=names.brought(update),
        ref=update.pull.base if update.pull else "main",
    )

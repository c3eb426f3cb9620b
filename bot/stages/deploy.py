"""Dispatches one step of a deployment and waits for its run; which step it is, was decided before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gidgethub.abc import GitHubAPI

from bot.adapters import providers
from bot.core import judge
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Rollout, State, Step, Update
from bot.core.ports import DeployJob, Leases, Provider
from bot.core.repo_config import Environment, RepoConfig
from bot.github import deployments

TURN = timedelta(seconds=30)
RUN_LOOK = timedelta(seconds=5)


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    config: RepoConfig,
    pipelines: Mapping[str, Provider],
    leases: Leases,
    now: datetime,
) -> Outcome:
    """From merged: take the next environment. From deploying: carry its step out."""
    if update.state is State.MERGED:
        return await _begin(update, gh, config, leases, now)
    rollout, step = update.rollout, update.rollout.step if update.rollout else None
    if rollout is None or step is None:
        raise Permanent("deploying without a step in hand")
    pipeline = pipelines.get(rollout.environment)
    if pipeline is None:
        raise Permanent(f"the environment {rollout.environment} is no longer in the configuration")
    return await _carry_out(update, rollout, step, gh, pipeline, now)


async def _begin(update: Update, gh: GitHubAPI, config: RepoConfig, leases: Leases, now: datetime) -> Outcome:
    environment = _next(update, config)
    if environment is None and update.environments_done:
        return Moved(update=update, to=State.DONE, why=f"runs in {', '.join(update.environments_done)}")
    if environment is None:
        return Waiting(update=update, until=None, why="no environment is configured, so it ends here", told=True)
    if busy := await leases.take(environment.name):
        return Waiting(update=update, until=now + TURN, why=f"{environment.name} is taken: {busy}", told=True)
    rollout = await _opened(update, environment, gh, now)
    why = f"deploying to {environment.name}, installed beside {rollout.stable[:9]} without traffic"
    return Moved(update=replace(update, rollout=rollout), to=State.DEPLOYING, why=why)


def _next(update: Update, config: RepoConfig) -> Environment | None:
    left = (env for env in config.environments if env.name not in update.environments_done)
    return next(left, None)


async def _opened(update: Update, environment: Environment, gh: GitHubAPI, now: datetime) -> Rollout:
    """The rollout with its GitHub deployment: found by our key, or created."""
    assert update.merge is not None, "merged knows its merge"
    sha, key, name = update.merge.sha, f"{update.id}:{environment.name}", environment.name
    stable = await deployments.last_good(gh, update.repo, name) or update.merge.parent
    made = await deployments.find(gh, update.repo, environment=name, sha=sha, key=key)
    made = made or await deployments.create(gh, update.repo, environment=name, sha=sha, key=key)
    step = Step(key=f"{key}:0", weight=0)
    return Rollout(environment=name, sha=sha, stable=stable, deployment=made, step=step, began=now)


async def _carry_out(
    update: Update, rollout: Rollout, step: Step, gh: GitHubAPI, pipeline: Provider, now: datetime
) -> Outcome:
    job = DeployJob(
        key=step.key,
        environment=rollout.environment,
        sha=rollout.sha,
        stable=rollout.stable,
        weight=step.weight,
        version=f"{update.component.name} {update.target}",
        ref=update.pull.base if update.pull else "main",
    )
    carried = await providers.carry_out(pipeline, job, step, now=now, every=RUN_LOOK)
    step = carried.step
    rollout = replace(rollout, step=step)
    moved = replace(update, rollout=rollout)
    if carried.ok is None:
        why = f"{step.weight} % is on its way: {carried.detail}"
        return Waiting(update=moved, until=carried.until, why=why)
    if not carried.ok:
        because = f"the deploy run to {step.weight} % in {rollout.environment} ended as {carried.detail}"
        failed = replace(moved, rollout=replace(rollout, because=because))
        return Moved(update=failed, to=State.ROLLING_BACK, why=because)
    if rollout.deployment is not None:
        await deployments.set_status(gh, update.repo, rollout.deployment, state="in_progress", log_url=step.url)
    fresh = replace(rollout, step=replace(step, finished=now), evidence=judge.onward(rollout.evidence), began=now)
    why = f"{step.weight} % of the traffic in {rollout.environment}" if step.weight else "installed, no traffic yet"
    return Moved(update=replace(update, rollout=fresh), to=State.ROLLING_OUT, why=why)

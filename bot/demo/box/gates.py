"""A job that names an environment deploys to it, but only when the rules that guard the environment have said yes."""

from __future__ import annotations

import asyncio

from bot.demo.box import events
from bot.demo.box.deploying import add_status, ensure_environment
from bot.demo.box.rows import Deployment, Gate, Job, Json, Repo, Run
from bot.demo.box.shapes import deploys, pulls, repos
from bot.demo.box.world import World


def guarded(repo: Repo, environment: str) -> bool:
    """Does anybody have to be asked?"""
    return environment in repo.environments and bool(repo.environments[environment].rules)


async def enter(world: World, repo: Repo, run: Run, job: Job, environment: str) -> bool:
    """True: let in. False: rejected, or cancelled while waiting."""
    place = ensure_environment(world, repo, environment)
    job.environment = environment
    deployment = write_down(world, repo, run, environment)
    if place.rules:
        gate = run.gates[environment] = Gate(environment=environment, waiting={app.id for app in place.rules.values()})
        ask(world, repo, run, gate, deployment)
        await first(gate.answered, run.cancelled)
        if gate.rejected or run.cancelled.is_set():
            add_status(world, repo, deployment, "failure", world.actions.bot)
            return False
    add_status(world, repo, deployment, "in_progress", world.actions.bot)
    return True


def leave(world: World, repo: Repo, run: Run, job: Job, conclusion: str) -> None:
    """The deployment ends as the job did."""
    if job.environment:
        mine = [
            one for one in repo.deployments.values() if one.payload == tag(run) and one.environment == job.environment
        ]
        add_status(world, repo, mine[-1], "success" if conclusion == "success" else "failure", world.actions.bot)


def tag(run: Run) -> Json:
    """How a run's deployment knows its run."""
    return {"workflow_run_id": run.id}


def write_down(world: World, repo: Repo, run: Run, environment: str) -> Deployment:
    """The deployment of a job."""
    one = Deployment(
        id=world.next_id(),
        sha=run.head_sha,
        ref=run.head_branch or run.head_sha,
        task="deploy",
        payload=tag(run),
        environment=environment,
        description=None,
        transient=False,
        production=environment == "production",
        creator=world.actions.bot,
        app=world.actions,
        created_at=world.now(),
    )
    repo.deployments[one.id] = one
    payload = {
        "action": "created",
        "deployment": deploys.deployment(world, repo, one),
        "workflow": None,
        "workflow_run": None,
    }
    events.emit(world, "deployment", repo, payload, sender=run.actor)
    return one


def ask(world: World, repo: Repo, run: Run, gate: Gate, deployment: Deployment) -> None:
    """``deployment_protection_rule`` to each App that guards the environment, and to no other."""
    heads = [
        pulls.full(world, repo, pull) for pull in repo.pulls.values() if pull.open and pull.head_sha == run.head_sha
    ]
    payload = {
        "action": "requested",
        "environment": gate.environment,
        "event": run.event,
        "sha": run.head_sha,
        "ref": f"refs/heads/{run.head_branch}",
        "deployment_callback_url": f"{repos.api(world, repo)}/actions/runs/{run.id}/deployment_protection_rule",
        "deployment": deploys.deployment(world, repo, deployment),
        "pull_requests": heads,
    }
    for app_id in gate.waiting:
        events.emit(world, "deployment_protection_rule", repo, payload, sender=run.actor, only=world.apps[app_id])


async def first(one: asyncio.Event, other: asyncio.Event) -> None:
    """Until one of two things has happened."""
    tasks = {asyncio.create_task(event.wait()) for event in (one, other)}
    _, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()

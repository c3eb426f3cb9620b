"""A run goes queued, in progress, completed, and tells everyone at each turn: run, job, check run, suite at the end."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.demo.box import events, gates, tars
from bot.demo.box.expressions import ExpressionError, fill, truth
from bot.demo.box.rows import Artifact, CheckRun, Job, Json, Repo, Run
from bot.demo.box.shapes import runs
from bot.demo.box.standing import worst
from bot.demo.box.steps import Desk, perform, strings
from bot.demo.box.workflows import Workflow, in_order, matrix, needs
from bot.demo.box.world import World, stamp


async def run_event(world: World, repo: Repo, run: Run, action: str, workflow: Workflow) -> None:
    """``workflow_run`` with an action."""
    head = await repo.git.commit(run.head_sha)
    payload = {
        "action": action,
        "workflow": runs.workflow(world, repo, run.path, workflow.name),
        "workflow_run": runs.run_in_hook(world, repo, run, head, action),
    }
    events.emit(world, "workflow_run", repo, payload, sender=run.actor)


def job_event(world: World, repo: Repo, run: Run, job: Job, action: str) -> None:
    """``workflow_job`` and the ``check_run`` that mirrors it."""
    payload = {"action": action, "workflow_job": runs.job(world, repo, run, job)}
    events.emit(world, "workflow_job", repo, payload, sender=run.actor)
    if action in ("queued", "completed"):
        mirror = "created" if action == "queued" else "completed"
        events.check_event(world, repo, job.check, mirror, world.actions.bot)


def plan(world: World, repo: Repo, run: Run, workflow: Workflow) -> None:
    """Make the jobs of a run, one for each combination of a matrix, in the order of their needs."""
    for key in in_order(workflow.jobs):
        for combo in matrix(workflow.jobs[key]):
            name = str(workflow.jobs[key].get("name") or key)
            if combo:
                name = (
                    fill(name, {"matrix": combo})
                    if "${{" in name
                    else f"{name} ({', '.join(map(str, combo.values()))})"
                )
            add_job(world, repo, run, key, name)


def add_job(world: World, repo: Repo, run: Run, key: str, name: str) -> None:
    """One job, and the check run that mirrors it."""
    now = world.now()
    check = CheckRun(
        id=world.next_id(),
        suite=run.suite,
        name=name,
        status="queued",
        conclusion=None,
        external_id="",
        details_url=None,
        started_at=now,
        completed_at=None,
        output={},
    )
    job = Job(
        id=world.next_id(),
        key=key,
        name=name,
        check=check,
        status="queued",
        conclusion=None,
        created_at=now,
        started_at=now,
    )
    check.details_url = f"{world.url}/{repo.full_name}/actions/runs/{run.id}/job/{job.id}"
    repo.checks[check.id] = check
    run.jobs.append(job)
    job_event(world, repo, run, job, "queued")


async def execute(world: World, repo: Repo, run: Run, workflow: Workflow) -> None:
    """Run all jobs to their end. One that needs a job that did not succeed is skipped."""
    await run_event(world, repo, run, "requested", workflow)
    for job in run.jobs:
        await one_job(world, repo, run, job, workflow)
    run.status, run.updated_at = "completed", world.now()
    run.conclusion = worst(job.conclusion for job in run.jobs) or "success"
    if run.cancelled.is_set() and run.conclusion != "failure":
        run.conclusion = "cancelled"
    run.suite.updated_at = world.now()
    await run_event(world, repo, run, "completed", workflow)
    await events.suite_event(world, repo, run.suite, "completed", world.actions.bot)
    if world.when_changed:
        await world.when_changed(repo)


def context_of(world: World, repo: Repo, run: Run, job: Job, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What expressions of a job may name."""
    before = {key: [other for other in run.jobs if other.key == key] for key in needs(spec)}
    results = {key: worst(other.conclusion for other in others) or "success" for key, others in before.items()}
    twins = [other for other in run.jobs if other.key == job.key]
    combos = matrix(spec)
    ok = all(result == "success" for result in results.values())
    return {
        "inputs": run.inputs,
        "github": github_context(world, repo, run) | {"job": job.key},
        "env": {},
        "secrets": world.secrets,
        "vars": {},
        "matrix": combos[twins.index(job)],
        "needs": {key: {"result": result} for key, result in results.items()},
        "steps": {},
        "runner": {"os": "Linux", "arch": "X64"},
        "success()": lambda: ok,
        "failure()": lambda: "failure" in results.values(),
        "always()": lambda: True,
        "cancelled()": lambda: run.cancelled.is_set(),
    }


def github_context(world: World, repo: Repo, run: Run) -> Json:
    """``github.*``."""
    pull = repo.pulls.get(run.pull or 0)
    return {
        "sha": run.checkout,
        "ref": f"refs/pull/{run.pull}/merge" if pull else f"refs/heads/{run.head_branch}",
        "ref_name": f"{run.pull}/merge" if pull else run.head_branch,
        "head_ref": pull.head_ref if pull else "",
        "base_ref": pull.base_ref if pull else "",
        "repository": repo.full_name,
        "repository_owner": repo.owner.login,
        "actor": run.actor.login,
        "event_name": run.event,
        "workflow": run.name,
        "run_id": run.id,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "server_url": world.url,
        "api_url": world.url,
        "event": {"inputs": run.inputs, "number": run.pull},
    }


async def one_job(world: World, repo: Repo, run: Run, job: Job, workflow: Workflow) -> None:
    """Skip it, or wait for its gate and a free slot, work through the steps, and say how it ended."""
    spec = workflow.jobs[job.key] | {"env": {**workflow.env, **(workflow.jobs[job.key].get("env") or {})}}
    context = context_of(world, repo, run, job, spec)
    try:
        wanted = not run.cancelled.is_set() and truth(str(spec.get("if", "success()")), context)
        environment = environment_of(spec, context)
    except ExpressionError as error:
        job.log = f"Error: {error}"
        finish_job(world, repo, run, job, "failure")
        return
    if not wanted:
        finish_job(world, repo, run, job, "cancelled" if run.cancelled.is_set() else "skipped")
        return
    if environment and gates.guarded(repo, environment):
        run.status = job.status = job.check.status = "waiting"
        job_event(world, repo, run, job, "waiting")
    if environment and not await gates.enter(world, repo, run, job, environment):
        finish_job(world, repo, run, job, "cancelled" if run.cancelled.is_set() else "failure")
        return
    async with world.job_slots:
        await take_up(world, repo, run, job, workflow)
        conclusion = await performed(world, repo, run, job, (spec, context))
    gates.leave(world, repo, run, job, conclusion)
    finish_job(world, repo, run, job, conclusion)


async def take_up(world: World, repo: Repo, run: Run, job: Job, workflow: Workflow) -> None:
    """The job begins, and with the first one the run."""
    begins, run.begun = not run.begun, True
    run.status, run.updated_at = "in_progress", world.now()
    job.status = job.check.status = "in_progress"
    job.started_at = job.check.started_at = world.now()
    if begins:
        await run_event(world, repo, run, "in_progress", workflow)
    job_event(world, repo, run, job, "in_progress")


async def performed(
    world: World, repo: Repo, run: Run, job: Job, script: tuple[Mapping[str, Any], dict[str, Any]]
) -> str:
    """The conclusion of a job's steps; what could not even be set up is a failure with its reason in the log."""
    spec, context = script
    try:
        with tempfile.TemporaryDirectory(prefix="box-job-") as scratch:
            desk = await set_up(world, repo, run, Path(scratch), context, spec)
            conclusion = await work(world, run, job, desk, spec.get("steps") or [])
            keep(world, repo, run, job, desk)
            return conclusion
    except (ExpressionError, OSError) as error:
        job.log = f"Error: {error}"
        return "failure"


def environment_of(spec: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """The environment that a job deploys to."""
    named = spec.get("environment")
    if isinstance(named, Mapping):
        named = named.get("name")
    return fill(str(named), context) if named else None


async def set_up(
    world: World, repo: Repo, run: Run, place: Path, context: dict[str, Any], spec: Mapping[str, Any]
) -> Desk:
    """A fresh checkout and a clean environment; nothing of the box's own environment but PATH."""
    workspace = place / "work"
    workspace.mkdir()
    packed = await repo.git.archive(run.checkout, "tar")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        tars.unpack(archive, workspace)
    github = context["github"]
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(place), "CI": "true", "LANG": "C.UTF-8"}
    env |= {f"GITHUB_{key.upper()}": str(value) for key, value in github.items() if key != "event"}
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(place)}
    env |= {f"INPUT_{key.upper()}": str(value) for key, value in run.inputs.items()}
    context["env"] = strings(spec.get("env"), context)
    context["runner"]["temp"] = str(place)
    return Desk(
        place=place,
        workspace=workspace,
        env=env | world.job_env | context["env"],
        context=context,
        cancelled=run.cancelled,
    )


async def work(world: World, run: Run, job: Job, desk: Desk, steps: list[Json]) -> str:
    """All steps; after a failure only those that ask for it (``if: always()`` or ``failure()``)."""
    failed = False
    desk.context |= {"success()": lambda: not failed, "failure()": lambda: failed}
    for number, step in enumerate(steps, 1):
        began = world.now()
        conclusion = await one_step(run, desk, step)
        failed = failed or (conclusion == "failure" and not step.get("continue-on-error"))
        job.steps.append(
            {
                "name": step_name(step),
                "number": number,
                "status": "completed",
                "conclusion": conclusion,
                "started_at": stamp(began),
                "completed_at": stamp(world.now()),
            }
        )
    if run.cancelled.is_set():
        return "cancelled"
    return "failure" if failed else "success"


async def one_step(run: Run, desk: Desk, step: Json) -> str:
    """success, failure or skipped. A condition that the box does not understand fails."""
    try:
        if run.cancelled.is_set() or not truth(str(step.get("if", "success()")), desk.context):
            return "skipped"
    except ExpressionError as error:
        desk.log.append(f"Error: {error}")
        return "failure"
    return "success" if await perform(desk, step) else "failure"


def step_name(step: Json) -> str:
    """As GitHub names a step that has no name."""
    script = str(step.get("run", "")).strip().partition("\n")[0]
    return str(step.get("name") or f"Run {step.get('uses') or script}")


def keep(world: World, repo: Repo, run: Run, job: Job, desk: Desk) -> None:
    """What the steps left behind: log, annotations, artifacts."""
    job.log = "\n".join(desk.log)
    job.check.annotations = desk.annotations
    for name, data in desk.artifacts.items():
        one = Artifact(id=world.next_id(), run_id=run.id, name=name, data=data, created_at=world.now())
        repo.artifacts[one.id] = one


def finish_job(world: World, repo: Repo, run: Run, job: Job, conclusion: str) -> None:
    """The rows of an ended job, and the news of it."""
    job.status = job.check.status = "completed"
    job.conclusion = job.check.conclusion = conclusion
    job.completed_at = job.check.completed_at = world.now()
    job_event(world, repo, run, job, "completed")

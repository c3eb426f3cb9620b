"""Workflows, runs, jobs and artifacts as GitHub shows them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from bot.demo.box.git import Commit
from bot.demo.box.rows import Artifact, Job, Json, Repo, Run
from bot.demo.box.shapes.code import simple_commit
from bot.demo.box.shapes.people import node_id, user
from bot.demo.box.shapes.pulls import minimal as minimal_pull
from bot.demo.box.shapes.repos import api, html, minimal
from bot.demo.box.world import World, maybe_stamp, stamp


def workflow(world: World, repo: Repo, path: str, name: str) -> Json:
    """A workflow file."""
    url = f"{api(world, repo)}/actions/workflows/{repo.workflow_ids[path]}"
    file = path.rpartition("/")[2]
    return {
        "id": repo.workflow_ids[path],
        "node_id": node_id("Workflow", repo.workflow_ids[path]),
        "name": name,
        "path": path,
        "state": "active",
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.created_at),
        "url": url,
        "html_url": f"{html(world, repo)}/blob/{repo.default_branch}/{path}",
        "badge_url": f"{html(world, repo)}/actions/workflows/{file}/badge.svg",
    }


def run_links(world: World, repo: Repo, one: Run) -> Json:
    """The addresses of a run."""
    url = f"{api(world, repo)}/actions/runs/{one.id}"
    return {
        "url": url,
        "html_url": f"{html(world, repo)}/actions/runs/{one.id}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api(world, repo)}/check-suites/{one.suite.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{api(world, repo)}/actions/workflows/{one.workflow_id}",
    }


def run(world: World, repo: Repo, one: Run, head: Commit) -> Json:
    """A workflow run."""
    pull = repo.pulls.get(one.pull or 0)
    return {
        "id": one.id,
        "name": one.name,
        "node_id": node_id("WorkflowRun", one.id),
        "head_branch": one.head_branch,
        "head_sha": one.head_sha,
        "path": one.path,
        "display_title": one.title,
        "run_number": one.number,
        "run_attempt": one.attempt,
        "event": one.event,
        "status": one.status,
        "conclusion": one.conclusion,
        "workflow_id": one.workflow_id,
        "check_suite_id": one.suite.id,
        "check_suite_node_id": node_id("CheckSuite", one.suite.id),
        "pull_requests": [minimal_pull(world, repo, pull)] if pull else [],
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "run_started_at": stamp(one.created_at),
        "actor": user(world, one.actor),
        "triggering_actor": user(world, one.actor),
        "referenced_workflows": [],
        "head_commit": simple_commit(head),
        "repository": minimal(world, repo),
        "head_repository": minimal(world, repo),
        **run_links(world, repo, one),
    }


def run_in_hook(world: World, repo: Repo, one: Run, head: Commit, action: str) -> Json:
    """A run as its webhook carries it. By GitHub's own description the middle one of three knows fewer fields."""
    shown = run(world, repo, one, head)
    if action != "in_progress":
        return shown
    lean: Json = without(shown, ("display_title", "user_view_type"))
    return lean


def without(value: Any, names: tuple[str, ...]) -> Any:
    """The same JSON without some fields, at every depth."""
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


def job(world: World, repo: Repo, one: Run, it: Job) -> Json:
    """A job of a run."""
    return {
        "id": it.id,
        "run_id": one.id,
        "run_attempt": one.attempt,
        "run_url": f"{api(world, repo)}/actions/runs/{one.id}",
        "node_id": node_id("WorkflowJob", it.id),
        "head_sha": one.head_sha,
        "head_branch": one.head_branch,
        "workflow_name": one.name,
        "url": f"{api(world, repo)}/actions/jobs/{it.id}",
        "html_url": f"{html(world, repo)}/actions/runs/{one.id}/job/{it.id}",
        "status": it.status,
        "conclusion": it.conclusion,
        "created_at": stamp(it.created_at),
        "started_at": stamp(it.started_at),
        "completed_at": maybe_stamp(it.completed_at),
        "name": it.name,
        "steps": it.steps,
        "check_run_url": f"{api(world, repo)}/check-runs/{it.check.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "box",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    }


def artifact(world: World, repo: Repo, one: Artifact) -> Json:
    """An artifact; it expires after 90 days."""
    url = f"{api(world, repo)}/actions/artifacts/{one.id}"
    run = repo.runs[one.run_id]
    return {
        "id": one.id,
        "node_id": node_id("Artifact", one.id),
        "name": one.name,
        "size_in_bytes": len(one.data),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": False,
        "digest": f"sha256:{hashlib.sha256(one.data).hexdigest()}",
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "expires_at": stamp(one.created_at + timedelta(days=90)),
        "workflow_run": {
            "id": run.id,
            "repository_id": repo.id,
            "head_repository_id": repo.id,
            "head_branch": run.head_branch or "",
            "head_sha": run.head_sha,
        },
    }

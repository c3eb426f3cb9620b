"""Check runs, check suites and statuses as GitHub shows them."""

from __future__ import annotations

from urllib.parse import quote

from bot.demo.box.git import Commit
from bot.demo.box.rows import CheckRun, CheckSuite, Json, Repo, Status
from bot.demo.box.shapes.code import simple_commit
from bot.demo.box.shapes.people import app, node_id, user
from bot.demo.box.shapes.pulls import headed
from bot.demo.box.shapes.repos import api, html, minimal
from bot.demo.box.standing import suite_verdict
from bot.demo.box.world import World, maybe_stamp, stamp


def run(world: World, repo: Repo, one: CheckRun) -> Json:
    """A check run."""
    url, page = f"{api(world, repo)}/check-runs/{one.id}", f"{html(world, repo)}/runs/{one.id}"
    return {
        "id": one.id,
        "name": one.name,
        "node_id": node_id("CheckRun", one.id),
        "head_sha": one.suite.head_sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": page,
        "details_url": one.details_url or page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": stamp(one.started_at),
        "completed_at": maybe_stamp(one.completed_at),
        "output": {
            "title": one.output.get("title"),
            "summary": one.output.get("summary"),
            "text": one.output.get("text"),
            "annotations_count": len(one.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": one.suite.id},
        "app": app(world, one.suite.app),
        "pull_requests": headed(world, repo, one.suite.head_sha),
    }


def run_in_hook(world: World, repo: Repo, one: CheckRun) -> Json:
    """A check run as its webhook carries it, with a whole suite inside."""
    return run(world, repo, one) | {
        "check_suite": {
            "id": one.suite.id,
            "node_id": node_id("CheckSuite", one.suite.id),
            **suite_core(world, repo, one.suite),
        }
    }


def suite_core(world: World, repo: Repo, one: CheckSuite) -> Json:
    """What a suite says everywhere."""
    status, conclusion = suite_verdict(repo, one)
    return {
        "head_branch": one.head_branch,
        "head_sha": one.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": f"{api(world, repo)}/check-suites/{one.id}",
        "before": one.before,
        "after": one.head_sha,
        "pull_requests": headed(world, repo, one.head_sha),
        "app": app(world, one.app),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
    }


def suite(world: World, repo: Repo, one: CheckSuite, head: Commit) -> Json:
    """A check suite."""
    return {
        "id": one.id,
        "node_id": node_id("CheckSuite", one.id),
        **suite_core(world, repo, one),
        "rerequestable": True,
        "runs_rerequestable": True,
        "repository": minimal(world, repo),
        "head_commit": simple_commit(head),
        "latest_check_runs_count": sum(check.suite is one for check in repo.checks.values()),
        "check_runs_url": f"{api(world, repo)}/check-suites/{one.id}/check-runs",
    }


def suite_in_hook(world: World, repo: Repo, one: CheckSuite, head: Commit) -> Json:
    """A check suite as its webhook carries it: the repository stands beside it, not inside."""
    return {key: value for key, value in suite(world, repo, one, head).items() if key != "repository"}


def annotation(world: World, repo: Repo, check: CheckRun, one: Json) -> Json:
    """An annotation."""
    return {
        "path": one["path"],
        "blob_href": f"{html(world, repo)}/blob/{check.suite.head_sha}/{quote(one['path'])}",
        "start_line": one["start_line"],
        "end_line": one["end_line"],
        "start_column": one.get("start_column"),
        "end_column": one.get("end_column"),
        "annotation_level": one["annotation_level"],
        "title": one.get("title"),
        "message": one["message"],
        "raw_details": one.get("raw_details"),
    }


def status(world: World, repo: Repo, one: Status) -> Json:
    """A commit status."""
    return simple_status(world, repo, one) | {"creator": user(world, one.creator)}


def simple_status(world: World, repo: Repo, one: Status) -> Json:
    """A commit status inside the combined one."""
    return {
        "url": f"{api(world, repo)}/statuses/{one.sha}",
        "avatar_url": f"{world.url}/_box/avatar/{one.creator.id}",
        "id": one.id,
        "node_id": node_id("StatusContext", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
    }

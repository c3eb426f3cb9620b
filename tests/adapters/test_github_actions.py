"""GitHub Actions as the one who deploys: one run for each job, found again by its key, and never a guess."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, providers
from bot.adapters.providers.github_actions import inputs_of
from bot.core.errors import ConfigProblem, Missing
from bot.core.model import RepoName, Sha
from bot.core.ports import DeployJob, Provider
from bot.github.client import Client, line
from bot.tools.http import Http
from tests.adapters.index_server import serving

WORKFLOW = """\
name: Deploy
run-name: Deploy ${{ inputs.version }} (${{ inputs.deploy_id }})
on:
  workflow_dispatch:
    inputs:
      deploy_id: {required: true, type: string}
      sha: {required: true, type: string}
      weight: {required: true, type: number}
      environment: {type: environment}
      version: {type: string}
jobs: {}
"""
JOB = DeployJob(
    key="01J-5",
    environment="production",
    sha=Sha("b" * 40),
    stable=Sha("a" * 40),
    weight=5,
    version="shop 1.2",
    ref="main",
)
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Actions:
    """GitHub's answers as its API documentation has them, for one workflow of one repository."""

    def __init__(self) -> None:
        self.workflow: str | None = WORKFLOW
        self.runs: list[dict[str, Any]] = []
        self.details = True  # whether a dispatch tells the run's number
        self.knows_details = True  # whether the key is known at all, as old GHES do not
        self.dispatched: list[dict[str, Any]] = []
        self.queries: list[str] = []
        self.cancelled: list[str] = []
        self.late: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        app = web.Application()
        root = "/repos/acme/shop"
        app.router.add_get(root + "/contents/{path:.*}", self.contents)
        app.router.add_post(root + "/actions/workflows/deploy.yml/dispatches", self.dispatch)
        app.router.add_get(root + "/actions/workflows/deploy.yml/runs", self.list)
        app.router.add_get(root + "/actions/runs/{id}", self.one)
        app.router.add_post(root + "/actions/runs/{id}/cancel", self.cancel)
        return app

    async def contents(self, request: web.Request) -> web.Response:
        if self.workflow is None or request.match_info["path"] != ".github/workflows/deploy.yml":
            return web.json_response({"message": "Not Found"}, status=404)
        self.queries.append(request.query_string)
        return web.json_response(
            {"type": "file", "encoding": "base64", "content": base64.encodebytes(self.workflow.encode()).decode()}
        )

    async def dispatch(self, request: web.Request) -> web.Response:
        body = await request.json()
        details = body.pop("return_run_details", False)
        if details and not self.knows_details:
            return web.json_response(
                {"message": 'Invalid request.\n"return_run_details" is not a permitted key.'}, status=422
            )
        declared = set(inputs_of(self.workflow or "", "w"))
        if not set(body["inputs"]) <= declared:
            return web.json_response({"message": "Unexpected inputs provided"}, status=422)
        self.dispatched.append(body)
        run = {
            "id": 100 + len(self.runs), "status": "queued", "conclusion": None, "event": "workflow_dispatch",
            "display_title": f"Deploy ({body['inputs']['deploy_id']})", "html_url": "https://github.example/run",
        }  # fmt: skip
        self.runs.insert(0, run)
        if not (details and self.details):
            return web.Response(status=204)
        return web.json_response({"workflow_run_id": run["id"], "run_url": "u", "html_url": run["html_url"]})

    async def list(self, request: web.Request) -> web.Response:
        self.queries.append(request.query_string)
        page = int(request.query.get("page", 1))
        runs = self.runs[(page - 1) * 100 : page * 100]
        headers = {}
        if len(self.runs) > page * 100:
            headers["Link"] = f'<{request.url.update_query(page=page + 1)}>; rel="next"'
        return web.json_response({"total_count": len(self.runs), "workflow_runs": runs}, headers=headers)

    async def one(self, request: web.Request) -> web.Response:
        for run in self.runs:
            if str(run["id"]) == request.match_info["id"]:
                return web.json_response(run)
        return web.json_response({"message": "Not Found"}, status=404)

    async def cancel(self, request: web.Request) -> web.Response:
        self.cancelled.append(request.match_info["id"])
        for run in self.runs:
            if str(run["id"]) == request.match_info["id"] and run["status"] == "completed":
                return web.json_response({"message": "Cannot cancel a workflow run that is completed."}, status=409)
        return web.json_response({}, status=202)


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
async def provider(actions: Actions) -> AsyncIterator[Provider]:
    async def nobody(refused: str | None) -> str | None:
        return "token"

    async with serving(actions.app()) as base, aiohttp.ClientSession() as session, Http() as http:
        tools = Tools(http=http, github=Client(line(session, base), "test", nobody), repo=RepoName("acme/shop"))
        yield open_one(providers, "github_actions", {}, tools)


async def test_a_job_is_dispatched_with_what_the_workflow_takes(provider: Provider, actions: Actions) -> None:
    """GitHub refuses inputs that a workflow does not declare, so it gets those that it does, as texts."""
    run = await provider.start(JOB)
    assert actions.dispatched == [
        {"ref": "main", "inputs": {"deploy_id": "01J-5", "sha": "b" * 40, "weight": "5", "environment": "production",
                                   "version": "shop 1.2"}}
    ]  # fmt: skip
    assert actions.queries == ["ref=main"]
    assert (run.run, run.ok, run.url) == ("100", None, "https://github.example/run")


async def test_after_a_crash_the_run_is_found_by_its_key(provider: Provider, actions: Actions) -> None:
    """Nothing is started twice when we were killed between asking and writing down."""
    assert await provider.find(JOB, since=NOW) is None
    started = await provider.start(JOB)
    found = await provider.find(JOB, since=NOW)
    assert found is not None and found.run == started.run
    asked = parse_qs(actions.queries[0])
    assert asked["created"] == [">=2026-01-01T11:55:00Z"] and asked["event"] == ["workflow_dispatch"]


async def test_a_run_is_found_behind_many_others(provider: Provider, actions: Actions) -> None:
    """Other people's runs in between hide nothing; a flood of them is not read to the end."""
    await provider.start(JOB)
    others = [{"id": n, "status": "completed", "conclusion": "success", "display_title": "other"} for n in range(130)]
    actions.runs = [*others, *actions.runs]
    found = await provider.find(JOB, since=NOW)
    assert found is not None and found.run == "100"
    actions.runs = [*others * 5, *actions.runs]
    assert await provider.find(JOB, since=NOW) is None


@pytest.mark.parametrize("knows", [True, False])
async def test_a_server_that_does_not_tell_the_number_works_too(
    provider: Provider, actions: Actions, knows: bool
) -> None:
    """An older GitHub answers 204 only: the run is then known by its key, and its number as soon as it is listed."""
    actions.details, actions.knows_details = False, knows
    run = await provider.start(JOB)
    assert run.run == "key:01J-5" and len(actions.dispatched) == 1
    listed, actions.runs = actions.runs, []
    assert (await provider.status(run.run)).detail == "not listed yet"
    await provider.cancel(run.run)
    assert actions.cancelled == []
    actions.runs = listed
    assert (await provider.status(run.run)).run == "100"
    await provider.cancel(run.run)
    assert actions.cancelled == ["100"]


@pytest.mark.parametrize(
    ("status", "conclusion", "ok", "detail"),
    [
        ("queued", None, None, "queued"), ("in_progress", None, None, "in_progress"),
        ("waiting", None, None, "waiting"),
        ("completed", "success", True, "success"), ("completed", "failure", False, "failure"),
        ("completed", "cancelled", False, "cancelled"), ("completed", "skipped", False, "skipped"),
        ("completed", "timed_out", False, "timed_out"), ("completed", "neutral", False, "neutral"),
    ],
)  # fmt: skip
async def test_only_success_is_success(
    provider: Provider, actions: Actions, status: str, conclusion: str | None, ok: bool | None, detail: str
) -> None:
    """What did not surely deploy did not deploy; what has not ended is not known."""
    actions.runs = [{"id": 5, "status": status, "conclusion": conclusion, "display_title": "x", "html_url": "u"}]
    run = await provider.status("5")
    assert (run.run, run.ok, run.detail, run.url) == ("5", ok, detail, "u")


async def test_a_lost_run_and_an_ended_one(provider: Provider, actions: Actions) -> None:
    """A run that GitHub forgot is missing; cancelling what has ended or gone is no error."""
    with pytest.raises(Missing):
        await provider.status("5")
    actions.runs = [{"id": 5, "status": "completed", "conclusion": "success", "display_title": "x"}]
    await provider.cancel("5")
    await provider.cancel("6")
    assert actions.cancelled == ["5", "6"]


@pytest.mark.parametrize(
    ("workflow", "says"),
    [
        (None, r"deploy\.yml: there is no such file on main"),
        ("on: push\n", "declares no input deploy_id, sha, weight"),
        ("on: [push, workflow_dispatch]\n", "declares no input"),
        (WORKFLOW.replace("weight:", "wait:"), "declares no input weight"),
        (WORKFLOW.replace("(${{ inputs.deploy_id }})", ""), "run-name: does not show the deployment's id"),
        ("a: [", "no valid YAML"),
        ("- 1\n", "no workflow"),
        ("x" * (1 << 20) + "y", "larger"),
    ],
)
async def test_a_workflow_that_cannot_be_used_is_named(
    provider: Provider, actions: Actions, workflow: str | None, says: str
) -> None:
    """The person is told which file to mend and how, and nothing is dispatched."""
    actions.workflow = workflow
    with pytest.raises(ConfigProblem, match=says):
        await provider.start(JOB)
    assert actions.dispatched == []


def test_inputs_are_found_in_the_usual_forms() -> None:
    """With `on` as a plain key, and with github.event.inputs in the run's name."""
    text = WORKFLOW.replace("inputs.deploy_id", "github.event.inputs.deploy_id")
    assert {"deploy_id", "sha", "weight", "environment", "version"} == inputs_of(text, "w")


async def test_it_needs_a_repository_and_a_file_name() -> None:
    """Without a GitHub client, or with a path for a name, it is refused when opened."""
    async with Http() as http:
        with pytest.raises(ConfigProblem, match="GitHub App is installed on"):
            open_one(providers, "github_actions", {}, Tools(http=http))
        with pytest.raises(ConfigProblem, match="no workflow file's name"):
            tools = Tools(http=http, github=object(), repo=RepoName("a/b"))  # type: ignore[arg-type]  # no client at all
            open_one(providers, "github_actions", {"workflow": "../x.yml"}, tools)

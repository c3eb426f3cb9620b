"""GitHub Actions: a deployment is one run of a workflow of the repository, started by `workflow_dispatch`.

The workflow must declare the inputs `deploy_id`, `sha` and `weight`; it may declare `stable_sha`, `environment` and
`version`, and gets those that it declares (GitHub refuses a dispatch with any other). Its `run-name` must show
`${{ inputs.deploy_id }}`: that is how a run is found again when we were killed between asking and writing down.

    run-name: Deploy ${{ inputs.version }} to ${{ inputs.weight }} % (${{ inputs.deploy_id }})
    on: {workflow_dispatch: {inputs: {deploy_id: {required: true}, sha: {required: true}, weight: {required: true}}}}

Options: `workflow`, the file's name in `.github/workflows` (default `deploy.yml`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from gidgethub.abc import GitHubAPI
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.adapters import Options, Tools, decode
from bot.core.errors import ConfigProblem, Missing, Refused
from bot.core.model import RepoName
from bot.core.ports import DeployJob, RunStatus

KIND = "github_actions"
NEEDED = ("deploy_id", "sha", "weight")
MOST_BYTES = 1 << 20
MOST_RUNS = 500  # looked through for one of ours; a repository with more dispatches in a few minutes is not ours to run
SKEW = timedelta(minutes=5)  # how far GitHub's clock and ours may be apart
BY_KEY = "key:"  # how a run is named whose number GitHub has not told us yet


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    workflow: str = "deploy.yml"


def open(options: Options, tools: Tools) -> GitHubActions:
    """Needs the GitHub client and the repository lent. ConfigProblem without them, or for a workflow that is a path."""
    chosen = decode(options, _Options, KIND)
    if tools.github is None or tools.repo is None:
        raise ConfigProblem(f"{KIND} needs a repository that the GitHub App is installed on")
    if not re.fullmatch(r"[\w.-]+\.ya?ml", chosen.workflow):
        raise ConfigProblem(
            f"{KIND}: {chosen.workflow!r} is no workflow file's name", mend="Write workflow: deploy.yml"
        )
    return GitHubActions(tools.github, tools.repo, chosen.workflow)


class GitHubActions:
    """A `core.ports.Provider`. The client that it is lent raises the core's errors by itself."""

    def __init__(self, github: GitHubAPI, repo: RepoName, workflow: str) -> None:
        self._github, self._repo, self._workflow = github, repo, workflow

    async def find(self, job: DeployJob, *, since: datetime) -> RunStatus | None:
        """The run whose title shows this job's key. GitHub lists a new run only some seconds after the dispatch."""
        created = quote(f">={since - SKEW:%Y-%m-%dT%H:%M:%SZ}")
        return await self._with_key(job.key, f"&created={created}")

    async def start(self, job: DeployJob) -> RunStatus:
        """Dispatch the workflow of the job's branch. ConfigProblem when that file cannot take our inputs."""
        wanted = {
            "deploy_id": job.key,
            "sha": job.sha,
            "stable_sha": job.stable,
            "weight": str(job.weight),  # GitHub takes texts only
            "environment": job.environment,
            "version": job.version,
        }
        declared = await self._declared(job.ref)
        body = {"ref": job.ref, "inputs": {name: value for name, value in wanted.items() if name in declared}}
        url = f"/repos/{self._repo}/actions/workflows/{self._workflow}/dispatches"
        try:
            made = await self._github.post(url, data={**body, "return_run_details": True})
        except Refused as error:
            if "return_run_details" not in str(error):
                raise
            # An older GitHub Enterprise Server does not know the key and says so without dispatching.
            made = await self._github.post(url, data=body)
        if isinstance(made, Mapping) and made.get("workflow_run_id"):
            return RunStatus(
                run=str(made["workflow_run_id"]),
                ok=None,
                detail="requested",
                url=str(made.get("html_url") or "") or None,
            )
        return RunStatus(run=BY_KEY + job.key, ok=None, detail="requested")

    async def status(self, run: str) -> RunStatus:
        """How it stands now. Missing when GitHub no longer knows it."""
        if run.startswith(BY_KEY):
            found = await self._with_key(run.removeprefix(BY_KEY), "")
            return found or RunStatus(run=run, ok=None, detail="not listed yet")
        return _status(await self._github.getitem(f"/repos/{self._repo}/actions/runs/{quote(run, safe='')}"))

    async def cancel(self, run: str) -> None:
        """Ask it to stop. One that has ended, or that is not there any more, is left alone."""
        if run.startswith(BY_KEY):
            run = (await self.status(run)).run
            if run.startswith(BY_KEY):
                return
        try:
            await self._github.post(f"/repos/{self._repo}/actions/runs/{quote(run, safe='')}/cancel", data={})
        except (Refused, Missing):
            return  # 409: it has ended

    async def _with_key(self, key: str, narrowed: str) -> RunStatus | None:
        async for run in self._runs(narrowed):
            if shows(str(run.get("display_title") or ""), key):
                return _status(run)
        return None

    async def _runs(self, narrowed: str) -> AsyncIterator[Mapping[str, Any]]:
        url = (
            f"/repos/{self._repo}/actions/workflows/{self._workflow}/runs"
            f"?event=workflow_dispatch&per_page=100{narrowed}"
        )
        seen = 0
        async for run in self._github.getiter(url, iterable_key="workflow_runs"):
            yield run
            seen += 1
            if seen >= MOST_RUNS:
                return

    async def _declared(self, ref: str) -> frozenset[str]:
        """The inputs that the workflow file of this branch declares, once it is known to take ours."""
        path = f".github/workflows/{self._workflow}"
        try:
            got = await self._github.getitem(f"/repos/{self._repo}/contents/{path}?ref={quote(ref, safe='')}")
        except Missing:
            raise ConfigProblem(
                f"there is no such file on {ref}",
                where=path,
                mend="Add a workflow that deploys, or name yours in the environment's provider",
            ) from None
        return inputs_of(_content(got, path), path)


def _content(got: Any, path: str) -> str:
    try:
        return base64.b64decode(str(got["content"])).decode()
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ConfigProblem("is no text file", where=path) from None


def inputs_of(text: str, path: str) -> frozenset[str]:
    """The inputs that a workflow declares. ConfigProblem when it cannot be dispatched by us, and how to mend it."""
    if len(text) > MOST_BYTES:
        raise ConfigProblem("is larger than a workflow can be", where=path)
    try:
        workflow = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigProblem(f"is no valid YAML: {str(error).splitlines()[0]}", where=path) from None
    if not isinstance(workflow, Mapping):
        raise ConfigProblem("is no workflow", where=path)
    on = workflow.get("on")
    dispatch = on.get("workflow_dispatch") if isinstance(on, Mapping) else None
    inputs = dispatch.get("inputs") if isinstance(dispatch, Mapping) else None
    declared = frozenset(map(str, inputs)) if isinstance(inputs, Mapping) else frozenset()
    if missing := [name for name in NEEDED if name not in declared]:
        raise ConfigProblem(
            f"declares no input {', '.join(missing)}",
            where=f"{path} on.workflow_dispatch.inputs",
            mend="Declare deploy_id, sha and weight there, as the documentation of the GitHub Actions provider shows",
        )
    if not re.search(r"inputs\.deploy_id\b", str(workflow.get("run-name") or "")):
        raise ConfigProblem(
            "does not show the deployment's id, so that a run could not be found again",
            where=f"{path} run-name",
            mend="Write run-name: Deploy ${{ inputs.deploy_id }}",
        )
    return declared


def _status(run: Mapping[str, Any]) -> RunStatus:
    conclusion = run.get("conclusion")
    done = run.get("status") == "completed"
    return RunStatus(
        run=str(run["id"]),
        # Skipped, neutral and stale deployed nothing that we could rely on: only success is one.
        ok=conclusion == "success" if done else None,
        detail=str((conclusion if done else run.get("status")) or "unknown"),
        url=run.get("html_url"),
    )


def shows(title: str, key: str) -> bool:
    """Whether a run's title shows this key as a whole: `a:1` is not in `a:10`."""
    return re.search(rf"(?<![\w:.-]){re.escape(key)}(?![\w:.-])", title) is not None

"""Workflow runs: dispatched with a key that their title shows, so that a run is found again after a crash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Refused
from bot.core.model import RepoName, Sha
from bot.github.answers import Said
from bot.github.shapes import at, every, item, shaped

SKEW = timedelta(minutes=5)  # how far GitHub's clock and ours may be apart
DONE = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow. status: queued, in_progress, completed, …; conclusion: None until it is completed."""

    id: int
    title: str
    status: str
    conclusion: str | None
    sha: Sha
    created: datetime
    html_url: str


class _Run(Struct):
    id: int
    display_title: str
    status: str | None
    head_sha: Sha
    created_at: datetime
    html_url: str
    conclusion: str | None = None


class _Dispatched(Struct):
    workflow_run_id: int


def _run(raw: _Run) -> Run:
    return Run(
        id=raw.id,
        title=raw.display_title,
        status=raw.status or "unknown",
        conclusion=raw.conclusion,
        sha=raw.head_sha,
        created=raw.created_at,
        html_url=raw.html_url,
    )


async def dispatch(gh: GitHubAPI, repo: RepoName, workflow: str, *, ref: str, inputs: Mapping[str, str]) -> int | None:
    """Start a workflow file on a branch. The run's id, or None where the server does not tell it: then `find_run`."""
    url = at(repo, "actions", "workflows", workflow, "dispatches")
    body: dict[str, Any] = {"ref": ref, "inputs": dict(inputs)}
    try:
        made = await gh.post(url, data=body | {"return_run_details": True})
    except Said as error:
        # A GitHub Enterprise Server up to 3.20 does not know this field, and says so before it starts anything.
        if error.status not in (400, 422) or "return_run_details" not in str(error):
            raise
        made = await gh.post(url, data=body)
    return shaped(made, _Dispatched, f"POST {url}").workflow_run_id if made else None


def shows(title: str, key: str) -> bool:
    """Whether a title shows this key as a whole: `a:1` is not in `a:10`."""
    return re.search(rf"(?<![\w:.-]){re.escape(key)}(?![\w:.-])", title) is not None


async def find_run(gh: GitHubAPI, repo: RepoName, workflow: str, key: str, *, since: datetime) -> Run | None:
    """The newest run since then whose title shows the key. A new run is listed only some seconds after its dispatch."""
    created = f">={(since - SKEW).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    url = at(repo, "actions", "workflows", workflow, "runs", event="workflow_dispatch", created=created)
    found = [_run(raw) for raw in await every(gh, url, _Run, key="workflow_runs")]
    return max((one for one in found if shows(one.title, key)), key=lambda one: one.id, default=None)


async def run(gh: GitHubAPI, repo: RepoName, number: int) -> Run:
    """How a run stands. Missing when it was deleted."""
    return _run(await item(gh, at(repo, "actions", "runs", number), _Run))


async def cancel(gh: GitHubAPI, repo: RepoName, number: int) -> None:
    """Ask a run to stop; one that has ended is left alone."""
    try:
        await gh.post(at(repo, "actions", "runs", number, "cancel"), data=b"")
    except Refused:
        if (await run(gh, repo, number)).status != DONE:
            raise

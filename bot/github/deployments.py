"""GitHub deployments: found by our key before they are made, their states said once, and what ran well last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.model import RepoName, Sha
from bot.github.shapes import at, every, shaped

KEY = "surefoot"  # the field of a deployment's payload that holds our key
MOST_DESCRIPTION = 140
MOST_LOOKED = 30  # deployments of an environment looked through for one that is good
# Ends after which GitHub itself took the deployment's place for a newer one's success.
GOOD, REPLACED = "success", "inactive"
ACTIONS = "github-actions[bot]"  # who makes the deployments of workflow jobs
_RUN = re.compile(r"/actions/runs/(\d+)")


class _Creator(Struct):
    login: str


class _Deployment(Struct):
    id: int
    sha: Sha
    environment: str
    created_at: datetime
    payload: Any = None  # an object, or the text of one on older servers
    creator: _Creator | None = None


class _Status(Struct):
    state: str
    description: str | None = None
    log_url: str | None = None


def _key(payload: Any) -> str | None:
    if isinstance(payload, str):
        try:
            payload = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
    key = payload.get(KEY) if isinstance(payload, dict) else None
    return key if isinstance(key, str) else None


async def find(gh: GitHubAPI, repo: RepoName, *, environment: str, sha: Sha, key: str) -> int | None:
    """The id of the deployment that an earlier try of this very act made; None when there is none."""
    url = at(repo, "deployments", environment=environment, sha=sha)
    found = await every(gh, url, _Deployment)
    return next((one.id for one in found if _key(one.payload) == key and one.sha == sha), None)


async def create(gh: GitHubAPI, repo: RepoName, *, environment: str, sha: Sha, key: str, description: str = "") -> int:
    """Make a deployment of exactly this commit; its id. Refused with GitHub's words, for a foreign environment say.

    GitHub would otherwise merge the default branch into it first, and want every status of the commit to be green: both
    were decided before.
    """
    url = at(repo, "deployments")
    body = {
        "ref": sha,
        "environment": environment,
        "auto_merge": False,
        "required_contexts": [],
        "payload": {KEY: key},
        "description": description[:MOST_DESCRIPTION],
    }
    return shaped(await gh.post(url, data=body), _Deployment, f"POST {url}").id


async def set_status(
    gh: GitHubAPI, repo: RepoName, deployment: int, *, state: str, log_url: str | None = None, description: str = ""
) -> None:
    """Say how it stands: queued, in_progress, success, failure, error or inactive. What was said last is not repeated.

    A success makes GitHub call the earlier successes of that environment inactive, but never in one that is production
    or transient: there the newest one counts, and the older stay successes.
    """
    url = at(repo, "deployments", deployment, "statuses")
    wanted = _Status(state=state, description=description[:MOST_DESCRIPTION], log_url=log_url or "")
    last = shaped(await gh.getitem(f"{url}?per_page=1"), tuple[_Status, ...], f"GET {url}")
    if (
        last
        and _Status(state=last[0].state, description=last[0].description or "", log_url=last[0].log_url or "") == wanted
    ):
        return
    body = {"state": state, "description": wanted.description, "auto_inactive": True}
    await gh.post(url, data=body | ({"log_url": log_url} if log_url else {}))


async def last_good(gh: GitHubAPI, repo: RepoName, environment: str) -> Sha | None:
    """The commit of the newest deployment of an environment that ended well, whoever made it; None when none is known.

    Every workflow job with an `environment` makes a deployment too, at the head of its branch, which ends in success
    also when that job turned a bad commit back. So those of the runs that we started are left out, as is every commit
    that did not end well with us. Looks at the newest thirty.
    """
    url = at(repo, "deployments", environment=environment, per_page=MOST_LOOKED)
    found = shaped(await gh.getitem(url), tuple[_Deployment, ...], f"GET {url}")
    newest_first = sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)
    states = {one.id: await every(gh, at(repo, "deployments", one.id, "statuses"), _Status) for one in newest_first}
    ours = [one for one in newest_first if _key(one.payload) is not None]
    our_runs = {run for one in ours for run in _runs(one, states[one.id])}
    settled: dict[Sha, bool] = {}  # our newest word on a commit
    for one in ours:
        settled.setdefault(one.sha, _went_well(states[one.id]))
    for one in newest_first:
        counts = one in ours or not (_of_a_workflow(one, states[one.id]) and _runs(one, states[one.id]) <= our_runs)
        if counts and settled.get(one.sha, True) and _went_well(states[one.id]):
            return one.sha
    return None


def _went_well(statuses: Sequence[_Status]) -> bool:
    return next((one.state for one in statuses if one.state != REPLACED), None) == GOOD


def _of_a_workflow(one: _Deployment, statuses: Sequence[_Status]) -> bool:
    return (one.creator is not None and one.creator.login == ACTIONS) or bool(_runs(one, statuses))


def _runs(one: _Deployment, statuses: Sequence[_Status]) -> frozenset[str]:
    """The workflow runs that a deployment belongs to: its statuses link to them."""
    linked = (found.group(1) for status in statuses if (found := _RUN.search(status.log_url or "")))
    named = one.payload.get("workflow_run_id") if isinstance(one.payload, dict) else None
    return frozenset((*linked, *((str(named),) if named else ())))

"""GitHub as a person meets it: looks at pull requests, checks and deployments, and the few clicks of a reviewer.

It looks at what everybody can see and never into the bot, so that what it reports is evidence.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class Refusal(Exception):
    """GitHub said no to a person, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullView:
    """A pull request, as its page shows it. merged_by is empty until it is merged."""

    number: int
    title: str
    branch: str
    head: str
    open: bool
    url: str
    author: str
    merge_sha: str = ""
    merged_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """A check run, as its page shows it; conclusion is empty while it runs. notes: its annotations, title and text."""

    name: str
    conclusion: str
    title: str
    summary: str
    url: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Hub:
    """One person with a token, in front of one repository."""

    api: str
    repo: str
    login: str
    token: str
    http: aiohttp.ClientSession

    async def pulls(self) -> list[PullView]:
        """All pull requests, the newest first."""
        return [_pull(row) for row in await self._ask("GET", "/pulls?state=all&per_page=100")]

    async def pull(self, number: int) -> PullView:
        """One pull request, with who merged it."""
        return _pull(await self._ask("GET", f"/pulls/{number}"))

    async def checks(self, sha: str) -> Mapping[str, CheckView]:
        """The check runs of a commit, by name."""
        rows = (await self._ask("GET", f"/commits/{sha}/check-runs?per_page=100"))["check_runs"]
        return {row["name"]: _check(row) for row in rows}

    async def check_with_notes(self, sha: str, name: str) -> CheckView | None:
        """One check run with its annotations; None when there is no such run yet."""
        rows = (await self._ask("GET", f"/commits/{sha}/check-runs?check_name={name}"))["check_runs"]
        if not rows:
            return None
        notes = await self._ask("GET", f"/check-runs/{rows[0]['id']}/annotations?per_page=100")
        return _check(rows[0], tuple(f"{note['title'] or ''}: {note['message']}" for note in notes))

    async def text(self, path: str, ref: str) -> str:
        """A file at a branch or commit. Refusal when it is not there."""
        found = await self._ask("GET", f"/contents/{path}?ref={ref}")
        return base64.b64decode(found["content"]).decode()

    async def head(self, branch: str) -> str:
        """The commit that a branch points to."""
        return str((await self._ask("GET", f"/git/ref/heads/{branch}"))["object"]["sha"])

    async def deployment_states(self, sha: str, app: str) -> tuple[str, ...]:
        """The states that an App (its login) gave a commit's deployments so far, oldest first."""
        rows = await self._ask("GET", f"/deployments?sha={sha}&per_page=100")
        mine = [row["id"] for row in reversed(rows) if row["creator"]["login"] == app]
        found: list[str] = []
        for number in mine:
            statuses = await self._ask("GET", f"/deployments/{number}/statuses?per_page=100")
            found += [status["state"] for status in reversed(statuses)]
        return tuple(found)

    async def approve(self, pull: PullView) -> None:
        """Click: approve exactly the commit that was looked at."""
        body = {"event": "APPROVE", "commit_id": pull.head, "body": "Read the notes; fine with me."}
        await self._ask("POST", f"/pulls/{pull.number}/reviews", body)

    async def merge(self, number: int) -> str:
        """Click: merge. Answers the merge commit."""
        return str((await self._ask("PUT", f"/pulls/{number}/merge", {"merge_method": "merge"}))["sha"])

    async def commit(self, path: str, text: str, *, branch: str, message: str) -> None:
        """Edit one file in the browser, on a branch."""
        found = await self._ask("GET", f"/contents/{path}?ref={branch}")
        body = {"message": message, "content": base64.b64encode(text.encode()).decode(), "branch": branch}
        await self._ask("PUT", f"/contents/{path}", {**body, "sha": found["sha"]})

    async def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> int:
        """Run a workflow by hand. Answers the run's id."""
        body = {"ref": ref, "inputs": dict(inputs), "return_run_details": True}
        answer = await self._ask("POST", f"/actions/workflows/{workflow}/dispatches", body)
        return int(answer["workflow_run_id"])

    async def run_conclusion(self, run: int) -> str:
        """How a workflow run ended; empty while it goes on."""
        return (await self._ask("GET", f"/actions/runs/{run}"))["conclusion"] or ""

    async def run_log(self, run: int) -> str:
        """What the first job of a workflow run printed."""
        jobs = (await self._ask("GET", f"/actions/runs/{run}/jobs"))["jobs"]
        return await self._text(f"/actions/jobs/{jobs[0]['id']}/logs") if jobs else ""

    async def protect(self, branch: str, *, checks: list[str]) -> None:
        """Let nothing into a branch before these checks are green."""
        body = {
            "required_status_checks": {"strict": False, "contexts": checks},
            "enforce_admins": False,
            "required_pull_request_reviews": None,
            "restrictions": None,
        }
        await self._ask("PUT", f"/branches/{branch}/protection", body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        text = await self._text(path, method, body)
        return json.loads(text) if text else None

    async def _text(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> str:
        headers = {**HEADERS, "Authorization": f"Bearer {self.token}"}
        url = f"{self.api}/repos/{self.repo}{path}"
        async with self.http.request(method, url, json=body, headers=headers) as response:
            text = await response.text()
            if response.status >= 400:
                raise Refusal(f"{method} {path}: {response.status} {text[:300]}")
            return text


def _pull(row: Mapping[str, Any]) -> PullView:
    merged = row.get("merged_at") is not None
    return PullView(
        number=row["number"],
        title=row["title"],
        branch=row["head"]["ref"],
        head=row["head"]["sha"],
        open=row["state"] == "open",
        url=row["html_url"],
        author=row["user"]["login"],
        merge_sha=(row.get("merge_commit_sha") or "") if merged else "",
        merged_by=(row.get("merged_by") or {}).get("login", "") if merged else "",
    )


def _check(row: Mapping[str, Any], notes: tuple[str, ...] = ()) -> CheckView:
    output = row.get("output") or {}
    return CheckView(
        name=row["name"],
        conclusion=row["conclusion"] or "",
        title=output.get("title") or "",
        summary=output.get("summary") or "",
        url=row.get("html_url") or row.get("details_url") or "",
        notes=notes,
    )

"""Issues that are issues and nothing else: ours are found by who opened them."""

from __future__ import annotations

from dataclasses import dataclass

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.model import Login, RepoName
from bot.github import shapes
from bot.github.shapes import Actor, at, every, item, shaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue. state: open or closed."""

    number: int
    state: str
    author: Login
    body: str


class _Issue(Struct):
    number: int
    state: str
    body: str | None = None
    user: Actor | None = None
    pull_request: dict[str, object] | None = None


def _issue(raw: _Issue) -> Issue:
    return Issue(number=raw.number, state=raw.state, author=shapes.login(raw.user), body=raw.body or "")


async def get(gh: GitHubAPI, repo: RepoName, number: int) -> Issue:
    """One issue. Missing when it was deleted or is elsewhere by now."""
    return _issue(await item(gh, at(repo, "issues", number), _Issue))


async def of_creator(gh: GitHubAPI, repo: RepoName, login: Login, *, label: str) -> tuple[Issue, ...]:
    """The issues with a label that somebody opened, the newest first; pull requests are none."""
    raw = await every(gh, at(repo, "issues", state="all", creator=login, labels=label), _Issue)
    return tuple(_issue(one) for one in raw if one.pull_request is None)


async def create(gh: GitHubAPI, repo: RepoName, *, title: str, body: str, labels: tuple[str, ...]) -> Issue:
    """Open one. Missing where the repository has no issues."""
    url = at(repo, "issues")
    made = await gh.post(url, data={"title": title, "body": body, "labels": list(labels)})
    return _issue(shaped(made, _Issue, f"POST {url}"))


async def edit(gh: GitHubAPI, repo: RepoName, number: int, *, body: str) -> Issue:
    """Give it another text."""
    url = at(repo, "issues", number)
    return _issue(shaped(await gh.patch(url, data={"body": body}), _Issue, f"PATCH {url}"))

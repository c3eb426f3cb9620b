"""What is said on a pull request, by whom, and what they may do; our own comments are known by our App's id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Missing
from bot.core.model import Login, PullNumber, RepoName
from bot.github import shapes
from bot.github.answers import Said
from bot.github.apps import Us
from bot.github.shapes import Actor, AppRef, at, every, item, shaped

PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One comment. app: the App by which it was written, if any."""

    id: int
    author: Login
    is_bot: bool
    app: int | None
    body: str
    at: datetime
    html_url: str


class _Comment(Struct):
    id: int
    created_at: datetime
    html_url: str
    body: str | None = None
    user: Actor | None = None
    performed_via_github_app: AppRef | None = None


class _Permission(Struct):
    permission: str
    role_name: str = ""


def _comment(raw: _Comment) -> Comment:
    app = raw.performed_via_github_app
    return Comment(
        id=raw.id,
        author=shapes.login(raw.user),
        is_bot=shapes.is_bot(raw.user),
        app=app.id if app else None,
        body=raw.body or "",
        at=raw.created_at,
        html_url=raw.html_url,
    )


async def listed(
    gh: GitHubAPI, repo: RepoName, pull: PullNumber, *, since: datetime | None = None
) -> tuple[Comment, ...]:
    """The comments of a pull request, oldest first; since: only those changed since then (UTC)."""
    moment = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if since else None
    raw = await every(gh, at(repo, "issues", pull, "comments", since=moment), _Comment)
    return tuple(map(_comment, raw))


async def create(gh: GitHubAPI, repo: RepoName, pull: PullNumber, body: str) -> Comment:
    """Say something new."""
    url = at(repo, "issues", pull, "comments")
    return _comment(shaped(await gh.post(url, data={"body": body}), _Comment, f"POST {url}"))


async def edit(gh: GitHubAPI, repo: RepoName, comment: int, body: str) -> Comment:
    """Say it differently. Missing when somebody deleted it."""
    url = at(repo, "issues", "comments", comment)
    return _comment(shaped(await gh.patch(url, data={"body": body}), _Comment, f"PATCH {url}"))


def is_ours(comment: Comment, us: Us) -> bool:
    """Whether we wrote it: by our App's id, or in the name of our bot, which nobody else can sign in as."""
    return comment.app == us.app_id or (comment.is_bot and comment.author.lower() == us.login.lower())


async def find(gh: GitHubAPI, repo: RepoName, pull: PullNumber, marker: str, us: Us) -> Comment | None:
    """The first comment of our own that holds the marker; somebody else's copy of it is none."""
    found = await listed(gh, repo, pull)
    return next((comment for comment in found if marker in comment.body and is_ours(comment, us)), None)


async def react(gh: GitHubAPI, repo: RepoName, comment: int, content: str) -> None:
    """Put a reaction below a comment: +1, -1, eyes, rocket, confused, … The same one twice is one."""
    await gh.post(at(repo, "issues", "comments", comment, "reactions"), data={"content": content})


async def permission(gh: GitHubAPI, repo: RepoName, login: Login) -> str | None:
    """What a person may do here: admin, maintain, write, triage, read or none; None where it is not known."""
    try:
        raw = await item(gh, at(repo, "collaborators", login, "permission"), _Permission)
    except Missing:
        return None
    except Said as error:
        if error.status != 403:
            raise
        return None
    # A role that an organisation made itself has a name of its own; `permission` says what it comes to.
    return next((name for name in (raw.role_name, raw.permission) if name in PERMISSIONS), None)

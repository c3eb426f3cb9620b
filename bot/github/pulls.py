"""Pull requests: found before they are opened, merged only at the commit that was meant, always read back typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import structlog
from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Missing, Refused
from bot.core.model import Login, PullNumber, RepoName, Sha
from bot.github import shapes
from bot.github.answers import Said
from bot.github.shapes import Actor, at, every, item, shaped

log = structlog.get_logger(__name__)
COLOUR = "5319e7"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullInfo:
    """A pull request as GitHub shows it now.

    mergeable: None while GitHub has not worked it out, and in what a list gives. merge_commit_sha: the merge once
    merged, GitHub's own trial merge before.
    """

    number: PullNumber
    title: str
    body: str
    state: str  # open or closed
    draft: bool
    merged: bool
    head: Sha
    head_ref: str
    head_repo: RepoName | None  # None when the fork is gone
    base_ref: str
    base_sha: Sha
    merge_commit_sha: Sha | None
    mergeable: bool | None
    mergeable_state: str
    author: Login
    labels: tuple[str, ...]
    html_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review. state: approved, changes_requested, commented or dismissed; commit: what it was a review of."""

    id: int
    who: Login
    is_bot: bool
    state: str
    commit: Sha | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """It is merged, now or before; sha: the commit that the base branch got."""

    sha: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """GitHub does not let it be merged as things stand; why: its words."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMoved:
    """Somebody pushed: the branch is no longer at the commit that was to be merged."""

    head: Sha


Merging: TypeAlias = Merged | NotYet | HeadMoved


class _Repo(Struct):
    full_name: RepoName


class _End(Struct):
    ref: str
    sha: Sha
    repo: _Repo | None = None


class _Label(Struct):
    name: str


class _Pull(Struct):
    number: PullNumber
    title: str
    state: str
    head: _End
    base: _End
    html_url: str
    user: Actor | None = None
    body: str | None = None
    draft: bool = False
    merged: bool = False
    merged_at: datetime | None = None
    merge_commit_sha: Sha | None = None
    mergeable: bool | None = None
    mergeable_state: str = "unknown"
    labels: tuple[_Label, ...] = ()


class _Review(Struct):
    id: int
    state: str
    user: Actor | None = None
    commit_id: Sha | None = None
    submitted_at: datetime | None = None


class _MergeResult(Struct):
    sha: Sha


class _Issue(Struct):
    closed_by: Actor | None = None


class _Allowed(Struct):
    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None


def _info(raw: _Pull) -> PullInfo:
    return PullInfo(
        number=raw.number,
        title=raw.title,
        body=raw.body or "",
        state=raw.state,
        draft=raw.draft,
        merged=raw.merged or raw.merged_at is not None,  # a list's items have only the date
        head=raw.head.sha,
        head_ref=raw.head.ref,
        head_repo=raw.head.repo.full_name if raw.head.repo else None,
        base_ref=raw.base.ref,
        base_sha=raw.base.sha,
        merge_commit_sha=raw.merge_commit_sha,
        mergeable=raw.mergeable,
        mergeable_state=raw.mergeable_state,
        author=shapes.login(raw.user),
        labels=tuple(label.name for label in raw.labels),
        html_url=raw.html_url,
    )


async def get(gh: GitHubAPI, repo: RepoName, number: PullNumber) -> PullInfo:
    """A pull request by its number."""
    return _info(await item(gh, at(repo, "pulls", number), _Pull))


async def find(
    gh: GitHubAPI, repo: RepoName, branch: str, state: str = "all", *, author: Login | None = None
) -> PullInfo | None:
    """The pull request from this branch of this repository: the open one, else the newest; None when there is none.

    author: only those that were opened by this account.
    """
    head = f"{repo.partition('/')[0]}:{branch}"
    url = at(repo, "pulls", head=head, state=state, sort="created", direction="desc")
    raw = await every(gh, url, _Pull)
    # A filter that GitHub cannot read is no filter to it, and a fork may have a branch of the same name.
    ours = [pull for pull in map(_info, raw) if pull.head_ref == branch and _same(pull.head_repo, repo)]
    if author is not None:
        ours = [pull for pull in ours if pull.author.lower() == author.lower()]
    return max(ours, key=lambda pull: (pull.state == "open", pull.number), default=None)


def _same(one: RepoName | None, other: RepoName) -> bool:
    return one is not None and one.lower() == other.lower()


async def open(gh: GitHubAPI, repo: RepoName, *, branch: str, base: str, title: str, body: str) -> PullInfo:
    """Open a pull request, or find the open one that is there already."""
    url = at(repo, "pulls")
    try:
        made = await gh.post(url, data={"head": branch, "base": base, "title": title, "body": body})
    except Refused:
        there = await find(gh, repo, branch, state="open")
        if there is None:
            raise
        return there
    return _info(shaped(made, _Pull, f"POST {url}"))


async def edit(
    gh: GitHubAPI, repo: RepoName, number: PullNumber, *, title: str | None = None, body: str | None = None
) -> PullInfo:
    """Change title, body or both; what is None stays."""
    change = {key: text for key, text in (("title", title), ("body", body)) if text is not None}
    return await _patch(gh, repo, number, change)


async def close(gh: GitHubAPI, repo: RepoName, number: PullNumber) -> PullInfo:
    """Close it without a merge; one that is closed stays so."""
    return await _patch(gh, repo, number, {"state": "closed"})


async def _patch(gh: GitHubAPI, repo: RepoName, number: PullNumber, change: dict[str, str]) -> PullInfo:
    url = at(repo, "pulls", number)
    return _info(shaped(await gh.patch(url, data=change), _Pull, f"PATCH {url}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How to merge. head: the only commit that may be merged; method: merge, squash or rebase; texts "": GitHub's."""

    head: Sha
    method: str = "merge"
    title: str = ""
    message: str = ""


async def merge(gh: GitHubAPI, repo: RepoName, number: PullNumber, wish: Wish) -> Merging:
    """Merge exactly this head. When GitHub says no, the pull request itself is asked why, not the number of the answer.

    Refused only where it is a matter of permission (403); NotYet may become possible.
    """
    url = at(repo, "pulls", number, "merge")
    body = {"sha": wish.head, "merge_method": wish.method, "commit_title": wish.title, "commit_message": wish.message}
    try:
        made = await gh.put(url, data={key: text for key, text in body.items() if text})
    except Said as error:
        if error.status == 403:
            raise
        return _why_not(await get(gh, repo, number), wish.head, str(error))
    return Merged(sha=shaped(made, _MergeResult, f"PUT {url}").sha)


def _why_not(pull: PullInfo, head: Sha, said: str) -> Merging:
    if pull.merged and pull.merge_commit_sha is not None:
        return Merged(sha=pull.merge_commit_sha) if pull.head == head else HeadMoved(head=pull.head)
    return HeadMoved(head=pull.head) if pull.head != head else NotYet(why=said)


async def reviews(gh: GitHubAPI, repo: RepoName, number: PullNumber) -> tuple[Review, ...]:
    """All submitted reviews, oldest first; one that is still being written is not shown."""
    raw = await every(gh, at(repo, "pulls", number, "reviews"), _Review)
    return tuple(
        Review(
            id=one.id,
            who=shapes.login(one.user),
            is_bot=shapes.is_bot(one.user),
            state=one.state.lower(),
            commit=one.commit_id,
            at=one.submitted_at,
        )
        for one in raw
        if one.submitted_at is not None
    )


async def closer(gh: GitHubAPI, repo: RepoName, number: PullNumber) -> Login:
    """Who closed it; nobody's name while it is open."""
    return shapes.login((await item(gh, at(repo, "issues", number), _Issue)).closed_by)


async def method(gh: GitHubAPI, repo: RepoName, turn: int) -> str:
    """A way to merge that the repository allows: merge before squash before rebase.

    turn: how often it was refused before; each takes the next way, since a rule of the branch (a linear history) can
    forbid what the repository allows. GitHub shows what is allowed only to who may write; unknown counts as allowed.
    """
    allowed = await item(gh, at(repo), _Allowed)
    ways = {
        "merge": allowed.allow_merge_commit,
        "squash": allowed.allow_squash_merge,
        "rebase": allowed.allow_rebase_merge,
    }
    open_ways = [way for way, is_open in ways.items() if is_open is not False] or ["merge"]
    return open_ways[turn % len(open_ways)]


async def label(gh: GitHubAPI, repo: RepoName, number: PullNumber, labels: Sequence[str]) -> None:
    """Put these labels on it, beside those that it has; a label that the repository does not know is made.

    Best effort: people filter by a label and nothing else hangs on it, so where the App may not label there is none.
    """
    try:
        for name in labels:
            await _know(gh, repo, name)
        await gh.post(at(repo, "issues", number, "labels"), data={"labels": list(labels)})
    except (Missing, Refused) as error:
        log.info("not labelled", repo=repo, pull=number, why=str(error))


async def _know(gh: GitHubAPI, repo: RepoName, name: str) -> None:
    try:
        await gh.getitem(at(repo, "labels", name))
    except Missing:
        await _make_label(gh, repo, name)


async def _make_label(gh: GitHubAPI, repo: RepoName, name: str) -> None:
    try:
        await gh.post(at(repo, "labels"), data={"name": name, "color": COLOUR})
    except Said as error:
        if error.status != 422:  # 422: another made it in between
            raise

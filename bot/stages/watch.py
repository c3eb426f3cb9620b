"""Looks at the pull request before anything else is done: a push, a merge or a close by a person comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import names, versions
from bot.core.lifecycle import PULL_IS_OPEN, Moved, Outcome
from bot.core.model import Kind, Merge, Pull, State, Update
from bot.github import commits, pulls

# A change that newer ones of its own line replace; a major stands beside them.
_MINE = PULL_IS_OPEN | {State.DETECTED}
_AHEAD = frozenset({State.MERGED, State.DEPLOYING, State.ROLLING_OUT, State.DONE})


async def run(update: Update, *, gh: GitHubAPI, siblings: Sequence[Update], now: datetime) -> Outcome | None:
    """What changed under us; None when nothing did."""
    if update.state is State.CLOSED:
        return await _look(update, gh, now)
    if update.state in PULL_IS_OPEN and (seen := await _look(update, gh, now)):
        return seen
    if update.state in _MINE and (newer := _newer(update, siblings)):
        return await _give_way(update, newer, gh)
    return None


async def _look(update: Update, gh: GitHubAPI, now: datetime) -> Outcome | None:
    if update.pull is None:
        return None
    pull = await pulls.get(gh, update.repo, update.pull.number)
    if pull.merged:
        return await _merged(update, gh, pull, now)
    if pull.state == "closed":
        if update.state is State.CLOSED:
            return None
        return Moved(update=update, to=State.CLOSED, why=f"#{pull.number} was closed; open it again to bring it back")
    if pull.head != update.pull.head or update.state is State.CLOSED:
        return await _pushed(update, gh, pull, now)
    return None


async def _merged(update: Update, gh: GitHubAPI, pull: pulls.PullInfo, now: datetime) -> Outcome:
    assert pull.merge_commit_sha is not None, "GitHub names the commit of every merge"
    commit = await commits.commit_info(gh, update.repo, pull.merge_commit_sha)
    merge = Merge(sha=pull.merge_commit_sha, parent=commit.parents[0], at=now)
    return Moved(update=replace(update, merge=merge), to=State.MERGED, why=f"#{pull.number} was merged")


async def _pushed(update: Update, gh: GitHubAPI, pull: pulls.PullInfo, now: datetime) -> Outcome:
    assert update.pull is not None
    commit = await commits.commit_info(gh, update.repo, pull.head)
    seen: Pull = replace(update.pull, head=pull.head, since=now, ours=commits.is_ours(commit, names.trailer_of(update)))
    # What was tried and approved was another commit.
    fresh = replace(update, pull=seen, simulation=None, decision=None, approvals=())
    return Moved(update=fresh, to=State.PROPOSED, why=f"the branch is now at {pull.head[:9]}: it is tried anew")


def _newer(update: Update, siblings: Sequence[Update]) -> Update | None:
    """The sibling that takes this one's place: newer, and either proposed on the same line or already merged."""
    for other in siblings:
        if other.component != update.component or other.id == update.id:
            continue
        if versions.compare(update.component.ecosystem, other.target, update.target) <= 0:
            continue
        same_line = (other.kind is Kind.MAJOR) == (update.kind is Kind.MAJOR)
        if other.state in _AHEAD or (same_line and other.pull is not None and other.state in PULL_IS_OPEN):
            return other
    return None


async def _give_way(update: Update, newer: Update, gh: GitHubAPI) -> Outcome:
    pointer = f"#{newer.pull.number}" if newer.pull else f"{newer.component.name} {newer.target}"
    if update.pull is not None:
        await pulls.close(gh, update.repo, update.pull.number)
        if update.pull.ours:
            await commits.delete_branch(gh, update.repo, update.pull.branch)
    return Moved(update=update, to=State.SUPERSEDED, why=f"superseded by {pointer}")

"""Opens the pull request: one commit on a branch of our own, found again instead of made twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from gidgethub.abc import GitHubAPI

from bot.core import bisecting, grouping, names, render
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.locks import Keeper
from bot.core.model import Grade, Isolation, Member, Pull, Sha, Simulation, State, Update
from bot.core.ports import Manifest
from bot.core.quoting import calm
from bot.github import commits, own, pulls
from bot.github.apps import Us
from bot.lab import bisect

LOOK_AGAIN = timedelta(minutes=10)


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    us: Us,
    manifests: Mapping[str, Manifest],
    keeper: Keeper,
    now: datetime,
) -> Outcome:
    """Open the pull request, or find the one that an earlier try opened."""
    branch, base = names.branch_of(update), await commits.default_branch(gh, update.repo)
    found = await pulls.find(gh, update.repo, branch, author=us.login)
    if found and found.state == "open" and found.base_ref != base:
        return _in_the_way(update, found, base, now)
    if found and found.state == "open" and update.pull is None:
        await pulls.label(gh, update.repo, found.number, (names.LABEL,))
        ours = await own.recognised(update, gh, manifests, head=found.head, base=base)
        why = f"#{found.number} was already open"
        return _proposed(ours or update, found, now, why, made=found.head if ours else None)
    base_sha = await commits.branch(gh, update.repo, base)
    if base_sha is None:
        raise Permanent(f"the default branch {base} has no commit")
    change = await own.change(update, gh, manifests, base_sha)
    if not change.files:
        # Before the look at a closed one: it may have been closed here, by a try that died before it was saved.
        return await _given_up(update, gh, found, _not_pinned(update, base))
    if found and found.state != "open":
        return Moved(update=update, to=State.CLOSED, why=f"#{found.number} for this version was closed before")
    try:
        change = await own.with_locks(change, gh, base_sha, keeper)
    except ConfigProblem as problem:
        told = await _refused(update, base_sha, problem, partial(_hinders, update, gh, manifests, base_sha, keeper))
        return await _given_up(replace(update, simulation=told), gh, found, told.why)
    head = await own.commit(change, gh, base_sha)
    await commits.put_branch(gh, update.repo, branch, head, mark=names.trailer_of(update))
    pull = await _opened(change.update, gh, found, branch, base)
    if pull.author.lower() != us.login.lower() or pull.base_ref != base:
        return _in_the_way(update, pull, base, now)
    await pulls.label(gh, update.repo, pull.number, (names.LABEL,))
    return _proposed(change.update, replace(pull, head=head), now, f"opened #{pull.number}", made=head)


def _not_pinned(update: Update, base: str) -> str:
    what = " and no ".join(calm(f"{part.component.name} older than {part.target}") for part in update.parts)
    return f"{base} pins no {what} any more"


async def _given_up(update: Update, gh: GitHubAPI, found: pulls.PullInfo | None, why: str) -> Outcome:
    if found and found.state == "open":
        await pulls.close(gh, update.repo, found.number)
    return Moved(update=update, to=State.SUPERSEDED, why=why)


async def _refused(
    update: Update, base: Sha, problem: ConfigProblem, hinders: Callable[[Sequence[Member]], Awaitable[bool]]
) -> Simulation:
    """The verdict on a group that cannot be locked as a whole: it gives way to what of it can.

    The problem itself where there is nobody else, or it is not found out who hinders the others.
    """
    found = await bisect.unlocked(update.members, hinders) if len(update.members) > 1 else bisecting.Bisected()
    if not found.guilty:
        raise problem
    failed = Simulation(head=base, base=base, grade=Grade.FAILED, why=str(problem), isolation=Isolation.NONE)
    return bisecting.named(failed, found)


async def _hinders(
    update: Update,
    gh: GitHubAPI,
    manifests: Mapping[str, Manifest],
    base: Sha,
    keeper: Keeper,
    parts: Sequence[Member],
) -> bool:
    """Whether a group of these members alone cannot be locked either."""
    part = await own.change(grouping.with_parts(update, parts), gh, manifests, base)
    try:
        await own.with_locks(part, gh, base, keeper)
    except ConfigProblem:
        return True
    return False


async def _opened(
    update: Update, gh: GitHubAPI, found: pulls.PullInfo | None, branch: str, base: str
) -> pulls.PullInfo:
    title, body = names.title_of(update), render.pull_body(update)
    if found is None:
        return await pulls.open(gh, update.repo, branch=branch, base=base, title=title, body=body)
    if found.title != title:  # other pins by now, so another step
        return await pulls.edit(gh, update.repo, found.number, title=title, body=body)
    return found


def _in_the_way(update: Update, pull: pulls.PullInfo, base: str, now: datetime) -> Outcome:
    """Whoever may push could open one with our branch's name and anything in it: it is never taken for ours."""
    why = (
        f"#{pull.number} from {pull.head_ref} was opened by {pull.author} and goes into {pull.base_ref}. "
        f"Only one of our own into {base} is used: close it or set its base back, and the update goes on"
    )
    return Waiting(update=update, until=now + LOOK_AGAIN, why=why, told=True)


def _proposed(update: Update, pull: pulls.PullInfo, now: datetime, why: str, *, made: Sha | None) -> Outcome:
    seen = Pull(
        number=pull.number,
        head=pull.head,
        branch=pull.head_ref,
        base=pull.base_ref,
        since=now,
        ours=made is not None,
        made=made,
    )
    fresh = replace(update, pull=seen, simulation=None, decision=None, approvals=())
    return Moved(update=fresh, to=State.PROPOSED, why=why)

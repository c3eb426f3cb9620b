"""Opens the pull request: one commit on a branch of our own, found again instead of made twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gidgethub.abc import GitHubAPI

from bot.core import names, render
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.locks import Keeper
from bot.core.model import Pull, Sha, State, Update
from bot.core.ports import Manifest
from bot.github import commits, own, pulls
from bot.github.apps import Us

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
        made = found.head if ours else None
        return _proposed(ours or update, found, now, f"#{found.number} was already open", made=made)
    base_sha = await commits.branch(gh, update.repo, base)
    if base_sha is None:
        raise Permanent(f"the default branch {base} has no commit")
    change = await own.change(update, gh, manifests, base_sha)
    if not change.files:
        # Before the look at a closed one: it may have been closed here, by a try that died before it was saved.
        if found and found.state == "open":
            await pulls.close(gh, update.repo, found.number)
        what = " and no ".join(f"{part.component.name} older than {part.target}" for part in update.parts)
        why = f"{base} pins no {what} any more"
        return Moved(update=update, to=State.SUPERSEDED, why=why)
    if found and found.state != "open":
        return Moved(update=update, to=State.CLOSED, why=f"#{found.number} for this version was closed before")
    change = await own.with_locks(change, gh, base_sha, keeper)
    head = await own.commit(change, gh, base_sha)
    await commits.put_branch(gh, update.repo, branch, head, mark=names.trailer_of(update))
    pull = await _opened(change.update, gh, found, branch, base)
    if pull.author.lower() != us.login.lower() or pull.base_ref != base:
        return _in_the_way(update, pull, base, now)
    await pulls.label(gh, update.repo, pull.number, (names.LABEL,))
    return _proposed(change.update, replace(pull, head=head), now, f"opened #{pull.number}", made=head)


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

"""Merges only what was tried: this head, on the base that it was tried on, while the decision still holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from gidgethub.abc import GitHubAPI

from bot.core import names, policy, render
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Merge, State, Update, Verdict
from bot.core.quoting import code
from bot.core.repo_config import RepoConfig
from bot.github import commits, facts, pulls
from bot.github.apps import Us

AGAIN, SELDOM = timedelta(seconds=20), timedelta(minutes=15)
ASKS = 3  # so many refusals are no matter of seconds: a person is told


async def run(update: Update, *, gh: GitHubAPI, us: Us, config: RepoConfig, now: datetime) -> Outcome:
    """Merge, or say what moved in between and go back to where that is looked at."""
    pull, simulation = update.pull, update.simulation
    if pull is None or simulation is None or simulation.head != pull.head:
        raise Permanent("approved without a simulation of this very commit")
    base = await commits.branch(gh, update.repo, pull.base)
    if base != simulation.base:
        return Moved(update=update, to=State.PROPOSED, why=f"{pull.base} moved since the trial: it is tried again")
    there = await pulls.get(gh, update.repo, pull.number)
    if not there.merged and there.base_ref != pull.base:
        why = f"#{pull.number} goes into {there.base_ref} now, where it was not tried"
        return Moved(update=replace(update, simulation=None), to=State.PROPOSED, why=why)
    known = await facts.gather(gh, update, us=us, now=now)
    decision = policy.decide(known, config.policy)
    if decision.verdict is not Verdict.APPROVE:
        decided = replace(update, decision=decision, approvals=facts.remembered(update, known))
        return Moved(update=decided, to=State.IN_REVIEW, why="the facts changed since it was approved")
    return await _merge(update, gh, now)


async def _merge(update: Update, gh: GitHubAPI, now: datetime) -> Outcome:
    assert update.pull is not None and update.simulation is not None
    number = update.pull.number
    # A rule of the branch may forbid the usual way; early refusals are more often a matter of seconds.
    method = await pulls.method(gh, update.repo, turn=max(0, update.pull.refusals - ASKS + 1))
    answer = await pulls.merge(
        gh,
        update.repo,
        number,
        pulls.Wish(
            head=update.pull.head,
            method=method,
            title=f"{names.title_of(update)} (#{number})",
            message=render.merge_message(update),
        ),
    )
    match answer:
        case pulls.Merged(sha=sha):
            commit = await commits.commit_info(gh, update.repo, sha)
            # Rebased commits stand on one another: the last one's parent is not what the base held before.
            parent = update.simulation.base if method == "rebase" else commit.parents[0]
            merge = Merge(sha=sha, parent=parent, at=now)
            return Moved(update=replace(update, merge=merge), to=State.MERGED, why=_said(update, merge))
        case pulls.NotYet(why=reason):
            return _refused(update, reason, now)
        case pulls.HeadMoved():
            return Waiting(update=update, until=now, why="somebody pushed in the same moment")
        case other:
            assert_never(other)


def _refused(update: Update, reason: str, now: datetime) -> Outcome:
    """Often it comes right by itself; what only a person can mend is told, and asked for ever more seldom."""
    assert update.pull is not None
    refusals = update.pull.refusals + 1
    more = replace(update, pull=replace(update.pull, refusals=refusals))
    wait = min(AGAIN * 2 ** min(refusals - 1, 10), SELDOM)
    why = f"GitHub does not take the merge yet: {code(reason)}"
    if refusals >= ASKS:
        why += "; a person must mend that or merge it by hand, meanwhile it is tried now and then"
    return Waiting(update=more, until=now + wait, why=why, told=True)


def _said(update: Update, merge: Merge) -> str:
    assert update.simulation is not None
    if merge.parent == update.simulation.base:
        return f"merged as {merge.sha[:9]}, exactly as it was tried"
    # GitHub guards the head of a merge but not its base: a push in the same moment can slip in between.
    return f"merged as {merge.sha[:9]}; {merge.parent[:9]} had slipped into the base in the same moment"
